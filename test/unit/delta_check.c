/* The check of Parquet's delta encodings, on runs that no writer makes. */
#include "unit.h"

#include "base/buffer.h"
#include "format/parquet/delta_check.h"

#define BLOCK_VALUES (UINT64_C(1) << 20)

static void put_varint(struct buffer *to, uint64_t v) {
  for (; v >= 0x80; v >>= 7) buffer_append_byte(to, (uint8_t)(v | 0x80));
  buffer_append_byte(to, (uint8_t)v);
}

static void put_zigzag(struct buffer *to, int64_t v) {
  put_varint(to, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

/* first, first + step, … `count` of them, in blocks of one miniblock of width 0: three bytes for a million. */
static void put_line(struct buffer *to, uint64_t count, int64_t first, int64_t step) {
  put_varint(to, BLOCK_VALUES);
  put_varint(to, 1);
  put_varint(to, count);
  put_zigzag(to, first);
  for (uint64_t done = 1; done < count; done += BLOCK_VALUES) {
    put_zigzag(to, step);
    buffer_append_byte(to, 0);
  }
}

static bool check(bool (*of)(const uint8_t *, size_t, uint64_t, struct error *), struct buffer *b,
                  uint64_t count) {
  struct error err;
  bool ok = of(b->data, b->len, count, &err);
  if (!ok) assert_int_equal(err.code, ERR_VALUE);
  buffer_deinit(b);
  return ok;
}

static struct buffer new_bytes(void) {
  struct buffer b;
  buffer_init(&b, 1u << 28);
  return b;
}

static bool check_strings(uint64_t count, int64_t prefix, int64_t prefix_step, int64_t suffix,
                          int64_t suffix_step, size_t bytes) {
  struct buffer b = new_bytes();
  put_line(&b, count, prefix, prefix_step);
  put_line(&b, count, suffix, suffix_step);
  for (size_t i = 0; i < bytes; i++) buffer_append_byte(&b, 'x');
  return check(delta_check_strings, &b, count);
}

/* A trillion values in three megabytes: looked at one by one they would take an hour. */
static void test_values_without_bits_take_no_time(void **state) {
  const uint64_t count = UINT64_C(1) << 40;
  struct buffer b = new_bytes();
  put_line(&b, count, -7, 3);
  assert_true(check(delta_check_integers, &b, count));
  b = new_bytes();
  put_line(&b, count, 0, 0);
  assert_true(check(delta_check_lengths, &b, count));
  assert_true(check_strings(count, 0, 0, 0, 0, 0));
}

static void test_lengths_add_up_to_the_bytes_behind_them(void **state) {
  for (int more = -1; more <= 1; more++) {
    struct buffer b = new_bytes();
    put_line(&b, 100, 5, 2);   /* 5, 7, … 203 */
    for (int i = 0; i < 100 * (5 + 203) / 2 + more; i++) buffer_append_byte(&b, 'x');
    assert_int_equal(check(delta_check_lengths, &b, 100), more == 0);
  }
}

static void test_no_length_is_negative_or_longer_than_all(void **state) {
  static const struct { int64_t first, step; } lines[] = {{-1, 0}, {5, -3}, {0, INT64_MAX}, {INT64_MAX, 1}, {1, INT64_MIN}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    struct buffer b = new_bytes();
    put_line(&b, 3, lines[i].first, lines[i].step);
    for (int k = 0; k < 6; k++) buffer_append_byte(&b, 'x');
    assert_false(check(delta_check_lengths, &b, 3));
  }
}

static void test_a_prefix_is_no_longer_than_the_value_before(void **state) {
  assert_true(check_strings(10, 0, 1, 1, 0, 10));      /* x, xx, xxx … */
  assert_false(check_strings(10, 0, 2, 1, 0, 10));
  assert_false(check_strings(10, 1, 0, 1, 0, 10));     /* nothing stands before the first */
  assert_false(check_strings(10, 0, -1, 1, 0, 10));
  assert_true(check_strings(4, 0, 1, 4, -1, 4 + 3 + 2 + 1));
  assert_false(check_strings(6, 0, 2, 5, -1, 5 + 4 + 3 + 2 + 1));   /* the last: 10, behind 8 + 1 */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values_without_bits_take_no_time),
      cmocka_unit_test(test_lengths_add_up_to_the_bytes_behind_them),
      cmocka_unit_test(test_no_length_is_negative_or_longer_than_all),
      cmocka_unit_test(test_a_prefix_is_no_longer_than_the_value_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
