/*
 * Floats as their shortest decimal text, by Raffaello Giulietti's method ("The Schubfach way to render
 * doubles", 2020), printed as float8out and float4out print it.
 *
 * A finite float is c * 2^q. Every decimal within half the gap to its neighbours reads back as it. The
 * power k is the largest with 10^k no wider than that interval: so some multiple of 10^k lies within, and
 * at most one multiple of 10^(k+1). If there is one it is the shortest text (its trailing zeros dropped);
 * else of the multiples of 10^k the one closest to the value is.
 *
 * As the server does, a decimal exactly on the interval's border is not taken, though it would read back
 * where the reader rounds ties to even: not all do.
 */
#include "row/digits.h"
#include "row/value_text.h"

struct power {
  uint64_t high, low;   /* a significand of 128 bits, its first bit set */
};
#include "float_powers.h"

struct decimal {
  uint64_t digits;
  int exponent;         /* value = digits * 10^exponent */
};

/* One kind of IEEE 754 number, and how the server prints it. */
struct ieee {
  int fraction_bits;
  int exponent_bias;    /* for c as an integer: q = stored exponent - bias */
  int fixed_digits;     /* DBL_DIG, FLT_DIG: exponents below this are printed without e */
};
static const struct ieee binary64 = {52, 1075, 15}, binary32 = {23, 150, 6};

/* Exact for the exponents of a double (tested against big integers): floors of logarithms. */
static inline int floor_log10_pow2(int e) { return (e * 1262611) >> 22; }
static inline int floor_log10_three_quarters_pow2(int e) { return (e * 1262611 - 524031) >> 22; }
static inline int floor_log2_pow10(int e) { return (e * 1741647) >> 19; }

/*
 * The upper 64 bits of g * c / 2^64, its last bit set if anything but zero was cut off. g is too large by
 * less than one unit, which shows in the cut bits as at most 1 and never in the kept ones.
 */
static inline uint64_t round_to_odd(struct power g, uint64_t c) {
  unsigned __int128 low = (unsigned __int128)g.low * c;
  unsigned __int128 product = (unsigned __int128)g.high * c + (uint64_t)(low >> 64);
  return (uint64_t)(product >> 64) | ((uint64_t)product > 1);
}

/* c > 0. The gap below is half as wide where c is the least of its binade. */
static struct decimal shortest(uint64_t c, int q, bool gap_below_is_half) {
  int k = gap_below_is_half ? floor_log10_three_quarters_pow2(q) : floor_log10_pow2(q);
  int shift = q + floor_log2_pow10(-k) + 1;
  struct power g = powers[-k - POWER_MIN];
  /* The value and the borders of its interval in units of 10^k / 4, fractions folded into the last bit. */
  uint64_t value = round_to_odd(g, (4 * c) << shift);
  uint64_t lower = round_to_odd(g, (4 * c - 2 + gap_below_is_half) << shift) + 1;
  uint64_t upper = round_to_odd(g, (4 * c + 2) << shift) - 1;

  uint64_t s = value / 4, tens = s / 10;
  bool tens_below = lower <= 40 * tens, tens_above = 40 * tens + 40 <= upper;
  if (tens_below != tens_above) return (struct decimal){tens + tens_above, k + 1};
  bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
  if (below != above) return (struct decimal){s + above, k};
  uint64_t middle = 4 * s + 2;
  bool up = value > middle || (value == middle && (s & 1));
  return (struct decimal){s + up, k};
}

static struct decimal drop_trailing_zeros(struct decimal d) {
  if (d.digits % 100000000 == 0) {   /* 0.25, 1e100: most of 17 digits at once */
    d.digits /= 100000000;
    d.exponent += 8;
  }
  while (d.digits % 100 == 0) {
    d.digits /= 100;
    d.exponent += 2;
  }
  if (d.digits % 10 == 0) {
    d.digits /= 10;
    d.exponent++;
  }
  return d;
}

/* 1.2345e+20: a sign and at least two digits in the exponent. */
static uint8_t *scientific_write(uint8_t *to, uint64_t digits, unsigned count, int exponent) {
  uint8_t *end = digits_write_padded(to + 1, digits, count);
  to[0] = to[1];
  to[1] = '.';
  to = count == 1 ? to + 1 : end;
  *to++ = 'e';
  *to++ = exponent < 0 ? '-' : '+';
  unsigned magnitude = (unsigned)(exponent < 0 ? -exponent : exponent);
  return magnitude < 100 ? digits_write_2(to, magnitude) : digits_write(to, magnitude);
}

/* `exponent` is that of the first digit, -4 or more. */
static uint8_t *fixed_write(uint8_t *to, uint64_t digits, unsigned count, int exponent) {
  if (exponent < 0) {
    memcpy(to, "0.000", 5);
    return digits_write_padded(to + 1 - exponent, digits, count);
  }
  unsigned whole = (unsigned)exponent + 1;
  if (count <= whole) {
    to = digits_write_padded(to, digits, count);
    memset(to, '0', whole - count);
    return to + whole - count;
  }
  uint8_t *end = digits_write_padded(to + 1, digits, count);
  memmove(to, to + 1, whole);
  to[whole] = '.';
  return end;
}

static uint8_t *special_write(uint8_t *to, bool negative, bool is_nan) {
  if (is_nan) {
    memcpy(to, "NaN", 3);
    return to + 3;
  }
  if (negative) *to++ = '-';
  memcpy(to, "Infinity", 8);
  return to + 8;
}

static inline uint8_t *float_write(uint8_t *to, uint64_t bits, bool negative, const struct ieee *type) {
  uint64_t fraction = bits & ((UINT64_C(1) << type->fraction_bits) - 1);
  int stored = (int)(bits >> type->fraction_bits);
  if (stored == 2 * (type->exponent_bias - type->fraction_bits) + 1)
    return special_write(to, negative, fraction != 0);
  if (negative) *to++ = '-';
  if (bits == 0) {
    *to = '0';
    return to + 1;
  }
  uint64_t c = stored ? fraction | UINT64_C(1) << type->fraction_bits : fraction;
  int q = (stored ? stored : 1) - type->exponent_bias;
  struct decimal d = drop_trailing_zeros(shortest(c, q, fraction == 0 && stored > 1));
  unsigned count = digits_count(d.digits);
  int exponent = d.exponent + (int)count - 1;
  if (exponent < -4 || exponent >= type->fixed_digits) return scientific_write(to, d.digits, count, exponent);
  return fixed_write(to, d.digits, count, exponent);
}

uint8_t *float8_text(uint8_t *to, double v) {
  /* Whole numbers are common, and print as themselves. (Not zero, which may be -0.) */
  if (v > -1e15 && v < 1e15 && v != 0 && v == (double)(int64_t)v) return int8_text(to, (int64_t)v);
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  return float_write(to, bits & ~(UINT64_C(1) << 63), bits >> 63, &binary64);
}

uint8_t *float4_text(uint8_t *to, float v) {
  if (v > -1e6F && v < 1e6F && v != 0 && v == (float)(int32_t)v) return int8_text(to, (int32_t)v);
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return float_write(to, bits & ~(UINT32_C(1) << 31), bits >> 31, &binary32);
}
