#include "base/error.h"

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

/* Cuts at a character's border: the text is UTF-8 and ends up in JSON. */
static void trim_partial_character(char *text) {
  size_t len = strlen(text);
  size_t start = len;
  while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80) start--;
  if (start == 0) return;
  unsigned char lead = (unsigned char)text[start - 1];
  size_t need = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
  if (len - (start - 1) < need) text[start - 1] = '\0';
}

static void set(struct error *err, enum error_code code, const char *field, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));
static void set(struct error *err, enum error_code code, const char *field, const char *format, va_list args) {
  char text[ERROR_MESSAGE_MAX];
  vsnprintf(text, sizeof text, format, args);
  trim_partial_character(text);
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
  trim_partial_character(text);
  memcpy(err->message, text, sizeof text);
}

const char *error_name(enum error_code code) { return codes[code].name; }
int error_http_status(enum error_code code) { return codes[code].http_status; }
int error_exit_code(enum error_code code) { return codes[code].exit_code; }
