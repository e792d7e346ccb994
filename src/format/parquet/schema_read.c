#include "format/parquet/schema_read.h"

#include "format/parquet/spec.h"

#include <string.h>

#define ELEMENTS_MAX 200000
#define DEPTH_MAX 64
#define NAMES_BYTES_MAX (8u << 20)
#define PATH_BYTES_MAX 256

void file_schema_init(struct file_schema *s) {
  buffer_init(&s->elements, ELEMENTS_MAX * sizeof(struct file_element));
  buffer_init(&s->leaves, ELEMENTS_MAX * sizeof(uint32_t));
  buffer_init(&s->names, NAMES_BYTES_MAX);
}

void file_schema_deinit(struct file_schema *s) {
  buffer_deinit(&s->elements);
  buffer_deinit(&s->leaves);
  buffer_deinit(&s->names);
}

static uint8_t read_unit(struct thrift_reader *r, const struct thrift_field *field) {
  uint8_t unit = 0;
  if (!thrift_is_struct(r, field)) return 0;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id <= 3) unit = (uint8_t)f.id;
    thrift_skip(r, &f);
  }
  return unit;
}

static void read_time(struct thrift_reader *r, struct file_element *e) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 1) e->is_utc = thrift_read_bool(r, &f);
    else if (f.id == 2) e->time_unit = read_unit(r, &f);
    else thrift_skip(r, &f);
  }
}

static void read_integer(struct thrift_reader *r, struct file_element *e) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 1 && f.type == THRIFT_I8) e->bit_width = thrift_read_i8(r, &f);
    else if (f.id == 2) e->is_signed = thrift_read_bool(r, &f);
    else thrift_skip(r, &f);
  }
}

/* A union: one field, whose id is the type. A decimal's scale and precision stand in the element as well. */
static void read_logical(struct thrift_reader *r, const struct thrift_field *field, struct file_element *e) {
  if (!thrift_is_struct(r, field)) return;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    e->logical = f.id <= INT8_MAX ? (int8_t)f.id : 0;
    bool is_time = f.id == LOGICAL_TIMESTAMP || f.id == LOGICAL_TIMESTAMP - 1;
    if (f.type == THRIFT_STRUCT && is_time) read_time(r, e);
    else if (f.type == THRIFT_STRUCT && f.id == LOGICAL_INTEGER) read_integer(r, e);
    else thrift_skip(r, &f);
  }
}

static int32_t read_small(struct thrift_reader *r, const struct thrift_field *f, int64_t min, int64_t max) {
  int64_t v = thrift_read_int(r, f);
  if (v < min || v > max) thrift_reader_fail(r, "a number of the schema is out of range");
  return r->failure ? 0 : (int32_t)v;
}

static void read_name(struct file_schema *s, struct thrift_reader *r, const struct thrift_field *f,
                      struct file_element *e) {
  char name[PATH_BYTES_MAX];
  uint64_t len = thrift_read_binary(r, f, name, sizeof name);
  e->name_at = (uint32_t)s->names.len;
  e->name_len = len < sizeof name ? (uint32_t)len : (uint32_t)sizeof name;
  buffer_append(&s->names, name, e->name_len);
}

static struct file_element read_element(struct file_schema *s, struct thrift_reader *r) {
  struct file_element e = {.physical = -1, .converted = -1, .field_id = -1, .is_signed = true};
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1: e.physical = (int8_t)read_small(r, &f, 0, INT8_MAX); break;
      case 2: e.width = read_small(r, &f, 0, INT32_MAX); break;
      case 3: e.repetition = (uint8_t)read_small(r, &f, REPETITION_REQUIRED, REPETITION_REPEATED); break;
      case 4: read_name(s, r, &f, &e); break;
      case 5: e.child_count = (uint32_t)read_small(r, &f, 0, ELEMENTS_MAX); break;
      case 6: e.converted = (int8_t)read_small(r, &f, 0, INT8_MAX); break;
      case 7: e.scale = read_small(r, &f, 0, INT32_MAX); break;
      case 8: e.precision = read_small(r, &f, 0, INT32_MAX); break;
      case 9: e.field_id = read_small(r, &f, INT32_MIN, INT32_MAX); break;
      case 10: read_logical(r, &f, &e); break;
      default: thrift_skip(r, &f);
    }
  }
  return e;
}

/* The levels add up from the root down; the root itself adds none. */
static void take_levels(struct file_element *e, const struct file_element *parent) {
  e->definition_max = (uint8_t)(parent->definition_max + (e->repetition != REPETITION_REQUIRED));
  e->repetition_max = (uint8_t)(parent->repetition_max + (e->repetition == REPETITION_REPEATED));
}

struct open_group { uint32_t element, children_left; };

/* Depth first, as it is stored: the stack says how many children each open group still misses. */
static bool read_tree(struct file_schema *s, struct thrift_reader *r, uint64_t count, struct error *err) {
  struct open_group stack[DEPTH_MAX];
  size_t depth = 0;
  for (uint64_t i = 0; i < count; i++) {
    struct file_element e = read_element(s, r);
    if (!thrift_reader_check(r, "the footer", err)) return false;
    if (i > 0 && depth == 0) return fail(err, ERR_VALUE, "the schema is no tree");
    if (depth) {
      e.parent = stack[depth - 1].element;
      stack[depth - 1].children_left--;
      take_levels(&e, file_schema_element(s, e.parent));
    }
    buffer_append(&s->elements, &e, sizeof e);
    uint32_t self = (uint32_t)i;
    if (i == 0 || e.child_count > 0) {
      if (depth == DEPTH_MAX) return fail(err, ERR_VALUE, "the schema nests deeper than %d groups", DEPTH_MAX);
      stack[depth++] = (struct open_group){self, e.child_count};
    } else {
      buffer_append(&s->leaves, &self, sizeof self);
    }
    if (!buffer_check(&s->elements, "a schema", err) || !buffer_check(&s->leaves, "a schema", err)) return false;
    while (depth && stack[depth - 1].children_left == 0) depth--;
  }
  return depth == 0 || fail(err, ERR_VALUE, "the schema misses elements");
}

bool file_schema_read(struct file_schema *s, struct thrift_reader *r, const struct thrift_field *field,
                      struct error *err) {
  uint64_t count = thrift_read_list(r, field, THRIFT_STRUCT);
  if (s->elements.len) return fail(err, ERR_VALUE, "the footer holds two schemas");
  if (!thrift_reader_check(r, "the footer", err)) return false;
  if (count == 0) return fail(err, ERR_VALUE, "the schema is empty");
  if (count > ELEMENTS_MAX) return fail(err, ERR_VALUE, "the schema has more than %d elements", ELEMENTS_MAX);
  return read_tree(s, r, count, err) && buffer_check(&s->names, "the names of a schema", err);
}

bool file_element_is_decimal(const struct file_element *e) {
  return e->logical == LOGICAL_DECIMAL || e->converted == CONVERTED_DECIMAL;
}

bool file_element_is_unsigned(const struct file_element *e) {
  if (e->logical == LOGICAL_INTEGER) return !e->is_signed;
  return e->converted >= CONVERTED_UINT_8 && e->converted <= CONVERTED_UINT_64;
}

uint32_t file_element_width(const struct file_element *e) {
  switch (e->physical) {
    case PHYSICAL_INT32:
    case PHYSICAL_FLOAT: return 4;
    case PHYSICAL_INT64:
    case PHYSICAL_DOUBLE: return 8;
    case PHYSICAL_INT96: return 12;
    case PHYSICAL_FIXED: return (uint32_t)e->width;
    default: return 0;
  }
}

static void append_name(const struct file_schema *s, const struct file_element *e, struct buffer *out) {
  for (uint32_t i = 0; i < e->name_len; i++) {
    uint8_t c = s->names.data[e->name_at + i];
    buffer_append_byte(out, c < 0x20 || c == 0x7F ? '?' : c);
  }
}

/* From the leaf up, the root left out; how many they are. */
static size_t climb(const struct file_schema *s, size_t leaf, const struct file_element *path[DEPTH_MAX]) {
  size_t depth = 0;
  for (const struct file_element *e = file_schema_leaf(s, leaf); e != file_schema_element(s, 0) && depth < DEPTH_MAX;
       e = file_schema_element(s, e->parent))
    path[depth++] = e;
  return depth;
}

static bool is_name(const struct file_schema *s, const struct file_element *e, struct thrift_reader *r) {
  uint8_t name[PATH_BYTES_MAX];
  uint64_t len = thrift_element_read_binary(r, name, sizeof name);
  size_t kept = len < sizeof name ? (size_t)len : sizeof name;
  return kept == e->name_len && (kept == 0 || memcmp(name, s->names.data + e->name_at, kept) == 0);
}

bool file_schema_is_path(const struct file_schema *s, size_t leaf, struct thrift_reader *r,
                         const struct thrift_field *field) {
  const struct file_element *path[DEPTH_MAX];
  size_t depth = climb(s, leaf, path);
  uint64_t count = thrift_read_list(r, field, THRIFT_BINARY);
  if (count != depth) return false;
  while (depth--)
    if (!is_name(s, path[depth], r)) return false;
  return true;
}

void file_schema_path(const struct file_schema *s, size_t leaf, struct buffer *out) {
  const struct file_element *path[DEPTH_MAX];
  size_t depth = climb(s, leaf, path), start = out->len;
  while (depth--) {
    append_name(s, path[depth], out);
    if (depth) buffer_append_byte(out, '.');
  }
  if (out->failed || out->len - start <= PATH_BYTES_MAX) return;
  out->len = start + PATH_BYTES_MAX;
  while (out->len > start && (out->data[out->len] & 0xC0) == 0x80) out->len--;   /* no half character */
}
