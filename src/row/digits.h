/* Decimal digits of unsigned integers: what every number, date and time is printed with. */
#pragma once
#include <stdint.h>
#include <string.h>

extern const char digit_pairs[201];      /* "00" "01" … "99" */

#define DIGITS_MAX 20                    /* of UINT64_MAX */

/* How many decimal digits v has: 1 for 0. */
unsigned digits_count(uint64_t v);
/* Writes v without leading zeros. One past the last digit. */
uint8_t *digits_write(uint8_t *to, uint64_t v);
/* Writes v with exactly `count` digits, leading zeros included; v < 10^count. One past the last digit. */
uint8_t *digits_write_padded(uint8_t *to, uint64_t v, unsigned count);

static inline uint8_t *digits_write_2(uint8_t *to, unsigned v) {   /* v < 100 */
  memcpy(to, digit_pairs + 2 * v, 2);
  return to + 2;
}

static inline uint8_t *digits_write_4(uint8_t *to, unsigned v) {   /* v < 10,000 */
  digits_write_2(to, v / 100);
  return digits_write_2(to + 2, v % 100);
}

/*
 * v < 10,000 without leading zeros, and without a branch on how many digits that is: it cannot be predicted.
 * Writes 4 bytes. One past the last digit.
 */
static inline uint8_t *digits_write_short(uint8_t *to, unsigned v) {
  unsigned count = 1 + (v >= 10) + (v >= 100) + (v >= 1000);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  uint16_t high, low;
  memcpy(&high, digit_pairs + 2 * (v / 100), sizeof high);
  memcpy(&low, digit_pairs + 2 * (v % 100), sizeof low);
  uint32_t digits = (high | (uint32_t)low << 16) >> 8 * (4 - count);
  memcpy(to, &digits, sizeof digits);
#else
  uint8_t digits[8];
  digits_write_4(digits, v);
  memcpy(to, digits + 4 - count, 4);
#endif
  return to + count;
}
