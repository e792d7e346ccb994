#include "rows.h"

#include "format/csv.h"

static void begin_text(struct rows *r, const char *options, int columns) {
  static const char *const names[] = {"a", "b", "c"};
  rows_init(r, &format_csv, options);
  for (int i = 0; i < columns; i++) rows_add_column(r, names[i], KIND_TEXT);
  rows_begin(r);
}

static void test_a_field_is_quoted_only_where_copy_quotes_it(void **state) {
  struct rows r;
  begin_text(&r, "", 3);
  static const char *const texts[][3] = {
      {"plain", "with space ", " tab\t"}, {"com,ma", "quo\"te", "\"\""},
      {"line\nfeed", "carriage\rreturn", "\\."}, {"", "null", "'"},
  };
  for (int row = 0; row < 4; row++) {
    for (int i = 0; i < 3; i++) r.cells[i] = rows_text(texts[row][i]);
    rows_encode(&r);
  }
  rows_end(&r);
  rows_expect(&r, "a,b,c\n"
                  "plain,with space , tab\t\n"
                  "\"com,ma\",\"quo\"\"te\",\"\"\"\"\"\"\n"
                  "\"line\nfeed\",\"carriage\rreturn\",\\.\n"
                  "\"\",null,'\n");
  rows_expect_count_and_no_cut(&r, 4);
  rows_deinit(&r);
}

static void test_null_is_empty_and_an_empty_text_is_quoted(void **state) {
  struct rows r;
  begin_text(&r, "", 2);
  r.cells[0] = rows_null();
  r.cells[1] = rows_text("");
  rows_encode(&r);
  rows_expect(&r, "a,b\n,\"\"\n");
  rows_deinit(&r);
}

static void test_an_empty_text_that_comes_first_is_quoted_too(void **state) {
  struct rows r;
  begin_text(&r, "header=false", 1);
  r.cells[0] = rows_text("");
  rows_encode(&r);
  rows_expect(&r, "\"\"\n");
  rows_deinit(&r);
}

static void test_a_field_that_equals_the_null_text_is_quoted(void **state) {
  struct rows r;
  begin_text(&r, "null=NULL", 3);
  r.cells[0] = rows_null();
  r.cells[1] = rows_text("NULL");
  r.cells[2] = rows_text("");
  rows_encode(&r);
  rows_expect(&r, "a,b,c\nNULL,\"NULL\",\n");
  rows_deinit(&r);
}

static void test_a_lone_end_mark_is_quoted_in_a_table_of_one_column(void **state) {
  struct rows r;
  begin_text(&r, "header=false", 1);
  r.cells[0] = rows_text("\\.");
  rows_encode(&r);
  rows_expect(&r, "\"\\.\"\n");
  rows_deinit(&r);
}

static void test_header_names_are_quoted_like_fields(void **state) {
  struct rows r;
  rows_init(&r, &format_csv, "null=x");
  rows_add_column(&r, "a,b", KIND_TEXT);
  rows_add_column(&r, "say \"hi\"", KIND_TEXT);
  rows_add_column(&r, "x", KIND_TEXT);
  rows_begin(&r);
  rows_expect(&r, "\"a,b\",\"say \"\"hi\"\"\",\"x\"\n");
  rows_deinit(&r);
}

static void test_a_delimiter_that_numbers_hold_makes_them_quoted(void **state) {
  struct rows r;
  rows_init(&r, &format_csv, "delimiter=-");
  rows_add_column(&r, "n", KIND_INT4);
  rows_add_column(&r, "m", KIND_INT4);
  rows_begin(&r);
  r.cells[0] = (struct cell){(const uint8_t *)"\xFF\xFF\xFF\xFF", 4};
  r.cells[1] = (struct cell){(const uint8_t *)"\0\0\0\7", 4};
  rows_encode(&r);
  rows_expect(&r, "n-m\n\"-1\"-7\n");
  rows_deinit(&r);
}

static void test_options_change_line_ends_and_add_a_mark(void **state) {
  struct rows r;
  begin_text(&r, "newline=crlf,bom,delimiter=;", 2);
  r.cells[0] = rows_text("1;2");
  r.cells[1] = rows_text("a,b");
  rows_encode(&r);
  rows_expect(&r, "\xEF\xBB\xBF" "a;b\r\n\"1;2\";a,b\r\n");
  rows_deinit(&r);
}

static void test_options_that_copy_refuses_are_refused_by_name(void **state) {
  static const char *const wrong[][2] = {
      {"delimiter=\"", "csv.delimiter"}, {"delimiter=\\n", "csv.delimiter"}, {"quote=\\,", "csv.delimiter"}, {"escape=\\r", "csv.escape"},
      {"force-quote-columns=b", "csv.force-quote-columns"}, {"null=a\\,b", "csv.null"},
      {"null=a\\nb", "csv.null"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct rows r;
    rows_init(&r, &format_csv, wrong[i][0]);
    rows_add_column(&r, "a", KIND_TEXT);
    assert_false(r.format->open(&r.spec, &r.self, &r.err));
    assert_int_equal(r.err.code, ERR_USAGE);
    assert_string_equal(r.err.field, wrong[i][1]);
    rows_deinit(&r);
  }
}

static void test_another_escape_stands_before_quotes_and_itself(void **state) {
  struct rows r;
  begin_text(&r, "quote=',escape=\\\\,delimiter=;", 3);
  r.cells[0] = rows_text("it's \\ so");
  r.cells[1] = rows_text("a\\b");
  r.cells[2] = rows_text("\"");
  rows_encode(&r);
  rows_expect(&r, "a;b;c\n'it\\'s \\\\ so';a\\b;\"\n");
  rows_deinit(&r);
}

static void test_forced_quotes_spare_null_and_copy_s_header(void **state) {
  static const char *const expected[][2] = {
      {"force-quote=all", "a,b,n\n,\"\",\"7\"\n"},
      {"force-quote=non-numeric", "\"a\",\"b\",\"n\"\n,\"\",7\n"},
      {"force-quote-columns=\"n\"", "a,b,n\n,\"\",\"7\"\n"}};
  for (size_t i = 0; i < 3; i++) {
    struct rows r;
    rows_init(&r, &format_csv, expected[i][0]);
    rows_add_column(&r, "a", KIND_TEXT);
    rows_add_column(&r, "b", KIND_TEXT);
    rows_add_column(&r, "n", KIND_INT4);
    rows_begin(&r);
    r.cells[0] = rows_null();
    r.cells[1] = rows_text("");
    r.cells[2] = (struct cell){(const uint8_t *)"\0\0\0\7", 4};
    rows_encode(&r);
    rows_expect(&r, expected[i][1]);
    rows_deinit(&r);
  }
}

static void test_formulas_are_guarded_and_numbers_are_not(void **state) {
  struct rows r;
  begin_text(&r, "excel,header=false", 3);
  r.cells[0] = rows_text("=1");
  r.cells[1] = rows_text("-1.5e3");
  r.cells[2] = rows_text("-1.");
  rows_encode(&r);
  rows_expect(&r, "\xEF\xBB\xBF\"'=1\",-1.5e3,\"'-1.\"\n");
  rows_deinit(&r);
}

static void test_quotes_at_every_place_of_a_long_field_are_doubled(void **state) {
  for (size_t len = 1; len < 80; len++) {
    for (size_t at = 0; at < len; at++) {
      char text[100] = "", expected[200] = "";
      memset(text, 'x', len);
      text[at] = '"';
      if (at + 3 < len) text[at + 3] = '"';
      char *to = expected;
      *to++ = '"';
      for (const char *c = text; *c; c++) {
        *to++ = *c;
        if (*c == '"') *to++ = '"';
      }
      strcpy(to, "\"\n");
      struct rows r;
      begin_text(&r, "header=false", 1);
      r.cells[0] = rows_text(text);
      rows_encode(&r);
      rows_expect(&r, expected);
      rows_deinit(&r);
    }
  }
}

static void test_wrong_wire_bytes_are_an_error_that_names_the_column(void **state) {
  struct rows r;
  rows_init(&r, &format_csv, "");
  rows_add_column(&r, "id", KIND_INT8);
  rows_begin(&r);
  r.cells[0] = (struct cell){(const uint8_t *)"abc", 3};
  assert_false(rows_try_encode(&r));
  assert_int_equal(r.err.code, ERR_SOURCE);
  assert_non_null(strstr(r.err.message, "\"id\""));
  rows_deinit(&r);
}

static void test_a_row_beyond_the_maximum_is_an_error_not_a_short_row(void **state) {
  struct rows r;
  begin_text(&r, "", 1);
  buffer_deinit(&r.out);
  buffer_init(&r.out, 100);
  char text[200] = "";
  memset(text, 'y', 150);
  r.cells[0] = rows_text(text);
  assert_false(rows_try_encode(&r));
  assert_int_equal(r.err.code, ERR_MEMORY);
  rows_deinit(&r);
}

static void test_counting_knows_line_breaks_in_quotes(void **state) {
  uint64_t rows;
  struct error err;
  static const char text[] = "a,b\n1,\"x\n\ny\"\n2,\"\"\"\n\"\n\n";
  assert_true(rows_count(&format_csv, text, sizeof text - 1, &rows, &err));
  assert_int_equal(rows, 3);
  assert_false(rows_count(&format_csv, text, sizeof text - 4, &rows, &err));
  assert_int_equal(err.code, ERR_VALUE);
  assert_false(rows_count(&format_csv, "", 0, &rows, &err));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_field_is_quoted_only_where_copy_quotes_it),
      cmocka_unit_test(test_null_is_empty_and_an_empty_text_is_quoted),
      cmocka_unit_test(test_an_empty_text_that_comes_first_is_quoted_too),
      cmocka_unit_test(test_a_field_that_equals_the_null_text_is_quoted),
      cmocka_unit_test(test_a_lone_end_mark_is_quoted_in_a_table_of_one_column),
      cmocka_unit_test(test_header_names_are_quoted_like_fields),
      cmocka_unit_test(test_a_delimiter_that_numbers_hold_makes_them_quoted),
      cmocka_unit_test(test_options_change_line_ends_and_add_a_mark),
      cmocka_unit_test(test_options_that_copy_refuses_are_refused_by_name),
      cmocka_unit_test(test_another_escape_stands_before_quotes_and_itself),
      cmocka_unit_test(test_forced_quotes_spare_null_and_copy_s_header),
      cmocka_unit_test(test_formulas_are_guarded_and_numbers_are_not),
      cmocka_unit_test(test_quotes_at_every_place_of_a_long_field_are_doubled),
      cmocka_unit_test(test_wrong_wire_bytes_are_an_error_that_names_the_column),
      cmocka_unit_test(test_a_row_beyond_the_maximum_is_an_error_not_a_short_row),
      cmocka_unit_test(test_counting_knows_line_breaks_in_quotes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
