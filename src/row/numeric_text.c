/* numeric_out from numeric_send's bytes (src/backend/utils/adt/numeric.c). */
#include "base/bytes.h"
#include "row/digits.h"
#include "row/value_text.h"

#define HEADER_BYTES 8
#define DIGITS_PER_GROUP 4      /* a "digit" of the server's is one of base 10,000 */
#define SCALE_MAX 16383

enum numeric_sign {
  SIGN_POSITIVE = 0x0000,
  SIGN_NEGATIVE = 0x4000,
  SIGN_NAN = 0xC000,
  SIGN_INFINITY = 0xD000,
  SIGN_NEGATIVE_INFINITY = 0xF000,
};

static inline unsigned sign_of(const uint8_t *data) { return load_be16(data + 4); }

bool numeric_is_special(const uint8_t *data) { return (sign_of(data) & SIGN_NAN) == SIGN_NAN; }

size_t numeric_text_max(const uint8_t *data, int32_t len) {
  if (len < HEADER_BYTES) return 0;
  unsigned groups = load_be16(data), sign = sign_of(data), scale = load_be16(data + 6);
  if ((unsigned)len != HEADER_BYTES + 2 * groups || scale > SCALE_MAX) return 0;
  bool finite = sign == SIGN_POSITIVE || sign == SIGN_NEGATIVE;
  if (!finite && sign != SIGN_NAN && sign != SIGN_INFINITY && sign != SIGN_NEGATIVE_INFINITY) return 0;
  int weight = (int16_t)load_be16(data + 2);
  size_t whole = weight < 0 ? 1 : (size_t)(weight + 1) * DIGITS_PER_GROUP;
  /* Sign and point; the last group of the fraction is written whole, then cut. 9 is "-Infinity". */
  size_t text = 1 + whole + 1 + scale + DIGITS_PER_GROUP;
  return text < 9 ? 9 : text;
}

static uint8_t *special_write(uint8_t *to, unsigned sign) {
  if (sign == SIGN_NAN) {
    memcpy(to, "NaN", 3);
    return to + 3;
  }
  if (sign == SIGN_NEGATIVE_INFINITY) *to++ = '-';
  memcpy(to, "Infinity", 8);
  return to + 8;
}

/* The digits before the point. `at` walks the groups that are stored; behind them all are zero. */
static uint8_t *whole_write(uint8_t *to, const uint8_t **at, const uint8_t *end, int weight) {
  if (weight < 0) {
    *to = '0';
    return to + 1;
  }
  for (int i = 0; i <= weight; i++) {
    unsigned group = 0;
    if (*at < end) {
      group = load_be16(*at);
      *at += 2;
      if (group > 9999) return NULL;
    }
    if (i == 0 && group == 0 && weight > 0) return NULL;   /* the server's have no leading zeros, nor may JSON's */
    to = i == 0 ? digits_write_short(to, group) : digits_write_4(to, group);
  }
  return to;
}

static uint8_t *fraction_write(uint8_t *to, const uint8_t *at, const uint8_t *end, int weight, unsigned scale) {
  *to++ = '.';
  uint8_t *stop = to + scale;
  for (int place = -1; to < stop; place--) {   /* the weight of the group that is due */
    unsigned group = 0;
    if (place <= weight && at < end) {
      group = load_be16(at);
      at += 2;
      if (group > 9999) return NULL;
    }
    to = digits_write_4(to, group);
  }
  return stop;
}

uint8_t *numeric_text(uint8_t *to, const uint8_t *data) {
  unsigned sign = sign_of(data), scale = load_be16(data + 6);
  if ((sign & SIGN_NAN) == SIGN_NAN) return special_write(to, sign);
  const uint8_t *at = data + HEADER_BYTES, *end = at + 2 * load_be16(data);
  int weight = (int16_t)load_be16(data + 2);
  if (sign == SIGN_NEGATIVE) *to++ = '-';
  to = whole_write(to, &at, end, weight);
  return to && scale ? fraction_write(to, at, end, weight, scale) : to;
}
