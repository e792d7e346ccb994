/* PostgreSQL's numeric as Parquet's DECIMAL: the unscaled integer, value * 10^scale. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define DECIMAL_PRECISION_MAX 38   /* what every reader takes, and what 128 bits hold */

enum decimal_result {
  DECIMAL_OK,
  DECIMAL_NAN,
  DECIMAL_INFINITY,
  DECIMAL_NEGATIVE_INFINITY,
  DECIMAL_TOO_LARGE,      /* |value| >= 10^(precision - scale) */
  DECIMAL_INEXACT,        /* digits behind the scale */
  DECIMAL_MALFORMED,      /* no numeric_send bytes */
};

/* precision 1 to 38, scale 0 to precision. *unscaled is set with DECIMAL_OK only. */
enum decimal_result decimal_from_numeric(const uint8_t *data, int32_t len, int precision, int scale,
                                         __int128 *unscaled);

int32_t decimal_width(int precision); /* least bytes of two's complement that hold 10^precision - 1 */
__int128 decimal_power(int exponent);          /* 10^exponent, 0 to 38 */

/* Two's complement, big-endian, in `width` bytes (1 to 16). */
void decimal_store(uint8_t *to, __int128 v, int32_t width);
__int128 decimal_load(const uint8_t *at, int32_t width);
