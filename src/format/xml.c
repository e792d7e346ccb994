#include "format/xml.h"

#include "base/utf8.h"
#include "format/text.h"
#include "format/xml_count.h"
#include "format/xml_nested.h"
#include "format/xml_text.h"
#include "row/datetime_text.h"

#include <stdio.h>
#include <stdlib.h>

struct xml_options {
  char root[OPTION_TEXT_MAX];
  char row[OPTION_TEXT_MAX];
};

static const struct option options[] = {
    {"root", OPTION_TEXT, offsetof(struct xml_options, root), 1, OPTION_TEXT_MAX - 1, NULL, XML_ROOT_DEFAULT,
     "name of the root element"},
    {"row", OPTION_TEXT, offsetof(struct xml_options, row), 1, OPTION_TEXT_MAX - 1, NULL, XML_ROW_DEFAULT,
     "name of the element of a row"},
    {NULL},
};

struct xml {
  const struct schema *schema;
  struct xml_options options;
  enum special special;
  char row_start[OPTION_TEXT_MAX + 4];   /* "\n<record>" */
  char row_end[OPTION_TEXT_MAX + 4];     /* "</record>" */
};

struct encoder {
  const struct xml *xml;
  struct text_column *columns;
  struct buffer tags;          /* what the columns' `before` points into: <a></a><b></b>… */
  struct xml_nested nested;
  struct text_specials specials;
  struct buffer scratch;       /* repaired JSON */
  uint64_t rows;
  bool is_nil;                 /* set by a writer that appended nothing: the element is to be nil */
};

#define SCRATCH_KEEP_BYTES 65536

static bool check_name(const char *field, const char *name, struct error *err) {
  struct buffer escaped;
  buffer_init(&escaped, 10 * OPTION_TEXT_MAX);
  size_t len = strlen(name);
  xml_append_name(&escaped, (const uint8_t *)name, len);
  bool same = !escaped.failed && escaped.len == len && memcmp(escaped.data, name, len) == 0;
  buffer_deinit(&escaped);
  if (same) return true;
  return fail_field(err, field, "option \"%s\": \"%s\" cannot be the name of an XML element", field, name);
}

static bool xml_open(const struct format_spec *spec, void **self, struct error *err) {
  const struct xml_options *o = spec->options;
  if (!check_name("xml.root", o->root, err) || !check_name("xml.row", o->row, err)) return false;
  if (!text_check_names(spec->schema, "XML", err)) return false;
  struct xml *xml = malloc(sizeof *xml);
  if (!xml) return fail_memory(err, "the XML format");
  *xml = (struct xml){.schema = spec->schema, .options = *o, .special = spec->special};
  snprintf(xml->row_start, sizeof xml->row_start, "\n<%s>", o->row);
  snprintf(xml->row_end, sizeof xml->row_end, "</%s>", o->row);
  *self = xml;
  return true;
}

static void xml_close(void *self) { free(self); }

static bool write_fixed(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  return text_append_fixed(column, c, out, err);
}

/* As printed, but INF for Infinity: XML Schema's spelling. */
static bool write_float(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  size_t start = out->len;
  if (!text_append_fixed(column, c, out, err)) return false;
  const char *text = (const char *)out->data + start;
  size_t len = out->len - start, word = sizeof "Infinity" - 1;
  if (len >= word && memcmp(text + len - word, "Infinity", word) == 0) {
    out->len -= word;
    buffer_append(out, "INF", 3);
  }
  return true;
}

static bool write_numeric(struct encoder *e, const struct text_column *column, const struct cell *c,
                          struct buffer *out, struct error *err) {
  return text_append_numeric(column, c, out, err);
}

/* An infinite date or timestamp; `nearest` is the type's last value on that side. */
static bool write_infinity(struct encoder *e, const struct text_column *column, const struct cell *c,
                           const struct cell *nearest, struct buffer *out, struct error *err) {
  if (e->xml->special == SPECIAL_ERROR) {
    text_fail_special(column, "XML", c->data[0] & 0x80 ? "-infinity" : "infinity", err);
    return false;
  }
  text_specials_count(&e->specials, column);
  if (e->xml->special == SPECIAL_NULL) {
    e->is_nil = true;
    return true;
  }
  return text_append_fixed(column, e->xml->special == SPECIAL_REPLACE ? nearest : c, out, err);
}

static bool write_date(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  if (c->len != 4 || !date_is_infinite(c->data)) return text_append_fixed(column, c, out, err);
  uint8_t bytes[4];
  struct cell nearest = {bytes, sizeof bytes};
  date_nearest_finite(c->data, bytes);
  return write_infinity(e, column, c, &nearest, out, err);
}

static bool write_timestamp(struct encoder *e, const struct text_column *column, const struct cell *c,
                            struct buffer *out, struct error *err) {
  if (c->len != 8 || !timestamp_is_infinite(c->data)) return text_append_fixed(column, c, out, err);
  uint8_t bytes[8];
  struct cell nearest = {bytes, sizeof bytes};
  timestamp_nearest_finite(c->data, bytes);
  return write_infinity(e, column, c, &nearest, out, err);
}

static bool write_text(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  return xml_append_text(&e->nested, column, c->data, (size_t)c->len, out, &e->is_nil, err);
}

static bool write_bytea(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  xml_append_base64(out, c->data, (size_t)c->len);
  return true;
}

/* JSON that is not UTF-8: as a whole, since the bytes may stand in keys. */
static bool write_broken_json(struct encoder *e, const struct text_column *column, const uint8_t *json, size_t len,
                              size_t valid, struct buffer *out, struct error *err) {
  if (e->xml->special == SPECIAL_ERROR) {
    char excerpt[TEXT_EXCERPT_SIZE];
    text_excerpt(json, len, valid, excerpt);
    text_fail_special(column, "XML", excerpt, err);
    return false;
  }
  text_specials_count(&e->specials, column);
  if (e->xml->special == SPECIAL_NULL) {
    e->is_nil = true;
    return true;
  }
  buffer_reset(&e->scratch);
  text_append_repaired(&e->scratch, json, len);
  bool ok = buffer_check(&e->scratch, "a value", err) &&
            xml_nested_append(&e->nested, column, e->scratch.data, e->scratch.len, out, &e->is_nil, err);
  buffer_reset(&e->scratch);
  buffer_shrink(&e->scratch, SCRATCH_KEEP_BYTES);
  return ok;
}

static bool write_json(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  const uint8_t *json;
  size_t len;
  if (!text_json_bytes(column, c, &json, &len, err)) return false;
  size_t valid = utf8_valid_prefix(json, len);
  if (valid < len) return write_broken_json(e, column, json, len, valid, out, err);
  return xml_nested_append(&e->nested, column, json, len, out, &e->is_nil, err);
}

static void choose_writer(const struct output_column *output, struct text_column *column) {
  column->text = value_iso_texts[output->kind];
  column->cell = output->cell;
  column->output = output;
  switch (output->kind) {
    case KIND_FLOAT4:
    case KIND_FLOAT8: column->write = write_float; return;
    case KIND_NUMERIC: column->write = write_numeric; return;
    case KIND_TEXT: column->write = write_text; return;
    case KIND_JSON:
    case KIND_JSONB: column->write = write_json; return;
    case KIND_BYTEA: column->write = write_bytea; return;
    case KIND_DATE: column->write = write_date; return;
    case KIND_TIMESTAMP:
    case KIND_TIMESTAMPTZ: column->write = write_timestamp; return;
    default: column->write = write_fixed; return;
  }
}

static void xml_encoder_free(struct encoder *e) {
  if (!e) return;
  free(e->columns);
  buffer_deinit(&e->tags);
  buffer_deinit(&e->scratch);
  xml_nested_deinit(&e->nested);
  text_specials_deinit(&e->specials);
  free(e);
}

/*
 * The tags, once: <name></name> each, of which `before` is the start tag and the end tag lies behind it. The
 * pointers are set when the buffer grows no more.
 */
static bool prepare_columns(struct encoder *e, struct error *err) {
  const struct schema *schema = e->xml->schema;
  e->columns = calloc(schema->column_count, sizeof *e->columns);
  if (!e->columns) return fail_memory(err, "an XML encoder");
  for (size_t i = 0; i < schema->column_count; i++) {
    const struct output_column *output = &schema->columns[i];
    const uint8_t *name = (const uint8_t *)output->name;
    choose_writer(output, &e->columns[i]);
    size_t start = e->tags.len;
    buffer_append_byte(&e->tags, '<');
    xml_append_name(&e->tags, name, strlen(output->name));
    buffer_append_byte(&e->tags, '>');
    e->columns[i].before_len = (uint32_t)(e->tags.len - start);
    buffer_append_string(&e->tags, "</");
    xml_append_name(&e->tags, name, strlen(output->name));
    buffer_append_byte(&e->tags, '>');
  }
  buffer_append(&e->tags, (const char[TEXT_SHORT_BYTES]){0}, TEXT_SHORT_BYTES);
  if (!buffer_check(&e->tags, "the tags", err)) return false;
  const uint8_t *at = e->tags.data;
  for (size_t i = 0; i < schema->column_count; i++) {
    e->columns[i].before = at;
    at += 2 * e->columns[i].before_len + 1;
  }
  return true;
}

static bool xml_encoder_new(void *self, struct encoder **encoder, struct error *err) {
  struct encoder *e = calloc(1, sizeof *e);
  if (!e) return fail_memory(err, "an XML encoder");
  e->xml = self;
  buffer_init(&e->tags, UINT32_MAX);
  buffer_init(&e->scratch, SIZE_MAX / 2);
  xml_nested_init(&e->nested, e->xml->special, &e->specials);
  if (!text_specials_init(&e->specials, e->xml->schema, err) || !prepare_columns(e, err)) {
    xml_encoder_free(e);
    return false;
  }
  *encoder = e;
  return true;
}

static bool xml_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  const struct xml *xml = e->xml;
  size_t count = xml->schema->column_count;
  buffer_append_string(out, xml->row_start);
  for (size_t i = 0; i < count; i++) {
    const struct text_column *column = &e->columns[i];
    const struct cell *c = &cells[column->cell];
    text_append_short(out, column->before, column->before_len);
    e->is_nil = cell_is_null(c);
    if (!e->is_nil && !column->write(e, column, c, out, err)) return false;
    if (e->is_nil) xml_make_nil(out);
    else text_append_short(out, column->before + column->before_len, column->before_len + 1);
  }
  buffer_append_string(out, xml->row_end);
  e->rows++;
  return buffer_check(out, "a row", err);
}

static struct format_counts xml_counts(const struct encoder *e) {
  return (struct format_counts){
      .rows = e->rows, .specials = e->specials.total, .specials_by_column = e->specials.by_column};
}

static bool xml_begin(void *self, struct buffer *out, struct error *err) {
  const struct xml *xml = self;
  buffer_appendf(out,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                 "<%s xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">",
                 xml->options.root);
  return buffer_check(out, "the root's start tag", err);
}

static bool xml_end(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err) {
  const struct xml *xml = self;
  buffer_appendf(out, "%s</%s>\n", rows ? "\n" : "", xml->options.root);
  return buffer_check(out, "the root's end tag", err);
}

const struct format format_xml = {
    .name = "xml",
    .extension = "xml",
    .media_type = "application/xml",
    .help = "an element a row and column, JSON as nested elements",
    .is_text = true,
    .flattens = false,
    .other_form = WIRE_TEXT,
    .nested_form = text_nested_as_json,
    .path_form = FORMAT_PATH_JSON,
    .types_paths = false,
    .specials_allowed = 1u << SPECIAL_ERROR | 1u << SPECIAL_NULL | 1u << SPECIAL_STRING | 1u << SPECIAL_REPLACE,
    .options = options,
    .options_size = sizeof(struct xml_options),
    .open = xml_open,
    .close = xml_close,
    .begin = xml_begin,
    .join = text_join_nothing,
    .end = xml_end,
    .meta_free = text_meta_free,
    .encoder_new = xml_encoder_new,
    .encoder_free = xml_encoder_free,
    .encode = xml_encode,
    .part_rows = text_part_rows,
    .part_is_full = text_part_is_full,
    .part_end = text_part_end,
    .part_read = text_part_read,
    .counts = xml_counts,
    .count_rows = xml_count_rows,
};
