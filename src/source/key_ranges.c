#include "source/key_ranges.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX (64u << 20)

void key_ranges_uncut(struct key_ranges *k) {
  for (size_t i = 0; i < k->bound_count; i++) free(k->bounds[i]);
  free(k->bounds);
  k->bounds = NULL;
  k->bound_count = 0;
}

void key_ranges_free(struct key_ranges *k) {
  if (!k) return;
  key_ranges_uncut(k);
  free(k->name);
  free(k->sql);
  free(k->type_sql);
  free(k->collate_sql);
  free(k->array_sql);
  free(k->less);
  free(k->at_least);
  free(k->order_by);
  free(k);
}

static void append_bound(const struct key_ranges *k, const char *operator, size_t bound, struct buffer *sql) {
  buffer_appendf(sql, "%s %s ", k->sql, operator);
  pg_quote_literal(sql, k->bounds[bound]);
  buffer_appendf(sql, "::%s", k->type_sql);
}

bool key_ranges_append(const struct key_ranges *k, uint64_t index, struct buffer *sql) {
  if (k->nullable && index == (k->nulls_first ? 0 : k->bound_count + 1)) {
    buffer_appendf(sql, "%s IS NULL", k->sql);
    return true;
  }
  if (k->nullable && k->nulls_first) index--;
  size_t at = k->descending ? k->bound_count - (size_t)index : (size_t)index;
  if (k->bound_count == 0) {
    if (k->nullable) buffer_appendf(sql, "%s IS NOT NULL", k->sql);
    return k->nullable;
  }
  if (at > 0) append_bound(k, k->at_least, at - 1, sql);
  if (at > 0 && at < k->bound_count) buffer_append_string(sql, " AND ");
  if (at < k->bound_count) append_bound(k, k->less, at, sql);
  return true;
}

/* --- the column ------------------------------------------------------------------------------------- */

/*
 * How a type's values are sorted and written, and the column's collation. $1: the column's type, domains resolved;
 * $2 and $3: table and column. The operators are those of the type's default operator class, which is what ORDER BY
 * takes. Not for composite types: their `IS NULL` means something else, and not without an array type, which
 * reads the bounds' texts as literals are read.
 */
static const char *const column_sql =
    "SELECT an.nspname, ta.typname, cn.nspname, co.collname, ln.nspname, lo.oprname, gn.nspname, go.oprname "
    "FROM pg_catalog.pg_type t"
    " JOIN pg_catalog.pg_type ta ON ta.oid OPERATOR(pg_catalog.=) t.typarray"
    " JOIN pg_catalog.pg_namespace an ON an.oid OPERATOR(pg_catalog.=) ta.typnamespace"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) $2::pg_catalog.oid"
    "  AND a.attname OPERATOR(pg_catalog.=) $3::pg_catalog.name"
    " LEFT JOIN pg_catalog.pg_collation co ON co.oid OPERATOR(pg_catalog.=) a.attcollation"
    " LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid OPERATOR(pg_catalog.=) co.collnamespace"
    " JOIN LATERAL (SELECT oc.opcfamily, oc.opcintype FROM pg_catalog.pg_opclass oc"
    "   JOIN pg_catalog.pg_am am ON am.oid OPERATOR(pg_catalog.=) oc.opcmethod"
    "    AND am.amname OPERATOR(pg_catalog.=) 'btree'"
    "   JOIN pg_catalog.pg_type ti ON ti.oid OPERATOR(pg_catalog.=) oc.opcintype"
    "   WHERE oc.opcdefault AND (oc.opcintype OPERATOR(pg_catalog.=) t.oid"
    "    OR t.typtype OPERATOR(pg_catalog.=) 'e' AND ti.typname OPERATOR(pg_catalog.=) 'anyenum'"
    "    OR t.typtype OPERATOR(pg_catalog.=) 'r' AND ti.typname OPERATOR(pg_catalog.=) 'anyrange'"
    "    OR t.typtype OPERATOR(pg_catalog.=) 'm' AND ti.typname OPERATOR(pg_catalog.=) 'anymultirange'"
    "    OR EXISTS (SELECT 1 FROM pg_catalog.pg_cast x WHERE x.castsource OPERATOR(pg_catalog.=) t.oid"
    "     AND x.casttarget OPERATOR(pg_catalog.=) oc.opcintype AND x.castmethod OPERATOR(pg_catalog.=) 'b'"
    "     AND x.castcontext OPERATOR(pg_catalog.=) 'i'))"
    "   ORDER BY oc.opcintype OPERATOR(pg_catalog.=) t.oid DESC, ti.typispreferred DESC LIMIT 1) o ON true"
    " JOIN pg_catalog.pg_amop l ON l.amopfamily OPERATOR(pg_catalog.=) o.opcfamily"
    "  AND l.amoplefttype OPERATOR(pg_catalog.=) o.opcintype AND l.amoprighttype OPERATOR(pg_catalog.=) o.opcintype"
    "  AND l.amopstrategy OPERATOR(pg_catalog.=) 1"
    " JOIN pg_catalog.pg_operator lo ON lo.oid OPERATOR(pg_catalog.=) l.amopopr"
    " JOIN pg_catalog.pg_namespace ln ON ln.oid OPERATOR(pg_catalog.=) lo.oprnamespace"
    " JOIN pg_catalog.pg_amop g ON g.amopfamily OPERATOR(pg_catalog.=) o.opcfamily"
    "  AND g.amoplefttype OPERATOR(pg_catalog.=) o.opcintype AND g.amoprighttype OPERATOR(pg_catalog.=) o.opcintype"
    "  AND g.amopstrategy OPERATOR(pg_catalog.=) 4"
    " JOIN pg_catalog.pg_operator go ON go.oid OPERATOR(pg_catalog.=) g.amopopr"
    " JOIN pg_catalog.pg_namespace gn ON gn.oid OPERATOR(pg_catalog.=) go.oprnamespace "
    "WHERE t.oid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND t.typtype OPERATOR(pg_catalog.<>) 'c'";

/* "schema"."name" in a frame: "OPERATOR(", ")". schema NULL: an empty text. */
static char *framed(const char *before, const char *schema, const char *name, bool quote, const char *after) {
  struct buffer b;
  buffer_init(&b, 4096);
  if (schema) {
    buffer_append_string(&b, before);
    pg_quote_name(&b, schema);
    buffer_append_byte(&b, '.');
    if (quote) pg_quote_name(&b, name);
    else buffer_append_string(&b, name);   /* operators are never quoted */
    buffer_append_string(&b, after);
  }
  return buffer_take_string(&b);
}

static char *quoted(const char *name) {
  struct buffer b;
  buffer_init(&b, 4096);
  pg_quote_name(&b, name);
  return buffer_take_string(&b);
}

static bool fill(struct key_ranges *k, const struct source_column *column, const char *order_by,
                 const struct pg_result *r) {
  k->name = strdup(column->name);
  k->sql = quoted(column->name);
  k->type_sql = strdup(column->type_sql);
  k->array_sql = framed("", pg_value(r, 0, 0), pg_value(r, 0, 1), true, "");
  k->collate_sql = framed(" COLLATE ", pg_value(r, 0, 2), pg_value(r, 0, 3), true, "");
  k->less = framed("OPERATOR(", pg_value(r, 0, 4), pg_value(r, 0, 5), false, ")");
  k->at_least = framed("OPERATOR(", pg_value(r, 0, 6), pg_value(r, 0, 7), false, ")");
  k->order_by = strdup(order_by);
  k->nullable = !column->not_null;
  return k->name && k->sql && k->type_sql && k->array_sql && k->collate_sql && k->less && k->at_least && k->order_by;
}

/* *out NULL: of a type that cannot be cut. */
static bool new_of_column(struct pg *c, uint32_t table, const struct source_column *column, const char *order_by,
                          struct key_ranges **out, struct error *err) {
  char type[16], relation[16];
  snprintf(type, sizeof type, "%u", column->type_oid);
  snprintf(relation, sizeof relation, "%u", table);
  const char *params[] = {type, relation, column->name};
  struct pg_result *r;
  *out = NULL;
  if (!pg_query(c, column_sql, params, 3, &r, err)) return false;
  bool ok = true;
  if (pg_row_count(r) == 1) {
    struct key_ranges *k = calloc(1, sizeof *k);
    ok = k && fill(k, column, order_by, r);
    if (ok) *out = k;
    else key_ranges_free(k);
  }
  pg_result_free(r);
  return ok ? true : fail_memory(err, "a table's key ranges");
}

/* --- indexes ---------------------------------------------------------------------------------------- */

/* Is there a btree index that begins with column $2, and holds every row, in one of the tables $1? */
static const char *const leading_sql =
    "SELECT 1 FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid OPERATOR(pg_catalog.=) i.indexrelid"
    " JOIN pg_catalog.pg_am am ON am.oid OPERATOR(pg_catalog.=) ic.relam AND am.amname OPERATOR(pg_catalog.=) 'btree'"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid"
    "  AND a.attnum OPERATOR(pg_catalog.=) i.indkey[0] "
    "WHERE i.indrelid OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.oid[]) AND i.indisvalid AND i.indpred IS NULL"
    " AND a.attname OPERATOR(pg_catalog.=) $2::pg_catalog.name LIMIT 1";

static bool is_indexed(struct pg *c, const struct source *s, const char *column, bool *found, struct error *err) {
  struct buffer oids;
  buffer_init(&oids, SQL_MAX);
  buffer_append_byte(&oids, '{');
  for (size_t i = 0; i < s->leaf_count; i++) buffer_appendf(&oids, "%s%u", i ? "," : "", s->leaves[i].oid);
  buffer_append_byte(&oids, '}');
  char *list = buffer_take_string(&oids);
  if (!list) return fail_memory(err, "a table's key ranges");
  const char *params[] = {list, column};
  struct pg_result *r;
  bool ok = pg_query(c, leading_sql, params, 2, &r, err);
  free(list);
  if (!ok) return false;
  *found = pg_row_count(r) > 0;
  pg_result_free(r);
  return true;
}

bool key_ranges_of_order(struct pg *c, const struct source *s, const struct key_wish *wish, const char *order_by,
                         struct key_ranges **out, const char **why, struct error *err) {
  const struct source_column *column = &s->columns[wish->column];
  bool found;
  *out = NULL;
  *why = "no index begins with the first column of the order";
  if (!is_indexed(c, s, column->name, &found, err)) return false;
  if (!found) return true;
  if (!new_of_column(c, s->oid, column, order_by, out, err)) return false;
  *why = "the type of the first column of the order has no ranges";
  if (*out) (*out)->descending = (*out)->nulls_first = wish->descending;   /* as ORDER BY does by default */
  return true;
}

/* Columns, in their order, of the best unique index of table $1 that holds every row: the primary key, else the shortest. */
static const char *const unique_sql =
    "SELECT a.attname FROM (SELECT i.indrelid, i.indkey, i.indnkeyatts FROM pg_catalog.pg_index i"
    "  JOIN pg_catalog.pg_class ic ON ic.oid OPERATOR(pg_catalog.=) i.indexrelid"
    "  JOIN pg_catalog.pg_am am ON am.oid OPERATOR(pg_catalog.=) ic.relam AND am.amname OPERATOR(pg_catalog.=) 'btree'"
    "  WHERE i.indrelid OPERATOR(pg_catalog.=) $1::pg_catalog.oid AND i.indisunique AND i.indisvalid"
    "   AND i.indpred IS NULL AND i.indexprs IS NULL"
    "  ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1) i"
    " CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, ord)"
    " JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) i.indrelid"
    "  AND a.attnum OPERATOR(pg_catalog.=) k.attnum "
    "WHERE k.ord OPERATOR(pg_catalog.<=) i.indnkeyatts ORDER BY k.ord";

static const struct source_column *column_named(const struct source *s, const char *name) {
  for (size_t i = 0; i < s->column_count; i++)
    if (!strcmp(s->columns[i].name, name)) return &s->columns[i];
  return NULL;
}

bool key_ranges_of_leaf(struct pg *c, const struct source *s, const struct source_leaf *leaf, struct key_ranges **out,
                        struct error *err) {
  char oid[16];
  snprintf(oid, sizeof oid, "%u", leaf->oid);
  const char *params[] = {oid};
  struct pg_result *r;
  *out = NULL;
  if (!pg_query(c, unique_sql, params, 1, &r, err)) return false;
  /* A child's own column, which the parent has not, is not described: no key then. */
  const struct source_column *first = pg_row_count(r) ? column_named(s, pg_value(r, 0, 0)) : NULL;
  struct buffer order;
  buffer_init(&order, 64 << 10);
  for (size_t i = 0; i < pg_row_count(r); i++) {
    /* Qualified: a bare name would be looked up among the names of the select list first. */
    buffer_appendf(&order, "%s%s.", i ? ", " : "", leaf->sql_name);
    pg_quote_name(&order, pg_value(r, i, 0));
  }
  pg_result_free(r);
  char *order_by = buffer_take_string(&order);
  bool ok = order_by ? !first || new_of_column(c, leaf->oid, first, order_by, out, err)
                     : fail_memory(err, "a table's key ranges");
  free(order_by);
  return ok;
}
