#include "rows.h"
#include "utf8_by_the_letter.h"
#include "whole.h"

#include "format/json.h"
#include "format/json_grammar.h"
#include "row/value_text.h"

#define CELL(bytes) ((struct cell){(const uint8_t *)(bytes), (int32_t)sizeof(bytes) - 1})

static void test_no_rows_are_an_empty_array(void **state) {
  struct rows r;
  rows_init(&r, &format_json, "");
  rows_add_column(&r, "a", KIND_INT4);
  rows_begin(&r);
  rows_end(&r);
  rows_expect(&r, "[]\n");
  rows_expect_count_and_no_cut(&r, 0);
  rows_deinit(&r);
}

static void test_commas_stand_between_rows_whatever_part_they_are_in(void **state) {
  struct rows r;
  rows_init(&r, &format_json, "");
  rows_add_column(&r, "a", KIND_INT4);
  rows_begin(&r);
  r.cells[0] = CELL("\0\0\0\1");
  rows_encode(&r);
  rows_encode(&r);
  rows_next_part(&r);
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, "[\n{\"a\":1},\n{\"a\":1},\n{\"a\":1}\n]\n");
  rows_expect_count_and_no_cut(&r, 3);
  rows_deinit(&r);
}

/* Behind `before` letters and in front of `behind`, alone and within a document. */
static void expect_refused_if_wrong(void *rows, const uint8_t bytes[4], size_t before, size_t behind) {
  struct rows *r = rows;
  char text[100], document[120], whole[300];
  memset(text, 'x', sizeof text);
  memcpy(text + before, bytes, 4);
  size_t len = before + 4 + behind;
  bool is_right = is_utf8_by_the_letter(text, len, 0xFFFF);
  snprintf(document, sizeof document, "[\"%.*s\"]", (int)len, text);
  const struct cell cells[] = {{(const uint8_t *)text, (int32_t)len}, rows_text("y"), rows_text(document),
                               rows_text("[\"y\"]")};
  for (int i = 0; i < 2; i++) {
    buffer_reset(&r->out);
    r->cells[0] = cells[i];
    r->cells[1] = cells[3 - i];
    assert_int_equal(rows_try_encode(r), is_right);
    if (!is_right) continue;
    snprintf(whole, sizeof whole, "{\"t\":\"%.*s\",\"j\":[\"%.*s\"]}\n", i ? 1 : (int)len, i ? "y" : text,
             i ? (int)len : 1, i ? text : "y");
    rows_expect(r, whole);
  }
}

static void test_no_byte_that_is_not_utf8_comes_through_wherever_it_stands(void **state) {
  struct rows r;
  rows_init(&r, &format_ndjson, "");
  rows_add_column(&r, "t", KIND_TEXT);
  rows_add_column(&r, "j", KIND_JSON);
  rows_begin(&r);
  utf8_for_doubtful(expect_refused_if_wrong, &r);
  rows_deinit(&r);
}

static void add_every_kind(struct rows *r) {
  static const char *const names[KIND_COUNT] = {
      "bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "text",
      "json", "jsonb", "bytea", "date", "time", "timestamp", "timestamptz", "uuid", "zoned"};
  static const struct cell cells[KIND_COUNT] = {
      [KIND_BOOL] = {(const uint8_t *)"\1", 1},
      [KIND_INT2] = {(const uint8_t *)"\xFF\xFE", 2},
      [KIND_INT4] = {(const uint8_t *)"\0\0\1\0", 4},
      [KIND_INT8] = {(const uint8_t *)"\x80\0\0\0\0\0\0\0", 8},
      [KIND_OID] = {(const uint8_t *)"\xFF\xFF\xFF\xFF", 4},
      [KIND_FLOAT4] = {(const uint8_t *)"\x3D\xCC\xCC\xCD", 4},
      [KIND_FLOAT8] = {(const uint8_t *)"\x54\xB2\x49\xAD\x25\x94\xC3\x7D", 8},
      [KIND_NUMERIC] = {(const uint8_t *)"\0\2\0\0\x40\0\0\3\0\x7B\x11\xC6", 12},
      [KIND_TEXT] = {(const uint8_t *)"a\"\\\n\x01\xC3\xA9/", 8},
      [KIND_JSON] = {(const uint8_t *)"{\"k\": 1.50,\n \"k\":[ ]}", 21},
      [KIND_JSONB] = {(const uint8_t *)"\1[null, true]", 13},
      [KIND_BYTEA] = {(const uint8_t *)"\0\xAB", 2},
      [KIND_DATE] = {(const uint8_t *)"\0\0\x22\x3E", 4},
      [KIND_TIME] = {(const uint8_t *)"\0\0\0\0\0\x0F\x42\x41", 8},
      [KIND_TIMESTAMP] = {(const uint8_t *)"\0\0\0\0\0\0\0\0", 8},
      [KIND_TIMESTAMPTZ] = {(const uint8_t *)"\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8},
      [KIND_UUID] = {(const uint8_t *)"\0\1\2\3\4\5\6\7\x08\x09\x0A\x0B\x0C\x0D\x0E\x0F", 16},
      [KIND_TIMESTAMPTZ_ZONED] = {(const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\x0E\x10", 12},
  };
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    rows_add_column(r, names[kind], (enum kind)kind);
    r->cells[kind] = cells[kind];
  }
}

#define BEFORE_JSON                                                                                      \
  "{\"bool\":true,\"int2\":-2,\"int4\":256,\"int8\":-9223372036854775808,\"oid\":\"4294967295\","        \
  "\"float4\":0.1,\"float8\":1e+100,\"numeric\":-123.455,\"text\":\"a\\\"\\\\\\n\\u0001\xC3\xA9/\",\"json\":"
#define BEHIND_JSON                                                                                      \
  ",\"jsonb\":[null, true],\"bytea\":\"\\\\x00ab\",\"date\":\"2024-01-01\",\"time\":\"00:00:01.000001\"," \
  "\"timestamp\":\"2000-01-01T00:00:00\",\"timestamptz\":\"infinity\","                                  \
  "\"uuid\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"zoned\":\"2000-01-01T01:00:00+01:00\"}"

static void test_every_kind_is_what_row_to_json_gives(void **state) {
  struct rows r;
  rows_init(&r, &format_json, "");
  add_every_kind(&r);
  rows_begin(&r);
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, "[\n" BEFORE_JSON "{\"k\": 1.50,\n \"k\":[ ]}" BEHIND_JSON "\n]\n");
  rows_expect_count_and_no_cut(&r, 1);
  rows_deinit(&r);
}

static void test_ndjson_keeps_a_row_on_its_line(void **state) {
  struct rows r;
  rows_init(&r, &format_ndjson, "");
  add_every_kind(&r);
  rows_begin(&r);
  rows_encode(&r);
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, BEFORE_JSON "{\"k\": 1.50, \"k\":[ ]}" BEHIND_JSON "\n" BEFORE_JSON
                              "{\"k\": 1.50, \"k\":[ ]}" BEHIND_JSON "\n");
  rows_expect_count_and_no_cut(&r, 2);
  rows_deinit(&r);
}

static void test_null_is_null_and_keys_are_escaped(void **state) {
  struct rows r;
  rows_init(&r, &format_ndjson, "");
  rows_add_column(&r, "say \"hi\"\n", KIND_INT4);
  rows_add_column(&r, "\xC3\xA9", KIND_JSONB);
  rows_begin(&r);
  r.cells[0] = r.cells[1] = rows_null();
  rows_encode(&r);
  rows_expect(&r, "{\"say \\\"hi\\\"\\n\":null,\"\xC3\xA9\":null}\n");
  rows_deinit(&r);
}

static void test_numbers_and_nulls_are_written_as_asked(void **state) {
  struct rows r;
  rows_init(&r, &format_json, "numbers=bigint-string,nulls=omit");
  rows_add_column(&r, "a", KIND_INT4);
  rows_add_column(&r, "b", KIND_INT8);
  rows_add_column(&r, "c", KIND_TEXT);
  rows_begin(&r);
  r.cells[0] = CELL("\0\0\0\1");
  r.cells[1] = CELL("\0\0\0\0\0\0\0\2");
  r.cells[2] = rows_null();
  rows_encode(&r);
  r.cells[0] = r.cells[1] = rows_null();
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, "[\n{\"a\":1,\"b\":\"2\"},\n{}\n]\n");
  rows_expect_count_and_no_cut(&r, 2);
  rows_deinit(&r);
}

/* One row of six special values under a policy. */
static void expect_specials(enum special special, const char *expected) {
  struct rows r;
  rows_init(&r, &format_ndjson, "");
  static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
  static const enum kind kinds[] = {KIND_FLOAT4, KIND_FLOAT8, KIND_FLOAT8, KIND_NUMERIC, KIND_TEXT, KIND_JSON};
  for (int i = 0; i < 6; i++) rows_add_column(&r, names[i], kinds[i]);
  r.spec.special = special;
  rows_begin(&r);
  r.cells[0] = CELL("\xFF\x80\0\0");
  r.cells[1] = CELL("\x7F\xF0\0\0\0\0\0\0");
  r.cells[2] = CELL("\x7F\xF8\0\0\0\0\0\0");
  r.cells[3] = CELL("\0\0\0\0\xF0\0\0\0");
  r.cells[4] = CELL("a\xC3(\xE2\x82\xAC");
  r.cells[5] = CELL("[\"\xFF\"]");
  rows_encode(&r);
  rows_expect(&r, expected);
  assert_int_equal(r.format->counts(r.encoder).specials, 6);
  rows_deinit(&r);
}

static void test_specials_are_written_as_the_policy_says_and_counted(void **state) {
  expect_specials(SPECIAL_NULL, "{\"a\":null,\"b\":null,\"c\":null,\"d\":null,\"e\":null,\"f\":null}\n");
  expect_specials(SPECIAL_STRING, "{\"a\":\"-Infinity\",\"b\":\"Infinity\",\"c\":\"NaN\",\"d\":\"-Infinity\","
                                  "\"e\":\"a\xEF\xBF\xBD(\xE2\x82\xAC\",\"f\":[\"\xEF\xBF\xBD\"]}\n");
  expect_specials(SPECIAL_REPLACE,
                  "{\"a\":-3.4028235e+38,\"b\":1.7976931348623157e+308,\"c\":null,\"d\":null,"
                  "\"e\":\"a\xEF\xBF\xBD(\xE2\x82\xAC\",\"f\":[\"\xEF\xBF\xBD\"]}\n");
}

static void test_a_special_is_by_default_an_error_that_names_column_and_value(void **state) {
  static const struct { enum kind kind; struct cell cell; const char *value; } cases[] = {
      {KIND_FLOAT4, {(const uint8_t *)"\x7F\xC0\0\0", 4}, "NaN"},
      {KIND_FLOAT8, {(const uint8_t *)"\xFF\xF0\0\0\0\0\0\0", 8}, "-Infinity"},
      {KIND_NUMERIC, {(const uint8_t *)"\0\0\0\0\xC0\0\0\0", 8}, "NaN"},
      {KIND_TEXT, {(const uint8_t *)"ab\xFFz", 4}, "ab\\xFFz"},
      {KIND_JSONB, {(const uint8_t *)"\1\"\xFF\"", 4}, "\\xFF"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct rows r;
    rows_init(&r, &format_json, "");
    rows_add_column(&r, "col", cases[i].kind);
    rows_begin(&r);
    r.cells[0] = cases[i].cell;
    assert_false(rows_try_encode(&r));
    assert_int_equal(r.err.code, ERR_VALUE);
    assert_non_null(strstr(r.err.message, "\"col\""));
    assert_non_null(strstr(r.err.message, cases[i].value));
    rows_deinit(&r);
  }
}

static void test_wrong_wire_bytes_of_any_kind_are_errors(void **state) {
  for (int i = 0; i < KIND_COUNT; i++) {
    enum kind kind = (enum kind)i;
    if (kind == KIND_TEXT || kind == KIND_BYTEA || kind == KIND_JSON) continue;
    for (int32_t len = 0; len < 20; len++) {
      if (len == value_texts[kind].width) continue;
      uint8_t *bytes = malloc(len ? (size_t)len : 1);   /* exactly so many, for the sanitizer */
      assert_non_null(bytes);
      memset(bytes, 0xEE, (size_t)len);
      struct rows r;
      rows_init(&r, &format_ndjson, "");
      rows_add_column(&r, "col", kind);
      rows_begin(&r);
      r.cells[0] = (struct cell){bytes, len};
      assert_false(rows_try_encode(&r));
      assert_int_equal(r.err.code, ERR_SOURCE);
      rows_deinit(&r);
      free(bytes);
    }
  }
}

static void expect_count(const struct format *format, const char *text, int64_t expected) {
  uint64_t rows = 0;
  struct error err;
  bool ok = rows_count(format, text, strlen(text), &rows, &err);
  if (ok != (expected >= 0)) print_error("%s\n", text);
  assert_int_equal(ok, expected >= 0);
  if (ok) assert_int_equal(rows, expected);
  else assert_int_equal(err.code, ERR_VALUE);
}

static void test_counting_an_array_needs_matching_brackets_and_commas(void **state) {
  expect_count(&format_json, "[]", 0);
  expect_count(&format_json, " [ {\"a\":[{}, \"]}\\\"{\"]} , {} ] \n", 2);
  expect_count(&format_json, "", -1);
  expect_count(&format_json, "[", -1);
  expect_count(&format_json, "[{}", -1);
  expect_count(&format_json, "[{},]", -1);
  expect_count(&format_json, "[,{}]", -1);
  expect_count(&format_json, "[{}{}]", -1);
  expect_count(&format_json, "[{]}", -1);
  expect_count(&format_json, "[{}]x", -1);
  expect_count(&format_json, "[1]", -1);
  expect_count(&format_json, "[{\"a\":\"]}", -1);
  expect_count(&format_json, "{}", -1);
}

static void test_counting_lines_needs_whole_objects(void **state) {
  expect_count(&format_ndjson, "", 0);
  expect_count(&format_ndjson, "{\"a\":\"\\n}\"}\n{}\n", 2);
  expect_count(&format_ndjson, "{}", -1);
  expect_count(&format_ndjson, "{}\n{", -1);
  expect_count(&format_ndjson, "{\n}\n", -1);
  expect_count(&format_ndjson, "{},{}\n", -1);
  expect_count(&format_ndjson, "\n", -1);
  expect_count(&format_ndjson, "{\"a\":\"\n", -1);
}

static void test_json_of_any_writer_is_held_against_the_grammar(void **state) {
  static const char *const right[] = {
      "[]", "{}", " [ ] ", "[1]", "[-0]", "[0.5,1e9,-1.25E-3,10]", "[true,false,null]", "[\"\\u00e9\\\\\\/\\b\"]",
      "{\"a\":{\"b\":[]},\"c\":[[{}]]}", "[\"\xF0\x9F\x90\x98 \xC3\xA9\"]", "[\"a long text without any escape\"]"};
  static const char *const wrong[] = {
      "", "1", "[", "[1 2]", "[1,]", "[,1]", "[01]", "[1.]", "[.5]", "[-]", "[1e]", "[+1]", "[1e+]", "[tru]", "[nul l]",
      "[truee]", "[\"a\nb\"]", "[\"\\x\"]", "[\"\\u00g0\"]", "[\"a]", "[\"\xC3(\"]", "[\"\xED\xA0\x80\"]", "{\"a\"}",
      "{\"a\":}", "{a:1}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{1:2}", "[{\"a\":1}{\"b\":2}]", "[1}", "{]", "[1]]", "[1] 2",
      "{\"a\":1]", "['a']", "[1\v]", "[\"a long text with a \x01 in it\"]"};
  static const int64_t items[] = {0, 0, 0, 1, 1, 4, 3, 1, 2, 1, 1};
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) expect_whole(&format_json, right[i], items[i]);
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) expect_whole(&format_json, wrong[i], -1);
}

static void test_lines_of_any_writer_are_a_value_each(void **state) {
  expect_whole(&format_ndjson, "", 0);
  expect_whole(&format_ndjson, "{\"a\":1}\n[2]\r\n\n3\n", 3);
  expect_whole(&format_ndjson, "{}\n{}", 2);
  expect_whole(&format_ndjson, "{}\n{\"a\":", -1);
  expect_whole(&format_ndjson, "{}{}\n", -1);
  expect_whole(&format_ndjson, "{\n}\n", -1);
  expect_whole(&format_ndjson, "{\"a\" 1}\n", -1);
  expect_whole(&format_ndjson, "{\"a\":\"\n\"}\n", -1);
}

/* Deeper than decant reads JSON anywhere: an answer, and no crash. */
static void test_brackets_are_followed_to_a_limit(void **state) {
  size_t len = JSON_GRAMMAR_DEPTH_MAX;
  char *text = calloc(1, 2 * len + 4);
  assert_non_null(text);
  memset(text, '[', len);
  memset(text + len, ']', len);
  expect_whole(&format_json, text, 1);
  memset(text, '[', len + 1);
  memset(text + len + 1, ']', len + 1);
  expect_whole(&format_json, text, -1);
  free(text);
}

static void test_a_string_may_straddle_pieces_of_the_file(void **state) {
  size_t len = 200000;
  char *text = malloc(len + 20);
  assert_non_null(text);
  strcpy(text, "[{\"a\":\"");
  memset(text + 7, '\\', len);   /* pairs of backslashes across every border */
  strcpy(text + 7 + len, "\"}]\n");
  expect_count(&format_json, text, 1);
  text[7 + len] = 'x';
  expect_count(&format_json, text, -1);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_no_byte_that_is_not_utf8_comes_through_wherever_it_stands),
      cmocka_unit_test(test_no_rows_are_an_empty_array),
      cmocka_unit_test(test_commas_stand_between_rows_whatever_part_they_are_in),
      cmocka_unit_test(test_every_kind_is_what_row_to_json_gives),
      cmocka_unit_test(test_ndjson_keeps_a_row_on_its_line),
      cmocka_unit_test(test_numbers_and_nulls_are_written_as_asked),
      cmocka_unit_test(test_null_is_null_and_keys_are_escaped),
      cmocka_unit_test(test_specials_are_written_as_the_policy_says_and_counted),
      cmocka_unit_test(test_a_special_is_by_default_an_error_that_names_column_and_value),
      cmocka_unit_test(test_wrong_wire_bytes_of_any_kind_are_errors),
      cmocka_unit_test(test_counting_an_array_needs_matching_brackets_and_commas),
      cmocka_unit_test(test_counting_lines_needs_whole_objects),
      cmocka_unit_test(test_json_of_any_writer_is_held_against_the_grammar),
      cmocka_unit_test(test_lines_of_any_writer_are_a_value_each),
      cmocka_unit_test(test_brackets_are_followed_to_a_limit),
      cmocka_unit_test(test_a_string_may_straddle_pieces_of_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
