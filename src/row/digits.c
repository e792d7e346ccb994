#include "row/digits.h"

const char digit_pairs[201] =
    "0001020304050607080910111213141516171819"
    "2021222324252627282930313233343536373839"
    "4041424344454647484950515253545556575859"
    "6061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

unsigned digits_count(uint64_t v) {
  static const uint64_t powers[DIGITS_MAX] = {
      0, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
      1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
      1000000000000000000, 10000000000000000000U};
  unsigned bits = 64 - (unsigned)__builtin_clzll(v | 1);
  unsigned guess = bits * 1233 >> 12;   /* log10(2) = 1233/4096: right, or one too few */
  return guess + (v >= powers[guess]);
}

uint8_t *digits_write_padded(uint8_t *to, uint64_t v, unsigned count) {
  uint8_t *end = to + count, *at = end;
  while (at - to >= 2) {
    at -= 2;
    digits_write_2(at, (unsigned)(v % 100));
    v /= 100;
  }
  if (at > to) *to = (uint8_t)('0' + v % 10);
  return end;
}

uint8_t *digits_write(uint8_t *to, uint64_t v) {
  if (v < 10) {
    *to = (uint8_t)('0' + v);
    return to + 1;
  }
  return digits_write_padded(to, v, digits_count(v));
}
