/*
 * What the values of one path have in common, gathered one by one, and the type that follows from it.
 * Facts of two parts of the rows can be joined. Private to src/row.
 */
#pragma once
#include "row/flatten.h"
#include "row/json_scan.h"

struct json_facts {
  uint64_t count;           /* values; of a key that stands twice in one object, each */
  uint8_t types;            /* bit 1 << enum json_type for each type met; TRUE stands for both */
  uint8_t not;              /* bit set of what not every value is */
  uint8_t whole_digits;     /* the most of any number, UINT8_MAX for more; struct json_number */
  uint8_t scale;
};

enum {
  NOT_INT64 = 1,            /* a number with a point or exponent, or too large */
  NOT_DOUBLE = 2,           /* a number that no double says exactly */
};

/* at..end is a whole value that has been checked. */
void json_facts_note(struct json_facts *f, const uint8_t *at, const uint8_t *end);
void json_facts_join(struct json_facts *f, const struct json_facts *other);
/* The form that holds every value exactly, JSON null as NULL; FLATTEN_JSON where there is none, or no value but null. */
struct path_type json_facts_type(const struct json_facts *f);
/* The same, but numbers that are not all int64 are FLATTEN_NUMERIC where they have at most 38 digits. */
struct path_type json_facts_decimal_type(const struct json_facts *f);
