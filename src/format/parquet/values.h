/*
 * A page's values as PLAIN lays them out: what every other encoding is made from. Borrowed.
 *
 * Each encoder appends to `out`, which must not hold the values, and keeps no memory. A failed allocation marks
 * the buffer.
 */
#pragma once
#include "base/buffer.h"

struct plain_values {
  const uint8_t *bytes;
  size_t len;
  uint32_t count;
  uint32_t width;      /* bytes of a value; 0: BYTE_ARRAY, each value behind its length */
};
