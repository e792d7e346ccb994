#include "row/json_number.h"

#include "row/digits.h"
#include "row/json_scan.h"
#include "row/value_text.h"

#include <stdio.h>
#include <stdlib.h>

#define EXPONENT_MAX (INT64_C(1) << 40)   /* beyond it nothing depends on how far */
#define EXACT_DIGITS 15                   /* DBL_DIG: two numbers of so many digits are never one double */
#define DOUBLE_DIGITS_MAX 17              /* of a double's shortest text */
#define NORMAL_EXPONENT_MAX 290           /* well inside of the normal doubles, where EXACT_DIGITS holds */
#define EXACT_POWER_MAX 22                /* 10^22 is a double, 10^23 is not */

static const int64_t small_powers[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
    1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
    1000000000000000000};

/* 10^exponent, 0 to 38. */
static unsigned __int128 power_of_ten(int64_t exponent) {
  unsigned __int128 power = 1;
  for (; exponent > 18; exponent -= 18) power *= (unsigned __int128)small_powers[18];
  return power * (unsigned __int128)small_powers[exponent];
}

/* Zeros in between count once another digit follows. */
struct mantissa {
  unsigned __int128 value;
  int64_t count, zeros;
};

static inline void add_digit(struct mantissa *m, unsigned digit) {
  if (digit == 0) {
    m->zeros += m->count > 0;
    return;
  }
  m->count += m->zeros + 1;
  if (m->count <= JSON_NUMBER_DIGITS_MAX) m->value = m->value * power_of_ten(m->zeros + 1) + digit;
  m->zeros = 0;
}

static const uint8_t *read_digits(const uint8_t *at, const uint8_t *end, struct mantissa *m) {
  for (; at < end && json_is_digit(*at); at++) add_digit(m, (unsigned)(*at - '0'));
  return at;
}

/* e, a sign or none, digits: behind a number that has been checked. */
static int64_t read_exponent(const uint8_t *at, const uint8_t *end) {
  int64_t exponent = 0;
  bool is_negative = at[1] == '-';
  for (at += 1 + (at[1] == '-' || at[1] == '+'); at < end; at++)
    if (exponent < EXPONENT_MAX) exponent = exponent * 10 + (*at - '0');
  return is_negative ? -exponent : exponent;
}

bool json_number_read(const uint8_t *at, const uint8_t *end, struct json_number *n) {
  if (json_skip_number(at, end) != end) return false;
  struct mantissa m = {0};
  n->is_negative = *at == '-';
  at += n->is_negative;
  at = read_digits(at, end, &m);
  const uint8_t *point = at;
  if (at < end && *at == '.') at = read_digits(at + 1, end, &m);
  int64_t fraction = at > point ? at - point - 1 : 0;
  int64_t exponent = at < end ? read_exponent(at, end) : 0;
  n->mantissa = m.value;
  n->digit_count = m.count;
  n->exponent = m.count ? exponent - fraction + m.zeros : 0;
  n->scale = fraction > exponent ? fraction - exponent : 0;
  int64_t whole = m.count + n->exponent;
  n->whole_digits = m.count && whole > 0 ? whole : 0;
  n->is_plain = point == end && !(n->is_negative && m.count == 0);
  return true;
}

bool json_number_to_int64(const uint8_t *at, const uint8_t *end, int64_t *v) {
  bool is_negative = at < end && *at == '-';
  const uint8_t *digits = at + is_negative;
  if (digits == end || end - digits > 19 || (*digits == '0' && (is_negative || end - digits > 1))) return false;
  uint64_t sum = 0;
  for (at = digits; at < end; at++) {
    if (!json_is_digit(*at)) return false;
    sum = sum * 10 + (uint64_t)(*at - '0');   /* 19 digits stay below 2^64 */
  }
  if (sum > (uint64_t)INT64_MAX + is_negative) return false;
  *v = is_negative ? (int64_t)(0 - sum) : (int64_t)sum;
  return true;
}

/* The nearest double. strtod rounds correctly; decant never leaves the C locale. */
static double nearest(const struct json_number *n) {
  static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  uint64_t mantissa = (uint64_t)n->mantissa;
  /* One operation on two exact doubles rounds once. */
  if (mantissa <= UINT64_C(1) << 53 && n->exponent >= -EXACT_POWER_MAX && n->exponent <= EXACT_POWER_MAX)
    return n->exponent < 0 ? (double)mantissa / powers[-n->exponent] : (double)mantissa * powers[n->exponent];
  uint8_t text[2 * DIGITS_MAX + 3], *to = digits_write(text, mantissa);
  *to++ = 'e';
  if (n->exponent < 0) *to++ = '-';
  to = digits_write(to, (uint64_t)(n->exponent < 0 ? -n->exponent : n->exponent));
  *to = '\0';
  return strtod((const char *)text, NULL);
}

static bool is_same(const struct json_number *n, const char *text) {
  struct json_number other;
  const uint8_t *at = (const uint8_t *)text;
  return json_number_read(at, at + strlen(text), &other) && other.digit_count == n->digit_count &&
         other.exponent == n->exponent && other.mantissa == n->mantissa;
}

/*
 * Is the number what the double v, its nearest, prints as? Some printers (PostgreSQL's) take no number that lies right
 * between two doubles, most do where reading it rounds to this one. So where the first says no, the second way is
 * asked: of all texts of as many digits it is the closest, and no shorter one reads back.
 */
static bool is_said_by(const struct json_number *n, double v) {
  char text[VALUE_TEXT_MAX + 1];
  int digits = (int)n->digit_count;
  *float8_text((uint8_t *)text, v) = '\0';
  if (is_same(n, text)) return true;
  snprintf(text, sizeof text, "%.*e", digits - 1, v);
  if (!is_same(n, text)) return false;
  if (digits == 1) return true;
  snprintf(text, sizeof text, "%.*e", digits - 2, v);
  return strtod(text, NULL) != v;
}

bool json_number_to_double(const struct json_number *n, double *v) {
  if (n->digit_count > DOUBLE_DIGITS_MAX) return false;
  int64_t lead = n->digit_count + n->exponent;
  if (lead > 400 || lead < -400) return false;
  double magnitude = n->digit_count ? nearest(n) : 0;
  bool is_certain = n->digit_count <= EXACT_DIGITS && lead >= -NORMAL_EXPONENT_MAX && lead <= NORMAL_EXPONENT_MAX;
  if (n->digit_count && !is_certain && !is_said_by(n, magnitude)) return false;
  *v = n->is_negative ? -magnitude : magnitude;
  return true;
}

bool json_number_to_decimal(const struct json_number *n, int precision, int scale, __int128 *unscaled) {
  int64_t zeros = n->exponent + scale;
  if (n->digit_count == 0) {
    *unscaled = 0;
    return true;
  }
  if (zeros < 0 || n->digit_count + zeros > precision) return false;
  __int128 v = (__int128)(n->mantissa * power_of_ten(zeros));
  *unscaled = n->is_negative ? -v : v;
  return true;
}
