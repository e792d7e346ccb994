/* What type the values of a path agree on, and how they become values of it. */
#include "unit.h"

#include "base/bytes.h"
#include "row/flatten.h"
#include "row/json_number.h"
#include "row/value_text.h"

#include <stdio.h>
#include <stdlib.h>

/* --- Numbers ------------------------------------------------------------------------------------------- */

static bool read_number(const char *text, struct json_number *n) {
  size_t len = strlen(text);
  uint8_t *copy = malloc(len ? len : 1);   /* ends where its heap block ends */
  assert_non_null(copy);
  memcpy(copy, text, len);
  bool ok = json_number_read(copy, copy + len, n);
  free(copy);
  return ok;
}

static void test_only_whole_json_numbers_are_read(void **state) {
  static const char *const bad[] = {"", "-", "+1", "01", "1.", ".5", "1e", "1e+", "1 ", " 1", "0x1", "1.5.2", "nan", "1-"};
  struct json_number n;
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(read_number(bad[i], &n));
}

static void assert_number(const char *text, int64_t mantissa, int exponent, int whole, int scale,
                          bool is_plain) {
  struct json_number n;
  assert_true(read_number(text, &n));
  assert_true(n.mantissa == (unsigned __int128)mantissa);
  assert_int_equal(n.exponent, exponent);
  assert_int_equal(n.whole_digits, whole);
  assert_int_equal(n.scale, scale);
  assert_int_equal(n.is_plain, is_plain);
  assert_int_equal(n.is_negative, *text == '-');
}

static void test_a_number_is_its_digits_and_where_the_point_is(void **state) {
  assert_number("0", 0, 0, 0, 0, true);
  assert_number("-0", 0, 0, 0, 0, false);
  assert_number("120", 12, 1, 3, 0, true);
  assert_number("-120", 12, 1, 3, 0, true);
  assert_number("1.50", 15, -1, 1, 2, false);
  assert_number("0.00", 0, 0, 0, 2, false);
  assert_number("1e2", 1, 2, 3, 0, false);
  assert_number("1.5E-2", 15, -3, 0, 3, false);
  assert_number("0.0012e+3", 12, -1, 1, 1, false);
  assert_number("1000000000000000000000000000000000000000", 1, 39, 40, 0, true);
}

static void test_exponents_of_any_size_are_no_overflow(void **state) {
  struct json_number n;
  double v;
  assert_true(read_number("1e99999999999999999999999", &n));
  assert_true(n.exponent > 1000000 && !json_number_to_double(&n, &v));
  assert_true(read_number("-1e-99999999999999999999999", &n));
  assert_true(n.exponent < -1000000 && !json_number_to_double(&n, &v));
  assert_true(read_number("0e99999999999999999999999", &n));
  assert_true(json_number_to_double(&n, &v) && v == 0);
}

static void assert_int64(const char *text, bool fits, int64_t expected) {
  int64_t v = 0;
  const uint8_t *at = (const uint8_t *)text;
  assert_int_equal(json_number_to_int64(at, at + strlen(text), &v), fits);
  if (fits) assert_true(v == expected);
}

static void test_whole_numbers_fit_64_bits_or_do_not(void **state) {
  assert_int64("0", true, 0);
  assert_int64("-1", true, -1);
  assert_int64("9223372036854775807", true, INT64_MAX);
  assert_int64("9223372036854775808", false, 0);
  assert_int64("-9223372036854775808", true, INT64_MIN);
  assert_int64("-9223372036854775809", false, 0);
  assert_int64("9999999999999999999", false, 0);
  assert_int64("18446744073709551616", false, 0);
  static const char *const bad[] = {"", "-", "-0", "00", "01", "1.0", "1e3", "+1", "1a"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_int64(bad[i], false, 0);
}

static void assert_double(const char *text, bool is_said, double expected) {
  struct json_number n;
  double v;
  assert_true(read_number(text, &n));
  bool is_right = json_number_to_double(&n, &v) == is_said &&
                  (!is_said || memcmp(&v, &expected, sizeof v) == 0);
  if (!is_right) print_error("%s\n", text);
  assert_true(is_right);
}

static void test_a_double_says_a_number_or_does_not(void **state) {
  assert_double("0", true, 0.0);
  assert_double("-0", true, -0.0);
  assert_double("-0.000", true, -0.0);
  assert_double("0.1", true, 0.1);
  assert_double("1.10", true, 1.1);
  assert_double("1e22", true, 1e22);
  assert_double("1e23", true, 1e23);
  assert_double("123456789012345", true, 123456789012345);
  assert_double("0.30000000000000004", true, 0.1 + 0.2);
  assert_double("7.177620074141266e+16", true, 7.177620074141266e+16);   /* right between two doubles */
  assert_double("9007199254740993", false, 0);
  assert_double("9007199254740992", true, 9007199254740992);
  assert_double("0.10000000000000001", false, 0);   /* reads back as 0.1, which is shorter */
  assert_double("0.1000000000000000055511151231257827", false, 0);
  assert_double("1.7976931348623157e308", true, 1.7976931348623157e308);
  assert_double("1.8e308", false, 0);
  assert_double("5e-324", true, 5e-324);
  assert_double("4e-324", false, 0);
  assert_double("2e-324", false, 0);
  assert_double("2.2250738585072014e-308", true, 2.2250738585072014e-308);
}

static uint64_t random_state = 88172645463325252u;

static uint64_t random_u64(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static void test_what_a_double_prints_as_is_said_by_it(void **state) {
  for (int i = 0; i < 200000; i++) {
    uint64_t bits = random_u64();
    double v;
    memcpy(&v, &bits, sizeof v);
    if (v != v || v - v != 0) continue;
    if (i % 2) v = (double)(int64_t)(bits >> 20) / 1000;
    char text[VALUE_TEXT_MAX + 1];
    *float8_text((uint8_t *)text, v) = '\0';
    assert_double(text, true, v);
  }
}

static void assert_decimal(const char *text, int precision, int scale, bool fits, int64_t expected) {
  struct json_number n;
  __int128 v;
  assert_true(read_number(text, &n));
  assert_int_equal(json_number_to_decimal(&n, precision, scale, &v), fits);
  if (fits) assert_true(v == expected);
}

static void test_a_decimal_holds_a_number_or_does_not(void **state) {
  assert_decimal("1.50", 3, 2, true, 150);
  assert_decimal("-1.5", 3, 2, true, -150);
  assert_decimal("1.505", 3, 2, false, 0);
  assert_decimal("99.99", 4, 2, true, 9999);
  assert_decimal("100", 4, 2, false, 0);
  assert_decimal("1e1", 4, 2, true, 1000);
  assert_decimal("0e500", 1, 0, true, 0);
  assert_decimal("1e-500", 38, 38, false, 0);
}

/* --- Types --------------------------------------------------------------------------------------------- */

static void add(struct path_collector *c, const char *json) {
  struct error err;
  assert_true(path_collector_add(c, (const uint8_t *)json, strlen(json), &err));
}

static const struct found_path *first_found(struct path_collector *c) {
  const struct found_path *found;
  struct error err;
  size_t count;
  assert_true(path_collector_finish(c, &found, &count, &err));
  assert_true(count > 0);
  return &found[0];
}

static struct path_collector *collector(uint32_t max_paths, enum too_many too_many) {
  struct error err;
  struct path_collector *c = path_collector_new(max_paths, too_many, &err);
  assert_non_null(c);
  return c;
}

static void assert_type(const char *const *documents, enum flatten_form form, int precision, int scale) {
  struct path_collector *whole = collector(100, TOO_MANY_FAILS), *parts = collector(100, TOO_MANY_FAILS);
  struct error err;
  for (size_t i = 0; documents[i]; i++) {
    struct path_collector *part = collector(100, TOO_MANY_FAILS);
    add(whole, documents[i]);
    add(part, "{\"z\": 1}");   /* another order of nodes */
    add(part, documents[i]);
    assert_true(path_collector_join(parts, part, &err));
    path_collector_free(part);
  }
  const struct path_type types[] = {first_found(whole)->type, first_found(parts)->type};
  for (int i = 0; i < 2; i++) {
    assert_int_equal(types[i].form, form);
    if (form != FLATTEN_NUMERIC) continue;
    assert_int_equal(types[i].precision, precision);
    assert_int_equal(types[i].scale, scale);
  }
  path_collector_free(whole);
  path_collector_free(parts);
}

#define DOCUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_values_that_agree_have_a_type(void **state) {
  assert_type(DOCUMENTS("{\"a\":true}", "{\"a\":false}", "{\"a\":null}"), FLATTEN_BOOL, 0, 0);
  assert_type(DOCUMENTS("{\"a\":1}", "{\"a\":-9223372036854775808}"), FLATTEN_INT8, 0, 0);
  assert_type(DOCUMENTS("{\"a\":1}", "{\"a\":1.0}"), FLATTEN_FLOAT8, 0, 0);
  assert_type(DOCUMENTS("{\"a\":-0}"), FLATTEN_FLOAT8, 0, 0);
  assert_type(DOCUMENTS("{\"a\":0.1}", "{\"a\":1e300}"), FLATTEN_FLOAT8, 0, 0);
  assert_type(DOCUMENTS("{\"a\":9223372036854775808}"), FLATTEN_NUMERIC, 19, 0);
  assert_type(DOCUMENTS("{\"a\":9007199254740993.5}", "{\"a\":-0.00025}"), FLATTEN_NUMERIC, 21, 5);
  assert_type(DOCUMENTS("{\"a\":9007199254740993.5}", "{\"a\":1e21}"), FLATTEN_NUMERIC, 23, 1);
  assert_type(DOCUMENTS("{\"a\":9007199254740993.5}", "{\"a\":1e60}"), FLATTEN_JSON, 0, 0);
  assert_type(DOCUMENTS("{\"a\":\"\"}", "{\"a\":\"\\n\"}", "{\"a\":null}"), FLATTEN_STRING, 0, 0);
}

static void assert_decimal_type(const char *const *documents, enum flatten_form form, int precision,
                                int scale) {
  struct path_collector *c = collector(100, TOO_MANY_FAILS);
  for (size_t i = 0; documents[i]; i++) add(c, documents[i]);
  const struct path_type *type = &first_found(c)->decimal_type;
  assert_int_equal(type->form, form);
  if (form == FLATTEN_NUMERIC) {
    assert_int_equal(type->precision, precision);
    assert_int_equal(type->scale, scale);
  }
  path_collector_free(c);
}

static void test_where_decimals_are_preferred_only_long_numbers_are_doubles(void **state) {
  assert_decimal_type(DOCUMENTS("{\"a\":1}", "{\"a\":-9223372036854775808}"), FLATTEN_INT8, 0, 0);
  assert_decimal_type(DOCUMENTS("{\"a\":1}", "{\"a\":1.0}"), FLATTEN_NUMERIC, 2, 1);
  assert_decimal_type(DOCUMENTS("{\"a\":-120.5}", "{\"a\":0.025}", "{\"a\":null}"), FLATTEN_NUMERIC, 6, 3);
  assert_decimal_type(DOCUMENTS("{\"a\":1e-38}"), FLATTEN_NUMERIC, 38, 38);
  assert_decimal_type(DOCUMENTS("{\"a\":1e-39}"), FLATTEN_FLOAT8, 0, 0);
  assert_decimal_type(DOCUMENTS("{\"a\":0.1}", "{\"a\":1e300}"), FLATTEN_FLOAT8, 0, 0);
  assert_decimal_type(DOCUMENTS("{\"a\":0e5}"), FLATTEN_NUMERIC, 1, 0);
  assert_decimal_type(DOCUMENTS("{\"a\":9007199254740993.5}", "{\"a\":1e60}"), FLATTEN_JSON, 0, 0);
  assert_decimal_type(DOCUMENTS("{\"a\":0.5}", "{\"a\":\"0.5\"}"), FLATTEN_JSON, 0, 0);
}

static void test_values_that_do_not_agree_are_json(void **state) {
  assert_type(DOCUMENTS("{\"a\":1}", "{\"a\":\"1\"}"), FLATTEN_JSON, 0, 0);
  assert_type(DOCUMENTS("{\"a\":1}", "{\"a\":true}"), FLATTEN_JSON, 0, 0);
  assert_type(DOCUMENTS("{\"a\":[]}"), FLATTEN_JSON, 0, 0);
  assert_type(DOCUMENTS("{\"a\":1}", "{\"a\":{}}"), FLATTEN_JSON, 0, 0);
  assert_type(DOCUMENTS("{\"a\":null}"), FLATTEN_JSON, 0, 0);
  /* Wider than need be: the value that the duplicate replaced counts, too. */
  assert_type(DOCUMENTS("{\"a\":\"x\",\"a\":1}"), FLATTEN_JSON, 0, 0);
}

static void test_joined_collectors_keep_to_the_limit_and_say_what_they_left(void **state) {
  struct error err;
  struct path_collector *a = collector(2, TOO_MANY_FAILS), *b = collector(2, TOO_MANY_FAILS);
  add(a, "{\"x\":1,\"y\":1}");
  add(b, "{\"y\":1,\"z\":1}");
  assert_false(path_collector_join(a, b, &err));
  assert_int_equal(err.code, ERR_USAGE);
  path_collector_free(a);
  a = collector(2, TOO_MANY_REST);
  add(a, "{\"x\":1,\"y\":1}");
  assert_true(path_collector_join(a, b, &err));
  const struct found_path *found;
  size_t count;
  assert_true(path_collector_finish(a, &found, &count, &err));
  assert_int_equal(count, 2);
  assert_string_equal(found[0].path.keys[0], "x");   /* y comes twice; of the others x was met first */
  assert_string_equal(found[1].path.keys[0], "y");
  assert_true(path_collector_is_partial(a));
  path_collector_free(a);
  path_collector_free(b);
}

static void test_keys_that_no_path_can_name_are_left_to_the_rest(void **state) {
  struct path_collector *c = collector(10, TOO_MANY_FAILS);
  add(c, "{\"\\ud83d\":1,\"\\ude00\":2,\"a\\u0000\":3,\"\\ud83d\\ude00\":4}");
  const struct found_path *found;
  struct error err;
  size_t count;
  assert_true(path_collector_finish(c, &found, &count, &err));
  assert_int_equal(count, 1);
  assert_string_equal(found[0].path.keys[0], "\xf0\x9f\x98\x80");
  assert_true(path_collector_is_partial(c));
  path_collector_free(c);
}

/* --- Values -------------------------------------------------------------------------------------------- */

struct picked {
  struct wire_column wire;
  struct schema schema;
  struct flatten_set *set;
  struct flattener *flattener;
  struct cell cells[2];
  struct error err;
};

static void picked_open(struct picked *p, enum flatten_form form, int precision, int scale) {
  *p = (struct picked){.wire = {.name = "m", .type_name = "json", .kind = KIND_JSON}};
  p->schema = (struct schema){.wire = &p->wire, .wire_count = 1};
  p->set = flatten_set_new(&p->err);
  struct json_path path;
  const struct path_type type = {form, precision, scale};
  size_t cell;
  assert_true(json_path_parse("a", &path, &p->err));
  assert_true(flatten_set_add_typed(p->set, 0, &path, &type, &cell, &p->err));
  json_path_deinit(&path);
  p->flattener = flattener_new(p->set, &p->schema, &p->err);
  assert_non_null(p->flattener);
}

static void picked_close(struct picked *p) {
  flattener_free(p->flattener);
  flatten_set_free(p->set);
}

static bool pick(struct picked *p, const char *document) {
  p->cells[0] = (struct cell){(const uint8_t *)document, (int32_t)strlen(document)};
  return flattener_run(p->flattener, p->cells, &p->err);
}

/* The value's text as PostgreSQL prints it; NULL as "~". */
static void assert_picks(enum flatten_form form, int precision, int scale, const char *document,
                         const char *expected) {
  struct picked p;
  picked_open(&p, form, precision, scale);
  const struct path_type type = {form, precision, scale};
  for (int i = 0; i < 3; i++) {   /* by the walk, then by what it has learned */
    struct buffer text;
    buffer_init(&text, 1000);
    bool picked = pick(&p, document);
    if (!picked) print_error("%s: %s\n", document, p.err.message);
    assert_true(picked);
    if (cell_is_null(&p.cells[1])) buffer_append_string(&text, "~");
    else assert_true(value_append(path_type_kind(&type), &p.cells[1], &text));
    char *shown = buffer_take_string(&text);
    assert_string_equal(shown, expected);
    free(shown);
  }
  picked_close(&p);
}

static void test_values_become_what_the_wire_would_have_sent(void **state) {
  assert_picks(FLATTEN_BOOL, 0, 0, "{\"a\": true}", "t");
  assert_picks(FLATTEN_BOOL, 0, 0, "{\"a\": false}", "f");
  assert_picks(FLATTEN_INT8, 0, 0, "{\"a\": -9223372036854775808}", "-9223372036854775808");
  assert_picks(FLATTEN_FLOAT8, 0, 0, "{\"a\": 1.50}", "1.5");
  assert_picks(FLATTEN_FLOAT8, 0, 0, "{\"a\": -0}", "-0");
  assert_picks(FLATTEN_STRING, 0, 0, "{\"a\": \"\"}", "");
  assert_picks(FLATTEN_STRING, 0, 0, "{\"a\": \"x\\n\\u00e9\\\"\"}", "x\n\xc3\xa9\"");
  assert_picks(FLATTEN_STRING, 0, 0, "{\"a\": \"null\"}", "null");
  for (enum flatten_form form = FLATTEN_BOOL; form <= FLATTEN_STRING; form++) {
    assert_picks(form, 5, 2, "{\"a\": null}", "~");
    assert_picks(form, 5, 2, "{\"b\": 1}", "~");
  }
}

static void test_numerics_have_their_scale_at_every_precision(void **state) {
  for (int scale = 0; scale <= 38; scale++) {
    for (int whole = scale ? 0 : 1; whole + scale <= 38; whole++) {
      char document[100], number[60] = "-", *to = number + 1;
      for (int i = 0; i < whole; i++) *to++ = (char)('1' + i % 9);
      if (!whole) *to++ = '0';
      if (scale) *to++ = '.';
      for (int i = 0; i < scale; i++) *to++ = (char)('1' + (whole + i) % 9);
      *to = '\0';
      snprintf(document, sizeof document, "{\"a\": %s}", number);
      assert_picks(FLATTEN_NUMERIC, whole + scale, scale, document, number);
    }
  }
  assert_picks(FLATTEN_NUMERIC, 5, 2, "{\"a\": 1e2}", "100.00");
  assert_picks(FLATTEN_NUMERIC, 5, 2, "{\"a\": 0}", "0.00");
  assert_picks(FLATTEN_NUMERIC, 38, 38, "{\"a\": 1e-38}", "0.00000000000000000000000000000000000001");
  assert_picks(FLATTEN_NUMERIC, 38, 0, "{\"a\": 2}", "2");          /* groups of zeros are left out */
  assert_picks(FLATTEN_NUMERIC, 38, 20, "{\"a\": -10000.5}", "-10000.50000000000000000000");
  assert_picks(FLATTEN_NUMERIC, 38, 20, "{\"a\": 0}", "0.00000000000000000000");
}

static void test_a_value_of_another_type_is_an_error_that_names_it(void **state) {
  static const struct { enum flatten_form form; const char *document, *value; } cases[] = {
      {FLATTEN_BOOL, "{\"a\": 1}", "1"},
      {FLATTEN_BOOL, "{\"a\": \"true\"}", "\"true\""},
      {FLATTEN_INT8, "{\"a\": 1.0}", "1.0"},
      {FLATTEN_INT8, "{\"a\": \"1\"}", "\"1\""},
      {FLATTEN_INT8, "{\"a\": 9223372036854775808}", "9223372036854775808"},
      {FLATTEN_FLOAT8, "{\"a\": 9007199254740993}", "9007199254740993"},
      {FLATTEN_FLOAT8, "{\"a\": [1]}", "[1]"},
      {FLATTEN_NUMERIC, "{\"a\": 1000}", "1000"},
      {FLATTEN_NUMERIC, "{\"a\": 0.001}", "0.001"},
      {FLATTEN_STRING, "{\"a\": 5}", "5"},
      {FLATTEN_STRING, "{\"a\": {}}", "{}"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct picked p;
    picked_open(&p, cases[i].form, 5, 2);
    assert_false(pick(&p, cases[i].document));
    assert_int_equal(p.err.code, ERR_VALUE);
    assert_non_null(strstr(p.err.message, "path a: "));
    assert_non_null(strstr(p.err.message, cases[i].value));
    picked_close(&p);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_only_whole_json_numbers_are_read),
      cmocka_unit_test(test_a_number_is_its_digits_and_where_the_point_is),
      cmocka_unit_test(test_exponents_of_any_size_are_no_overflow),
      cmocka_unit_test(test_whole_numbers_fit_64_bits_or_do_not),
      cmocka_unit_test(test_a_double_says_a_number_or_does_not),
      cmocka_unit_test(test_what_a_double_prints_as_is_said_by_it),
      cmocka_unit_test(test_a_decimal_holds_a_number_or_does_not),
      cmocka_unit_test(test_values_that_agree_have_a_type),
      cmocka_unit_test(test_where_decimals_are_preferred_only_long_numbers_are_doubles),
      cmocka_unit_test(test_values_that_do_not_agree_are_json),
      cmocka_unit_test(test_joined_collectors_keep_to_the_limit_and_say_what_they_left),
      cmocka_unit_test(test_keys_that_no_path_can_name_are_left_to_the_rest),
      cmocka_unit_test(test_values_become_what_the_wire_would_have_sent),
      cmocka_unit_test(test_numerics_have_their_scale_at_every_precision),
      cmocka_unit_test(test_a_value_of_another_type_is_an_error_that_names_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
