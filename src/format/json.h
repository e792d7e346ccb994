/*
 * JSON: one array of objects, a row a line; NDJSON: an object a line. The values are what row_to_json gives,
 * keys in column order; json and jsonb are embedded as they stand.
 *
 * Special are NaN and the infinities of float and numeric, and text that is not UTF-8:
 *   null      null
 *   string    what row_to_json gives: "NaN", "-Infinity"; U+FFFD for each byte that is no UTF-8
 *   replace   an infinite float becomes the type's largest finite one; NaN and infinite numerics, which have
 *             no neighbour, null; U+FFFD as above
 *
 * Both formats have the options --json. They change the columns' own values only, never what stands inside of json, jsonb,
 * arrays and composites. A number in quotes can be NaN or infinite, so that it is not special. With nulls=omit a member
 * that would be null is left out, by whatever policy it is null; a json value null stays.
 */
#pragma once
#include "format/format.h"

extern const struct format format_json, format_ndjson;
