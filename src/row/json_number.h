/*
 * A JSON number as what it says exactly: nothing is rounded on the way, and what a type cannot hold is not
 * given. Numbers may be of any length, with exponents of any size.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define JSON_NUMBER_DIGITS_MAX 38   /* that `mantissa` holds: a DECIMAL's most */

struct json_number {
  unsigned __int128 mantissa;   /* the digits, without zeros at either end; undefined beyond the limit */
  int64_t digit_count;          /* of them; 0: the number is zero */
  int64_t exponent;             /* value = ±mantissa * 10^exponent; 0 where it is zero */
  int64_t whole_digits;         /* before the point, once it is written without an exponent; 0 below 1 */
  int64_t scale;                /* behind the point, likewise: 2 in 1.50, 0 in 1e2, 3 in 1.5e-2 */
  bool is_negative;             /* also of -0 */
  bool is_plain;                /* digits alone, with a sign or not; -0 is not plain */
};

/* The whole text must be one number by RFC 8259; false where it is none. */
bool json_number_read(const uint8_t *at, const uint8_t *end, struct json_number *n);

/* A plain number that fits. */
bool json_number_to_int64(const uint8_t *at, const uint8_t *end, int64_t *v);
/*
 * The double whose shortest text, the one that reads back as the same double, says this very number. False
 * where there is none: 0.1 has one, 0.10000000000000000555 has not, 9007199254740993 has not.
 */
bool json_number_to_double(const struct json_number *n, double *v);
/* value * 10^scale, where that is whole and less than 10^precision (1 to 38); scale 0 to precision. */
bool json_number_to_decimal(const struct json_number *n, int precision, int scale, __int128 *unscaled);
