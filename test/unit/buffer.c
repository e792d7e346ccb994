#include "unit.h"

#include "base/buffer.h"

static void test_appending_grows_up_to_the_maximum_and_not_beyond(void **state) {
  struct buffer b;
  buffer_init(&b, 1000);
  for (int i = 0; i < 1000; i++) buffer_append_byte(&b, (uint8_t)i);
  struct error err;
  assert_true(buffer_check(&b, "test", &err));
  assert_int_equal(b.len, 1000);
  assert_true(b.capacity <= 1000);
  buffer_append_byte(&b, 1);
  assert_false(buffer_check(&b, "test", &err));
  assert_int_equal(err.code, ERR_MEMORY);
  assert_int_equal(b.len, 1000);
  buffer_deinit(&b);
}

static void test_a_failure_is_sticky_until_reset(void **state) {
  struct buffer b;
  buffer_init(&b, 4);
  buffer_append_string(&b, "hello");
  buffer_append_byte(&b, 'x');
  assert_int_equal(b.len, 0);
  buffer_reset(&b);
  buffer_append_byte(&b, 'x');
  assert_int_equal(b.len, 1);
  buffer_deinit(&b);
}

static void test_taking_a_string_leaves_the_buffer_empty(void **state) {
  struct buffer b;
  buffer_init(&b, 100);
  buffer_appendf(&b, "%d %s", 42, "rows");
  char *text = buffer_take_string(&b);
  assert_string_equal(text, "42 rows");
  assert_int_equal(b.len, 0);
  assert_null(b.data);
  free(text);
}

struct taken { uint8_t bytes[400000]; size_t len; int times; bool refuses; };

static bool take(void *context, struct buffer *b) {
  struct taken *t = context;
  if (t->refuses) return false;
  memcpy(t->bytes + t->len, b->data, b->len);
  t->len += b->len;
  t->times++;
  buffer_reset(b);
  return true;
}

#define FULL_BYTES ((size_t)100000)

static void test_a_long_value_is_taken_in_pieces_and_the_buffer_stays_small(void **state) {
  static struct taken t;
  t = (struct taken){.len = 0};
  static uint8_t value[390000];
  for (size_t i = 0; i < sizeof value; i++) value[i] = (uint8_t)(i * 31 >> 3);
  const struct buffer_drain drain = {take, &t, FULL_BYTES};
  struct buffer b;
  buffer_init(&b, SIZE_MAX / 2);
  b.drain = &drain;
  buffer_append_long(&b, value, sizeof value);
  assert_true(t.times >= 2);
  assert_true(b.capacity <= 2 * (FULL_BYTES + BUFFER_PIECE_BYTES));
  assert_true(b.len > 0);   /* the last piece stays: whoever wrote it may still want to take its last byte back */
  assert_true(take(&t, &b));
  assert_int_equal(t.len, sizeof value);
  assert_memory_equal(t.bytes, value, sizeof value);
  buffer_deinit(&b);
}

static void test_a_buffer_that_nobody_takes_from_has_failed(void **state) {
  static struct taken t;
  t = (struct taken){.refuses = true};
  static const uint8_t value[200000];
  const struct buffer_drain drain = {take, &t, FULL_BYTES};
  struct buffer b;
  struct error err;
  buffer_init(&b, SIZE_MAX / 2);
  b.drain = &drain;
  buffer_append_long(&b, value, sizeof value);
  assert_false(buffer_check(&b, "test", &err));
  buffer_deinit(&b);
}

static void test_a_huge_buffer_grows_by_an_eighth(void **state) {
  struct buffer b;
  buffer_init(&b, SIZE_MAX / 2);
  assert_non_null(buffer_reserve(&b, (size_t)100 << 20));
  assert_true(b.capacity <= ((size_t)100 << 20) / 8 * 9);
  buffer_deinit(&b);
}

static void test_swapping_exchanges_what_is_held_but_neither_maximum_nor_drain(void **state) {
  const struct buffer_drain drain = {take, NULL, 1};
  struct buffer a, b;
  buffer_init(&a, 1000);
  buffer_init(&b, 2000);
  a.drain = &drain;
  buffer_append_string(&a, "one");
  buffer_swap(&a, &b);
  assert_int_equal(a.len, 0);
  assert_int_equal(b.len, 3);
  assert_memory_equal(b.data, "one", 3);
  assert_int_equal(a.max, 1000);
  assert_ptr_equal(a.drain, &drain);
  assert_null(b.drain);
  buffer_deinit(&a);
  buffer_deinit(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_appending_grows_up_to_the_maximum_and_not_beyond),
      cmocka_unit_test(test_a_failure_is_sticky_until_reset),
      cmocka_unit_test(test_taking_a_string_leaves_the_buffer_empty),
      cmocka_unit_test(test_a_long_value_is_taken_in_pieces_and_the_buffer_stays_small),
      cmocka_unit_test(test_a_buffer_that_nobody_takes_from_has_failed),
      cmocka_unit_test(test_a_huge_buffer_grows_by_an_eighth),
      cmocka_unit_test(test_swapping_exchanges_what_is_held_but_neither_maximum_nor_drain),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
