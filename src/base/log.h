/*
 * The service's log: one line an event on standard error, `time level message`, thread-safe.
 * Never a password, never row data.
 */
#pragma once
#include "base/error.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_set_level(enum log_level level);    /* default LOG_INFO; set before threads start */
void log_line(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);
