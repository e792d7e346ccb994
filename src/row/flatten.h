/*
 * Flattening: cells picked out of JSON columns by path.
 *
 * A flatten_set says which paths are picked out of which wire columns, and is shared, read-only. A
 * flattener is one lane's: it holds the scratch memory that the picked cells point into.
 *
 * Rules (docs/types.md): the last duplicate key wins. A path picks a value that is no object, or the
 * empty object `{}`. A missing key is NULL; JSON null is the text `null`. A scalar or array at the top
 * goes to the empty path. The rest path holds, as one JSON object with the nested structure kept, what
 * no other path of that column picked; NULL if nothing is left.
 * A path asked for by the user (pick_whole) also takes an object, whole, as JSON text.
 */
#pragma once
#include "row/json.h"
#include "row/schema.h"

#define PATH_KEYS_MAX 64          /* depth of a path */
#define FLATTEN_PATHS_MAX 10000   /* paths per column */

/* How a picked value is written. */
enum flatten_form {
  FLATTEN_TEXT,   /* strings unescaped, without quotes; else the JSON text: KIND_TEXT */
  FLATTEN_JSON,   /* the JSON text as it stands: KIND_JSON */
};

struct json_path {
  char **keys;        /* unescaped UTF-8, each zero-terminated (JSON text of PostgreSQL holds no \u0000 in jsonb) */
  size_t key_count;   /* 0: the top */
};

struct flatten_set *flatten_set_new(struct error *err) MUST_CHECK;
void flatten_set_free(struct flatten_set *set);

/*
 * Adds a path of a wire column and gives the index of its cell, counted from 0 (the caller adds
 * wire_count). Keys are copied. pick_whole: see above. ERR_USAGE beyond FLATTEN_PATHS_MAX.
 */
bool flatten_set_add(struct flatten_set *set, size_t wire, const struct json_path *path, bool pick_whole,
                     enum flatten_form form, size_t *cell, struct error *err) MUST_CHECK;
/* Adds the rest path of a wire column. */
bool flatten_set_add_rest(struct flatten_set *set, size_t wire, size_t *cell, struct error *err) MUST_CHECK;

struct flattener;
struct flattener *flattener_new(const struct flatten_set *set, const struct schema *schema, struct error *err) MUST_CHECK;
void flattener_free(struct flattener *f);

/*
 * Fills cells[wire_count …] from the JSON in cells[0 … wire_count). The cells point into the row or into
 * the flattener and are valid until the next call. ERR_SOURCE, naming the column, where a value is not JSON.
 */
bool flattener_run(struct flattener *f, struct cell *cells, struct error *err) MUST_CHECK;

/*
 * Discovery: collects the paths that values of one JSON column have, for columns made of them.
 * Paths come out in bytewise order of their spelling (keys joined with '.').
 */
struct path_collector;
struct path_collector *path_collector_new(struct error *err) MUST_CHECK;
void path_collector_free(struct path_collector *c);
/* Adds every leaf path of one JSON text (a leaf: no object, or {}). ERR_USAGE beyond FLATTEN_PATHS_MAX. */
bool path_collector_add(struct path_collector *c, const uint8_t *json, size_t len, struct error *err) MUST_CHECK;
/* Sorts; the paths are valid until the collector is freed. */
const struct json_path *path_collector_finish(struct path_collector *c, size_t *count);

/*
 * Path text: keys joined by '.'; a key with a dot or quote, or an empty one, is a JSON string.
 * Spelling for column names: the keys joined by '.', nothing quoted.
 */
bool json_path_parse(const char *text, struct json_path *path, struct error *err) MUST_CHECK;
void json_path_deinit(struct json_path *path);
void json_path_spell(const struct json_path *path, struct buffer *out);
