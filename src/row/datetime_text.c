#include "row/datetime_text.h"

#include "base/bytes.h"
#include "row/digits.h"

#include <stddef.h>

#define US_PER_SECOND 1000000
#define US_PER_DAY INT64_C(86400000000)

/* PostgreSQL's ranges (src/include/datatype/timestamp.h): from 4714-11-24 BC; the ends are exclusive. */
#define DATE_MIN (-2451545)
#define DATE_END (2147483494 - 2451545)
#define TIMESTAMP_MIN INT64_C(-211813488000000000)
#define TIMESTAMP_END INT64_C(9223371331200000000)
#define ZONE_OFFSET_END (100 * 3600)   /* seconds: more would not fit two digits, and no zone comes near */

/* What differs between the styles. */
struct style {
  char separator;     /* between date and time */
  uint8_t zone_len;
  char zone[7];
  bool has_minutes;   /* of an offset from UTC, even where they are 0 */
};
static const struct style plain = {' ', 0, "", false}, plain_utc = {' ', 3, "+00", false};
static const struct style iso = {'T', 0, "", true}, iso_utc = {'T', 6, "+00:00", true};

/* Writes year, month and day; *before_christ asks for " BC" at the end of the whole text. */
static uint8_t *civil_write(uint8_t *to, int32_t days, bool *before_christ) {
  /* Days since 4801-03-01 BC: years that begin in March have their leap day at the end, and no day that
     PostgreSQL knows is negative. */
  uint64_t n = (uint64_t)((int64_t)days + 730425 + 12 * 146097);
  uint64_t century = (4 * n + 3) / 146097;
  uint32_t day_of_century = (uint32_t)(n - 146097 * century / 4);
  uint32_t year_of_century = (4 * day_of_century + 3) / 1461;
  uint32_t day_of_year = day_of_century - 1461 * year_of_century / 4;
  uint32_t month = (5 * day_of_year + 2) / 153;   /* 0: March */
  uint32_t day = day_of_year - (153 * month + 2) / 5 + 1;
  int32_t year = (int32_t)(100 * century + year_of_century) - 4800 + (month >= 10);
  *before_christ = year <= 0;
  if (year <= 0) year = 1 - year;
  to = year < 10000 ? digits_write_4(to, (unsigned)year) : digits_write(to, (uint64_t)year);
  *to++ = '-';
  to = digits_write_2(to, month < 10 ? month + 3 : month - 9);
  *to++ = '-';
  return digits_write_2(to, day);
}

static uint8_t *clock_write(uint8_t *to, int64_t us) {
  uint32_t seconds = (uint32_t)(us / US_PER_SECOND), fraction = (uint32_t)(us % US_PER_SECOND);
  to = digits_write_2(to, seconds / 3600);
  *to++ = ':';
  to = digits_write_2(to, seconds / 60 % 60);
  *to++ = ':';
  to = digits_write_2(to, seconds % 60);
  if (fraction == 0) return to;
  *to++ = '.';
  to = digits_write_padded(to, fraction, 6);
  while (to[-1] == '0') to--;
  return to;
}

static uint8_t *infinity_write(uint8_t *to, bool negative) {
  if (negative) *to++ = '-';
  memcpy(to, "infinity", 8);
  return to + 8;
}

static uint8_t *era_write(uint8_t *to, bool before_christ) {
  if (!before_christ) return to;
  memcpy(to, " BC", 3);
  return to + 3;
}

bool date_is_infinite(const uint8_t *data) {
  int32_t days = (int32_t)load_be32(data);
  return days == INT32_MAX || days == INT32_MIN;
}

bool timestamp_is_infinite(const uint8_t *data) {
  int64_t us = (int64_t)load_be64(data);
  return us == INT64_MAX || us == INT64_MIN;
}

void date_nearest_finite(const uint8_t *infinity, uint8_t nearest[4]) {
  bool negative = infinity[0] & 0x80;
  store_be32(nearest, (uint32_t)(negative ? DATE_MIN : DATE_END - 1));
}

void timestamp_nearest_finite(const uint8_t *infinity, uint8_t nearest[8]) {
  bool negative = infinity[0] & 0x80;
  store_be64(nearest, (uint64_t)(negative ? TIMESTAMP_MIN : TIMESTAMP_END - 1));
}

uint8_t *date_write(uint8_t *to, const uint8_t *data) {
  int32_t days = (int32_t)load_be32(data);
  if (days < DATE_MIN || days >= DATE_END)
    return date_is_infinite(data) ? infinity_write(to, days < 0) : NULL;
  bool before_christ;
  to = civil_write(to, days, &before_christ);
  return era_write(to, before_christ);
}

uint8_t *time_write(uint8_t *to, const uint8_t *data) {
  int64_t us = (int64_t)load_be64(data);
  return us < 0 || us > US_PER_DAY ? NULL : clock_write(to, us);
}

/* As the server's EncodeTimezone: seconds where there are any. */
static uint8_t *offset_write(uint8_t *to, int32_t offset, bool has_minutes) {
  unsigned seconds = (unsigned)(offset < 0 ? -offset : offset);
  *to++ = offset < 0 ? '-' : '+';
  to = digits_write_2(to, seconds / 3600);
  if (has_minutes || seconds % 3600) {
    *to++ = ':';
    to = digits_write_2(to, seconds / 60 % 60);
  }
  if (seconds % 60) {
    *to++ = ':';
    to = digits_write_2(to, seconds % 60);
  }
  return to;
}

/* The style's zone is written where `offset` is NULL; else the clock is `*offset` seconds ahead, and that is written. */
static inline uint8_t *write_styled(uint8_t *to, const uint8_t *data, const struct style *style,
                                    const int32_t *offset) {
  int64_t us = (int64_t)load_be64(data);
  if (us < TIMESTAMP_MIN || us >= TIMESTAMP_END)
    return timestamp_is_infinite(data) ? infinity_write(to, us < 0) : NULL;
  if (offset) us += *offset * INT64_C(1000000);
  int64_t days = us / US_PER_DAY, of_day = us % US_PER_DAY;
  if (of_day < 0) {
    of_day += US_PER_DAY;
    days--;
  }
  bool before_christ;
  to = civil_write(to, (int32_t)days, &before_christ);
  *to++ = (uint8_t)style->separator;
  to = clock_write(to, of_day);
  if (offset) return era_write(offset_write(to, *offset, style->has_minutes), before_christ);
  memcpy(to, style->zone, sizeof style->zone);
  return era_write(to + style->zone_len, before_christ);
}

uint8_t *timestamp_write(uint8_t *to, const uint8_t *data) { return write_styled(to, data, &plain, NULL); }
uint8_t *timestamp_iso_write(uint8_t *to, const uint8_t *data) { return write_styled(to, data, &iso, NULL); }
uint8_t *timestamptz_write(uint8_t *to, const uint8_t *data) { return write_styled(to, data, &plain_utc, NULL); }
uint8_t *timestamptz_iso_write(uint8_t *to, const uint8_t *data) { return write_styled(to, data, &iso_utc, NULL); }

static inline uint8_t *write_zoned(uint8_t *to, const uint8_t *data, const struct style *style) {
  int32_t offset = (int32_t)load_be32(data + 8);
  return offset <= -ZONE_OFFSET_END || offset >= ZONE_OFFSET_END ? NULL : write_styled(to, data, style, &offset);
}

uint8_t *zoned_write(uint8_t *to, const uint8_t *data) { return write_zoned(to, data, &plain); }
uint8_t *zoned_iso_write(uint8_t *to, const uint8_t *data) { return write_zoned(to, data, &iso); }
