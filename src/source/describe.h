/*
 * What the catalog says of a table or query: its columns and types, and for a table the leaves (itself,
 * partitions, inheritance children) that hold its rows.
 */
#pragma once
#include "pg/pg.h"
#include "row/type_node.h"

/* A column's type as a tree. There are two where it has an interval in it, which formats take as text or in parts. */
enum interval_form { INTERVAL_AS_TEXT, INTERVAL_IN_PARTS, INTERVAL_FORM_COUNT };
struct source_nested {
  struct type_node *tree;  /* NULL where it cannot be told as one (source/nested.h) */
  char *sql;               /* how to select it as its tree says; NULL: the column itself */
};

struct source_column {
  char *name;
  char *type_name;         /* format_type(): "numeric(18,4)", for showing */
  char *type_sql;          /* the base type, quoted and qualified: "pg_catalog"."numeric" */
  char *output_sql;        /* its output function, quoted and qualified */
  uint32_t type_oid;       /* of the base type */
  int32_t typmod;          /* -1: none */
  bool not_null;           /* proven by the server for every row, children's included */
  bool is_native;          /* kind says how its binary form reads; else it is selected by text or to_json */
  enum kind kind;
  bool is_nested;          /* array, composite, hstore: has structure of its own in JSON and XML */
  bool is_domain;
  struct geometry_type *geometry;   /* of PostGIS' geometry and geography, where GeoParquet has the type; else NULL */
  bool has_interval;       /* is one or has one in it: nested[INTERVAL_IN_PARTS] is what it says */
  struct source_nested nested[INTERVAL_FORM_COUNT];   /* of a nested type, and of interval in parts */
};

struct source_leaf {
  uint32_t oid;
  char *sql_name;          /* quoted and qualified */
  int64_t blocks;          /* of the main fork, at describe time */
  int64_t bytes;           /* with TOAST */
  double rows;             /* estimate, -1 unknown */
  bool by_ctid;            /* rows can be read by ranges of ctid */
  bool is_foreign;         /* its rows are not of the snapshot */
  bool may_read;           /* by itself: a right to the parent alone does not give it */
};

struct source {
  uint32_t oid;            /* 0 for a query */
  char *name;              /* "public.records", or "query"; for showing, what is no UTF-8 is U+FFFD */
  char *sql_name;          /* quoted and qualified; for a query "(…\n) AS q" with columns c1, c2 … */
  char relkind;            /* pg_class.relkind, 'q' for a query */
  bool may_lock;           /* LOCK TABLE is possible: a table, and the right is to all of its columns */
  struct source_column *columns;
  size_t column_count;
  struct source_leaf *leaves;   /* in a fixed order; none for views, foreign tables and queries */
  size_t leaf_count;
};

void source_free(struct source *s);   /* NULL is allowed */

/* The column's type as a tree, for a format that takes intervals in this form. Its tree is NULL where there is none. */
const struct source_nested *source_column_nested(const struct source_column *c, enum interval_form form);

/* How SQL names a column: by its name in a table, by position in a query. */
void source_append_reference(const struct source *s, size_t column, struct buffer *sql);

/* Is the binary form of this type, no domain, one that enum kind lists? */
bool source_native_kind(uint32_t type_oid, enum kind *kind);

/*
 * Resolves a table name as the catalog spells it: "records" (by the search path), "public.records"; a part
 * with a dot or quotes in double quotes. ERR_NOT_FOUND if there is no such table, view, materialized view,
 * partitioned or foreign table.
 */
bool source_describe_table(struct pg *c, const char *name, struct source **out, struct error *err) MUST_CHECK;

/*
 * Were the leaves emptied or rewritten (TRUNCATE, ALTER TABLE, REFRESH) after the transaction's snapshot was taken?
 * Then the snapshot does not show what they held. For what could not be locked before; now it must be locked.
 */
bool source_is_unchanged(struct pg *c, const struct source *s, bool *unchanged, struct error *err) MUST_CHECK;

/*
 * Describes one SQL statement that returns rows; a trailing `;` is accepted. The text is parsed alone by the
 * server first, so that nothing in it can close the parenthesis it is then put in. ERR_USAGE for a text that
 * is no such statement.
 */
bool source_describe_query(struct pg *c, const char *sql, struct source **out, struct error *err) MUST_CHECK;

/* Tables that may be exported, for a listing: not of the system's schemas; by schema and name. */
struct source_table { char *name; int64_t rows; int64_t bytes; char relkind; };   /* rows -1: unknown */
bool source_list_tables(struct pg *c, struct source_table **tables, size_t *count, struct error *err) MUST_CHECK;
void source_tables_free(struct source_table *tables, size_t count);
