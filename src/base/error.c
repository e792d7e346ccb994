#include "base/error.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct code_row {
  const char *name;
  int http_status;
  int exit_code;
};

static const struct code_row codes[ERR_COUNT] = {
    [ERR_NONE] = {"none", 200, 0},
    [ERR_USAGE] = {"invalid_request", 400, 2},
    [ERR_NOT_FOUND] = {"not_found", 404, 3},
    [ERR_CONFLICT] = {"conflict", 409, 1},
    [ERR_GONE] = {"gone", 410, 1},
    [ERR_BUSY] = {"busy", 503, 3},
    [ERR_NO_SPACE] = {"no_space", 507, 4},
    [ERR_VALUE] = {"unrepresentable_value", 422, 1},
    [ERR_SOURCE] = {"source_failed", 502, 3},
    [ERR_SOURCE_LOST] = {"source_lost", 503, 3},
    [ERR_DESTINATION] = {"destination_failed", 500, 4},
    [ERR_CANCELLED] = {"cancelled", 409, 130},
    [ERR_MEMORY] = {"out_of_memory", 503, 1},
    [ERR_INTERNAL] = {"internal", 500, 1},
};

/* The length of what stands at `at` and may be shown as it is, or 0: a control character, or no UTF-8. */
static unsigned showable(const uint8_t *at, size_t left) {
  if (*at < 0x80) return *at >= ' ' && *at != 0x7F;
  unsigned len = utf8_sequence(at, left);
  return len == 2 && utf8_code(at, 2) < 0xA0 ? 0 : len;
}

/*
 * Names and values of a user's, the server's and libpq's words: whatever a message quotes, it stays one line of a
 * log and valid in JSON. (Before a session has an encoding, a server's words come in any.) A character that was
 * cut at the end goes the same way.
 */
static void make_showable(char *text) {
  size_t len = strlen(text);
  for (size_t i = 0; i < len;) {
    unsigned good = showable((const uint8_t *)text + i, len - i);
    if (!good) text[i] = ' ';
    i += good ? good : 1;
  }
  while (len && text[len - 1] == ' ') text[--len] = '\0';
}

static void set(struct error *err, enum error_code code, const char *field, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static void set(struct error *err, enum error_code code, const char *field, const char *format,
                va_list args) {
  char text[ERROR_MESSAGE_MAX];
  vsnprintf(text, sizeof text, format, args);
  make_showable(text);
  *err = (struct error){.code = code};
  memcpy(err->message, text, sizeof text);
  if (field) snprintf(err->field, sizeof err->field, "%s", field);
}

void error_set(struct error *err, enum error_code code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(err, code, NULL, format, args);
  va_end(args);
}

void error_set_field(struct error *err, const char *field, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(err, ERR_USAGE, field, format, args);
  va_end(args);
}

void error_set_errno(struct error *err, enum error_code code, const char *format, ...) {
  int saved = errno;
  va_list args;
  va_start(args, format);
  set(err, code, NULL, format, args);
  va_end(args);
  size_t len = strlen(err->message);
  snprintf(err->message + len, sizeof err->message - len, ": %s", strerror(saved));
}

void error_prefix(struct error *err, const char *format, ...) {
  char text[ERROR_MESSAGE_MAX];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  size_t len = strlen(text);
  snprintf(text + len, sizeof text - len, "%s", err->message);
  make_showable(text);
  memcpy(err->message, text, sizeof text);
}

const char *error_name(enum error_code code) { return codes[code].name; }
int error_http_status(enum error_code code) { return codes[code].http_status; }
int error_exit_code(enum error_code code) { return codes[code].exit_code; }
