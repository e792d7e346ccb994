#include "format/json.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "format/json_count.h"
#include "format/text.h"
#include "format/text_style.h"
#include "row/base64.h"
#include "row/json_scan.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { NUMBERS_AS_NUMBERS, NUMBERS_BIG_AS_STRINGS, NUMBERS_AS_STRINGS };
static const char *const numbers_choices[] = {"number", "bigint-string", "string", NULL};
enum { NULLS_KEPT, NULLS_OMITTED };
static const char *const nulls_choices[] = {"keep", "omit", NULL};

struct json_options {
  int numbers;
  int nulls;
  struct text_style style;
};

#define OPTION(field) offsetof(struct json_options, field)
static const struct option options[] = {
    {"numbers", OPTION_CHOICE, OPTION(numbers), 0, 0, numbers_choices, "number",
     "bigint-string: bigint and numeric in quotes, which JavaScript would round; string: all numbers"},
    {"nulls", OPTION_CHOICE, OPTION(nulls), 0, 0, nulls_choices, "keep", "omit: a row has no member for a NULL"},
    TEXT_STYLE_OPTIONS(OPTION(style), "iso", "hex"),
    {NULL},
};

struct json {
  const struct schema *schema;
  struct json_options options;
  enum special special;
  bool lines;             /* NDJSON */
};

struct encoder {
  const struct json *json;
  struct text_column *columns;
  struct buffer keys;     /* what the columns' `before` points into: {"a": ,"b": … */
  struct buffer scratch;  /* repaired text */
  uint64_t rows;
  struct text_specials specials;
  bool part_has_rows;
  bool is_null;           /* what the last writer wrote is null: SQL's, or a value by the policy */
};

#define SCRATCH_KEEP_BYTES 65536

static bool json_open(const struct format_spec *spec, void **self, struct error *err, bool lines) {
  if (!text_check_names(spec->schema, "JSON", err)) return false;
  struct json *json = malloc(sizeof *json);
  if (!json) return fail_memory(err, "the JSON format");
  const struct json_options *o = spec->options;
  *json = (struct json){.schema = spec->schema, .options = *o, .special = spec->special, .lines = lines};
  *self = json;
  return true;
}

static bool json_open_array(const struct format_spec *spec, void **self, struct error *err) {
  return json_open(spec, self, err, false);
}

static bool json_open_lines(const struct format_spec *spec, void **self, struct error *err) {
  return json_open(spec, self, err, true);
}

static void json_close(void *self) { free(self); }

static void append_null(struct encoder *e, struct buffer *out) {
  e->is_null = true;
  buffer_append(out, "null", 4);
}

/* Numbers and booleans: as they are printed. */
static bool write_plain(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  return text_append_fixed(column, c, out, err);
}

static bool write_quoted(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  buffer_append_byte(out, '"');
  if (!text_append_fixed(column, c, out, err)) return false;
  buffer_append_byte(out, '"');
  return true;
}

/* A numeric as a string, which can say NaN, too. */
static bool write_quoted_numeric(struct encoder *e, const struct text_column *column, const struct cell *c,
                                 struct buffer *out, struct error *err) {
  buffer_append_byte(out, '"');
  if (!text_append_numeric(column, c, out, err)) return false;
  buffer_append_byte(out, '"');
  return true;
}

/* A number that JSON has no word for. `clamped` is the neighbour that it has, NULL if there is none. */
static bool write_special_number(struct encoder *e, const struct text_column *column, const char *word,
                                 const char *clamped, struct buffer *out, struct error *err) {
  if (e->json->special == SPECIAL_ERROR) {
    text_fail_special(column, "JSON", word, err);
    return false;
  }
  text_specials_count(&e->specials, column);
  if (e->json->special == SPECIAL_STRING) json_append_string(out, word, strlen(word));
  else if (e->json->special == SPECIAL_REPLACE && clamped) buffer_append_string(out, clamped);
  else append_null(e, out);
  return true;
}

static bool write_float4(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  if (c->len == 4) {
    uint32_t bits = load_be32(c->data) & 0x7FFFFFFF;
    bool negative = c->data[0] & 0x80;
    if (bits > 0x7F800000) return write_special_number(e, column, "NaN", NULL, out, err);
    if (bits == 0x7F800000)
      return write_special_number(e, column, negative ? "-Infinity" : "Infinity",
                                  negative ? "-3.4028235e+38" : "3.4028235e+38", out, err);
  }
  return text_append_fixed(column, c, out, err);
}

static bool write_float8(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  if (c->len == 8) {
    uint64_t bits = load_be64(c->data) & INT64_MAX;
    bool negative = c->data[0] & 0x80;
    if (bits > UINT64_C(0x7FF0000000000000)) return write_special_number(e, column, "NaN", NULL, out, err);
    if (bits == UINT64_C(0x7FF0000000000000))
      return write_special_number(e, column, negative ? "-Infinity" : "Infinity",
                                  negative ? "-1.7976931348623157e+308" : "1.7976931348623157e+308", out, err);
  }
  return text_append_fixed(column, c, out, err);
}

static bool write_numeric(struct encoder *e, const struct text_column *column, const struct cell *c,
                          struct buffer *out, struct error *err) {
  if (!numeric_text_max(c->data, c->len) || !numeric_is_special(c->data))
    return text_append_numeric(column, c, out, err);
  uint8_t word[16];
  uint8_t *end = numeric_text(word, c->data);
  *end = '\0';
  return write_special_number(e, column, (const char *)word, NULL, out, err);
}

/*
 * Text that is not UTF-8, by the policy: *text is repaired in e->scratch, or NULL where null shall stand.
 * The scratch is given back by release_scratch.
 */
static bool repair(struct encoder *e, const struct text_column *column, const uint8_t **text, size_t *len,
                   size_t valid, struct error *err) {
  if (e->json->special == SPECIAL_ERROR) {
    char excerpt[TEXT_EXCERPT_SIZE];
    text_excerpt(*text, *len, valid, excerpt);
    text_fail_special(column, "JSON", excerpt, err);
    return false;
  }
  text_specials_count(&e->specials, column);
  if (e->json->special == SPECIAL_NULL) {
    *text = NULL;
    return true;
  }
  buffer_reset(&e->scratch);
  text_append_repaired(&e->scratch, *text, *len);
  *text = e->scratch.data;
  *len = e->scratch.len;
  return buffer_check(&e->scratch, "a value", err);
}

static void release_scratch(struct encoder *e) {
  buffer_reset(&e->scratch);
  buffer_shrink(&e->scratch, SCRATCH_KEEP_BYTES);
}

#define SHORT_BYTES 32

/*
 * Copies a text of at most SHORT_BYTES that text_may_load, with quotes around it, to where there is room for so many
 * and two more. False where something is to be escaped or it has rare characters; what lies at `to` is then undefined.
 */
static inline bool copy_short(uint8_t *to, const uint8_t *text, size_t len) {
#if HAS_SSE2
  __m128i low = _mm_loadu_si128((const __m128i *)(const void *)text);
  __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(text + 16));
  *to++ = '"';
  _mm_storeu_si128((__m128i *)(void *)to, low);
  _mm_storeu_si128((__m128i *)(void *)(to + 16), high);
  to[len] = '"';
  uint64_t stops = json_string_stops_16(text) | (uint64_t)json_string_stops_16(text + 16) << 16;
  return (stops & (((uint64_t)1 << len) - 1)) == 0 && utf8_is_whole_32(low, high, len);
#else
  return false;
#endif
}

static bool write_text(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  const uint8_t *text = c->data;
  size_t len = (size_t)c->len;
  if (len - 1 < SHORT_BYTES && text_may_load(text)) {
    uint8_t *to = buffer_reserve(out, SHORT_BYTES + 2);
    if (to && copy_short(to, text, len)) {
      out->len += len + 2;
      return true;
    }
  }
  size_t valid = utf8_valid_prefix(text, len);
  if (valid == len) {
    json_append_string(out, text, len);
    return true;
  }
  if (!repair(e, column, &text, &len, valid, err)) return false;
  if (text) json_append_string(out, text, len);
  else append_null(e, out);
  release_scratch(e);
  return true;
}

static bool write_document(struct encoder *e, const struct text_column *column, const struct cell *c,
                           struct buffer *out, struct error *err) {
  const uint8_t *text;
  size_t len;
  if (!text_json_bytes(column, c, &text, &len, err)) return false;
  size_t valid = utf8_valid_prefix(text, len);
  bool whole = valid == len;
  if (!whole && !repair(e, column, &text, &len, valid, err)) return false;
  if (!text) append_null(e, out);
  else if (e->json->lines && column->output->kind == KIND_JSON) json_append_one_line(out, text, len);
  else buffer_append_long(out, text, len);   /* jsonb_out writes no line breaks */
  if (!whole) release_scratch(e);
  return true;
}

static bool write_hex(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  buffer_append(out, "\"\\\\x", 4);
  hex_append(out, c->data, (size_t)c->len);
  buffer_append_byte(out, '"');
  return true;
}

static bool write_base64(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  buffer_append_byte(out, '"');
  base64_append(out, c->data, (size_t)c->len);
  buffer_append_byte(out, '"');
  return true;
}

static void choose_writer(const struct json_options *o, const struct output_column *output,
                          struct text_column *column) {
  column->text = text_style_value(&o->style, output->kind, value_iso_texts);
  column->cell = output->cell;
  column->output = output;
  switch (output->kind) {
    case KIND_BOOL: column->write = write_plain; return;
    case KIND_INT2:
    case KIND_INT4: column->write = o->numbers == NUMBERS_AS_STRINGS ? write_quoted : write_plain; return;
    case KIND_INT8: column->write = o->numbers == NUMBERS_AS_NUMBERS ? write_plain : write_quoted; return;
    case KIND_FLOAT4: column->write = o->numbers == NUMBERS_AS_STRINGS ? write_quoted : write_float4; return;
    case KIND_FLOAT8: column->write = o->numbers == NUMBERS_AS_STRINGS ? write_quoted : write_float8; return;
    case KIND_NUMERIC:
      column->write = o->numbers == NUMBERS_AS_NUMBERS ? write_numeric : write_quoted_numeric;
      return;
    case KIND_TEXT: column->write = write_text; return;
    case KIND_JSON:
    case KIND_JSONB: column->write = write_document; return;
    case KIND_BYTEA: column->write = o->style.bytea == BYTEA_BASE64 ? write_base64 : write_hex; return;
    default: column->write = write_quoted; return;   /* oid, dates and times, uuid */
  }
}

static void json_encoder_free(struct encoder *e) {
  if (!e) return;
  free(e->columns);
  text_specials_deinit(&e->specials);
  buffer_deinit(&e->keys);
  buffer_deinit(&e->scratch);
  free(e);
}

/* The keys with their punctuation, once. The pointers are set when the buffer grows no more. */
static bool prepare_columns(struct encoder *e, struct error *err) {
  const struct schema *schema = e->json->schema;
  e->columns = calloc(schema->column_count, sizeof *e->columns);
  if (!e->columns) return fail_memory(err, "a JSON encoder");
  for (size_t i = 0; i < schema->column_count; i++) {
    const struct output_column *output = &schema->columns[i];
    choose_writer(&e->json->options, output, &e->columns[i]);
    size_t start = e->keys.len;
    buffer_append_byte(&e->keys, i ? ',' : '{');
    json_append_string(&e->keys, output->name, strlen(output->name));
    buffer_append_byte(&e->keys, ':');
    e->columns[i].before_len = (uint32_t)(e->keys.len - start);
  }
  buffer_append(&e->keys, (const char[TEXT_SHORT_BYTES]){0}, TEXT_SHORT_BYTES);
  if (!buffer_check(&e->keys, "the keys", err)) return false;
  const uint8_t *at = e->keys.data;
  for (size_t i = 0; i < schema->column_count; i++) {
    e->columns[i].before = at;
    at += e->columns[i].before_len;
  }
  return true;
}

static bool json_encoder_new(void *self, struct encoder **encoder, struct error *err) {
  struct encoder *e = calloc(1, sizeof *e);
  if (!e) return fail_memory(err, "a JSON encoder");
  e->json = self;
  buffer_init(&e->keys, UINT32_MAX);
  buffer_init(&e->scratch, SIZE_MAX / 2);
  if (!text_specials_init(&e->specials, e->json->schema, err) || !prepare_columns(e, err)) {
    json_encoder_free(e);
    return false;
  }
  *encoder = e;
  return true;
}

/*
 * The members of a row without those that are null. What a column's function has written is taken back then: it is
 * short, so nobody can have taken it from the buffer.
 */
static bool append_members_but_nulls(struct encoder *e, const struct cell *cells, struct buffer *out,
                                     struct error *err) {
  bool is_first = true;
  for (size_t i = 0; i < e->json->schema->column_count; i++) {
    const struct text_column *column = &e->columns[i];
    const struct cell *c = &cells[column->cell];
    if (cell_is_null(c)) continue;
    size_t start = out->len;
    buffer_append_byte(out, is_first ? '{' : ',');
    buffer_append(out, column->before + 1, column->before_len - 1);
    e->is_null = false;
    if (!column->write(e, column, c, out, err)) return false;
    if (e->is_null && !out->failed) out->len = start;
    else is_first = false;
  }
  if (is_first) buffer_append_byte(out, '{');
  return true;
}

static bool append_members(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  size_t count = e->json->schema->column_count;
  for (size_t i = 0; i < count; i++) {
    const struct text_column *column = &e->columns[i];
    const struct cell *c = &cells[column->cell];
    text_append_short(out, column->before, column->before_len);
    if (cell_is_null(c)) append_null(e, out);
    else if (!column->write(e, column, c, out, err)) return false;
  }
  return true;
}

static bool json_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  if (!e->json->lines && e->part_has_rows) buffer_append(out, ",\n", 2);
  e->part_has_rows = true;
  bool omits = e->json->options.nulls == NULLS_OMITTED;
  if (!(omits ? append_members_but_nulls : append_members)(e, cells, out, err)) return false;
  if (e->json->lines) buffer_append(out, "}\n", 2);
  else buffer_append_byte(out, '}');
  e->rows++;
  return buffer_check(out, "a row", err);
}

/* The next row begins a part, in front of which the writer puts what belongs between parts. */
static bool json_part_end(struct encoder *e, void **meta, struct error *err) {
  e->part_has_rows = false;
  *meta = NULL;
  return true;
}

static struct format_counts json_counts(const struct encoder *e) {
  return (struct format_counts){
      .rows = e->rows, .specials = e->specials.total, .specials_by_column = e->specials.by_column};
}

static bool array_begin(void *self, struct buffer *out, struct error *err) {
  buffer_append_byte(out, '[');
  return buffer_check(out, "the first bracket", err);
}

static bool array_join(void *self, uint64_t rows_before, uint64_t offset, void *meta, struct buffer *out,
                       struct error *err) {
  buffer_append_string(out, rows_before ? ",\n" : "\n");
  return buffer_check(out, "a comma", err);
}

static bool array_end(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err) {
  buffer_append_string(out, rows ? "\n]\n" : "]\n");
  return buffer_check(out, "the last bracket", err);
}

static const char *json_zone(const void *o) { return ((const struct json_options *)o)->style.zone; }

/* An object may also be the first of many lines. */
static bool json_is_begun_by(const uint8_t *bytes, size_t len) { return text_begins_with(bytes, len, '['); }

#define SHARED_SLOTS                                                                                         \
  .is_text = true, .flattens = false, .other_form = WIRE_JSON, .path_form = FORMAT_PATH_JSON,                \
  .nested_form = text_nested_as_json,                                                                        \
  .path_types = text_path_types,                                                                             \
  .sent_types = text_sent_types,                                                                             \
  .specials_allowed = 1u << SPECIAL_ERROR | 1u << SPECIAL_NULL | 1u << SPECIAL_STRING | 1u << SPECIAL_REPLACE, \
  .group = "json", .options = options, .options_size = sizeof(struct json_options), .zone = json_zone,       \
  .check_options = text_check_no_options,                                                                    \
  .close = json_close, .meta_free = text_meta_free, .encoder_new = json_encoder_new,                         \
  .encoder_free = json_encoder_free, .encode = json_encode, .part_rows = text_part_rows,                     \
  .part_is_full = text_part_is_full,                                                                         \
  .part_end = json_part_end, .part_read = text_part_read, .counts = json_counts

const struct format format_json = {
    SHARED_SLOTS,
    .name = "json",
    .extension = "json",
    .media_type = "application/json",
    .help = "one JSON array, an object a row",
    .open = json_open_array,
    .begin = array_begin,
    .join = array_join,
    .end = array_end,
    .count_rows = json_count_array,
    .check_whole = json_check_whole,
    .proves_its_end = true,
    .is_begun_by = json_is_begun_by,
};

const struct format format_ndjson = {
    SHARED_SLOTS,
    .name = "ndjson",
    .extension = "ndjson",
    .media_type = "application/x-ndjson",
    .help = "a JSON object a line",
    .open = json_open_lines,
    .begin = text_begin_nothing,
    .join = text_join_nothing,
    .end = text_end_nothing,
    .count_rows = json_count_lines,
    .check_whole = json_check_lines,
};
