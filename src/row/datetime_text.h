/*
 * Dates and times as text: the `write` functions of value_text.h's tables. Each takes the width of bytes
 * that its kind has on the wire and gives NULL where the value lies outside PostgreSQL's range.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

uint8_t *date_write(uint8_t *to, const uint8_t *data);              /* 2024-01-02, 0044-03-15 BC, infinity */
uint8_t *time_write(uint8_t *to, const uint8_t *data);              /* 03:04:05.678, 24:00:00 */
uint8_t *timestamp_write(uint8_t *to, const uint8_t *data);         /* 2024-01-02 03:04:05.678 */
uint8_t *timestamp_iso_write(uint8_t *to, const uint8_t *data);     /* 2024-01-02T03:04:05.678 */
uint8_t *timestamptz_write(uint8_t *to, const uint8_t *data);       /* 2024-01-02 03:04:05.678+00 */
uint8_t *timestamptz_iso_write(uint8_t *to, const uint8_t *data);   /* 2024-01-02T03:04:05.678+00:00 */
uint8_t *zoned_write(uint8_t *to, const uint8_t *data);             /* 2024-01-02 04:04:05.678+01, … 1890-01-02 …+00:53:28 */
uint8_t *zoned_iso_write(uint8_t *to, const uint8_t *data);         /* 2024-01-02T04:04:05.678+01:00 */

bool date_is_infinite(const uint8_t *data);
bool timestamp_is_infinite(const uint8_t *data);
/* Of an infinity, the type's last finite value on its side, as wire bytes: 5874897-12-31, 4714-11-24 BC. */
void date_nearest_finite(const uint8_t *infinity, uint8_t nearest[4]);
void timestamp_nearest_finite(const uint8_t *infinity, uint8_t nearest[8]);
