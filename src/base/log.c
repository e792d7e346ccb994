#include "base/log.h"

#include "base/clock.h"

#include <stdio.h>

static enum log_level threshold = LOG_INFO;
static const char *const names[] = {"debug", "info", "warning", "error"};

void log_set_level(enum log_level level) { threshold = level; }

void log_line(enum log_level level, const char *format, ...) {
  if (level < threshold) return;
  char message[2048], time[CLOCK_TEXT_SIZE];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  clock_format(clock_wall_us(), time);
  for (char *c = message; *c; c++)
    if ((unsigned char)*c < 0x20 || *c == 0x7F) *c = ' ';   /* one event, one line, whatever a name holds */
  fprintf(stderr, "%s %-7s %s\n", time, names[level], message);
}
