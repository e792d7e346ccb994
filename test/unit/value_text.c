/* The text of values, without a server; test/unit/server_text.c asks the server itself. */
#include "unit.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "row/datetime_text.h"
#include "row/value_text.h"

#include <math.h>
#include <stdio.h>

static void expect_text(enum kind kind, const void *bytes, int32_t len, const char *expected) {
  struct buffer out;
  buffer_init(&out, 1 << 20);
  struct cell cell = {bytes, len};
  bool ok = value_append(kind, &cell, &out);
  buffer_append_byte(&out, 0);
  if (expected) {
    assert_true(ok);
    assert_string_equal(out.data, expected);
  } else {
    assert_false(ok);
  }
  buffer_deinit(&out);
}

static void expect_int(enum kind kind, uint64_t value, const char *expected) {
  uint8_t bytes[8];
  store_be64(bytes, value);
  int32_t width = value_texts[kind].width;
  expect_text(kind, bytes + 8 - width, width, expected);
}

static void test_integers_have_their_extremes(void **state) {
  expect_int(KIND_INT2, 0x8000, "-32768");
  expect_int(KIND_INT4, 0x80000000, "-2147483648");
  expect_int(KIND_INT8, UINT64_C(1) << 63, "-9223372036854775808");
  expect_int(KIND_INT8, INT64_MAX, "9223372036854775807");
  expect_int(KIND_INT8, 0, "0");
  expect_int(KIND_OID, UINT32_MAX, "4294967295");
  for (uint64_t power = 1, i = 0; i < 19; i++, power *= 10) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)power);
    expect_int(KIND_INT8, power, text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)power - 1);
    expect_int(KIND_INT8, power - 1, text);
  }
}

static void expect_double(double v, const char *expected) {
  uint8_t text[VALUE_TEXT_MAX + 1];
  uint8_t *end = float8_text(text, v);
  *end = 0;
  assert_string_equal(text, expected);
}

static void test_doubles_are_the_shortest_that_read_back(void **state) {
  expect_double(0, "0");
  expect_double(-0.0, "-0");
  expect_double(0.1, "0.1");
  expect_double(1.0 / 3, "0.3333333333333333");
  expect_double(1e14, "100000000000000");
  expect_double(1e15, "1e+15");
  expect_double(123456789012345.6, "123456789012345.6");
  expect_double(1234567890123456, "1.234567890123456e+15");
  expect_double(0.0001, "0.0001");
  expect_double(0.00001, "1e-05");
  expect_double(5e-324, "5e-324");
  expect_double(1.7976931348623157e308, "1.7976931348623157e+308");
  expect_double(2.2250738585072014e-308, "2.2250738585072014e-308");
  expect_double(9007199254740994, "9.007199254740994e+15");
  expect_double(9.5367431640625e-07, "9.5367431640625e-07");
  expect_double((double)NAN, "NaN");
  expect_double((double)-INFINITY, "-Infinity");
}

static uint64_t random_state = 88172645463325252U;
static uint64_t random_u64(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 7;
  return random_state ^= random_state << 17;
}

static void test_random_doubles_read_back_and_no_shorter_text_does(void **state) {
  for (int i = 0; i < 100000; i++) {
    uint64_t bits = random_u64();
    double v, back;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v)) continue;
    uint8_t text[VALUE_TEXT_MAX + 1];
    *float8_text(text, v) = 0;
    back = strtod((char *)text, NULL);
    assert_memory_equal(&back, &v, sizeof v);
    int digits = 0, zeros = 0;   /* significant digits; zeros in a row at the end of them */
    for (uint8_t *c = text; *c && *c != 'e'; c++) {
      if (*c == '0') zeros += digits > 0;
      else if (*c >= '1' && *c <= '9') digits += zeros + 1, zeros = 0;
    }
    char shorter[40];
    if (digits < 2) continue;
    snprintf(shorter, sizeof shorter, "%.*e", digits - 2, v);
    /* A text exactly half-way to a neighbour reads back only by ties to even: neither the server nor we take it. */
    bool is_border = fabsl(strtold(shorter, NULL) - v) * 2 == fabsl((long double)nextafter(v, INFINITY) - v);
    assert_true(is_border || strtod(shorter, NULL) != v);
  }
}

static void test_every_float_exponent_reads_back(void **state) {
  for (int i = 0; i < 200000; i++) {
    uint32_t bits = (uint32_t)random_u64();
    float v, back;
    memcpy(&v, &bits, sizeof v);
    if (!isfinite(v)) continue;
    uint8_t text[VALUE_TEXT_MAX + 1];
    *float4_text(text, v) = 0;
    back = strtof((char *)text, NULL);
    assert_memory_equal(&back, &v, sizeof v);
  }
}

static void test_numerics_keep_their_scale(void **state) {
  expect_text(KIND_NUMERIC, "\0\0\0\0\0\0\0\0", 8, "0");
  expect_text(KIND_NUMERIC, "\0\0\0\0\0\0\0\3", 8, "0.000");
  expect_text(KIND_NUMERIC, "\0\1\0\0\0\0\0\4\0\1", 10, "1.0000");
  expect_text(KIND_NUMERIC, "\0\1\xFF\xFE\x40\0\0\7\x03\xE8", 10, "-0.0000100");
  expect_text(KIND_NUMERIC, "\0\2\0\3\0\0\0\0\0\1\0\2", 12, "1000200000000");
  expect_text(KIND_NUMERIC, "\0\1\0\0\0\0\0\1\x27\x10", 10, NULL);    /* a digit of 10,000 */
  expect_text(KIND_NUMERIC, "\0\2\0\1\0\0\0\0\0\0\0\1", 12, NULL);     /* leading zeros */
  expect_text(KIND_NUMERIC, "\0\0\0\1\0\0\0\0", 8, NULL);
  expect_text(KIND_NUMERIC, "\0\2\0\0\0\0\0\1\0\1", 10, NULL);        /* a digit is missing */
  expect_text(KIND_NUMERIC, "\0\0\0\0\x12\0\0\0", 8, NULL);           /* no such sign */
  expect_text(KIND_NUMERIC, "\0\0\0\0\0\0\x40\0", 8, NULL);           /* no such scale */
  expect_text(KIND_NUMERIC, "\0\0\0\0\0\0\0", 7, NULL);
}

static void test_the_longest_numeric_fits_its_announced_maximum(void **state) {
  uint8_t bytes[] = {0, 1, 0x7F, 0xFF, 0x40, 0, 0x3F, 0xFF, 0x27, 0x0F};
  size_t max = numeric_text_max(bytes, sizeof bytes);
  assert_int_equal(max, NUMERIC_TEXT_LIMIT);
  uint8_t *text = malloc(max);
  assert_non_null(text);
  assert_int_equal(numeric_text(text, bytes) - text, 1 + 32768 * 4 + 1 + 16383);
  free(text);
}

static void test_dates_reach_from_bc_to_beyond_five_digits(void **state) {
  expect_int(KIND_DATE, 0, "2000-01-01");
  expect_int(KIND_DATE, (uint32_t)-730119, "0001-01-01");
  expect_int(KIND_DATE, (uint32_t)-730120, "0001-12-31 BC");
  expect_int(KIND_DATE, (uint32_t)-2451545, "4714-11-24 BC");
  expect_int(KIND_DATE, (uint32_t)-2451546, NULL);
  expect_int(KIND_DATE, 2145031948, "5874897-12-31");
  expect_int(KIND_DATE, 2145031949, NULL);
  expect_int(KIND_DATE, (uint32_t)INT32_MIN, "-infinity");
}

static void test_fractions_of_seconds_are_trimmed(void **state) {
  expect_int(KIND_TIME, UINT64_C(86400000000), "24:00:00");
  expect_int(KIND_TIME, UINT64_C(86400000001), NULL);
  expect_int(KIND_TIME, (uint64_t)-1, NULL);
  expect_int(KIND_TIME, 100000, "00:00:00.1");
  expect_int(KIND_TIMESTAMP, (uint64_t)-1, "1999-12-31 23:59:59.999999");
  expect_int(KIND_TIMESTAMPTZ, 10, "2000-01-01 00:00:00.00001+00");
  expect_int(KIND_TIMESTAMP, (uint64_t)INT64_MIN, "-infinity");
  expect_int(KIND_TIMESTAMP, (uint64_t)INT64_MIN + 1, NULL);
}

static void test_iso_style_has_t_and_a_whole_zone(void **state) {
  uint8_t bytes[8], text[VALUE_TEXT_MAX + 1];
  store_be64(bytes, (uint64_t)-INT64_C(64500000000000000));
  *value_iso_texts[KIND_TIMESTAMPTZ].write(text, bytes) = 0;
  assert_string_equal(text, "0045-01-29T05:20:00+00:00 BC");
  *value_iso_texts[KIND_BOOL].write(text, (const uint8_t *)"\1") = 0;
  assert_string_equal(text, "true");
}

static void test_other_kinds_are_as_the_server_prints_them(void **state) {
  expect_text(KIND_BOOL, "\1", 1, "t");
  expect_text(KIND_BOOL, "\2", 1, NULL);
  expect_text(KIND_BYTEA, "\0\xFF\x10", 3, "\\x00ff10");
  expect_text(KIND_BYTEA, "", 0, "\\x");
  expect_text(KIND_JSONB, "\1{}", 3, "{}");
  expect_text(KIND_JSONB, "\2{}", 3, NULL);
  expect_text(KIND_JSONB, "", 0, NULL);
  expect_text(KIND_TEXT, "", 0, "");
}

static void test_a_typmod_of_numeric_gives_precision_and_scale(void **state) {
  int precision, scale;
  assert_true(numeric_typmod((18 << 16 | 4) + 4, &precision, &scale));
  assert_int_equal(precision, 18);
  assert_int_equal(scale, 4);
  assert_true(numeric_typmod((3 << 16 | (-5 & 0x7FF)) + 4, &precision, &scale));
  assert_int_equal(scale, -5);
  assert_true(numeric_typmod((1000 << 16 | 1000) + 4, &precision, &scale));
  assert_int_equal(scale, 1000);
  assert_false(numeric_typmod(-1, &precision, &scale));
}

static void test_utf8_is_valid_up_to_its_first_wrong_byte(void **state) {
  static const struct { const char *text; size_t valid; } cases[] = {
      {"plain ascii text that is longer than sixteen", 44},
      {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", 9},
      {"0123456789abcdef\xC0\xAF", 16},          /* overlong */
      {"a\xE0\x9F\xBF", 1},                      /* overlong */
      {"a\xED\xA0\x80", 1},                      /* a surrogate */
      {"a\xF4\x90\x80\x80", 1},                  /* above U+10FFFF */
      {"a\xF0\x8F\xBF\xBF", 1},                  /* overlong */
      {"ab\xE2\x82", 2},                         /* cut */
      {"ab\x80", 2},
      {"\xFF", 0},
      {"", 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(utf8_valid_prefix((const uint8_t *)cases[i].text, strlen(cases[i].text)),
                     cases[i].valid);
}

static void test_a_wrong_byte_is_found_wherever_it_stands(void **state) {
  for (size_t len = 1; len < 70; len++) {
    for (size_t at = 0; at < len; at++) {
      uint8_t *text = malloc(len);   /* exactly so many, for the sanitizer */
      assert_non_null(text);
      memset(text, 'a', len);
      if (at >= 5) memcpy(text + at - 5, "\xE2\x82\xAC", 3);
      assert_int_equal(utf8_valid_prefix(text, len), len);
      text[at] = 0xFF;
      assert_int_equal(utf8_valid_prefix(text, len), at);
      free(text);
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_integers_have_their_extremes),
      cmocka_unit_test(test_doubles_are_the_shortest_that_read_back),
      cmocka_unit_test(test_random_doubles_read_back_and_no_shorter_text_does),
      cmocka_unit_test(test_every_float_exponent_reads_back),
      cmocka_unit_test(test_numerics_keep_their_scale),
      cmocka_unit_test(test_the_longest_numeric_fits_its_announced_maximum),
      cmocka_unit_test(test_dates_reach_from_bc_to_beyond_five_digits),
      cmocka_unit_test(test_fractions_of_seconds_are_trimmed),
      cmocka_unit_test(test_iso_style_has_t_and_a_whole_zone),
      cmocka_unit_test(test_other_kinds_are_as_the_server_prints_them),
      cmocka_unit_test(test_a_typmod_of_numeric_gives_precision_and_scale),
      cmocka_unit_test(test_utf8_is_valid_up_to_its_first_wrong_byte),
      cmocka_unit_test(test_a_wrong_byte_is_found_wherever_it_stands),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
