/*
 * The schema of a file that anybody may have written: its elements depth first, as the footer stores them,
 * and its leaves with the levels that follow from their place in the tree. Made for hostile footers: the
 * tree must close, and names and elements have limits.
 */
#pragma once
#include "base/buffer.h"
#include "format/parquet/thrift_read.h"

struct file_element {
  uint32_t parent;             /* index of the group above; the root's own is 0 */
  uint32_t name_at, name_len;  /* in the schema's names; bytes as they came */
  uint32_t child_count;        /* 0: a leaf */
  uint8_t repetition;          /* enum repetition */
  uint8_t definition_max, repetition_max;
  int8_t physical;             /* enum physical; -1: not said */
  int8_t converted;            /* ConvertedType; -1: none */
  int8_t logical;              /* field id of LogicalType; 0: none */
  uint8_t time_unit;           /* of TIME and TIMESTAMP: field id of TimeUnit */
  bool is_utc;                 /* of TIME and TIMESTAMP */
  bool is_signed;              /* of INTEGER */
  uint8_t bit_width;           /* of INTEGER */
  int32_t width;               /* FIXED_LEN_BYTE_ARRAY: type_length */
  int32_t precision, scale;
  int32_t field_id;            /* -1: none */
};

struct file_schema {
  struct buffer elements;      /* of struct file_element */
  struct buffer leaves;        /* of uint32_t: their elements */
  struct buffer names;
};

void file_schema_init(struct file_schema *s);
void file_schema_deinit(struct file_schema *s);

/* The value of FileMetaData's field 2. ERR_VALUE where it is no tree, or beyond the limits. */
bool file_schema_read(struct file_schema *s, struct thrift_reader *r, const struct thrift_field *field,
                      struct error *err) MUST_CHECK;

static inline size_t file_schema_count(const struct file_schema *s) {
  return s->elements.len / sizeof(struct file_element);
}
static inline const struct file_element *file_schema_element(const struct file_schema *s, size_t i) {
  return (const struct file_element *)(void *)s->elements.data + i;
}
static inline size_t file_schema_leaf_count(const struct file_schema *s) { return s->leaves.len / sizeof(uint32_t); }
static inline const struct file_element *file_schema_leaf(const struct file_schema *s, size_t leaf) {
  return file_schema_element(s, ((const uint32_t *)(void *)s->leaves.data)[leaf]);
}

bool file_element_is_decimal(const struct file_element *e);
bool file_element_is_unsigned(const struct file_element *e);   /* UINT of any width */
/* Bytes of a PLAIN value; 0: BOOLEAN, BYTE_ARRAY, or a type that does not exist. */
uint32_t file_element_width(const struct file_element *e);

/* Whether a chunk's path_in_schema, the list of `field`, names the leaf; of a name the first 256 bytes count. */
bool file_schema_is_path(const struct file_schema *s, size_t leaf, struct thrift_reader *r,
                         const struct thrift_field *field) MUST_CHECK;

/* Appends the leaf's path, "tags.list.element", control characters as "?", cut at 256 bytes. */
void file_schema_path(const struct file_schema *s, size_t leaf, struct buffer *out);
