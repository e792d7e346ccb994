#include "format/parquet/decimal.h"

#include "base/bytes.h"

#include <stddef.h>

#define HEADER_BYTES 8
#define GROUP_DIGITS 4         /* numeric_send's digits are of base 10,000 */
#define GROUP_BASE 10000

enum { SIGN_POSITIVE = 0x0000, SIGN_NEGATIVE = 0x4000, SIGN_NAN = 0xC000, SIGN_INFINITY = 0xD000,
       SIGN_NEGATIVE_INFINITY = 0xF000 };

static const int64_t small_powers[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000};

__int128 decimal_power(int exponent) {
  return exponent <= 18   ? small_powers[exponent]
         : exponent <= 36 ? (__int128)small_powers[18] * small_powers[exponent - 18]
                          : (__int128)small_powers[18] * small_powers[18] * small_powers[exponent - 36];
}

int32_t decimal_width(int precision) {
  __int128 largest = decimal_power(precision) - 1;
  int32_t width = 1;
  while (width < 16 && largest >> (8 * width - 1)) width++;
  return width;
}

void decimal_store(uint8_t *to, __int128 v, int32_t width) {
  for (int32_t i = width; i-- > 0; v >>= 8) to[i] = (uint8_t)v;
}

__int128 decimal_load(const uint8_t *at, int32_t width) {
  unsigned __int128 v = at[0] & 0x80 ? ~(unsigned __int128)0 : 0;
  for (int32_t i = 0; i < width; i++) v = v << 8 | at[i];
  return (__int128)v;
}

static enum decimal_result special_of(unsigned sign) {
  switch (sign) {
    case SIGN_NAN: return DECIMAL_NAN;
    case SIGN_INFINITY: return DECIMAL_INFINITY;
    case SIGN_NEGATIVE_INFINITY: return DECIMAL_NEGATIVE_INFINITY;
    default: return DECIMAL_MALFORMED;
  }
}

/* No sum of so many groups passes 10^36, so they need no check for overflow. */
#define UNCHECKED_GROUPS 9

static bool multiply_add(__int128 *sum, int64_t factor, int64_t more, bool check) {
  if (!check) {
    *sum = *sum * factor + more;
    return true;
  }
  __int128 product;
  return !__builtin_mul_overflow(*sum, (__int128)factor, &product) &&
         !__builtin_add_overflow(product, (__int128)more, sum);
}

/* The digits times 10^scale. Of a group that the scale cuts only the part before the cut may be there. */
static enum decimal_result sum_groups(const uint8_t *digits, size_t count, int weight, int scale,
                                      __int128 *sum) {
  int exponent = GROUP_DIGITS * weight + scale;   /* of the lowest digit of the group that is due */
  *sum = 0;
  for (size_t i = 0; i < count; i++, exponent -= GROUP_DIGITS) {
    unsigned group = load_be16(digits + 2 * i);
    if (group >= GROUP_BASE) return DECIMAL_MALFORMED;
    int cut = exponent >= 0 ? 0 : exponent <= -GROUP_DIGITS ? GROUP_DIGITS : -exponent;
    unsigned divisor = (unsigned)small_powers[cut];
    if (cut && group % divisor) return DECIMAL_INEXACT;
    if (!multiply_add(sum, small_powers[GROUP_DIGITS - cut], group / divisor, i >= UNCHECKED_GROUPS))
      return DECIMAL_TOO_LARGE;
  }
  int zeros = exponent + GROUP_DIGITS;            /* behind the last group, not sent */
  if (zeros <= 0 || *sum == 0) return DECIMAL_OK;
  if (zeros > DECIMAL_PRECISION_MAX || __builtin_mul_overflow(*sum, decimal_power(zeros), sum))
    return DECIMAL_TOO_LARGE;
  return DECIMAL_OK;
}

enum decimal_result decimal_from_numeric(const uint8_t *data, int32_t len, int precision, int scale,
                                         __int128 *unscaled) {
  if (len < HEADER_BYTES) return DECIMAL_MALFORMED;
  size_t count = load_be16(data);
  int weight = (int16_t)load_be16(data + 2);
  unsigned sign = load_be16(data + 4);
  if ((size_t)len != HEADER_BYTES + 2 * count) return DECIMAL_MALFORMED;
  if (sign != SIGN_POSITIVE && sign != SIGN_NEGATIVE) return special_of(sign);
  __int128 sum;
  enum decimal_result result = sum_groups(data + HEADER_BYTES, count, weight, scale, &sum);
  if (result != DECIMAL_OK) return result;
  if (sum >= decimal_power(precision)) return DECIMAL_TOO_LARGE;
  *unscaled = sign == SIGN_NEGATIVE ? -sum : sum;
  return DECIMAL_OK;
}
