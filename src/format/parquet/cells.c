#include "format/parquet/cells.h"

#include "base/utf8.h"
#include "format/parquet/decimal.h"
#include "format/parquet/epoch.h"
#include "format/parquet/put.h"
#include "row/json.h"
#include "row/value_text.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define DAY_MICROS INT64_C(86400000000)
#define EXCERPT_MAX 80

/* How often a value's text is asked for: only in errors. */
static const char *value_text_of(struct chunk *c, const struct cell *cell) {
  struct buffer *text = &c->shared->text;
  buffer_reset(text);
  if (!value_append(c->leaf->kind, cell, text) || text->failed) return "a value";
  if (text->len > EXCERPT_MAX) text->len = EXCERPT_MAX;
  buffer_append_byte(text, '\0');
  return (const char *)text->data;
}

static bool malformed(const struct chunk *c, const struct cell *cell, struct error *err) {
  return fail(err, ERR_SOURCE, "column \"%s\": the server sent %d bytes that are no value of its type",
              c->leaf->name, cell->len);
}

/* Whatever does not have the one width that a kind has: NULL, or nonsense. */
static bool append_other(struct chunk *c, const struct cell *cell, struct error *err) {
  if (!cell_is_null(cell)) return malformed(c, cell, err);
  if (c->leaf->definition_max) return chunk_put_null(c, err);
  return fail(err, ERR_VALUE, "column \"%s\": a NULL came, though the catalog says NOT NULL", c->leaf->name);
}

static bool special_null(struct chunk *c, struct error *err) {
  chunk_count_special(c);
  return chunk_put_null(c, err);
}

static bool append_bool(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 1) return append_other(c, cell, err);
  if (!put_room(c, err)) return false;
  unsigned bit = c->value_count & 7, value = cell->data[0] != 0;
  if (bit == 0) buffer_append_byte(&c->values, 0);
  if (!buffer_check(&c->values, "a page", err)) return false;
  c->values.data[c->values.len - 1] |= (uint8_t)(value << bit);
  put_entry(c);
  range_add_number(&c->range, value);
  return true;
}

static bool append_int2(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 2) return append_other(c, cell, err);
  int16_t v = (int16_t)load_be16(cell->data);
  if (!put_fixed(c, (uint32_t)v, 4, err)) return false;
  range_add_number(&c->range, v);
  return true;
}

static bool append_int4(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 4) return append_other(c, cell, err);
  uint32_t v = load_be32(cell->data);
  if (!put_fixed(c, v, 4, err)) return false;
  range_add_number(&c->range, (int32_t)v);
  return true;
}

static bool append_oid(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 4) return append_other(c, cell, err);
  uint32_t v = load_be32(cell->data);
  if (!put_fixed(c, v, 4, err)) return false;
  range_add_number(&c->range, v);
  return true;
}

static bool append_int8(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 8) return append_other(c, cell, err);
  uint64_t v = load_be64(cell->data);
  if (!put_fixed(c, v, 8, err)) return false;
  range_add_number(&c->range, (int64_t)v);
  return true;
}

static bool append_float4(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 4) return append_other(c, cell, err);
  uint32_t bits = load_be32(cell->data);
  float v;
  memcpy(&v, &bits, sizeof v);
  if (!put_fixed(c, bits, 4, err)) return false;
  range_add_real(&c->range, v);
  return true;
}

static bool put_double(struct chunk *c, double v, struct error *err) {
  uint64_t bits;
  memcpy(&bits, &v, sizeof bits);
  if (!put_fixed(c, bits, 8, err)) return false;
  range_add_real(&c->range, v);
  return true;
}

static bool append_float8(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 8) return append_other(c, cell, err);
  uint64_t bits = load_be64(cell->data);
  double v;
  memcpy(&v, &bits, sizeof v);
  if (!put_fixed(c, bits, 8, err)) return false;
  range_add_real(&c->range, v);
  return true;
}

static bool put_date(struct chunk *c, int32_t days, struct error *err) {
  if (!put_fixed(c, (uint32_t)days, 4, err)) return false;
  range_add_number(&c->range, days);
  return true;
}

static bool special_date(struct chunk *c, const struct cell *cell, bool negative, struct error *err) {
  switch (c->shared->special) {
    case SPECIAL_NULL: return special_null(c, err);
    case SPECIAL_REPLACE:
      chunk_count_special(c);
      return put_date(c, negative ? -INT32_MAX : INT32_MAX, err);
    case SPECIAL_ERROR:
    case SPECIAL_STRING: break;
  }
  return fail(err, ERR_VALUE,
              "column \"%s\": a Parquet DATE cannot hold %s; special=null or special=replace can",
              c->leaf->name, value_text_of(c, cell));
}

static bool append_date(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 4) return append_other(c, cell, err);
  int32_t days = (int32_t)load_be32(cell->data);
  bool fits = days != INT32_MIN && days != INT32_MAX && days <= INT32_MAX - EPOCH_DAYS;
  return fits ? put_date(c, days + EPOCH_DAYS, err) : special_date(c, cell, days < 0, err);
}

static bool put_timestamp(struct chunk *c, int64_t micros, struct error *err) {
  if (!put_fixed(c, (uint64_t)micros, 8, err)) return false;
  range_add_number(&c->range, micros);
  return true;
}

static bool special_timestamp(struct chunk *c, const struct cell *cell, bool negative, struct error *err) {
  switch (c->shared->special) {
    case SPECIAL_NULL: return special_null(c, err);
    case SPECIAL_REPLACE:
      chunk_count_special(c);
      return put_timestamp(c, negative ? -INT64_MAX : INT64_MAX, err);
    case SPECIAL_ERROR:
    case SPECIAL_STRING: break;
  }
  return fail(err, ERR_VALUE,
              "column \"%s\": a Parquet TIMESTAMP cannot hold %s; special=null or special=replace can",
              c->leaf->name, value_text_of(c, cell));
}

static bool append_timestamp(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 8) return append_other(c, cell, err);
  int64_t micros = (int64_t)load_be64(cell->data), shifted;
  bool fits = micros != INT64_MIN && !__builtin_add_overflow(micros, EPOCH_MICROS, &shifted);
  return fits ? put_timestamp(c, shifted, err) : special_timestamp(c, cell, micros < 0, err);
}

static bool put_decimal(struct chunk *c, __int128 v, struct error *err) {
  const struct leaf *leaf = c->leaf;
  if (leaf->physical == PHYSICAL_FIXED) {
    uint8_t bytes[16];
    decimal_store(bytes, v, leaf->width);
    if (!chunk_put_bytes(c, bytes, (uint32_t)leaf->width, err)) return false;
    range_add_decimal(&c->range, v);
    return true;
  }
  bool narrow = leaf->physical == PHYSICAL_INT32;
  if (!(narrow ? put_fixed(c, (uint64_t)v, 4, err) : put_fixed(c, (uint64_t)v, 8, err))) return false;
  range_add_number(&c->range, (int64_t)v);
  return true;
}

static bool special_decimal(struct chunk *c, const struct cell *cell, enum decimal_result what,
                            struct error *err) {
  bool can_clamp = what == DECIMAL_INFINITY || what == DECIMAL_NEGATIVE_INFINITY;
  if (c->shared->special == SPECIAL_NULL) return special_null(c, err);
  if (c->shared->special == SPECIAL_REPLACE && can_clamp) {
    __int128 largest = decimal_power(c->leaf->precision) - 1;
    chunk_count_special(c);
    return put_decimal(c, what == DECIMAL_INFINITY ? largest : -largest, err);
  }
  return fail(err, ERR_VALUE, "column \"%s\": a Parquet DECIMAL(%d,%d) cannot hold %s; %s", c->leaf->name,
              c->leaf->precision, c->leaf->scale, value_text_of(c, cell),
              can_clamp ? "special=null or special=replace can" : "special=null writes NULL instead");
}

static bool is_negative(const struct cell *numeric) { return (load_be16(numeric->data + 4) & 0x4000) != 0; }

/* A numeric without precision that does not fit the DECIMAL which the user has chosen. */
static bool special_fitted(struct chunk *c, const struct cell *cell, enum decimal_result what,
                           struct error *err) {
  bool is_large = what == DECIMAL_TOO_LARGE;
  if (c->shared->special == SPECIAL_NULL) return special_null(c, err);
  if (c->shared->special == SPECIAL_REPLACE && is_large) {
    __int128 largest = decimal_power(c->leaf->precision) - 1;
    chunk_count_special(c);
    return put_decimal(c, is_negative(cell) ? -largest : largest, err);
  }
  return fail(err, ERR_VALUE,
              "column \"%s\": %s has too many digits %s the point for the DECIMAL(%d,%d) of parquet.numeric; "
              "special=null writes NULL instead",
              c->leaf->name, value_text_of(c, cell), is_large ? "before" : "behind", c->leaf->precision,
              c->leaf->scale);
}

static bool append_decimal(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  __int128 v;
  enum decimal_result result =
      decimal_from_numeric(cell->data, cell->len, c->leaf->precision, c->leaf->scale, &v);
  switch (result) {
    case DECIMAL_OK: return put_decimal(c, v, err);
    case DECIMAL_NAN:
    case DECIMAL_INFINITY:
    case DECIMAL_NEGATIVE_INFINITY: return special_decimal(c, cell, result, err);
    case DECIMAL_TOO_LARGE:
    case DECIMAL_INEXACT:
      if (c->leaf->is_fitted) return special_fitted(c, cell, result, err);
      return fail(err, ERR_SOURCE, "column \"%s\": the server sent %s, which is no DECIMAL(%d,%d)",
                  c->leaf->name, value_text_of(c, cell), c->leaf->precision, c->leaf->scale);
    case DECIMAL_MALFORMED: break;
  }
  return malformed(c, cell, err);
}

/* numeric without precision: its exact text. */
static bool append_numeric_text(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  struct buffer *text = &c->shared->text;
  size_t room = numeric_text_max(cell->data, cell->len);
  if (!room) return malformed(c, cell, err);
  buffer_reset(text);
  uint8_t *to = buffer_reserve(text, room);
  if (!to) return buffer_check(text, "a number's text", err);
  uint8_t *end = numeric_text(to, cell->data);
  return end ? chunk_put_bytes(c, to, (uint32_t)(end - to), err) : malformed(c, cell, err);
}

/* A numeric as the nearest double. The user has asked for it; only what is beyond all doubles is special. */
static bool special_double(struct chunk *c, const struct cell *cell, double v, struct error *err) {
  if (c->shared->special == SPECIAL_NULL) return special_null(c, err);
  if (c->shared->special == SPECIAL_REPLACE) {
    chunk_count_special(c);
    return put_double(c, v < 0 ? -DBL_MAX : DBL_MAX, err);
  }
  return fail(err, ERR_VALUE, "column \"%s\": a DOUBLE cannot hold %s; special=null or special=replace can",
              c->leaf->name, value_text_of(c, cell));
}

static bool append_numeric_double(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  struct buffer *text = &c->shared->text;
  size_t room = numeric_text_max(cell->data, cell->len);
  if (!room) return malformed(c, cell, err);
  buffer_reset(text);
  uint8_t *to = buffer_reserve(text, room + 1);
  if (!to) return buffer_check(text, "a number's text", err);
  uint8_t *end = numeric_text(to, cell->data);
  if (!end) return malformed(c, cell, err);
  *end = '\0';
  double v = strtod((const char *)to, NULL);   /* reads NaN and Infinity, too */
  if (isinf(v) && !numeric_is_special(cell->data)) return special_double(c, cell, v, err);
  return put_double(c, v, err);
}

static bool special_time(struct chunk *c, const struct cell *cell, struct error *err) {
  if (c->shared->special == SPECIAL_NULL) return special_null(c, err);
  if (c->shared->special == SPECIAL_REPLACE) {
    chunk_count_special(c);
    return put_timestamp(c, DAY_MICROS - 1, err);
  }
  return fail(err, ERR_VALUE, "column \"%s\": a Parquet TIME cannot hold %s; special=null or special=replace can",
              c->leaf->name, value_text_of(c, cell));
}

static bool append_time(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 8) return append_other(c, cell, err);
  uint64_t micros = load_be64(cell->data);
  if (micros > DAY_MICROS) return malformed(c, cell, err);
  return micros < DAY_MICROS ? put_timestamp(c, (int64_t)micros, err) : special_time(c, cell, err);   /* 24:00:00 */
}

static bool append_uuid(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell->len != 16) return append_other(c, cell, err);
  return chunk_put_bytes(c, cell->data, 16, err);
}

/* time and uuid. */
static bool append_short_text(struct chunk *c, const struct cell *cell, struct error *err) {
  const struct value_text *t = &value_texts[c->leaf->kind];
  uint8_t text[VALUE_TEXT_MAX];
  if (cell->len != t->width) return append_other(c, cell, err);
  uint8_t *end = t->write(text, cell->data);
  return end ? chunk_put_bytes(c, text, (uint32_t)(end - text), err) : malformed(c, cell, err);
}

static bool append_bytes(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  return chunk_put_bytes(c, cell->data, (uint32_t)cell->len, err);
}

/* U+FFFD for each escape of half a surrogate pair, in place: it is shorter. */
static void repair_pairs(struct buffer *text) {
  const uint8_t *at = text->data, *end = at + text->len, *half;
  uint8_t *to = text->data;
  while ((half = json_find_half_pair(at, end))) {
    memmove(to, at, (size_t)(half - at));
    to += half - at;
    memcpy(to, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
    to += UTF8_REPLACEMENT_LEN;
    at = half + 6;
  }
  memmove(to, at, (size_t)(end - at));
  text->len = (size_t)(to - text->data) + (size_t)(end - at);
}

static bool put_repaired(struct chunk *c, const uint8_t *text, size_t len, struct error *err) {
  struct buffer *out = &c->shared->text;
  buffer_reset(out);
  while (len) {
    size_t valid = utf8_valid_prefix(text, len);
    buffer_append(out, text, valid);
    if (valid == len) break;
    buffer_append(out, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
    text += valid + 1;
    len -= valid + 1;
  }
  if (!buffer_check(out, "a text", err)) return false;
  if (c->leaf->kind == KIND_JSON) repair_pairs(out);
  if (!chunk_put_bytes(c, out->data, (uint32_t)out->len, err)) return false;
  buffer_reset(out);
  buffer_shrink(out, c->page_bytes);
  return true;
}

/* A text that cannot be written as it is, by any policy but SPECIAL_ERROR. */
static bool put_otherwise(struct chunk *c, const uint8_t *text, size_t len, struct error *err) {
  if (c->shared->special == SPECIAL_NULL) return special_null(c, err);
  chunk_count_special(c);
  return put_repaired(c, text, len, err);
}

static bool special_text(struct chunk *c, const uint8_t *text, size_t len, size_t valid, struct error *err) {
  if (c->shared->special != SPECIAL_ERROR) return put_otherwise(c, text, len, err);
  return fail(err, ERR_VALUE,
              "column \"%s\": byte 0x%02X at position %zu is no UTF-8, which a Parquet %s must be; "
              "special=null or special=replace can write the value",
              c->leaf->name, text[valid], valid, c->leaf->logical == LOGICAL_JSON ? "JSON" : "STRING");
}

static bool put_text(struct chunk *c, const uint8_t *text, size_t len, struct error *err) {
  size_t valid = utf8_valid_prefix(text, len);
  if (valid != len) return special_text(c, text, len, valid, err);
  return chunk_put_bytes(c, text, (uint32_t)len, err);
}

static bool append_text(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  return put_text(c, cell->data, (size_t)cell->len, err);
}

static bool special_pair(struct chunk *c, const uint8_t *text, size_t len, size_t position, struct error *err) {
  if (c->shared->special != SPECIAL_ERROR) return put_otherwise(c, text, len, err);
  return fail(err, ERR_VALUE,
              "column \"%s\": %.6s at position %zu is half a surrogate pair and no character, and readers refuse a Parquet "
              "file with such JSON; special=null or special=replace can write the value",
              c->leaf->name, (const char *)text + position, position);
}

/* The server takes half a surrogate pair into json, though not into jsonb. DuckDB then reads nothing of the file. */
static bool append_json(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  const uint8_t *text = cell->data, *end = text + cell->len, *half = json_find_half_pair(text, end);
  if (!half || utf8_valid_prefix(text, (size_t)cell->len) != (size_t)cell->len)
    return put_text(c, text, (size_t)cell->len, err);
  return special_pair(c, text, (size_t)cell->len, (size_t)(half - text), err);
}

static bool append_jsonb(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  if (cell->len < 2 || cell->data[0] != 1) return malformed(c, cell, err);   /* version 1 is the only one */
  return put_text(c, cell->data + 1, (size_t)cell->len - 1, err);
}

static bool special_geometry(struct chunk *c, enum geometry_result what, struct error *err) {
  if (c->shared->special == SPECIAL_NULL) return special_null(c, err);
  if (what == GEOMETRY_HAS_M)
    return fail(err, ERR_VALUE,
                "column \"%s\" has a geometry with M, which GeoParquet has not; special=replace leaves M out, "
                "special=null writes NULL instead, geometry=text the server's text", c->leaf->name);
  return fail(err, ERR_VALUE,
              "column \"%s\" has a curve, a polyhedral surface or a triangle, which GeoParquet has not; special=null "
              "writes NULL instead, geometry=text the server's text, ST_CurveToLine in a query makes lines of curves",
              c->leaf->name);
}

/* Two ways through a value with M: as it must be said whether it had any. */
static bool append_geometry(struct chunk *c, const struct cell *cell, struct error *err) {
  if (cell_is_null(cell)) return append_other(c, cell, err);
  struct buffer *out = &c->shared->text;
  struct geometry_facts facts;
  size_t len = (size_t)cell->len, wkb_len = 0;
  buffer_reset(out);
  uint8_t *to = buffer_reserve(out, len);
  if (!to) return buffer_check(out, "a geometry", err);
  enum geometry_result result = geometry_to_wkb(cell->data, len, false, to, &wkb_len, &facts);
  if (result == GEOMETRY_HAS_M && c->shared->special == SPECIAL_REPLACE) {
    result = geometry_to_wkb(cell->data, len, true, to, &wkb_len, &facts);
    if (result == GEOMETRY_OK) chunk_count_special(c);
  }
  if (result == GEOMETRY_MALFORMED) return malformed(c, cell, err);
  if (result != GEOMETRY_OK) return special_geometry(c, result, err);
  if (!geometry_facts_add(&c->geometry, &facts))
    return geometry_fail_mixed(c->leaf->name, c->geometry.srid, facts.srid, err);
  if (!chunk_put_bytes(c, to, (uint32_t)wkb_len, err)) return false;
  buffer_shrink(out, c->page_bytes);   /* after a huge one */
  return true;
}

append_function *cells_append(const struct leaf *leaf) {
  static append_function *const functions[KIND_COUNT] = {
      [KIND_BOOL] = append_bool,           [KIND_INT2] = append_int2,
      [KIND_INT4] = append_int4,           [KIND_INT8] = append_int8,
      [KIND_OID] = append_oid,             [KIND_FLOAT4] = append_float4,
      [KIND_FLOAT8] = append_float8,       [KIND_NUMERIC] = append_numeric_text,
      [KIND_TEXT] = append_text,           [KIND_JSON] = append_json,
      [KIND_JSONB] = append_jsonb,         [KIND_BYTEA] = append_bytes,
      [KIND_DATE] = append_date,           [KIND_TIME] = append_short_text,
      [KIND_TIMESTAMP] = append_timestamp, [KIND_TIMESTAMPTZ] = append_timestamp,
      [KIND_UUID] = append_short_text,
  };
  if (leaf->geometry) return append_geometry;
  if (leaf->logical == LOGICAL_DECIMAL) return append_decimal;
  if (leaf->logical == LOGICAL_UUID) return append_uuid;
  if (leaf->logical == LOGICAL_TIME) return append_time;
  if (leaf->kind == KIND_NUMERIC && leaf->physical == PHYSICAL_DOUBLE) return append_numeric_double;
  return functions[leaf->kind];
}
