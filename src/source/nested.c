#include "source/nested.h"

#include "row/type_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SQL_MAX (16u << 20)
#define LIST_MAX (1u << 20)

/* pg_type.dat's fixed OIDs. */
enum { OID_TEXT = 25, OID_TEXT_ARRAY = 1009, OID_INTERVAL = 1186, OID_RECORD = 2249, OID_RECORD_ARRAY = 2287 };

/*
 * The types that are reachable from $1 through domains, items and fields: a row per type, or per field where it is a
 * composite with fields. What a send function sends is told by its C symbol: extensions name theirs as they like
 * (citextsend is textsend).
 */
static const char *const types_sql =
    "WITH RECURSIVE t(oid) AS (SELECT pg_catalog.unnest($1::pg_catalog.oid[])"
    " UNION SELECT k.oid FROM t JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) t.oid"
    "  LEFT JOIN pg_catalog.pg_attribute a ON y.typtype OPERATOR(pg_catalog.=) 'c'"
    "   AND a.attrelid OPERATOR(pg_catalog.=) y.typrelid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped"
    "  CROSS JOIN LATERAL (VALUES (y.typbasetype), (y.typelem), (a.atttypid)) AS k(oid)"
    "  WHERE k.oid OPERATOR(pg_catalog.<>) 0) "
    "SELECT y.oid, y.typtype, y.typbasetype, y.typtypmod, y.typelem,"
    " CASE WHEN p.prolang OPERATOR(pg_catalog.=) 12 OR p.prosrc OPERATOR(pg_catalog.=) 'hstore_send'"
    "  THEN p.prosrc ELSE '' END,"
    " n.nspname, y.typname, o_n.nspname, o.proname, a.attname, a.atttypid, a.atttypmod,"
    " pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'UTF8',"
    " CASE WHEN o.prolang OPERATOR(pg_catalog.=) 12 THEN o.prosrc ELSE '' END,"
    " o_a.oid OPERATOR(pg_catalog.=) y.oid OR o_a.typtype OPERATOR(pg_catalog.=) 'p',"   /* 'p': anyenum … */
    " pg_catalog.current_setting('server_version_num')::pg_catalog.int4 OPERATOR(pg_catalog.>=) 170000 "
    "FROM t JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) t.oid"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) y.typnamespace"
    " JOIN pg_catalog.pg_proc o ON o.oid OPERATOR(pg_catalog.=) y.typoutput"
    " JOIN pg_catalog.pg_namespace o_n ON o_n.oid OPERATOR(pg_catalog.=) o.pronamespace"
    " JOIN pg_catalog.pg_type o_a ON o_a.oid OPERATOR(pg_catalog.=) o.proargtypes[0]"
    " LEFT JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) y.typsend"
    " LEFT JOIN pg_catalog.pg_attribute a ON y.typtype OPERATOR(pg_catalog.=) 'c'"
    "  AND a.attrelid OPERATOR(pg_catalog.=) y.typrelid AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped "
    "ORDER BY y.oid, a.attnum";

enum type_column { TYPE_OID, TYPE_TYPE, TYPE_BASE, TYPE_TYPMOD, TYPE_ITEM, TYPE_SEND, TYPE_SCHEMA, TYPE_NAME,
                   TYPE_OUTPUT_SCHEMA, TYPE_OUTPUT, FIELD_NAME, FIELD_OID, FIELD_TYPMOD, ENCODING_IS_UTF8, OUTPUT_SYMBOL, HAS_OUTPUT,
                   INTERVALS_HAVE_INFINITY };

/* What the building of one column's tree needs to know. */
struct builder {
  const struct pg_result *types;
  enum interval_form intervals;
  size_t scalar_count;
  bool has_interval;
  bool is_unfit;           /* the type cannot be told as a tree */
};

/* The first of a type's rows. Every type that is asked for was reached by the query; if not, it was dropped meanwhile. */
static bool find_type(struct builder *b, uint32_t oid, size_t *row) {
  size_t low = 0, high = pg_row_count(b->types);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if ((uint32_t)pg_value_int(b->types, middle, TYPE_OID) < oid) low = middle + 1;
    else high = middle;
  }
  *row = low;
  bool found = low < pg_row_count(b->types) && (uint32_t)pg_value_int(b->types, low, TYPE_OID) == oid;
  if (!found) b->is_unfit = true;
  return found;
}

/* Through domains to the type beneath; a domain's own typmod is that of its base. */
static bool find_base(struct builder *b, uint32_t oid, int32_t *typmod, size_t *row) {
  if (!find_type(b, oid, row)) return false;
  while (pg_value(b->types, *row, TYPE_TYPE)[0] == 'd') {
    *typmod = (int32_t)pg_value_int(b->types, *row, TYPE_TYPMOD);
    if (!find_type(b, (uint32_t)pg_value_int(b->types, *row, TYPE_BASE), row)) return false;
  }
  return true;
}

static bool sends(struct builder *b, size_t row, const char *symbol) {
  return strcmp(pg_value(b->types, row, TYPE_SEND), symbol) == 0;
}

/* Are the bytes that it sends the very text that its output function gives? */
static bool sends_text(struct builder *b, size_t row) {
  const char *output = pg_value(b->types, row, OUTPUT_SYMBOL);
  return (sends(b, row, "textsend") && strcmp(output, "textout") == 0) ||
         (sends(b, row, "enum_send") && strcmp(output, "enum_out") == 0);
}

/* Does a scalar's own binary form read as one of enum kind's? */
static bool is_native_scalar(struct builder *b, size_t row, enum kind *kind) {
  if (source_native_kind((uint32_t)pg_value_int(b->types, row, TYPE_OID), kind)) return true;
  *kind = KIND_TEXT;
  return sends_text(b, row);
}

static bool is_vector(struct builder *b, size_t row) {
  return sends(b, row, "int2vectorsend") || sends(b, row, "oidvectorsend");
}

static enum shape shape_of(struct builder *b, size_t row) {
  if (sends(b, row, "array_send") || is_vector(b, row)) return SHAPE_LIST;
  if (pg_value(b->types, row, TYPE_TYPE)[0] == 'c') return SHAPE_STRUCT;
  return sends(b, row, "hstore_send") ? SHAPE_MAP : SHAPE_SCALAR;
}

static size_t field_count(struct builder *b, size_t row) {
  size_t count = 0;
  if (!pg_value(b->types, row, FIELD_NAME)) return 0;
  while (row + count < pg_row_count(b->types) &&
         pg_value_int(b->types, row + count, TYPE_OID) == pg_value_int(b->types, row, TYPE_OID))
    count++;
  return count;
}

static bool build(struct builder *b, uint32_t oid, int32_t typmod, int depth, struct type_node *node,
                  struct error *err);

static bool build_children(struct builder *b, size_t count, struct type_node *node, struct error *err) {
  if (count == 0) b->is_unfit = true;
  node->children = calloc(count ? count : 1, sizeof *node->children);
  if (!node->children) return fail_memory(err, "the types of a column");
  node->child_count = count;
  return true;
}

static bool build_struct(struct builder *b, size_t row, int depth, struct type_node *node, struct error *err) {
  if (!build_children(b, field_count(b, row), node, err)) return false;
  for (size_t i = 0; i < node->child_count && !b->is_unfit; i++) {
    struct type_node *field = &node->children[i];
    if (!build(b, (uint32_t)pg_value_int(b->types, row + i, FIELD_OID),
               (int32_t)pg_value_int(b->types, row + i, FIELD_TYPMOD), depth + 1, field, err))
      return false;
    field->name = strdup(pg_value(b->types, row + i, FIELD_NAME));
    if (!field->name) return fail_memory(err, "the types of a column");
  }
  return true;
}

static void build_interval(struct builder *b, size_t row, struct type_node *node) {
  node->shape = SHAPE_INTERVAL;
  node->has_infinity = pg_value_bool(b->types, row, INTERVALS_HAVE_INFINITY);
  b->scalar_count += INTERVAL_PARTS;
  if (b->scalar_count > TYPE_SCALARS_MAX) b->is_unfit = true;
}

/* False only where memory is out; what else is in the way is said by b->is_unfit. */
static bool build(struct builder *b, uint32_t oid, int32_t typmod, int depth, struct type_node *node,
                  struct error *err) {
  size_t row;
  *node = (struct type_node){.sent_oid = oid};
  if (!find_base(b, oid, &typmod, &row)) return true;
  bool is_interval = pg_value_int(b->types, row, TYPE_OID) == OID_INTERVAL;
  b->has_interval |= is_interval;
  if (is_interval && b->intervals == INTERVAL_IN_PARTS) {
    build_interval(b, row, node);
    return true;
  }
  node->shape = shape_of(b, row);
  if (node->shape == SHAPE_SCALAR || node->shape == SHAPE_MAP) {
    node->typmod = typmod;
    is_native_scalar(b, row, &node->kind);
    /* hstore_send names lengths from before the conversion to the client's encoding: only where there is none. */
    bool converts = !pg_value_bool(b->types, row, ENCODING_IS_UTF8);
    if (++b->scalar_count > TYPE_SCALARS_MAX || (node->shape == SHAPE_MAP && converts)) b->is_unfit = true;
    if (pg_value(b->types, row, TYPE_TYPE)[0] == 'p') b->is_unfit = true;   /* record: its fields are not known */
    return true;
  }
  if (depth == TYPE_DEPTH_MAX) {
    b->is_unfit = true;
    return true;
  }
  if (node->shape == SHAPE_STRUCT) return build_struct(b, row, depth, node, err);
  node->lower_bound = is_vector(b, row) ? 0 : 1;
  return build_children(b, 1, node, err) &&
         build(b, (uint32_t)pg_value_int(b->types, row, TYPE_ITEM), typmod, depth + 1, node->children, err);
}

/* Must the server take this value apart? oid: the type as declared, maybe a domain. */
static bool needs_rewriting(struct builder *b, const struct type_node *node) {
  size_t row;
  int32_t typmod = -1;
  enum kind kind;
  if (node->shape == SHAPE_MAP || node->shape == SHAPE_INTERVAL) return false;
  if (node->shape == SHAPE_SCALAR)
    return find_base(b, node->sent_oid, &typmod, &row) && !is_native_scalar(b, row, &kind);
  for (size_t i = 0; i < node->child_count; i++)
    if (needs_rewriting(b, &node->children[i])) return true;
  return false;
}

static void append_name(struct builder *b, size_t row, enum type_column schema, enum type_column name,
                        struct buffer *sql) {
  pg_quote_name(sql, pg_value(b->types, row, schema));
  buffer_append_byte(sql, '.');
  pg_quote_name(sql, pg_value(b->types, row, name));
}

/* Appends SQL of the same value with text where its binary form could not be read; `value` is SQL, too. */
static void rewrite(struct builder *b, struct type_node *node, const char *value, int depth, struct buffer *sql);

static void rewrite_scalar(struct builder *b, size_t row, struct type_node *node, const char *value,
                           struct buffer *sql) {
  /* Where the output function is another type's, no cast to text is defined, and the server's own is that function. */
  if (pg_value_bool(b->types, row, HAS_OUTPUT)) append_name(b, row, TYPE_OUTPUT_SCHEMA, TYPE_OUTPUT, sql);
  buffer_appendf(sql, "(%s)::pg_catalog.text", value);
  node->sent_oid = OID_TEXT;
}

/* num_nulls asks the value itself; IS NULL would also hold where all of its fields are NULL. */
static void rewrite_struct(struct builder *b, size_t row, struct type_node *node, const char *value, int depth,
                           struct buffer *sql) {
  buffer_appendf(sql, "CASE WHEN pg_catalog.num_nulls(%s) OPERATOR(pg_catalog.=) 0 THEN ROW(", value);
  for (size_t i = 0; i < node->child_count; i++) {
    struct buffer field;
    buffer_init(&field, SQL_MAX);
    buffer_appendf(&field, "(%s).", value);
    pg_quote_name(&field, node->children[i].name);
    char *reference = buffer_take_string(&field);
    if (i) buffer_append_string(sql, ", ");
    if (reference) rewrite(b, &node->children[i], reference, depth, sql);
    else sql->failed = true;
    free(reference);
  }
  buffer_append_string(sql, ") END");
  node->sent_oid = OID_RECORD;
}

/*
 * An array of other dimensions or another lower bound becomes one of NULLs with the same: the reader refuses it by
 * its head. unnest stands in the select list, since in FROM it would take rows apart and lose which are NULL.
 */
static void rewrite_list(struct builder *b, struct type_node *node, const char *value, int depth, struct buffer *sql) {
  char item[32];
  snprintf(item, sizeof item, "s%d.x", depth);
  buffer_appendf(sql,
                 "CASE WHEN pg_catalog.num_nulls(%s) OPERATOR(pg_catalog.=) 1 THEN NULL"
                 " WHEN coalesce(pg_catalog.array_ndims(%s) OPERATOR(pg_catalog.=) 1"
                 " AND pg_catalog.array_lower(%s, 1) OPERATOR(pg_catalog.=) 1, true) THEN ARRAY(SELECT ",
                 value, value, value);
  rewrite(b, node->children, item, depth + 1, sql);
  bool of_text = node->children->sent_oid == OID_TEXT;
  buffer_appendf(sql,
                 " FROM (SELECT pg_catalog.unnest(%s) AS x) s%d) ELSE pg_catalog.array_fill(NULL::pg_catalog.%s,"
                 " ARRAY(SELECT pg_catalog.array_length(%s, d) FROM pg_catalog.generate_series(1,"
                 " pg_catalog.array_ndims(%s)) d),"
                 " ARRAY(SELECT pg_catalog.array_lower(%s, d) FROM pg_catalog.generate_series(1,"
                 " pg_catalog.array_ndims(%s)) d)) END",
                 value, depth, of_text ? "text" : "record", value, value, value, value);
  if (node->children->shape == SHAPE_LIST) b->is_unfit = true;   /* ARRAY of arrays is one with more dimensions */
  node->sent_oid = of_text ? OID_TEXT_ARRAY : OID_RECORD_ARRAY;
  node->is_rewritten = true;
}

static void rewrite(struct builder *b, struct type_node *node, const char *value, int depth, struct buffer *sql) {
  size_t declared, row;
  int32_t typmod = -1;
  if (!needs_rewriting(b, node)) {
    buffer_append_string(sql, value);
    return;
  }
  if (!find_type(b, node->sent_oid, &declared) || !find_base(b, node->sent_oid, &typmod, &row)) return;
  /* A domain has no fields, is no array to unnest and no enum to enum_out: its base type is. */
  struct buffer as_base;
  buffer_init(&as_base, SQL_MAX);
  buffer_appendf(&as_base, "(%s)", value);
  if (declared != row) {
    buffer_append_string(&as_base, "::");
    append_name(b, row, TYPE_SCHEMA, TYPE_NAME, &as_base);
  }
  char *base = buffer_take_string(&as_base);
  if (!base) sql->failed = true;
  else if (node->shape == SHAPE_SCALAR) rewrite_scalar(b, row, node, base, sql);
  else if (node->shape == SHAPE_STRUCT) rewrite_struct(b, row, node, base, depth, sql);
  else rewrite_list(b, node, base, depth, sql);
  free(base);
}

static bool make_sql(struct builder *b, struct source *s, size_t index, struct source_nested *nested,
                     struct error *err) {
  struct source_column *c = &s->columns[index];
  struct buffer reference, sql;
  buffer_init(&reference, SQL_MAX);
  buffer_init(&sql, SQL_MAX);
  source_append_reference(s, index, &reference);
  if (c->is_domain) buffer_appendf(&reference, "::%s", c->type_sql);
  char *value = buffer_take_string(&reference);
  if (value) rewrite(b, nested->tree, value, 1, &sql);
  free(value);
  nested->sql = buffer_take_string(&sql);
  return value && nested->sql ? true : fail_memory(err, "the types of a column");
}

void nested_deinit(struct source_nested *n) {
  if (n->tree) type_node_deinit(n->tree);
  free(n->tree);
  free(n->sql);
  *n = (struct source_nested){0};
}

static bool describe_form(const struct pg_result *types, struct source *s, size_t index, enum interval_form form,
                          struct error *err) {
  struct source_column *c = &s->columns[index];
  struct source_nested *nested = &c->nested[form];
  struct builder b = {.types = types, .intervals = form};
  nested->tree = calloc(1, sizeof *nested->tree);
  if (!nested->tree) return fail_memory(err, "the types of a column");
  if (!build(&b, c->type_oid, c->typmod, 0, nested->tree, err)) return false;
  c->has_interval |= b.has_interval;
  if (nested->tree->shape == SHAPE_SCALAR) b.is_unfit = true;
  if (!b.is_unfit && needs_rewriting(&b, nested->tree) && !make_sql(&b, s, index, nested, err)) return false;
  if (b.is_unfit) nested_deinit(nested);
  return true;
}

static bool is_described(const struct source_column *c) { return c->is_nested || c->type_oid == OID_INTERVAL; }

static bool describe_columns(const struct pg_result *types, struct source *s, struct error *err) {
  for (size_t i = 0; i < s->column_count; i++) {
    const struct source_column *c = &s->columns[i];
    if (!is_described(c)) continue;
    if (!describe_form(types, s, i, INTERVAL_AS_TEXT, err)) return false;
    if (c->has_interval && !describe_form(types, s, i, INTERVAL_IN_PARTS, err)) return false;
  }
  return true;
}

bool nested_describe(struct pg *c, struct source *s, struct error *err) {
  struct buffer oids;
  size_t count = 0;
  buffer_init(&oids, LIST_MAX);
  for (size_t i = 0; i < s->column_count; i++)
    if (is_described(&s->columns[i])) buffer_appendf(&oids, "%s%u", count++ ? "," : "{", s->columns[i].type_oid);
  if (count == 0) return true;
  buffer_append_byte(&oids, '}');
  char *list = buffer_take_string(&oids);
  if (!list) return fail_memory(err, "the types of a column");
  struct pg_result *r;
  bool ok = pg_query(c, types_sql, (const char *const[]){list}, 1, &r, err);
  free(list);
  if (!ok) return false;
  ok = describe_columns(r, s, err);
  pg_result_free(r);
  return ok;
}
