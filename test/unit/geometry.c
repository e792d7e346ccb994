#include "unit.h"

#include "base/buffer.h"
#include "format/parquet/geometry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* From hexadecimal digits, blanks between them; exactly as long, so that a sanitizer sees a byte read behind the end. */
static uint8_t *bytes_of(const char *hex, size_t *len) {
  uint8_t *bytes = malloc(strlen(hex) / 2 + 1);
  *len = 0;
  for (; *hex; hex += 2) {
    while (*hex == ' ') hex++;
    unsigned v;
    assert_int_equal(sscanf(hex, "%2x", &v), 1);
    bytes[(*len)++] = (uint8_t)v;
  }
  return bytes;
}

static enum geometry_result convert(const uint8_t *ewkb, size_t len, bool drops_m, struct buffer *wkb,
                                    struct geometry_facts *facts) {
  uint8_t *exact = malloc(len ? len : 1), *to = malloc(len ? len : 1);
  size_t wkb_len = 0;
  if (len) memcpy(exact, ewkb, len);
  enum geometry_result result = geometry_to_wkb(exact, len, drops_m, to, &wkb_len, facts);
  buffer_reset(wkb);
  if (result == GEOMETRY_OK) buffer_append(wkb, to, wkb_len);
  free(exact);
  free(to);
  return result;
}

static void expect(const char *ewkb_hex, bool drops_m, enum geometry_result wanted, const char *wkb_hex,
                   struct geometry_facts *facts) {
  size_t len, wanted_len;
  uint8_t *ewkb = bytes_of(ewkb_hex, &len);
  struct buffer wkb;
  buffer_init(&wkb, 4096);
  assert_int_equal(convert(ewkb, len, drops_m, &wkb, facts), wanted);
  if (wkb_hex) {
    uint8_t *bytes = bytes_of(wkb_hex, &wanted_len);
    assert_int_equal(wkb.len, wanted_len);
    assert_memory_equal(wkb.data, bytes, wanted_len);
    free(bytes);
  }
  /* Nothing that ends early, or goes on, is a geometry. */
  for (size_t cut = 0; wanted == GEOMETRY_OK && cut < len; cut++) {
    struct geometry_facts unused;
    assert_int_equal(convert(ewkb, cut, drops_m, &wkb, &unused), GEOMETRY_MALFORMED);
  }
  free(ewkb);
  buffer_deinit(&wkb);
}

#define ONE "000000000000F03F"
#define TWO "0000000000000040"
#define THREE "0000000000000840"

static void test_a_point_loses_its_srid_and_its_z_becomes_a_thousand(void **state) {
  struct geometry_facts f;
  expect("01 010000A0 E6100000" ONE TWO THREE, false, GEOMETRY_OK, "01 E9030000" ONE TWO THREE, &f);
  assert_int_equal(f.srid, 4326);
  assert_int_equal(f.types, 1 << 7);
  assert_true(f.min[0] == 1 && f.max[1] == 2 && f.max[2] == 3);
}

static void test_either_byte_order_is_read_and_kept(void **state) {
  struct geometry_facts f;
  expect("00 20000002 00000F11 00000002 3FF0000000000000 4000000000000000 4008000000000000 BFF0000000000000", false,
         GEOMETRY_OK, "00 00000002 00000002 3FF0000000000000 4000000000000000 4008000000000000 BFF0000000000000", &f);
  assert_int_equal(f.srid, 3857);
  assert_int_equal(f.types, 1 << 1);
  assert_true(f.min[0] == 1 && f.max[0] == 3 && f.min[1] == -1 && f.max[1] == 2 && f.min[2] > f.max[2]);
}

static void test_the_parts_of_a_collection_are_converted_too(void **state) {
  struct geometry_facts f;
  expect("01 04000080 02000000 01 01000080" ONE TWO THREE "01 01000080" THREE TWO ONE, false, GEOMETRY_OK,
         "01 EC030000 02000000 01 E9030000" ONE TWO THREE "01 E9030000" THREE TWO ONE, &f);
  assert_int_equal(f.types, 1 << 10);
  assert_true(f.max[0] == 3 && f.min[2] == 1);
}

static void test_m_is_left_out_where_that_is_asked_for(void **state) {
  struct geometry_facts f;
  expect("01 01000040" ONE TWO THREE, false, GEOMETRY_HAS_M, NULL, &f);
  expect("01 01000040" ONE TWO THREE, true, GEOMETRY_OK, "01 01000000" ONE TWO, &f);
  expect("01 010000C0" ONE TWO THREE ONE, true, GEOMETRY_OK, "01 E9030000" ONE TWO THREE, &f);
}

static void test_what_is_no_geometry_is_told_from_what_geoparquet_lacks(void **state) {
  struct geometry_facts f;
  expect("01 08000000 00000000", false, GEOMETRY_IS_FOREIGN, NULL, &f);                       /* a circular string */
  expect("01 07000000 01000000 01 11000000 00000000", false, GEOMETRY_IS_FOREIGN, NULL, &f);   /* with a triangle in it */
  expect("01 12000000 00000000", false, GEOMETRY_MALFORMED, NULL, &f);
  expect("02 01000000" ONE TWO, false, GEOMETRY_MALFORMED, NULL, &f);
  expect("01 02000000 FFFFFFFF" ONE TWO, false, GEOMETRY_MALFORMED, NULL, &f);
  expect("01 01000000" ONE TWO "00", false, GEOMETRY_MALFORMED, NULL, &f);
}

static void test_collections_without_end_do_not_exhaust_the_stack(void **state) {
  enum { DEPTH = 100000, BYTES = 9 };
  static const uint8_t collection_of_one[BYTES] = {1, 7, 0, 0, 0, 1, 0, 0, 0};
  uint8_t *ewkb = malloc(DEPTH * BYTES);
  struct buffer wkb;
  struct geometry_facts f;
  for (size_t i = 0; i < DEPTH; i++) memcpy(ewkb + i * BYTES, collection_of_one, BYTES);
  buffer_init(&wkb, 4096);
  assert_int_equal(convert(ewkb, DEPTH * BYTES, false, &wkb, &f), GEOMETRY_MALFORMED);
  buffer_deinit(&wkb);
  free(ewkb);
}

static void test_facts_of_other_srids_are_not_added(void **state) {
  struct geometry_facts all = {0}, none = {0}, point, other;
  expect("01 01000020 E6100000" ONE TWO, false, GEOMETRY_OK, NULL, &point);
  expect("01 01000000" ONE TWO, false, GEOMETRY_OK, NULL, &other);
  assert_true(geometry_facts_add(&all, &none));
  assert_false(all.has_values);
  assert_true(geometry_facts_add(&all, &point));
  assert_false(geometry_facts_add(&all, &other));
  assert_true(geometry_facts_add(&all, &none));
  assert_int_equal(all.srid, 4326);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_point_loses_its_srid_and_its_z_becomes_a_thousand),
      cmocka_unit_test(test_either_byte_order_is_read_and_kept),
      cmocka_unit_test(test_the_parts_of_a_collection_are_converted_too),
      cmocka_unit_test(test_m_is_left_out_where_that_is_asked_for),
      cmocka_unit_test(test_what_is_no_geometry_is_told_from_what_geoparquet_lacks),
      cmocka_unit_test(test_collections_without_end_do_not_exhaust_the_stack),
      cmocka_unit_test(test_facts_of_other_srids_are_not_added),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
