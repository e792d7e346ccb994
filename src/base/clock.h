/* Time: the monotonic clock for durations, the wall clock only for showing. */
#pragma once
#include <stdint.h>
#include <stddef.h>

uint64_t clock_monotonic_us(void);
int64_t clock_wall_us(void);                            /* microseconds since 1970, UTC */
#define CLOCK_TEXT_SIZE 28
/* RFC 3339 in UTC with milliseconds, "2026-05-01T12:00:00.123Z"; text has CLOCK_TEXT_SIZE bytes. */
void clock_format(int64_t wall_us, char *text);
