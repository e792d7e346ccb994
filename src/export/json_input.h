/*
 * JSON from outside: the body of a request, which nobody has checked.
 *
 * json_input_open checks the whole text once (size, UTF-8, nesting, grammar); walking it afterwards cannot
 * meet anything malformed. A number stays the text that it is: it never becomes a double on the way.
 * Values are borrowed places in the text. Every function that fails names the field by its path
 * ("columns[0].source").
 */
#pragma once
#include "row/json.h"

struct json_value {
  enum json_type type;
  const uint8_t *at, *end;   /* the value with its quotes or brackets */
};

bool json_input_open(const char *text, size_t len, size_t len_max, int depth_max, struct json_value *root,
                     struct error *err) MUST_CHECK;

/* A member of an object that json_input_object knows. */
struct json_field {
  const char *name;          /* NULL ends a list */
  bool (*read)(void *context, const struct json_value *v, const char *path, struct error *err);
  bool null_is_absent;       /* null is taken as if the member were not there */
};

/*
 * Reads every member of an object. A member that `fields` does not list goes to `other` (may be NULL), which
 * says whether it knows the name; a name that nobody knows, or that comes twice, is refused by its path.
 * At most 64 fields.
 */
bool json_input_object(const struct json_value *v, const char *path, const struct json_field *fields,
                       bool (*other)(void *context, const char *name, const struct json_value *v, bool *known,
                                     struct error *err),
                       void *context, struct error *err) MUST_CHECK;

/* Calls `item` for each entry of an array, with its path "columns[3]". */
bool json_input_array(const struct json_value *v, const char *path,
                      bool (*item)(void *context, const struct json_value *v, const char *path,
                                   struct error *err),
                      void *context, struct error *err) MUST_CHECK;

/* The first member of that name, or false. For what must be known before the rest can be read. */
bool json_input_find(const struct json_value *object, const char *name, struct json_value *found);

/* A string's text, a copy of the caller's (free). */
bool json_input_string(const struct json_value *v, const char *path, char **text,
                       struct error *err) MUST_CHECK;
bool json_input_bool(const struct json_value *v, const char *path, bool *value, struct error *err) MUST_CHECK;
/* A string's text, or a number, true or false as written. A copy of the caller's. */
bool json_input_scalar(const struct json_value *v, const char *path, char **text,
                       struct error *err) MUST_CHECK;
