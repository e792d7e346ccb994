#include "unit.h"

#include "base/option.h"

struct values {
  bool header;
  int64_t rows;
  int quote;
  char delimiter[OPTION_TEXT_MAX];
};
static const char *const quotes[] = {"all", "needed", NULL};
static const struct option table[] = {
    {"header", OPTION_BOOL, offsetof(struct values, header), 0, 0, NULL, "true", ""},
    {"rows", OPTION_SIZE, offsetof(struct values, rows), 1, 1 << 20, NULL, "1k", ""},
    {"quote", OPTION_CHOICE, offsetof(struct values, quote), 0, 0, quotes, "needed", ""},
    {"delimiter", OPTION_TEXT, offsetof(struct values, delimiter), 1, 1, NULL, ",", ""},
    {NULL},
};

static void test_defaults_are_parsed_as_a_user_would_write_them(void **state) {
  struct values v;
  options_defaults(table, &v);
  assert_true(v.header);
  assert_int_equal(v.rows, 1024);
  assert_int_equal(v.quote, 1);
  assert_string_equal(v.delimiter, ",");
}

static void test_a_list_sets_options_with_escapes_and_bare_switches(void **state) {
  struct values v = {0};
  struct error err;
  assert_true(options_parse(table, &v, "csv", "header,delimiter=\\,,quote=all", &err));
  assert_true(v.header);
  assert_string_equal(v.delimiter, ",");
  assert_int_equal(v.quote, 0);
  assert_true(options_parse(table, &v, "csv", "delimiter=\\t", &err));
  assert_string_equal(v.delimiter, "\t");
}

static void test_a_backslash_that_means_nothing_is_itself(void **state) {
  static const struct option texts[] = {{"t", OPTION_TEXT, 0, 0, OPTION_TEXT_MAX - 1, NULL, "", ""}, {NULL}};
  static const char *const cases[][2] = {
      {"t=\\N", "\\N"}, {"t=\\\\N", "\\N"}, {"t=\\", "\\"}, {"t=\\,\\=\\\"", ",=\""}, {"t=\\x1f\\x7C", "\x1f|"},
      {"t=\\x00", "\\x00"}, {"t=\\xg1", "\\xg1"}, {"t=\\r\\n", "\r\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char value[OPTION_TEXT_MAX];
    struct error err;
    assert_true(options_parse(texts, value, "csv", cases[i][0], &err));
    assert_string_equal(value, cases[i][1]);
  }
}

static void test_an_unknown_option_is_refused_by_name_with_what_is_allowed(void **state) {
  struct values v;
  struct error err;
  assert_false(options_parse(table, &v, "csv", "headr=1", &err));
  assert_string_equal(err.field, "csv.headr");
  assert_non_null(strstr(err.message, "delimiter"));
  assert_false(options_parse(table, &v, "csv", "rows=0", &err));
  assert_string_equal(err.field, "csv.rows");
  assert_false(options_parse(table, &v, "csv", "quote=some", &err));
  assert_non_null(strstr(err.message, "needed"));
}

static void test_sizes_are_powers_of_1024_and_never_overflow(void **state) {
  int64_t v;
  assert_true(parse_size("64MB", &v));
  assert_int_equal(v, 64 << 20);
  assert_true(parse_size("1GiB", &v));
  assert_int_equal(v, 1 << 30);
  assert_false(parse_size("-1", &v));
  assert_false(parse_size("9223372036854775807k", &v));
  assert_false(parse_size("12 apples", &v));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_defaults_are_parsed_as_a_user_would_write_them),
      cmocka_unit_test(test_a_list_sets_options_with_escapes_and_bare_switches),
      cmocka_unit_test(test_a_backslash_that_means_nothing_is_itself),
      cmocka_unit_test(test_an_unknown_option_is_refused_by_name_with_what_is_allowed),
      cmocka_unit_test(test_sizes_are_powers_of_1024_and_never_overflow),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
