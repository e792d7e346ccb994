/*
 * What flows: the columns of the wire (what one COPY sends) and the columns of the output (what a
 * format writes), and the cells that connect them.
 *
 * A COPY sends one field per wire column. A row becomes an array of cells: first one per wire column,
 * in order, then one per path that is picked out of a JSON column (row/flatten.h). An output column
 * names the cell it shows. Formats know output columns and cells, never paths or SQL.
 *
 * A schema is made by the plan, then read-only: every lane shares it.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>

#define WIRE_COLUMNS_MAX 1664     /* PostgreSQL's limit of a target list (MaxTupleAttributeNumber) */
#define OUTPUT_COLUMNS_MAX 16384  /* after flattening */

/*
 * What the bytes of a cell are. Except where noted: the type's binary send format, big-endian
 * (PostgreSQL, src/backend/utils/adt, the *_send functions).
 */
enum kind {
  KIND_BOOL,         /* 1 byte, 0 or 1 */
  KIND_INT2,
  KIND_INT4,
  KIND_INT8,
  KIND_OID,          /* unsigned 32 bit */
  KIND_FLOAT4,
  KIND_FLOAT8,
  KIND_NUMERIC,      /* int16 ndigits, weight, sign, dscale, then base-10000 digits (numeric_send) */
  KIND_TEXT,         /* UTF-8 text: text, varchar, bpchar (padded), name, or an output function's text */
  KIND_JSON,         /* UTF-8 JSON text, from json or from to_json(c) */
  KIND_JSONB,        /* one version byte (1), then JSON text as jsonb_out writes it */
  KIND_BYTEA,        /* raw bytes */
  KIND_DATE,         /* int32 days since 2000-01-01; INT32_MIN, INT32_MAX are -infinity, infinity */
  KIND_TIME,         /* int64 microseconds, 0 to 86,400,000,000 */
  KIND_TIMESTAMP,    /* int64 microseconds since 2000-01-01; INT64_MIN, INT64_MAX are the infinities */
  KIND_TIMESTAMPTZ,  /* the same, UTC */
  KIND_UUID,         /* 16 bytes */
  KIND_TIMESTAMPTZ_ZONED,   /* a KIND_TIMESTAMPTZ, then int32: seconds by which its zone's clock is ahead of UTC */
  KIND_COUNT,        /* scalars: every format has a function for each */
  /* An array, composite or hstore, as the wire column's tree says (row/type_node.h). Only where a format asks for it. */
  KIND_NESTED = KIND_COUNT,
  /* PostGIS' extended WKB, as LWGEOM_send and geography_send give it. Only where a format asks for it. */
  KIND_GEOMETRY,
};

/* In which form a column is selected from the server. */
enum wire_form {
  WIRE_NATIVE,   /* as the type's send function gives it; only for types that `kind` lists */
  WIRE_TEXT,     /* through the type's own output function: KIND_TEXT */
  WIRE_JSON,     /* through to_json(c): KIND_JSON */
  WIRE_NESTED,   /* as array_send, record_send and hstore_send give it: KIND_NESTED */
  WIRE_ZONED,    /* a timestamptz with its offset in the session's zone: KIND_TIMESTAMPTZ_ZONED */
};

/* One value. Borrowed: valid until the next row is decoded. */
struct cell {
  const uint8_t *data;   /* undefined when NULL */
  int32_t len;           /* bytes, or -1 for SQL NULL */
};
static inline bool cell_is_null(const struct cell *c) { return c->len < 0; }

struct type_node;

/* What the type of a PostGIS column says of its values. */
struct geometry_type {
  bool is_geography;     /* edges go along the earth's surface */
  bool is_any;           /* values may have M or be curves, which GeoParquet has not */
  int32_t srid;          /* of every value; 0: it says none */
};

struct wire_column {
  char *name;            /* as the catalog spells it */
  char *type_name;       /* format_type(): "numeric(18,4)" */
  enum kind kind;        /* what its cells are */
  enum wire_form form;
  uint32_t type_oid;     /* of the base type where it is a domain */
  int32_t typmod;        /* -1 for none */
  bool not_null;         /* the catalog's NOT NULL of a table's column */
  const struct type_node *tree;  /* of KIND_NESTED; borrowed from the source's description */
  const struct geometry_type *geometry;   /* of KIND_GEOMETRY; borrowed, too */
};

/* An output column. Types that only Parquet needs (precision and scale) come from the typmod. */
struct output_column {
  char *name;            /* target name: unique, not empty, UTF-8 */
  uint32_t cell;         /* index into the row's cells */
  uint32_t wire;         /* the wire column that it comes from */
  enum kind kind;        /* of its cell: the wire column's, or what a path's form gives (row/flatten.h) */
  int32_t typmod;        /* the wire column's, or that of a path whose numbers are KIND_NUMERIC; else -1 */
  bool not_null;         /* a NULL cell here is an error in formats that rely on it */
  bool awaits_paths;     /* stands for the columns of paths that are still to be found: what is opened with it is not
                            written, and only says what can be wrong whatever they are */
};

struct flatten_set;      /* row/flatten.h: which paths are picked out of which wire columns */

struct schema {
  struct wire_column *wire;
  size_t wire_count;                /* 1 to WIRE_COLUMNS_MAX */
  struct output_column *columns;
  size_t column_count;              /* 1 to OUTPUT_COLUMNS_MAX */
  struct flatten_set *flatten;      /* owned; NULL if no path is picked */
  size_t cell_count;                /* wire_count + the paths */
};

void schema_deinit(struct schema *s);   /* also of a half-built one; leaves it empty */
void schema_clear_columns(struct schema *s);   /* leaves the wire's part */

/* May a column of this name be among those that one with awaits_paths stands for? */
bool schema_awaits_column(const struct schema *s, const char *name);

/*
 * numeric's typmod (src/backend/utils/adt/numeric.c, numeric_typmod_precision): false for plain numeric.
 * precision is 1 to 1000, scale -1000 to 1000.
 */
bool numeric_typmod(int32_t typmod, int *precision, int *scale);
/* The typmod of numeric(precision, scale): 1 to 1000, 0 to 1000. */
int32_t numeric_typmod_make(int precision, int scale);
