#include "format/parquet/bound_order.h"

#include "format/parquet/little_endian.h"
#include "format/parquet/spec.h"

enum { CONVERTED_INTERVAL = 21 };
enum { LOGICAL_UNKNOWN = 11, LOGICAL_FLOAT16 = 15 };   /* from FLOAT16 on: VARIANT, GEOMETRY … have no order, or another */

bool bound_order_is_known(const struct file_element *leaf) {
  return leaf->physical >= 0 && leaf->physical != PHYSICAL_INT96 && leaf->physical <= PHYSICAL_FIXED &&
         leaf->logical < LOGICAL_FLOAT16 && leaf->logical != LOGICAL_UNKNOWN && leaf->converted != CONVERTED_INTERVAL;
}

bool bound_order_fits(const struct file_element *leaf, const struct bound_facts *b) {
  switch (leaf->physical) {
    case PHYSICAL_BOOLEAN: return b->len == 1;
    case PHYSICAL_BYTE_ARRAY: return !file_element_is_decimal(leaf) || (b->len > 0 && b->len <= BOUND_KEPT_MAX);
    case PHYSICAL_FIXED:
      if (file_element_is_decimal(leaf)) return b->len > 0 && b->len <= BOUND_KEPT_MAX && b->len == (uint64_t)leaf->width;
      return b->len <= (uint64_t)leaf->width;   /* a bound may be cut */
    default: return b->len == file_element_width(leaf);
  }
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_bytes(const uint8_t *a, uint64_t a_len, const uint8_t *b, uint64_t b_len) {
  size_t a_kept = a_len < BOUND_KEPT_MAX ? (size_t)a_len : BOUND_KEPT_MAX;
  size_t b_kept = b_len < BOUND_KEPT_MAX ? (size_t)b_len : BOUND_KEPT_MAX;
  int order = memcmp(a, b, a_kept < b_kept ? a_kept : b_kept);
  return order ? order : COMPARE(a_kept, b_kept);
}

/* Two's complement, big-endian: the shorter one is extended by its sign; then the first byte decides signed. */
static int compare_decimals(const struct bound_facts *a, const struct bound_facts *b) {
  size_t len = (size_t)(a->len > b->len ? a->len : b->len);
  uint8_t wide[2][BOUND_KEPT_MAX];
  const struct bound_facts *both[2] = {a, b};
  for (int i = 0; i < 2; i++) {
    size_t own = (size_t)both[i]->len, extension = len - own;
    memset(wide[i], both[i]->bytes[0] & 0x80 ? 0xFF : 0, extension);
    memcpy(wide[i] + extension, both[i]->bytes, own);
    wide[i][0] ^= 0x80;
  }
  return memcmp(wide[0], wide[1], len);
}

static int compare_reals(const struct file_element *leaf, const uint8_t *a, const uint8_t *b) {
  double x, y;
  if (leaf->physical == PHYSICAL_FLOAT) {
    float narrow[2];
    uint32_t bits[2] = {load_le32(a), load_le32(b)};
    memcpy(narrow, bits, sizeof narrow);
    x = narrow[0], y = narrow[1];
  } else {
    uint64_t bits[2] = {load_le64(a), load_le64(b)};
    memcpy(&x, &bits[0], sizeof x);
    memcpy(&y, &bits[1], sizeof y);
  }
  return COMPARE(x, y);
}

static int compare_integers(uint64_t a, uint64_t b, bool compares_unsigned) {
  return compares_unsigned ? COMPARE(a, b) : COMPARE((int64_t)a, (int64_t)b);
}

int bound_order_compare(const struct file_element *leaf, const struct bound_facts *a, const struct bound_facts *b) {
  uint32_t a4 = load_le32(a->bytes), b4 = load_le32(b->bytes);
  switch (leaf->physical) {
    case PHYSICAL_BOOLEAN: return COMPARE(a->bytes[0], b->bytes[0]);
    case PHYSICAL_INT32:
      if (file_element_is_unsigned(leaf)) return COMPARE(a4, b4);
      return COMPARE((int32_t)a4, (int32_t)b4);
    case PHYSICAL_INT64: return compare_integers(load_le64(a->bytes), load_le64(b->bytes), file_element_is_unsigned(leaf));
    case PHYSICAL_FLOAT:
    case PHYSICAL_DOUBLE: return compare_reals(leaf, a->bytes, b->bytes);
    default: return file_element_is_decimal(leaf) ? compare_decimals(a, b) : compare_bytes(a->bytes, a->len, b->bytes, b->len);
  }
}
