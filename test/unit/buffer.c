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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_appending_grows_up_to_the_maximum_and_not_beyond),
      cmocka_unit_test(test_a_failure_is_sticky_until_reset),
      cmocka_unit_test(test_taking_a_string_leaves_the_buffer_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
