/*
 * Flattening: cells picked out of JSON columns by path.
 *
 * A flatten_set says which paths are picked out of which wire columns; once built it is read-only and
 * shared by all lanes. A flattener is one lane's: it holds the scratch memory that the picked cells point
 * into.
 *
 * Rules (docs/flattening.md): the last duplicate key wins, with everything under it. A path picks a value
 * that is no object, or the empty object `{}`. A missing key is NULL; JSON null is the text `null`. A
 * scalar, an array or `{}` at the top belongs to the empty path. A path asked for by the user (pick_whole)
 * also takes an object, whole, as JSON text. The rest path holds what no other path of that column picked:
 * one JSON object with the nested structure kept, or the value itself where the top is no object; NULL if
 * nothing is left. So the document is what the paths picked and the rest, put together again.
 */
#pragma once
#include "base/buffer.h"
#include "row/schema.h"

#define PATH_KEYS_MAX 64          /* depth of a path */
#define FLATTEN_PATHS_MAX 10000   /* paths per column */

/* How a picked value is written. The rest is JSON text in either form. */
enum flatten_form {
  FLATTEN_TEXT,   /* strings unescaped, without quotes; else the JSON text: KIND_TEXT */
  FLATTEN_JSON,   /* the JSON text as it stands: KIND_JSON */
};

struct json_path {
  char **keys;        /* unescaped UTF-8, each zero-terminated; no key of a path holds a zero byte */
  size_t key_count;   /* 0: the top */
};

struct flatten_set *flatten_set_new(struct error *err) MUST_CHECK;
void flatten_set_free(struct flatten_set *set);   /* NULL is allowed */

/*
 * Adds a path of a wire column and gives the index of its cell, counted from 0 (the caller adds
 * wire_count). Keys are copied. pick_whole: see above. A path may be added more than once: each time is a
 * cell of its own. ERR_USAGE beyond FLATTEN_PATHS_MAX.
 */
bool flatten_set_add(struct flatten_set *set, size_t wire, const struct json_path *path, bool pick_whole,
                     enum flatten_form form, size_t *cell, struct error *err) MUST_CHECK;
/* Adds the rest path of a wire column; where it is there already, gives its cell again. */
bool flatten_set_add_rest(struct flatten_set *set, size_t wire, size_t *cell, struct error *err) MUST_CHECK;
/* The cells that the paths fill: schema.cell_count is wire_count plus this. 0 for NULL. */
size_t flatten_set_cell_count(const struct flatten_set *set);
/*
 * For messages: the wire column of a cell (counted from 0 here) and, appended to out, its path as
 * json_path_write gives it. False, and nothing appended, for a rest path.
 */
bool flatten_set_describe(const struct flatten_set *set, size_t cell, size_t *wire, struct buffer *out);

struct flattener;
/* Both arguments are borrowed for the flattener's life. ERR_USAGE where a path's column is not JSON. */
struct flattener *flattener_new(const struct flatten_set *set, const struct schema *schema,
                                struct error *err) MUST_CHECK;
void flattener_free(struct flattener *f);   /* NULL is allowed */

/*
 * Fills cells[wire_count …] from the JSON in cells[0 … wire_count). The cells point into the row or into
 * the flattener and are valid until the next call. ERR_SOURCE, naming the column, where a value is not JSON.
 * Allocates nothing for rows like those before; memory that a huge row took is given back by the next call.
 */
bool flattener_run(struct flattener *f, struct cell *cells, struct error *err) MUST_CHECK;

/*
 * Discovery: collects the paths that values of one JSON column have, for columns made of them.
 * Not thread-safe: one owner at a time.
 */
struct path_collector;
struct path_collector *path_collector_new(struct error *err) MUST_CHECK;
void path_collector_free(struct path_collector *c);   /* NULL is allowed */
/*
 * Adds every leaf path of one JSON text (a leaf: no object, or {}), as a flattener would pick them: only
 * the last of duplicate keys counts. ERR_USAGE beyond FLATTEN_PATHS_MAX, ERR_SOURCE where it is not JSON.
 */
bool path_collector_add(struct path_collector *c, const uint8_t *json, size_t len,
                        struct error *err) MUST_CHECK;
/*
 * Has a value been seen that no path can name (a key with \u0000, or more than PATH_KEYS_MAX keys deep)?
 * Then a rest path is needed even if every row was seen.
 */
bool path_collector_is_partial(const struct path_collector *c);
/*
 * Sorts the paths bytewise by their spelling (keys joined with '.'). They are valid until the collector
 * gets another text or is freed; NULL may come with *count 0.
 */
const struct json_path *path_collector_finish(struct path_collector *c, size_t *count);

/*
 * Path text, as users write it: keys joined by '.'; a key with a dot or quote, or an empty one, is a JSON
 * string: address.city, "a.b".c, "". Every other byte of a bare key stands for itself. ERR_USAGE, showing the
 * text, where it is malformed; path then needs no deinit.
 */
bool json_path_parse(const char *text, struct json_path *path, struct error *err) MUST_CHECK;
void json_path_deinit(struct json_path *path);
/* Appends the path text that json_path_parse reads back. */
void json_path_write(const struct json_path *path, struct buffer *out);
/* Appends the spelling for column names: the keys joined by '.', nothing quoted. */
void json_path_spell(const struct json_path *path, struct buffer *out);
