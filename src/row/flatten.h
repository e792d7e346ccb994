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

/* How a picked value is written. The rest is JSON text in any form. */
enum flatten_form {
  FLATTEN_TEXT,      /* strings unescaped, without quotes; else the JSON text: KIND_TEXT */
  FLATTEN_JSON,      /* the JSON text as it stands: KIND_JSON */
  /*
   * Values that all are of one type, as the wire would have sent them; JSON null is NULL. A value of another type,
   * or one that the type cannot hold exactly, is an error of flattener_run.
   */
  FLATTEN_BOOL,      /* KIND_BOOL */
  FLATTEN_INT8,      /* KIND_INT8: whole numbers, written as digits alone */
  FLATTEN_FLOAT8,    /* KIND_FLOAT8: numbers that a double's shortest text says exactly */
  FLATTEN_NUMERIC,   /* KIND_NUMERIC of a precision (1 to 38) and scale (0 to precision) */
  FLATTEN_STRING,    /* KIND_TEXT: as FLATTEN_TEXT */
};

/* Precision and scale: of FLATTEN_NUMERIC. */
struct path_type {
  enum flatten_form form;
  int precision, scale;
};

enum kind path_type_kind(const struct path_type *type);
int32_t path_type_typmod(const struct path_type *type);   /* -1 for none */

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
/* The same for a path that picks no objects, in any form. */
bool flatten_set_add_typed(struct flatten_set *set, size_t wire, const struct json_path *path,
                           const struct path_type *type, size_t *cell, struct error *err) MUST_CHECK;
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
 * the flattener and are valid until the next call. ERR_SOURCE, naming the column, where a value is not JSON;
 * ERR_VALUE, naming path and value, where it is not of the path's type. Allocates nothing for rows like those before; memory that a huge row took is given back by the next call.
 */
bool flattener_run(struct flattener *f, struct cell *cells, struct error *err) MUST_CHECK;

/*
 * Discovery: collects the paths that values of one JSON column have, for columns made of them, and what the
 * values of each have in common. Not thread-safe: one owner at a time. Several collectors can each see a part
 * of the rows, and then be joined.
 */
struct path_collector;

enum too_many {
  TOO_MANY_FAILS,   /* more than max_paths paths are ERR_USAGE, which names the cure */
  TOO_MANY_REST,    /* the paths with the most values are kept; the collector is partial then */
};

/* max_paths: 1 to FLATTEN_PATHS_MAX. */
struct path_collector *path_collector_new(uint32_t max_paths, enum too_many too_many,
                                          struct error *err) MUST_CHECK;
void path_collector_free(struct path_collector *c);   /* NULL is allowed */
/*
 * Adds every leaf path of one JSON text (a leaf: no object, or {}), as a flattener would pick them: only
 * the last of duplicate keys counts. ERR_USAGE where there are too many, ERR_SOURCE where it is not JSON.
 */
bool path_collector_add(struct path_collector *c, const uint8_t *json, size_t len,
                        struct error *err) MUST_CHECK;
/* Adds what another collector has seen. */
bool path_collector_join(struct path_collector *c, const struct path_collector *other,
                         struct error *err) MUST_CHECK;

/*
 * type: the form that every value fits exactly, null aside; FLATTEN_JSON where there is none, or every value is null. A
 * value that a duplicate key replaced counts, too: then it may be wider than need be.
 */
struct found_path {
  struct json_path path;
  struct path_type type;
  struct path_type decimal_type;   /* the same, but FLATTEN_NUMERIC comes before FLATTEN_FLOAT8 */
};

/*
 * The paths in bytewise order of their spelling (keys joined with '.'), after the last text. They are valid until
 * the collector is freed. Asked again it gives them again.
 */
bool path_collector_finish(struct path_collector *c, const struct found_path **paths, size_t *count,
                           struct error *err) MUST_CHECK;
/*
 * Has a value been seen that is in no path (a key with \u0000 or half a surrogate pair, more than
 * PATH_KEYS_MAX keys deep, too many paths)? Then a rest path is needed even if every row was seen. After finish.
 */
bool path_collector_is_partial(const struct path_collector *c);

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
