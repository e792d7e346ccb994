/* The binary tuple, as it should be and as it must not be. */
#include "unit.h"

#include "base/bytes.h"
#include "base/buffer.h"
#include "row/wire.h"

/* Three fields: "abc", NULL, "" */
static const uint8_t tuple[] = {0, 3, 0, 0, 0, 3, 'a', 'b', 'c', 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0};

/* Splits an exact copy, so that the address sanitizer sees every byte read behind it. */
static bool split(const uint8_t *bytes, size_t len, size_t wire_count, size_t *used, struct error *err) {
  uint8_t *copy = malloc(len ? len : 1);
  struct cell cells[4];
  memcpy(copy, bytes, len);
  bool ok = wire_split(copy, len, wire_count, cells, used, err);
  free(copy);
  return ok;
}

static void assert_refused(const uint8_t *bytes, size_t len, size_t wire_count) {
  struct error err = {0};
  size_t used;
  assert_false(split(bytes, len, wire_count, &used, &err));
  assert_int_equal(err.code, ERR_SOURCE);
  assert_true(strlen(err.message) > 10);
}

static void test_a_tuple_becomes_cells_that_point_into_it(void **state) {
  struct cell cells[3];
  struct error err;
  size_t used;
  assert_true(wire_split(tuple, sizeof tuple, 3, cells, &used, &err));
  assert_int_equal(used, sizeof tuple);
  assert_ptr_equal(cells[0].data, tuple + 6);
  assert_int_equal(cells[0].len, 3);
  assert_true(cell_is_null(&cells[1]));
  assert_int_equal(cells[2].len, 0);
  assert_false(cell_is_null(&cells[2]));
}

static void test_only_one_tuple_of_a_longer_message_is_used(void **state) {
  uint8_t two[2 * sizeof tuple];
  struct error err;
  size_t used;
  memcpy(two, tuple, sizeof tuple);
  memcpy(two + sizeof tuple, tuple, sizeof tuple);
  assert_true(split(two, sizeof two, 3, &used, &err));
  assert_int_equal(used, sizeof tuple);
}

static void test_a_tuple_cut_anywhere_is_refused(void **state) {
  for (size_t len = 0; len < sizeof tuple; len++) assert_refused(tuple, len, 3);
}

static void test_a_tuple_of_another_count_of_fields_is_refused(void **state) {
  assert_refused(tuple, sizeof tuple, 2);
  assert_refused(tuple, sizeof tuple, 4);
  static const uint8_t none[] = {0, 0}, trailer[] = {0xFF, 0xFF};
  assert_refused(none, sizeof none, 1);
  assert_refused(trailer, sizeof trailer, 1);
}

static void test_lengths_that_cannot_be_are_refused(void **state) {
  static const int32_t lengths[] = {-2, INT32_MIN, 2, INT32_MAX};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    uint8_t one[] = {0, 1, 0, 0, 0, 0, 'x'};
    store_be32(one + 2, (uint32_t)lengths[i]);
    assert_refused(one, sizeof one, 1);
  }
}

static void test_as_many_fields_as_a_query_can_have_are_split(void **state) {
  static struct cell cells[WIRE_COLUMNS_MAX];
  struct buffer b;
  struct error err;
  size_t used;
  buffer_init(&b, 1 << 20);
  buffer_append_byte(&b, WIRE_COLUMNS_MAX >> 8);
  buffer_append_byte(&b, WIRE_COLUMNS_MAX & 0xFF);
  for (int i = 0; i < WIRE_COLUMNS_MAX; i++) buffer_append(&b, "\0\0\0\1y", 5);
  assert_true(wire_split(b.data, b.len, WIRE_COLUMNS_MAX, cells, &used, &err));
  assert_int_equal(used, b.len);
  assert_ptr_equal(cells[WIRE_COLUMNS_MAX - 1].data, b.data + b.len - 1);
  buffer_deinit(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_tuple_becomes_cells_that_point_into_it),
      cmocka_unit_test(test_only_one_tuple_of_a_longer_message_is_used),
      cmocka_unit_test(test_a_tuple_cut_anywhere_is_refused),
      cmocka_unit_test(test_a_tuple_of_another_count_of_fields_is_refused),
      cmocka_unit_test(test_lengths_that_cannot_be_are_refused),
      cmocka_unit_test(test_as_many_fields_as_a_query_can_have_are_split),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
