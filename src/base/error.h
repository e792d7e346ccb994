/*
 * Errors: one struct, passed last, filled by the function that cannot go on.
 *
 * What can fail returns bool, is MUST_CHECK, and fills *err exactly when it returns false. Codes are
 * few: one for each way in which a caller reacts. One table maps a code to its HTTP status, the exit
 * code of the command line and its name in JSON.
 *
 * A message says what could not be done, why, and which option or step mends it. It never holds a
 * password. Only the outermost layer prints or logs.
 */
#pragma once
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, args_index) __attribute__((format(printf, format_index, args_index)))

enum error_code {
  ERR_NONE,
  ERR_USAGE,        /* the request is wrong: a field or option is unknown, malformed or out of range */
  ERR_NOT_FOUND,    /* a table, export or page that does not exist (or may not be seen) */
  ERR_CONFLICT,     /* right request, wrong moment: not finished, already running */
  ERR_GONE,         /* was there, is no more */
  ERR_BUSY,         /* no slot or connection free now; try again later */
  ERR_NO_SPACE,     /* no room left where data is to be kept */
  ERR_VALUE,        /* a value that the format cannot say, under the policy "error" */
  ERR_SOURCE,       /* the server refused or failed; the same again would fail again */
  ERR_SOURCE_LOST,  /* the connection or snapshot is lost; a new attempt may succeed */
  ERR_DESTINATION,  /* the output cannot be written */
  ERR_CANCELLED,    /* somebody asked to stop */
  ERR_MEMORY,       /* out of memory, or beyond the memory budget */
  ERR_INTERNAL,     /* a broken invariant of decant itself */
  ERR_COUNT
};

#define ERROR_MESSAGE_MAX 1024
#define ERROR_FIELD_MAX 128

struct error {
  enum error_code code;
  char sqlstate[6];                 /* the server's SQLSTATE, or "" */
  char field[ERROR_FIELD_MAX];      /* the request's field or option at fault, or "" */
  char message[ERROR_MESSAGE_MAX];  /* one line of UTF-8 without control characters, cut to fit */
};

/*
 * fail(err, code, format, …) fills *err and is false, so that a function can end with `return fail(…)`.
 * fail_field names the request's field or option at fault; fail_errno adds `: strerror(errno)`. Macros, so
 * that the compiler sees the false and knows which paths leave results unset.
 */
#define fail(err, code, ...) __extension__({ error_set((err), (code), __VA_ARGS__); false; })
#define fail_field(err, field, ...) __extension__({ error_set_field((err), (field), __VA_ARGS__); false; })
#define fail_errno(err, code, ...) __extension__({ error_set_errno((err), (code), __VA_ARGS__); false; })
#define fail_memory(err, what) fail((err), ERR_MEMORY, "out of memory for %s", (what))

void error_set(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);
void error_set_field(struct error *err, const char *field, const char *format, ...) PRINTF_LIKE(3, 4);
void error_set_errno(struct error *err, enum error_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts text in front of the message that is there already. */
void error_prefix(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

const char *error_name(enum error_code code);   /* "not_found": what JSON says */
int error_http_status(enum error_code code);
int error_exit_code(enum error_code code);

/* May the same job be tried again on a new snapshot? */
static inline bool error_is_retryable(const struct error *err) { return err->code == ERR_SOURCE_LOST; }
