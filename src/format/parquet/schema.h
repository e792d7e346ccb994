/*
 * The Parquet schema of an export: a tree per output column, and all leaves in the order of the file. Made by
 * `open`, then read-only. Whatever works on leaves knows of the groups above them only by the maxima of their levels.
 */
#pragma once
#include "base/buffer.h"
#include "format/format.h"
#include "format/parquet/spec.h"
#include "format/parquet/tree.h"

/* How values are compared for statistics. */
enum order {
  ORDER_BOOL,
  ORDER_SIGNED,          /* INT32, INT64 */
  ORDER_UNSIGNED,        /* INT32 as UINT(32) */
  ORDER_FLOAT,           /* FLOAT and DOUBLE */
  ORDER_DECIMAL,         /* FIXED: two's complement, big-endian */
  ORDER_BYTES,           /* BYTE_ARRAY and UUID: unsigned bytewise */
  ORDER_NONE,            /* WKB: no smallest and largest values */
};

struct leaf {
  const char *name;      /* for messages: the column's, borrowed; of a nested one "lines[].price", owned */
  const char *const *path;   /* path_in_schema: the leaf's own name for a flat column */
  size_t path_len;
  enum kind kind;
  enum physical physical;
  int32_t width;         /* bytes of a PLAIN value; 0: BOOLEAN (a bit) and BYTE_ARRAY (varies) */
  enum converted converted;
  enum logical logical;
  int precision, scale;  /* DECIMAL: 1 to 38, 0 to precision */
  bool is_fitted;        /* numeric without precision as a DECIMAL or DOUBLE that the user has chosen: it may not fit */
  bool is_utc;           /* TIMESTAMP */
  bool is_signed;        /* INTEGER */
  int bit_width;         /* INTEGER */
  enum order order;
  enum { BLOOM_NONE, BLOOM_AUTO, BLOOM_NAMED } bloom;
  bool is_text;          /* BYTE_ARRAY that must be valid UTF-8 */
  const struct geometry_type *geometry;   /* BYTE_ARRAY of WKB; borrowed. Never of a nested column. */
  uint8_t definition_max, repetition_max;
};

/* What may be chosen for types that Parquet has several ways to write. */
struct type_choices {
  bool uuid;             /* FIXED(16) as UUID, not STRING */
  bool time;             /* TIME(MICROS), not STRING */
  enum { NUMERIC_STRING, NUMERIC_DOUBLE, NUMERIC_DECIMAL } numeric;   /* without precision */
  int precision, scale;  /* of NUMERIC_DECIMAL: 1 to 38, 0 to precision */
};

struct parquet_schema {
  struct leaf *leaves;
  size_t leaf_count;
  struct tree_node *columns;
  size_t column_count;
};

/* The types of a leaf whose cells are of this kind; its name, path and levels are the caller's. */
void leaf_choose(struct leaf *l, enum kind kind, int32_t typmod, const struct type_choices *choices);

/* Chooses every leaf's types. ERR_USAGE names "special" where the policy cannot apply to a column. */
bool parquet_schema_init(struct parquet_schema *s, const struct schema *rows, enum special special,
                         const struct type_choices *choices, struct error *err) MUST_CHECK;
void parquet_schema_deinit(struct parquet_schema *s);

struct thrift_writer;
void leaf_write(const struct leaf *l, const struct tree_node *node, struct thrift_writer *w);   /* its SchemaElement */
/* FileMetaData.schema: the root and the trees, depth first. */
void parquet_schema_write(const struct parquet_schema *s, struct thrift_writer *w);
