#include "format/xml.h"

#include "base/utf8.h"
#include "format/text.h"
#include "format/text_style.h"
#include "format/xml_count.h"
#include "format/xml_nested.h"
#include "format/xml_text.h"
#include "row/base64.h"
#include "row/datetime_text.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUES_ELEMENTS, VALUES_ATTRIBUTES };
enum { NULL_AUTO, NULL_XSI, NULL_ABSENT, NULL_EMPTY };
enum { JSON_AUTO, JSON_NESTED, JSON_TEXT };
static const char *const values_choices[] = {"elements", "attributes", NULL};
static const char *const null_choices[] = {"auto", "xsi", "absent", "empty", NULL};
static const char *const json_choices[] = {"auto", "nested", "text", NULL};

#define INDENT_MAX 8

struct xml_options {
  char root[OPTION_TEXT_MAX];
  char row[OPTION_TEXT_MAX];
  int values;
  int null_as;
  int json;
  int64_t indent;
  bool declaration;
  struct text_style style;
};

#define OPTION(field) offsetof(struct xml_options, field)
static const struct option options[] = {
    {"root", OPTION_TEXT, OPTION(root), 1, OPTION_TEXT_MAX - 1, NULL, XML_ROOT_DEFAULT, "name of the root element"},
    {"row", OPTION_TEXT, OPTION(row), 1, OPTION_TEXT_MAX - 1, NULL, XML_ROW_DEFAULT,
     "name of the element of a row"},
    {"values", OPTION_CHOICE, OPTION(values), 0, 0, values_choices, "elements",
     "an element a column, or an attribute of the row's element"},
    {"null", OPTION_CHOICE, OPTION(null_as), 0, 0, null_choices, "auto",
     "<x xsi:nil=\"true\"/>, no element, or <x/>; auto: xsi for elements, absent for attributes"},
    {"json", OPTION_CHOICE, OPTION(json), 0, 0, json_choices, "auto",
     "JSON, arrays and composites as nested elements, or as JSON text; auto: nested, text in attributes"},
    {"indent", OPTION_INT, OPTION(indent), 0, INDENT_MAX, NULL, "0",
     "blanks a level, and an element a line; 0: a row a line"},
    {"declaration", OPTION_BOOL, OPTION(declaration), 0, 0, NULL, "true",
     "begin with <?xml version=\"1.0\" encoding=\"UTF-8\"?>"},
    TEXT_STYLE_OPTIONS(OPTION(style), "iso", "base64"),
    {NULL},
};

struct xml {
  const struct schema *schema;
  struct xml_options options;
  enum special special;
  enum xml_null null_as;
  bool in_attributes, json_as_text;
  char row_start[OPTION_TEXT_MAX + INDENT_MAX + 4];   /* "\n<record>" */
  char row_end[OPTION_TEXT_MAX + INDENT_MAX + 4];     /* "</record>" */
  size_t row_start_len, row_end_len;
};

struct encoder {
  const struct xml *xml;
  struct text_column *columns;
  struct buffer tags;          /* what the columns' `before` points into: <a></a><b></b>…, or  a="" b=""… */
  struct xml_nested nested;
  struct text_specials specials;
  struct buffer scratch;       /* repaired JSON */
  struct buffer attribute;     /* a value before it is escaped for an attribute */
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

static bool xml_check_options(const void *checked, struct error *err) {
  const struct xml_options *o = checked;
  if (!check_name("xml.root", o->root, err) || !check_name("xml.row", o->row, err)) return false;
  if (o->values == VALUES_ELEMENTS) return true;
  if (o->null_as == NULL_XSI)
    return fail_field(err, "xml.null", "option \"xml.null\": an attribute cannot be xsi:nil; choose absent or empty");
  if (o->json == JSON_NESTED)
    return fail_field(err, "xml.json", "option \"xml.json\": an attribute cannot hold elements; choose text, or values=elements");
  return true;
}

static enum xml_null null_style(const struct xml_options *o) {
  if (o->null_as == NULL_EMPTY) return XML_NULL_EMPTY;
  bool is_absent = o->null_as == NULL_ABSENT || (o->null_as == NULL_AUTO && o->values == VALUES_ATTRIBUTES);
  return is_absent ? XML_NULL_ABSENT : XML_NULL_XSI;
}

static bool xml_open(const struct format_spec *spec, void **self, struct error *err) {
  const struct xml_options *o = spec->options;
  if (!xml_check_options(o, err) || !text_check_names(spec->schema, "XML", err)) return false;
  struct xml *xml = malloc(sizeof *xml);
  if (!xml) return fail_memory(err, "the XML format");
  bool in_attributes = o->values == VALUES_ATTRIBUTES;
  *xml = (struct xml){.schema = spec->schema, .options = *o, .special = spec->special, .null_as = null_style(o),
                      .in_attributes = in_attributes, .json_as_text = o->json == JSON_TEXT || in_attributes};
  int indent = (int)o->indent;
  bool own_line = indent > 0 && !in_attributes;
  snprintf(xml->row_start, sizeof xml->row_start, "\n%*s<%s%s", indent, "", o->row, in_attributes ? "" : ">");
  if (in_attributes) snprintf(xml->row_end, sizeof xml->row_end, "/>");
  else snprintf(xml->row_end, sizeof xml->row_end, "%s%*s</%s>", own_line ? "\n" : "", indent, "", o->row);
  xml->row_start_len = strlen(xml->row_start);
  xml->row_end_len = strlen(xml->row_end);
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

/* With or without an offset behind it, which of an infinity is 0. */
static bool write_timestamp(struct encoder *e, const struct text_column *column, const struct cell *c,
                            struct buffer *out, struct error *err) {
  if (c->len != column->text.width || !timestamp_is_infinite(c->data)) return text_append_fixed(column, c, out, err);
  uint8_t bytes[12] = {0};
  struct cell nearest = {bytes, c->len};
  timestamp_nearest_finite(c->data, bytes);
  return write_infinity(e, column, c, &nearest, out, err);
}

static bool write_text(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  if ((uint32_t)c->len - 1u < XML_SHORT_BYTES && text_may_load(c->data)) {
    uint8_t *to = buffer_reserve(out, XML_SHORT_BYTES);
    if (to && xml_copy_short(to, c->data, (size_t)c->len)) {
      out->len += (size_t)c->len;
      return true;
    }
  }
  return xml_append_text(&e->nested, column, c->data, (size_t)c->len, out, &e->is_nil, err);
}

static bool write_base64(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  base64_append(out, c->data, (size_t)c->len);
  return true;
}

/* xsd:hexBinary, as the server's xmlbinary = hex. */
static bool write_hex(struct encoder *e, const struct text_column *column, const struct cell *c,
                      struct buffer *out, struct error *err) {
  hex_append_upper(out, c->data, (size_t)c->len);
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
  if (xml_nested_append_known(&e->nested, column, json, len, out)) return true;
  size_t valid = utf8_valid_prefix(json, len);
  if (valid < len) return write_broken_json(e, column, json, len, valid, out, err);
  return xml_nested_append(&e->nested, column, json, len, out, &e->is_nil, err);
}

static bool write_json_text(struct encoder *e, const struct text_column *column, const struct cell *c,
                            struct buffer *out, struct error *err) {
  const uint8_t *json;
  size_t len;
  if (!text_json_bytes(column, c, &json, &len, err)) return false;
  return xml_append_text(&e->nested, column, json, len, out, &e->is_nil, err);
}

/* What `inner` writes, as an attribute may hold it: a parser would turn tabs and line feeds into blanks. */
static bool write_in_attribute(struct encoder *e, const struct text_column *column, const struct cell *c,
                               struct buffer *out, struct error *err) {
  static const struct text_stops stops = TEXT_STOPS('"', '\t', '\n', '\n');
  buffer_reset(&e->attribute);
  if (!column->inner(e, column, c, &e->attribute, err) || !buffer_check(&e->attribute, "a value", err)) return false;
  if (e->attribute.len == 0) return true;   /* and perhaps no memory to point into */
  const uint8_t *at = e->attribute.data, *end = at + e->attribute.len;
  while (at < end) {
    const uint8_t *stop = text_find_stop(at, end, &stops);
    buffer_append_long(out, at, (size_t)(stop - at));
    if (stop < end) buffer_append_string(out, *stop == '"' ? "&quot;" : *stop == '\t' ? "&#x09;" : "&#x0a;");
    at = stop + (stop < end);
  }
  buffer_reset(&e->attribute);
  buffer_shrink(&e->attribute, SCRATCH_KEEP_BYTES);
  return true;
}

static void choose_writer(const struct xml *xml, const struct output_column *output, struct text_column *column) {
  const struct text_style *style = &xml->options.style;
  column->text = text_style_value(style, output->kind, value_iso_texts);
  column->cell = output->cell;
  column->output = output;
  switch (output->kind) {
    case KIND_FLOAT4:
    case KIND_FLOAT8: column->write = write_float; return;
    case KIND_NUMERIC: column->write = write_numeric; return;
    case KIND_TEXT: column->write = write_text; break;
    case KIND_JSON:
    case KIND_JSONB: column->write = xml->json_as_text ? write_json_text : write_json; break;
    case KIND_BYTEA: column->write = style->bytea == BYTEA_HEX ? write_hex : write_base64; return;
    case KIND_DATE: column->write = write_date; return;
    case KIND_TIMESTAMP:
    case KIND_TIMESTAMPTZ:
    case KIND_TIMESTAMPTZ_ZONED: column->write = write_timestamp; return;
    default: column->write = write_fixed; return;
  }
  if (!xml->in_attributes) return;
  column->inner = column->write;
  column->write = write_in_attribute;
}

static void xml_encoder_free(struct encoder *e) {
  if (!e) return;
  free(e->columns);
  buffer_deinit(&e->tags);
  buffer_deinit(&e->scratch);
  buffer_deinit(&e->attribute);
  xml_nested_deinit(&e->nested);
  text_specials_deinit(&e->specials);
  free(e);
}

/* <name> and </name>, or  name=" and ", with what stands before them where lines are indented. */
static void append_tags(const struct xml *xml, const char *name, struct buffer *tags, struct text_column *column) {
  size_t start = tags->len;
  int indent = 2 * (int)xml->options.indent;
  if (xml->in_attributes) buffer_append_byte(tags, ' ');
  else buffer_appendf(tags, "%s%*s<", indent ? "\n" : "", indent, "");
  xml_append_name(tags, (const uint8_t *)name, strlen(name));
  buffer_append_string(tags, xml->in_attributes ? "=\"" : ">");
  column->before_len = (uint32_t)(tags->len - start);
  start = tags->len;
  if (xml->in_attributes) {
    buffer_append_byte(tags, '"');
  } else {
    buffer_append_string(tags, "</");
    xml_append_name(tags, (const uint8_t *)name, strlen(name));
    buffer_append_byte(tags, '>');
  }
  column->after_len = (uint32_t)(tags->len - start);
}

/* The tags, once: `before` is the start tag, behind which the end tag lies. The pointers are set when the buffer grows no more. */
static bool prepare_columns(struct encoder *e, struct error *err) {
  const struct schema *schema = e->xml->schema;
  e->columns = calloc(schema->column_count, sizeof *e->columns);
  if (!e->columns) return fail_memory(err, "an XML encoder");
  for (size_t i = 0; i < schema->column_count; i++) {
    choose_writer(e->xml, &schema->columns[i], &e->columns[i]);
    append_tags(e->xml, schema->columns[i].name, &e->tags, &e->columns[i]);
  }
  buffer_append(&e->tags, (const char[TEXT_SHORT_BYTES]){0}, TEXT_SHORT_BYTES);
  if (!buffer_check(&e->tags, "the tags", err)) return false;
  const uint8_t *at = e->tags.data;
  for (size_t i = 0; i < schema->column_count; i++) {
    e->columns[i].before = at;
    at += e->columns[i].before_len + e->columns[i].after_len;
  }
  return true;
}

static bool xml_encoder_new(void *self, struct encoder **encoder, struct error *err) {
  struct encoder *e = calloc(1, sizeof *e);
  if (!e) return fail_memory(err, "an XML encoder");
  e->xml = self;
  buffer_init(&e->tags, UINT32_MAX);
  buffer_init(&e->scratch, SIZE_MAX / 2);
  buffer_init(&e->attribute, SIZE_MAX / 2);
  xml_nested_init(&e->nested, e->xml->special, e->xml->null_as, &e->specials);
  if (!text_specials_init(&e->specials, e->xml->schema, err) || !prepare_columns(e, err)) {
    xml_encoder_free(e);
    return false;
  }
  *encoder = e;
  return true;
}

/* Behind a start tag, or an attribute's name: there is no value. */
static void end_null(const struct encoder *e, const struct text_column *column, struct buffer *out) {
  if (out->failed) return;
  if (e->xml->null_as == XML_NULL_ABSENT) out->len -= column->before_len;
  else if (e->xml->in_attributes) buffer_append_byte(out, '"');
  else xml_make_nil(&e->nested, out);
}

/* A value's end tag lies before the next one's start tag, as in the output: both are appended at once. */
static bool xml_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  const struct xml *xml = e->xml;
  const struct text_column *column = e->columns, *end = column + xml->schema->column_count;
  size_t end_tag = 0;   /* bytes before column->before that are still to be written */
  buffer_append(out, xml->row_start, xml->row_start_len);
  for (; column < end; column++) {
    const struct cell *c = &cells[column->cell];
    text_append_short(out, column->before - end_tag, end_tag + column->before_len);
    e->is_nil = cell_is_null(c);
    if (!e->is_nil && !column->write(e, column, c, out, err)) return false;
    if (e->is_nil) end_null(e, column, out);
    end_tag = e->is_nil ? 0 : column->after_len;
  }
  const struct text_column *last = end - 1;
  text_append_short(out, last->before + last->before_len, end_tag);
  buffer_append(out, xml->row_end, xml->row_end_len);
  e->rows++;
  return buffer_check(out, "a row", err);
}

static struct format_counts xml_counts(const struct encoder *e) {
  return (struct format_counts){
      .rows = e->rows, .specials = e->specials.total, .specials_by_column = e->specials.by_column};
}

static bool xml_begin(void *self, struct buffer *out, struct error *err) {
  const struct xml *xml = self;
  static const char xsi[] = " xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";
  if (xml->options.declaration) buffer_append_string(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
  buffer_appendf(out, "<%s%s>", xml->options.root, xml->null_as == XML_NULL_XSI ? xsi : "");
  return buffer_check(out, "the root's start tag", err);
}

static bool xml_end(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err) {
  const struct xml *xml = self;
  buffer_appendf(out, "%s</%s>\n", rows ? "\n" : "", xml->options.root);
  return buffer_check(out, "the root's end tag", err);
}

static const char *xml_zone(const void *o) { return ((const struct xml_options *)o)->style.zone; }

static bool xml_is_begun_by(const uint8_t *bytes, size_t len) { return text_begins_with(bytes, len, '<'); }

const struct format format_xml = {
    .name = "xml",
    .extension = "xml",
    .media_type = "application/xml",
    .help = "an element a row and column, JSON as nested elements; or attributes",
    .is_text = true,
    .flattens = false,
    .other_form = WIRE_TEXT,
    .nested_form = text_nested_as_json,
    .path_form = FORMAT_PATH_JSON,
    .path_types = text_path_types,
    .sent_types = text_sent_types,
    .specials_allowed = 1u << SPECIAL_ERROR | 1u << SPECIAL_NULL | 1u << SPECIAL_STRING | 1u << SPECIAL_REPLACE,
    .group = "xml",
    .options = options,
    .options_size = sizeof(struct xml_options),
    .zone = xml_zone,
    .check_options = xml_check_options,
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
    .check_whole = xml_check_whole,
    .proves_its_end = true,
    .is_begun_by = xml_is_begun_by,
};
