/* Little-endian integers, as Parquet stores them, at any alignment. */
#pragma once
#include <stdint.h>
#include <string.h>

static inline uint32_t to_le32(uint32_t v) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap32(v);
}
static inline uint64_t to_le64(uint64_t v) {
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? v : __builtin_bswap64(v);
}
static inline void store_le32(uint8_t *to, uint32_t v) {
  v = to_le32(v);
  memcpy(to, &v, sizeof v);
}
static inline void store_le64(uint8_t *to, uint64_t v) {
  v = to_le64(v);
  memcpy(to, &v, sizeof v);
}
static inline uint32_t load_le32(const uint8_t *at) {
  uint32_t v;
  memcpy(&v, at, sizeof v);
  return to_le32(v);
}
static inline uint64_t load_le64(const uint8_t *at) {
  uint64_t v;
  memcpy(&v, at, sizeof v);
  return to_le64(v);
}
