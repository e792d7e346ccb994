#include "unit.h"

#include "format/parquet/bounds.h"
#include "format/parquet/decimal.h"
#include "format/parquet/dictionary.h"
#include "format/parquet/levels.h"
#include "format/parquet/little_endian.h"
#include "format/parquet/spill.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

/* --- RLE and bit packing --- */

static void check_rle(const uint32_t *values, size_t count, unsigned width) {
  struct buffer out;
  struct rle_encoder encoder;
  struct rle_decoder decoder;
  buffer_init(&out, 1 << 24);
  rle_init(&encoder, &out, width);
  rle_put_array(&encoder, values, count);
  rle_finish(&encoder);
  assert_false(out.failed);
  assert_true(out.len <= rle_size_max(count, width));
  rle_decoder_init(&decoder, out.data, out.len, width);
  for (size_t i = 0; i < count; i++) {
    uint32_t v;
    assert_true(rle_next(&decoder, &v));
    assert_int_equal(v, values[i]);
  }
  buffer_deinit(&out);
}

static void test_runs_and_packed_groups_read_back_at_every_width(void **state) {
  static uint32_t values[3000];
  uint32_t seed = 7;
  for (unsigned width = 1; width <= 32; width++) {
    uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1;
    for (unsigned run = 1; run < 40; run += 3) {   /* runs of all lengths around 8, at all offsets */
      size_t n = 0;
      while (n < 3000) {
        seed = seed * 1664525 + 1013904223;
        uint32_t length = seed >> 16 & 1 ? run : 1;
        while (length-- && n < 3000) values[n++] = (seed >> 3) & mask;
      }
      for (size_t count = 0; count < 20; count++) check_rle(values, count, width);
      check_rle(values, 3000, width);
    }
  }
}

static void test_packed_values_are_laid_out_as_the_specification_shows(void **state) {
  /* Encodings.md: 0 to 7 at three bits are 10001000 11000110 11111010. */
  static const uint32_t values[] = {0, 1, 2, 3, 4, 5, 6, 7};
  struct buffer out;
  struct rle_encoder encoder;
  buffer_init(&out, 100);
  rle_init(&encoder, &out, 3);
  rle_put_array(&encoder, values, 8);
  rle_put(&encoder, 5, 300);
  rle_finish(&encoder);
  static const uint8_t expected[] = {0x03, 0x88, 0xC6, 0xFA, 0xD8, 0x04, 0x05};
  assert_int_equal(out.len, sizeof expected);
  assert_memory_equal(out.data, expected, sizeof expected);
  buffer_deinit(&out);
}

static void test_a_cut_stream_ends_and_reads_no_further(void **state) {
  uint8_t packed[] = {0x03, 0x88, 0xC6};
  struct rle_decoder d;
  uint32_t v;
  rle_decoder_init(&d, packed, sizeof packed, 3);
  int n = 0;
  while (rle_next(&d, &v)) n++;
  assert_int_equal(n, 5);
  static const uint8_t endless[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  rle_decoder_init(&d, endless, sizeof endless, 3);
  assert_false(rle_next(&d, &v));
}

static void test_levels_of_a_page_without_nulls_are_one_run(void **state) {
  struct levels l;
  struct error err;
  assert_true(levels_init(&l, 1, false, &err));
  for (int i = 0; i < 20000; i++) levels_add(&l, 1);
  levels_finish(&l);
  static const uint8_t expected[] = {0xC0, 0xB8, 0x02, 0x01};   /* 20,000 << 1 as a varint, then the value */
  assert_int_equal(l.bytes.len, sizeof expected);
  assert_memory_equal(l.bytes.data, expected, sizeof expected);
  levels_deinit(&l);
}

static void test_levels_are_counted_page_by_page(void **state) {
  struct levels l;
  struct error err;
  assert_true(levels_init(&l, 2, true, &err));
  for (uint32_t page = 1; page <= 3; page++) {
    for (uint32_t i = 0; i < 10 * page; i++) levels_add(&l, i % 5 == 0 ? 0 : 2);
    levels_finish(&l);
    assert_int_equal(l.counts[0], 2 * page);
    assert_int_equal(l.counts[1], 0);
    assert_int_equal(l.counts[2], 8 * page);
    levels_reset(&l, 100);
  }
  levels_deinit(&l);
}

/* As after a row of millions of items: what follows needs little again. */
static void test_a_page_of_many_levels_gives_their_memory_back(void **state) {
  struct levels l;
  struct error err;
  assert_true(levels_init(&l, 3, true, &err));
  for (uint32_t i = 0; i < 1000000; i++) levels_add(&l, i % 4);
  levels_finish(&l);
  assert_true(l.bytes.capacity >= 250000);
  levels_reset(&l, 1000);
  assert_int_equal(l.bytes.capacity, 1000);
  levels_add(&l, 3);
  levels_finish(&l);
  assert_false(l.bytes.failed);
  assert_int_equal(l.counts[3], 1);
  levels_deinit(&l);
}

/* --- dictionary --- */

static void test_a_dictionary_numbers_values_by_first_appearance(void **state) {
  struct dictionary_budget budget = {.max_bytes = 1 << 20};
  struct dictionary d;
  dictionary_init(&d, &budget, 0);
  assert_int_equal(dictionary_find_bytes(&d, "pear", 4), 0);
  assert_int_equal(dictionary_find_bytes(&d, "", 0), 1);
  assert_int_equal(dictionary_find_bytes(&d, "apple", 5), 2);
  assert_int_equal(dictionary_find_bytes(&d, "pear", 4), 0);
  static const uint8_t page[] = "\x04\0\0\0pear\0\0\0\0\x05\0\0\0apple";
  assert_int_equal(d.body.len, sizeof page - 1);
  assert_memory_equal(d.body.data, page, sizeof page - 1);
  dictionary_deinit(&d);
  assert_int_equal(budget.used_bytes, 0);
}

static void test_a_dictionary_finds_each_of_many_values_again(void **state) {
  struct dictionary_budget budget = {.max_bytes = 64 << 20};
  struct dictionary d4, d8, texts;
  dictionary_init(&d4, &budget, 4);
  dictionary_init(&d8, &budget, 8);
  dictionary_init(&texts, &budget, 0);
  for (int round = 0; round < 2; round++) {
    for (uint32_t i = 0; i < 50000; i++) {
      char text[32];
      int len = snprintf(text, sizeof text, "value %u", i * 7);
      assert_int_equal(dictionary_find4(&d4, i * 4), i);
      assert_int_equal(dictionary_find8(&d8, (uint64_t)i << 32), i);
      assert_int_equal(dictionary_find_bytes(&texts, text, (uint32_t)len), i);
    }
  }
  dictionary_deinit(&d4);
  dictionary_deinit(&d8);
  dictionary_deinit(&texts);
  assert_int_equal(budget.used_bytes, 0);
}

/* Values that come twice among those that are looked up together, too. */
static void test_a_dictionary_finds_many_at_once_what_it_finds_one_by_one(void **state) {
  static const uint32_t widths[] = {0, 16};
  for (size_t w = 0; w < 2; w++) {
    struct dictionary_budget budgets[2] = {{.max_bytes = 40000}, {.max_bytes = 40000}};
    struct dictionary one, many;
    dictionary_init(&one, &budgets[0], widths[w]);
    dictionary_init(&many, &budgets[1], widths[w]);
    uint32_t alone = 0;
    for (uint32_t from = 0; alone != DICTIONARY_FULL; from += DICTIONARY_KEYS_MAX) {
      char texts[DICTIONARY_KEYS_MAX][17];
      struct dictionary_key keys[DICTIONARY_KEYS_MAX];
      uint32_t indices[DICTIONARY_KEYS_MAX];
      for (uint32_t i = 0; i < DICTIONARY_KEYS_MAX; i++) {
        int len = snprintf(texts[i], sizeof texts[i], "value %010u", (from + i) * 7 % 10 + from / 3);
        keys[i] = (struct dictionary_key){(const uint8_t *)texts[i], (uint32_t)len};
      }
      size_t found = dictionary_find_many(&many, keys, DICTIONARY_KEYS_MAX, indices);
      for (size_t i = 0; i < DICTIONARY_KEYS_MAX && alone != DICTIONARY_FULL; i++) {
        alone = dictionary_find_bytes(&one, keys[i].bytes, keys[i].len);
        if (alone == DICTIONARY_FULL) assert_int_equal(found, i);
        else assert_int_equal(indices[i], alone);
      }
    }
    assert_int_equal(many.count, one.count);
    dictionary_deinit(&one);
    dictionary_deinit(&many);
  }
}

static void test_dictionaries_stop_at_their_common_budget_and_still_find_what_they_have(void **state) {
  struct dictionary_budget budget = {.max_bytes = 200000};
  struct dictionary a, b;
  dictionary_init(&a, &budget, 8);
  dictionary_init(&b, &budget, 0);
  uint32_t n = 0;
  while (dictionary_find8(&a, n) != DICTIONARY_FULL) n++;
  assert_in_range(n, 1000, 25000);
  assert_true(budget.used_bytes <= budget.max_bytes);
  assert_int_equal(a.count, n);
  assert_int_equal(dictionary_find8(&a, n - 1), n - 1);
  uint8_t large[100000] = {0};
  assert_int_equal(dictionary_find_bytes(&b, large, sizeof large), DICTIONARY_FULL);
  dictionary_deinit(&a);
  assert_int_equal(dictionary_find_bytes(&b, large, sizeof large), 0);
  dictionary_deinit(&b);
}

static void test_the_estimate_of_distinct_values_is_near_for_random_draws(void **state) {
  /* 20,000 draws from 50,000 hit about 16,484; a million hit all of them. */
  double expected = dictionary_estimate_distinct(20000, 16484, 1000000);
  assert_in_range((int)expected, 49000, 51000);
  assert_int_equal((int)dictionary_estimate_distinct(20000, 20000, 1000000), 1000000);
  assert_in_range((int)dictionary_estimate_distinct(20000, 3, 1000000), 3, 4);
}

/* --- decimals --- */

static struct { uint8_t bytes[64]; int32_t len; } wire;

static void make_numeric(int sign, int weight, int scale, int count, const int *groups) {
  const int head[] = {count, weight, sign, scale};
  wire.len = 8 + 2 * count;
  for (int i = 0; i < 4 + count; i++) {
    int v = i < 4 ? head[i] : groups[i - 4];
    wire.bytes[2 * i] = (uint8_t)(v >> 8);
    wire.bytes[2 * i + 1] = (uint8_t)v;
  }
}

static enum decimal_result convert(int precision, int scale, __int128 *v) {
  return decimal_from_numeric(wire.bytes, wire.len, precision, scale, v);
}

static void test_numerics_become_unscaled_integers(void **state) {
  __int128 v;
  make_numeric(0, 1, 4, 3, (int[]){12, 3456, 7800});          /* 123456.78 */
  assert_int_equal(convert(18, 4, &v), DECIMAL_OK);
  assert_true(v == 1234567800);
  assert_int_equal(convert(9, 2, &v), DECIMAL_OK);
  assert_true(v == 12345678);
  make_numeric(0x4000, -1, 4, 1, (int[]){500});               /* -0.0500 */
  assert_int_equal(convert(9, 2, &v), DECIMAL_OK);
  assert_true(v == -5);
  make_numeric(0, 2, 0, 1, (int[]){7});                       /* 700,000,000: zeros that are not sent */
  assert_int_equal(convert(9, 0, &v), DECIMAL_OK);
  assert_true(v == 700000000);
  make_numeric(0, 0, 0, 0, NULL);
  assert_int_equal(convert(38, 38, &v), DECIMAL_OK);
  assert_true(v == 0);
}

static void test_the_largest_decimal_of_38_digits_fits_and_the_next_does_not(void **state) {
  __int128 v;
  int nines[] = {99, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999};
  make_numeric(0x4000, 9, 0, 10, nines);
  assert_int_equal(convert(38, 0, &v), DECIMAL_OK);
  assert_true(v == -(decimal_power(38) - 1));
  assert_int_equal(convert(37, 0, &v), DECIMAL_TOO_LARGE);
  make_numeric(0, 9, 1, 11, (int[]){9, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9999, 9000});
  assert_int_equal(convert(38, 1, &v), DECIMAL_OK);           /* a cut group at the edge of 128 bits */
  assert_true(v == decimal_power(38) - 1);
  make_numeric(0, 9, 0, 1, (int[]){100});
  assert_int_equal(convert(38, 0, &v), DECIMAL_TOO_LARGE);
  make_numeric(0, 32767, 0, 1, (int[]){1});
  assert_int_equal(convert(38, 0, &v), DECIMAL_TOO_LARGE);
}

static void test_what_is_no_finite_decimal_is_told_apart(void **state) {
  __int128 v;
  make_numeric(0xC000, 0, 0, 0, NULL);
  assert_int_equal(convert(9, 2, &v), DECIMAL_NAN);
  make_numeric(0xD000, 0, 0, 0, NULL);
  assert_int_equal(convert(9, 2, &v), DECIMAL_INFINITY);
  make_numeric(0xF000, 0, 0, 0, NULL);
  assert_int_equal(convert(9, 2, &v), DECIMAL_NEGATIVE_INFINITY);
  make_numeric(0, 0, 3, 2, (int[]){1, 1230});
  assert_int_equal(convert(9, 2, &v), DECIMAL_INEXACT);
  make_numeric(0, 0, 0, 1, (int[]){10000});
  assert_int_equal(convert(9, 2, &v), DECIMAL_MALFORMED);
  make_numeric(0, 0, 0, 1, (int[]){1});
  wire.len--;
  assert_int_equal(convert(9, 2, &v), DECIMAL_MALFORMED);
  make_numeric(0x1234, 0, 0, 0, NULL);
  assert_int_equal(convert(9, 2, &v), DECIMAL_MALFORMED);
}

static void test_decimal_bytes_have_the_least_width_and_a_sign(void **state) {
  static const struct {
    int precision;
    int32_t width;
  } rows[] = {{1, 1}, {2, 1}, {3, 2}, {18, 8}, {19, 9}, {38, 16}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    __int128 largest = decimal_power(rows[i].precision) - 1;
    uint8_t bytes[16];
    assert_int_equal(decimal_width(rows[i].precision), rows[i].width);
    decimal_store(bytes, -largest, rows[i].width);
    assert_true(decimal_load(bytes, rows[i].width) == -largest);
    decimal_store(bytes, largest, rows[i].width);
    assert_true(decimal_load(bytes, rows[i].width) == largest);
  }
  uint8_t bytes[3];
  decimal_store(bytes, -2, 3);
  assert_memory_equal(bytes, "\xFF\xFF\xFE", 3);
}

/* --- bounds --- */

static void test_a_long_minimum_is_cut_and_a_long_maximum_cut_and_raised(void **state) {
  char text[101];
  struct bound b;
  memset(text, 'a', 100);
  bound_cut_min(&b, (uint8_t *)text, 100, true);
  assert_int_equal(b.len, 64);
  assert_false(b.exact);
  assert_true(bound_cut_max(&b, (uint8_t *)text, 100, true));
  assert_int_equal(b.len, 64);
  assert_int_equal(b.bytes[63], 'b');
  assert_false(b.exact);
  assert_true(bound_cut_max(&b, (uint8_t *)text, 64, true));
  assert_true(b.exact);
  assert_int_equal(b.bytes[63], 'a');
}

static void test_cuts_fall_between_characters_and_raised_text_stays_utf8(void **state) {
  uint8_t text[100];
  struct bound b;
  memset(text, 'a', sizeof text);
  memcpy(text + 62, "\xE2\x82\xAC", 3);                       /* the euro sign crosses byte 64 */
  bound_cut_min(&b, text, sizeof text, true);
  assert_int_equal(b.len, 62);
  assert_true(bound_cut_max(&b, text, sizeof text, true));
  assert_int_equal(b.len, 62);
  assert_int_equal(b.bytes[61], 'b');
  memset(text, 'a', sizeof text);
  memcpy(text + 61, "\xED\x9F\xBF", 3); /* U+D7FF: the next character skips the surrogates */
  assert_true(bound_cut_max(&b, text, sizeof text, true));
  assert_int_equal(b.len, 64);
  assert_memory_equal(b.bytes + 61, "\xEE\x80\x80", 3);
  memset(text, 'a', sizeof text);
  memcpy(text + 60, "\xF4\x8F\xBF\xBF", 4); /* the last character there is: raise the one before */
  assert_true(bound_cut_max(&b, text, sizeof text, true));
  assert_int_equal(b.len, 60);
  assert_int_equal(b.bytes[59], 'b');
}

static void test_bytes_that_cannot_be_raised_have_no_maximum(void **state) {
  uint8_t bytes[70];
  struct bound b;
  memset(bytes, 0xFF, sizeof bytes);
  assert_false(bound_cut_max(&b, bytes, sizeof bytes, false));
  bytes[10] = 0x41;
  assert_true(bound_cut_max(&b, bytes, sizeof bytes, false));
  assert_int_equal(b.len, 11);
  assert_int_equal(b.bytes[10], 0x42);
}

static void test_a_range_of_texts_compares_beyond_the_first_bytes(void **state) {
  static const char texts[] = "prefix-one" "prefix-onf" "prefix" "prefix\0" "\xC3\xA9";
  static const uint8_t lengths[] = {10, 10, 6, 7, 2};
  struct leaf leaf = {.physical = PHYSICAL_BYTE_ARRAY, .order = ORDER_BYTES};
  struct range r;
  struct bound min, max;
  range_reset(&r, ORDER_BYTES);
  size_t at = 0;
  for (size_t i = 0; i < 4; i++) {
    range_add_bytes(&r, (const uint8_t *)texts, at, lengths[i]);
    at += lengths[i];
  }
  assert_true(range_bounds(&r, &leaf, (const uint8_t *)texts, &min, &max));
  assert_int_equal(min.len, 6);
  assert_int_equal(max.len, 10);
  assert_int_equal(max.bytes[9], 'f');
  /* Beyond ASCII lies above: bytes are unsigned. */
  range_add_bytes(&r, (const uint8_t *)texts, at, lengths[4]);
  assert_true(range_bounds(&r, &leaf, (const uint8_t *)texts, &min, &max));
  assert_memory_equal(max.bytes, "\xC3\xA9", 2);
}

static void test_zeros_in_bounds_carry_the_outer_signs_and_nan_gives_none(void **state) {
  struct leaf leaf = {.physical = PHYSICAL_DOUBLE, .width = 8, .order = ORDER_FLOAT};
  struct range r;
  struct bound min, max;
  range_reset(&r, ORDER_FLOAT);
  range_add_real(&r, 0.0);
  assert_true(range_bounds(&r, &leaf, NULL, &min, &max));
  assert_int_equal(min.bytes[7], 0x80);
  assert_int_equal(max.bytes[7], 0x00);
  range_add_real(&r, (double)NAN);
  assert_false(range_bounds(&r, &leaf, NULL, &min, &max));
  assert_int_equal(r.nan_count, 1);
}

static void test_decimals_in_bytes_compare_by_sign(void **state) {
  struct leaf leaf = {.physical = PHYSICAL_FIXED, .width = 9, .order = ORDER_DECIMAL};
  struct range r;
  struct bound min, max;
  range_reset(&r, ORDER_DECIMAL);
  range_add_decimal(&r, 5);
  range_add_decimal(&r, -7);
  assert_true(range_bounds(&r, &leaf, NULL, &min, &max));
  assert_true(decimal_load(min.bytes, 9) == -7);
  assert_true(decimal_load(max.bytes, 9) == 5);
  assert_true(bound_compare(&min, &max, &leaf) < 0);
}

static void test_unsigned_numbers_compare_unsigned(void **state) {
  struct leaf leaf = {.physical = PHYSICAL_INT32, .width = 4, .order = ORDER_UNSIGNED};
  struct range r;
  struct bound min, max;
  range_reset(&r, ORDER_UNSIGNED);
  range_add_number(&r, 4000000000);
  range_add_number(&r, 1);
  assert_true(range_bounds(&r, &leaf, NULL, &min, &max));
  assert_int_equal(load_le32(max.bytes), 4000000000u);
  assert_true(bound_compare(&min, &max, &leaf) < 0);
}

/* --- spill --- */

static void test_spilled_bytes_read_back_from_file_and_memory(void **state) {
  struct spill s;
  struct error err;
  struct buffer out;
  buffer_init(&out, 1 << 20);
  spill_init(&s, 1000);
  for (int round = 0; round < 2; round++) {                   /* the file is used again after a reset */
    for (uint32_t i = 0; i < 1000; i++) {
      uint32_t three[] = {i, i + 1, i + 2};
      assert_int_equal(spill_end(&s), i * sizeof three);
      assert_true(spill_append(&s, three, sizeof three, &err));
    }
    uint8_t large[5000] = {42};
    assert_true(spill_append(&s, large, sizeof large, &err));
    assert_true(spill_append(&s, "tail", 4, &err));
    assert_true(s.fd >= 0);
    buffer_reset(&out);
    assert_true(spill_read(&s, 12 * 500, 24, &out, &err));
    assert_int_equal(((uint32_t *)(void *)out.data)[3], 501);
    buffer_reset(&out);
    assert_true(spill_read(&s, 12000, 5004, &out, &err));     /* across the border between file and memory */
    assert_int_equal(out.data[0], 42);
    assert_memory_equal(out.data + 5000, "tail", 4);
    spill_reset(&s);
    assert_int_equal(spill_end(&s), 0);
  }
  spill_deinit(&s);
  buffer_deinit(&out);
}

static void test_bytes_that_fit_make_no_file(void **state) {
  struct spill s;
  struct error err;
  spill_init(&s, 1000);
  for (int i = 0; i < 10; i++) assert_true(spill_append(&s, "0123456789", 10, &err));
  assert_int_equal(s.fd, -1);
  spill_deinit(&s);
}

static void test_a_folder_that_takes_no_file_is_named(void **state) {
  struct spill s;
  struct error err;
  char *before = getenv("TMPDIR");
  char *kept = before ? strdup(before) : NULL;
  setenv("TMPDIR", "/nowhere/at/all", 1);
  spill_init(&s, 4);
  assert_true(spill_append(&s, "1234", 4, &err));
  assert_false(spill_append(&s, "5", 1, &err));
  assert_int_equal(err.code, ERR_NO_SPACE);
  assert_non_null(strstr(err.message, "/nowhere/at/all"));
  spill_deinit(&s);
  if (kept) setenv("TMPDIR", kept, 1);
  else unsetenv("TMPDIR");
  free(kept);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_runs_and_packed_groups_read_back_at_every_width),
      cmocka_unit_test(test_packed_values_are_laid_out_as_the_specification_shows),
      cmocka_unit_test(test_a_cut_stream_ends_and_reads_no_further),
      cmocka_unit_test(test_levels_of_a_page_without_nulls_are_one_run),
      cmocka_unit_test(test_levels_are_counted_page_by_page),
      cmocka_unit_test(test_a_page_of_many_levels_gives_their_memory_back),
      cmocka_unit_test(test_a_dictionary_numbers_values_by_first_appearance),
      cmocka_unit_test(test_a_dictionary_finds_each_of_many_values_again),
      cmocka_unit_test(test_a_dictionary_finds_many_at_once_what_it_finds_one_by_one),
      cmocka_unit_test(test_dictionaries_stop_at_their_common_budget_and_still_find_what_they_have),
      cmocka_unit_test(test_the_estimate_of_distinct_values_is_near_for_random_draws),
      cmocka_unit_test(test_numerics_become_unscaled_integers),
      cmocka_unit_test(test_the_largest_decimal_of_38_digits_fits_and_the_next_does_not),
      cmocka_unit_test(test_what_is_no_finite_decimal_is_told_apart),
      cmocka_unit_test(test_decimal_bytes_have_the_least_width_and_a_sign),
      cmocka_unit_test(test_a_long_minimum_is_cut_and_a_long_maximum_cut_and_raised),
      cmocka_unit_test(test_cuts_fall_between_characters_and_raised_text_stays_utf8),
      cmocka_unit_test(test_bytes_that_cannot_be_raised_have_no_maximum),
      cmocka_unit_test(test_a_range_of_texts_compares_beyond_the_first_bytes),
      cmocka_unit_test(test_zeros_in_bounds_carry_the_outer_signs_and_nan_gives_none),
      cmocka_unit_test(test_decimals_in_bytes_compare_by_sign),
      cmocka_unit_test(test_unsigned_numbers_compare_unsigned),
      cmocka_unit_test(test_spilled_bytes_read_back_from_file_and_memory),
      cmocka_unit_test(test_bytes_that_fit_make_no_file),
      cmocka_unit_test(test_a_folder_that_takes_no_file_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
