/* Big-endian integers in the wire's bytes, at any alignment. The caller has checked that they are there. */
#pragma once
#include <stdint.h>
#include <string.h>

static inline uint16_t load_be16(const uint8_t *at) {
  uint16_t v;
  memcpy(&v, at, sizeof v);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static inline uint32_t load_be32(const uint8_t *at) {
  uint32_t v;
  memcpy(&v, at, sizeof v);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(v) : v;
}

static inline uint64_t load_be64(const uint8_t *at) {
  uint64_t v;
  memcpy(&v, at, sizeof v);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(v) : v;
}

static inline void store_be16(uint8_t *to, uint16_t v) {
  if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) v = __builtin_bswap16(v);
  memcpy(to, &v, sizeof v);
}

static inline void store_be32(uint8_t *to, uint32_t v) {
  if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) v = __builtin_bswap32(v);
  memcpy(to, &v, sizeof v);
}

static inline void store_be64(uint8_t *to, uint64_t v) {
  if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) v = __builtin_bswap64(v);
  memcpy(to, &v, sizeof v);
}
