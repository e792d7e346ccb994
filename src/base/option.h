/*
 * Options of one group (--csv k=v,…, "csv": {…}): a table row each. Help, error texts, GET /formats and
 * the OpenAPI document are made from these tables.
 *
 * A group's values live in a plain struct; a row says at which offset. Enumerations are stored as int,
 * the index into `choices`.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>

enum option_type { OPTION_BOOL, OPTION_INT, OPTION_SIZE, OPTION_CHOICE, OPTION_TEXT };

#define OPTION_TEXT_MAX 64       /* bytes with the final zero: the usual size of a text option's field */
#define OPTION_TEXT_LIMIT 4096   /* and the greatest */

struct option {
  const char *name;           /* "row-group-rows"; NULL ends a table */
  enum option_type type;
  size_t offset;              /* of bool, int64_t, int64_t (bytes), int, char[max + 1] */
  int64_t min, max;           /* INT and SIZE: allowed range; TEXT: length in bytes */
  const char *const *choices; /* CHOICE: NULL-terminated */
  const char *default_text;   /* as a user would write it; applied by options_defaults */
  const char *help;           /* one line */
};

/* Sets every field to its default. The table's own defaults must parse. */
void options_defaults(const struct option *table, void *values);

/* Sets one option from text. `group` is the request's field ("csv"), named in the error with the option. */
bool option_set(const struct option *table, void *values, const char *group, const char *name,
                const char *text, struct error *err) MUST_CHECK;

/*
 * "k=v,k2=v2"; `k` alone is `k=true`. A backslash takes the sign behind it as it is (delimiter=\,); \t, \n and \r are
 * tab, line feed and carriage return, \x1f is the byte of that number. Before any other letter or digit, and at the end,
 * it is itself: null=\N is \N.
 */
bool options_parse(const struct option *table, void *values, const char *group, const char *text,
                   struct error *err) MUST_CHECK;

/* "64MB", "1GiB", "4096": powers of 1024 whatever the spelling. */
bool parse_size(const char *text, int64_t *bytes) MUST_CHECK;
bool parse_int64(const char *text, int64_t *value) MUST_CHECK;   /* decimal, whole text */
