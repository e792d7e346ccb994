#include "source/describe.h"

#include "base/utf8.h"
#include "source/geometry.h"
#include "source/nested.h"
#include "source/sql_text.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME_PARTS_MAX 2
#define SQL_MAX (16u << 20)

struct native { uint32_t oid; enum kind kind; };

/* pg_type.dat's fixed OIDs. */
static const struct native natives[] = {
    {16, KIND_BOOL},    {17, KIND_BYTEA},  {19, KIND_TEXT},       {20, KIND_INT8},         {21, KIND_INT2},
    {23, KIND_INT4},    {25, KIND_TEXT},   {26, KIND_OID},        {114, KIND_JSON},        {700, KIND_FLOAT4},
    {701, KIND_FLOAT8}, {1042, KIND_TEXT}, {1043, KIND_TEXT},     {1082, KIND_DATE},       {1083, KIND_TIME},
    {1114, KIND_TIMESTAMP}, {1184, KIND_TIMESTAMPTZ}, {1700, KIND_NUMERIC}, {2950, KIND_UUID}, {3802, KIND_JSONB},
};

bool source_native_kind(uint32_t type_oid, enum kind *kind) {
  for (size_t i = 0; i < sizeof natives / sizeof *natives; i++) {
    if (natives[i].oid != type_oid) continue;
    *kind = natives[i].kind;
    return true;
  }
  return false;
}

void source_append_reference(const struct source *s, size_t column, struct buffer *sql) {
  if (s->relkind == 'q') buffer_appendf(sql, "q.c%zu", column + 1);
  else pg_quote_name(sql, s->columns[column].name);
}

void source_free(struct source *s) {
  if (!s) return;
  for (size_t i = 0; i < s->column_count; i++) {
    struct source_column *c = &s->columns[i];
    free(c->name);
    free(c->type_name);
    free(c->type_sql);
    free(c->output_sql);
    free(c->geometry);
    for (int form = 0; form < INTERVAL_FORM_COUNT; form++) nested_deinit(&c->nested[form]);
  }
  for (size_t i = 0; i < s->leaf_count; i++) free(s->leaves[i].sql_name);
  free(s->columns);
  free(s->leaves);
  free(s->name);
  free(s->sql_name);
  free(s);
}

const struct source_nested *source_column_nested(const struct source_column *c, enum interval_form form) {
  return &c->nested[c->has_interval ? form : INTERVAL_AS_TEXT];
}

/* "schema"."name" from two values of a row; NULL if out of memory. */
static char *qualified(const char *schema, const char *name) {
  struct buffer b;
  buffer_init(&b, 1024);
  pg_quote_name(&b, schema);
  buffer_append_byte(&b, '.');
  pg_quote_name(&b, name);
  return buffer_take_string(&b);
}

/* schema.name for people, files and JSON, which take nothing but UTF-8; NULL if out of memory. */
static char *shown_name(const char *schema, const char *name) {
  char *text;
  if (asprintf(&text, "%s.%s", schema, name) < 0) return NULL;
  char *clean = utf8_clean(text);
  free(text);
  return clean;
}

/*
 * The base type of each of a list of types (domains resolved) and what is needed to select it. $1: OIDs,
 * $2: typmods, in the order of the columns.
 *
 * Enums, citext, refcursor and whatever else is sent as the text that its output function gives are read as they are sent:
 * a call of the output function costs the server 0.1 µs a value, one of to_json 0.3. Not so where to_json would use a cast.
 */
static const char *const types_sql =
    "WITH RECURSIVE t(ord, shown, declared, oid, typmod) AS ("
    " SELECT u.ord, pg_catalog.format_type(u.oid, u.typmod), u.oid, u.oid, u.typmod"
    "  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]), pg_catalog.unnest($2::pg_catalog.int4[]))"
    "   WITH ORDINALITY AS u(oid, typmod, ord)"
    " UNION ALL SELECT t.ord, t.shown, t.declared, y.typbasetype, y.typtypmod"
    "  FROM t JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) t.oid"
    "  WHERE y.typtype OPERATOR(pg_catalog.=) 'd') "
    "SELECT t.shown, t.oid, t.typmod, n.nspname, y.typname, pn.nspname, p.proname,"
    " (y.typcategory OPERATOR(pg_catalog.=) 'A' OR y.typtype OPERATOR(pg_catalog.=) 'c'"
    "  OR t.oid OPERATOR(pg_catalog.=) ANY ('{2249,2277,2287}'::pg_catalog.oid[])"   /* record, anyarray, record[] */
    "  OR y.typname OPERATOR(pg_catalog.=) 'hstore'),"
    " t.declared OPERATOR(pg_catalog.<>) t.oid,"
    " coalesce(p.prosrc OPERATOR(pg_catalog.=) 'textout' AND sp.prosrc OPERATOR(pg_catalog.=) 'textsend'"
    "   OR p.prosrc OPERATOR(pg_catalog.=) 'enum_out' AND sp.prosrc OPERATOR(pg_catalog.=) 'enum_send', false)"
    "  AND p.prolang OPERATOR(pg_catalog.=) 12 AND sp.prolang OPERATOR(pg_catalog.=) 12"   /* internal */
    "  AND NOT EXISTS (SELECT FROM pg_catalog.pg_cast k WHERE k.castsource OPERATOR(pg_catalog.=) t.oid"
    "   AND k.casttarget OPERATOR(pg_catalog.=) 114),"
    " CASE WHEN sp.prolang OPERATOR(pg_catalog.=) 13 THEN sp.prosrc END "   /* c: an extension's own */
    "FROM t JOIN pg_catalog.pg_type y ON y.oid OPERATOR(pg_catalog.=) t.oid"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) y.typnamespace"
    " JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) y.typoutput"
    " JOIN pg_catalog.pg_namespace pn ON pn.oid OPERATOR(pg_catalog.=) p.pronamespace"
    " LEFT JOIN pg_catalog.pg_proc sp ON sp.oid OPERATOR(pg_catalog.=) y.typsend "
    "WHERE y.typtype OPERATOR(pg_catalog.<>) 'd' ORDER BY t.ord";

static bool take_types(const struct pg_result *r, struct source *s, struct error *err) {
  if (pg_row_count(r) != s->column_count)
    return fail(err, ERR_SOURCE_LOST, "a column's type was dropped while \"%s\" was described", s->name);
  for (size_t i = 0; i < s->column_count; i++) {
    struct source_column *c = &s->columns[i];
    c->type_name = utf8_clean(pg_value(r, i, 0));
    c->type_oid = (uint32_t)pg_value_int(r, i, 1);
    c->typmod = (int32_t)pg_value_int(r, i, 2);
    c->type_sql = qualified(pg_value(r, i, 3), pg_value(r, i, 4));
    c->output_sql = qualified(pg_value(r, i, 5), pg_value(r, i, 6));
    c->is_nested = pg_value_bool(r, i, 7);
    c->is_domain = pg_value_bool(r, i, 8);
    c->is_native = pg_value_bool(r, i, 9);
    c->kind = KIND_TEXT;
    if (!c->type_name || !c->type_sql || !c->output_sql) return fail_memory(err, "a table's description");
    if (source_native_kind(c->type_oid, &c->kind)) c->is_native = true;
    if (!source_geometry_describe(pg_value(r, i, 10), c->typmod, &c->geometry, err)) return false;
  }
  return true;
}

/* type_oid and typmod of every column are the declared ones; afterwards those of the base type. */
static bool describe_types(struct pg *c, struct source *s, struct error *err) {
  struct buffer oids, typmods;
  buffer_init(&oids, 64 << 10);
  buffer_init(&typmods, 64 << 10);
  for (size_t i = 0; i < s->column_count; i++) {
    buffer_appendf(&oids, "%s%u", i ? "," : "{", s->columns[i].type_oid);
    buffer_appendf(&typmods, "%s%d", i ? "," : "{", s->columns[i].typmod);
  }
  buffer_append_byte(&oids, '}');
  buffer_append_byte(&typmods, '}');
  char *params[] = {buffer_take_string(&oids), buffer_take_string(&typmods)};
  struct pg_result *r = NULL;
  bool ok = params[0] && params[1]
                ? pg_query(c, types_sql, (const char *const *)params, 2, &r, err) && take_types(r, s, err)
                : fail_memory(err, "a table's description");
  pg_result_free(r);
  free(params[0]);
  free(params[1]);
  return ok && nested_describe(c, s, err);
}

/* Splits "a.b", "\"a.b\".c" into its parts. */
static bool parse_name(const char *text, char parts[NAME_PARTS_MAX][256], int *count, struct error *err) {
  int n = 0;
  const char *p = text;
  for (;;) {
    size_t len = 0;
    bool quoted = *p == '"';
    if (quoted) p++;
    while (*p && (quoted || *p != '.')) {
      if (quoted && *p == '"') {
        if (p[1] != '"') break;
        p++;
      }
      if (n == NAME_PARTS_MAX || len >= 255) break;
      parts[n][len++] = *p++;
    }
    if (n == NAME_PARTS_MAX || len == 0 || len >= 255 || (quoted && *p++ != '"') || (*p && *p != '.'))
      return fail_field(err, "table",
                        "cannot read the table name \"%.200s\": write name or schema.name as the catalog spells it, "
                        "a part with a dot or quotes in double quotes",
                        text);
    parts[n++][len] = '\0';
    if (*p++ == '\0') break;
  }
  *count = n;
  return true;
}

static bool resolve(struct pg *c, const char *name, struct source *s, struct error *err) {
  char parts[NAME_PARTS_MAX][256];
  int count;
  if (!parse_name(name, parts, &count, err)) return false;
  const char *params[] = {parts[count - 1], count == 2 ? parts[0] : NULL};
  struct pg_result *r;
  if (!pg_query(c,
                "SELECT c.oid, n.nspname, c.relname, c.relkind,"
                " c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog.\"char\"[])"
                " AND pg_catalog.has_table_privilege(c.oid, 'SELECT') FROM pg_catalog.pg_class c"
                " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
                "WHERE c.relname OPERATOR(pg_catalog.=) $1::pg_catalog.name"
                " AND CASE WHEN $2::pg_catalog.name IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)"
                "  ELSE n.nspname OPERATOR(pg_catalog.=) $2::pg_catalog.name END"
                " AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::pg_catalog.\"char\"[])",
                params, 2, &r, err))
    return false;
  bool found = pg_row_count(r) > 0;
  if (found) {
    s->oid = (uint32_t)pg_value_int(r, 0, 0);
    s->sql_name = qualified(pg_value(r, 0, 1), pg_value(r, 0, 2));
    s->relkind = pg_value(r, 0, 3)[0];
    s->may_lock = pg_value_bool(r, 0, 4);
    s->name = shown_name(pg_value(r, 0, 1), pg_value(r, 0, 2));
  }
  pg_result_free(r);
  if (!found) {
    fail(err, ERR_NOT_FOUND, "there is no table \"%.200s\" in this database; `decant describe` or GET /tables lists them", name);
    snprintf(err->field, sizeof err->field, "table");
    return false;
  }
  return s->sql_name && s->name ? true : fail_memory(err, "a table's description");
}

static bool take_columns(const struct pg_result *r, struct source *s, struct error *err) {
  size_t n = pg_row_count(r);
  if (n == 0) return fail_field(err, "table", "table \"%s\" has no columns: there is nothing to export", s->name);
  s->columns = calloc(n, sizeof *s->columns);
  if (!s->columns) return fail_memory(err, "a table's description");
  s->column_count = n;
  for (size_t i = 0; i < n; i++) {
    struct source_column *c = &s->columns[i];
    c->name = strdup(pg_value(r, i, 0));
    c->type_oid = (uint32_t)pg_value_int(r, i, 1);
    c->typmod = (int32_t)pg_value_int(r, i, 2);
    c->not_null = pg_value_bool(r, i, 3) && (s->relkind == 'r' || s->relkind == 'p');
    if (!c->name) return fail_memory(err, "a table's description");
  }
  return true;
}

/*
 * attnotnull says what the server keeps true of a table's own rows, and of its partitions'. It does not hold for the
 * rows of foreign partitions and children, nor, before PostgreSQL 18, for those of children whose NOT NULL was dropped
 * or never set (ALTER TABLE ONLY), nor since 18 under a constraint that is NOT VALID.
 */
static const char *const columns_sql =
    "WITH RECURSIVE tree(oid) AS (SELECT $1::pg_catalog.oid"
    " UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i"
    "  ON i.inhparent OPERATOR(pg_catalog.=) tree.oid),"
    " nullable(attname) AS (SELECT a.attname FROM tree"
    "  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) tree.oid"
    "   AND (NOT c.relispartition OR c.relkind OPERATOR(pg_catalog.=) 'f')"
    "  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid"
    "   AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped"
    "  WHERE NOT a.attnotnull OR c.relkind OPERATOR(pg_catalog.=) 'f'"
    " UNION SELECT a.attname FROM tree"
    "  JOIN pg_catalog.pg_constraint k ON k.conrelid OPERATOR(pg_catalog.=) tree.oid"
    "   AND k.contype OPERATOR(pg_catalog.=) 'n' AND NOT k.convalidated"
    "  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) tree.oid"
    "   AND a.attnum OPERATOR(pg_catalog.=) ANY (k.conkey)) "
    "SELECT a.attname, a.atttypid, a.atttypmod, a.attnotnull AND n.attname IS NULL FROM pg_catalog.pg_attribute a"
    " LEFT JOIN nullable n ON n.attname OPERATOR(pg_catalog.=) a.attname "
    "WHERE a.attrelid OPERATOR(pg_catalog.=) $1::pg_catalog.oid"
    " AND a.attnum OPERATOR(pg_catalog.>) 0 AND NOT a.attisdropped ORDER BY a.attnum";

static bool describe_columns(struct pg *c, struct source *s, struct error *err) {
  char oid[16];
  snprintf(oid, sizeof oid, "%u", s->oid);
  const char *params[] = {oid};
  struct pg_result *r;
  if (!pg_query(c, columns_sql, params, 1, &r, err)) return false;
  bool ok = take_columns(r, s, err);
  pg_result_free(r);
  return ok && describe_types(c, s, err);
}

/*
 * The table itself, its partitions and children at any depth, those that hold rows, by OID as the server's
 * own planner orders inheritance. A leaf that is foreign, of another access method or readable in part only has
 * by_ctid false.
 */
static const char *const leaves_sql =
    "WITH RECURSIVE tree(oid) AS (SELECT $1::pg_catalog.oid"
    " UNION SELECT i.inhrelid FROM tree JOIN pg_catalog.pg_inherits i"
    "  ON i.inhparent OPERATOR(pg_catalog.=) tree.oid) "
    "SELECT c.oid, n.nspname, c.relname,"
    " CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'f' THEN 0 ELSE pg_catalog.pg_relation_size(c.oid)"
    "  OPERATOR(pg_catalog./) pg_catalog.current_setting('block_size')::pg_catalog.int8 END,"
    " CASE WHEN c.relkind OPERATOR(pg_catalog.=) 'f' THEN 0 ELSE pg_catalog.pg_table_size(c.oid) END,"
    " c.reltuples, c.relkind OPERATOR(pg_catalog.<>) 'f' AND coalesce(a.amname OPERATOR(pg_catalog.=) 'heap', true)"
    "  AND pg_catalog.has_table_privilege(c.oid, 'SELECT'),"   /* ctid is nobody's column */
    " pg_catalog.has_any_column_privilege(c.oid, 'SELECT'), c.relkind OPERATOR(pg_catalog.=) 'f' "
    "FROM tree JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) tree.oid"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    " LEFT JOIN pg_catalog.pg_am a ON a.oid OPERATOR(pg_catalog.=) c.relam "
    "WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m,f}'::pg_catalog.\"char\"[])"
    /* Other sessions' temporary children: the server's planner leaves them out, too. */
    " AND c.relpersistence OPERATOR(pg_catalog.<>) 't' ORDER BY c.oid";

static bool take_leaves(const struct pg_result *r, struct source *s, struct error *err) {
  size_t n = pg_row_count(r);
  s->leaves = calloc(n ? n : 1, sizeof *s->leaves);
  if (!s->leaves) return fail_memory(err, "a table's description");
  s->leaf_count = n;
  for (size_t i = 0; i < n; i++) {
    struct source_leaf *leaf = &s->leaves[i];
    leaf->oid = (uint32_t)pg_value_int(r, i, 0);
    leaf->sql_name = qualified(pg_value(r, i, 1), pg_value(r, i, 2));
    leaf->blocks = pg_value_int(r, i, 3);
    leaf->bytes = pg_value_int(r, i, 4);
    leaf->rows = strtod(pg_value(r, i, 5), NULL);
    leaf->by_ctid = pg_value_bool(r, i, 6);
    leaf->may_read = pg_value_bool(r, i, 7);
    leaf->is_foreign = pg_value_bool(r, i, 8);
    if (!leaf->sql_name) return fail_memory(err, "a table's description");
  }
  return true;
}

static bool describe_leaves(struct pg *c, struct source *s, struct error *err) {
  if (s->relkind == 'v' || s->relkind == 'f') return true;
  char oid[16];
  snprintf(oid, sizeof oid, "%u", s->oid);
  const char *params[] = {oid};
  struct pg_result *r;
  if (!pg_query(c, leaves_sql, params, 1, &r, err)) return false;
  bool ok = take_leaves(r, s, err);
  pg_result_free(r);
  return ok;
}

bool source_describe_table(struct pg *c, const char *name, struct source **out, struct error *err) {
  struct source *s = calloc(1, sizeof *s);
  if (!s) return fail_memory(err, "a table's description");
  if (!resolve(c, name, s, err) || !describe_columns(c, s, err) || !describe_leaves(c, s, err)) {
    source_free(s);
    return false;
  }
  *out = s;
  return true;
}

/*
 * pg_class is read as of the snapshot, pg_relation_filenode as of now. (Catalogs of the system itself are mapped:
 * their relfilenode is 0.)
 */
static const char *const changed_sql =
    "SELECT 1 FROM pg_catalog.unnest($1::pg_catalog.oid[]) u(oid)"
    " JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) u.oid "
    "WHERE c.relkind OPERATOR(pg_catalog.<>) 'f' AND c.relfilenode OPERATOR(pg_catalog.<>) 0"
    " AND pg_catalog.pg_relation_filenode(c.oid) IS DISTINCT FROM c.relfilenode LIMIT 1";

bool source_is_unchanged(struct pg *c, const struct source *s, bool *unchanged, struct error *err) {
  struct buffer oids;
  buffer_init(&oids, SQL_MAX);
  buffer_append_byte(&oids, '{');
  for (size_t i = 0; i < s->leaf_count; i++) buffer_appendf(&oids, "%s%u", i ? "," : "", s->leaves[i].oid);
  buffer_append_byte(&oids, '}');
  char *params[] = {buffer_take_string(&oids)};
  if (!params[0]) return fail_memory(err, "a table's description");
  struct pg_result *r;
  bool ok = pg_query(c, changed_sql, (const char *const *)params, 1, &r, err);
  free(params[0]);
  if (!ok) return false;
  *unchanged = pg_row_count(r) == 0;
  pg_result_free(r);
  return true;
}

/* "(text\n) AS q(c1, c2 …)": columns by position, so that names which SQL could not tell apart do no harm. */
static char *wrap_query(const char *sql, size_t len, size_t column_count) {
  struct buffer b;
  buffer_init(&b, SQL_MAX);
  buffer_append_byte(&b, '(');
  buffer_append(&b, sql, len);
  buffer_append_string(&b, "\n) AS q(");   /* the newline ends a trailing comment */
  for (size_t i = 0; i < column_count; i++) buffer_appendf(&b, "%sc%zu", i ? ", " : "", i + 1);
  buffer_append_byte(&b, ')');
  return buffer_take_string(&b);
}

static bool take_query_columns(const struct pg_described *described, size_t n, struct source *s, struct error *err) {
  s->columns = calloc(n, sizeof *s->columns);
  if (!s->columns) return fail_memory(err, "a query's description");
  s->column_count = n;
  for (size_t i = 0; i < n; i++) {
    s->columns[i].name = strdup(described[i].name);
    s->columns[i].type_oid = described[i].type_oid;
    s->columns[i].typmod = described[i].typmod;
    if (!s->columns[i].name) return fail_memory(err, "a query's description");
  }
  return true;
}

static bool describe_query(struct pg *c, const char *sql, struct source *s, struct error *err) {
  struct pg_described *described = NULL;
  size_t count = 0;
  if (!pg_describe(c, sql, &described, &count, err)) {
    /* The text is the user's: what the server says of it is about the request. */
    if (err->code == ERR_SOURCE) err->code = ERR_USAGE;
    snprintf(err->field, sizeof err->field, "query");
    return false;
  }
  bool ok = count ? take_query_columns(described, count, s, err)
                  : fail_field(err, "query", "the query returns no columns: a SELECT, VALUES or TABLE is needed");
  pg_described_free(described, count);
  if (!ok || !describe_types(c, s, err)) return false;
  s->sql_name = wrap_query(sql, sql_statement_length(sql), count);
  return s->sql_name ? true : fail_memory(err, "a query's description");
}

bool source_describe_query(struct pg *c, const char *sql, struct source **out, struct error *err) {
  struct source *s = calloc(1, sizeof *s);
  if (!s || !(s->name = strdup("query"))) {
    free(s);
    return fail_memory(err, "a query's description");
  }
  s->relkind = 'q';
  if (!describe_query(c, sql, s, err)) {
    source_free(s);
    return false;
  }
  *out = s;
  return true;
}

bool source_list_tables(struct pg *c, struct source_table **tables, size_t *count, struct error *err) {
  struct pg_result *r;
  if (!pg_query(c,
                "SELECT n.nspname, c.relname, c.relkind, CASE WHEN c.relkind OPERATOR(pg_catalog.=) ANY"
                " ('{r,m}'::pg_catalog.\"char\"[]) THEN c.reltuples::pg_catalog.int8 ELSE -1 END,"
                " CASE WHEN c.relkind OPERATOR(pg_catalog.=) ANY ('{r,m}'::pg_catalog.\"char\"[])"
                "  THEN pg_catalog.pg_table_size(c.oid) ELSE 0 END "
                "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace "
                "WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::pg_catalog.\"char\"[])"
                " AND NOT c.relispartition AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'"
                " AND pg_catalog.left(n.nspname::pg_catalog.text, 3) OPERATOR(pg_catalog.<>) 'pg_'"
                " AND pg_catalog.has_any_column_privilege(c.oid, 'SELECT') ORDER BY 1, 2",
                NULL, 0, &r, err))
    return false;
  size_t n = pg_row_count(r);
  struct source_table *list = calloc(n ? n : 1, sizeof *list);
  bool ok = list != NULL;
  for (size_t i = 0; ok && i < n; i++) {
    list[i].rows = pg_value_int(r, i, 3);
    list[i].bytes = pg_value_int(r, i, 4);
    list[i].relkind = pg_value(r, i, 2)[0];
    list[i].name = shown_name(pg_value(r, i, 0), pg_value(r, i, 1));
    ok = list[i].name != NULL;
  }
  pg_result_free(r);
  if (!ok) {
    source_tables_free(list, list ? n : 0);
    return fail_memory(err, "the list of tables");
  }
  *tables = list;
  *count = n;
  return true;
}

void source_tables_free(struct source_table *tables, size_t count) {
  for (size_t i = 0; i < count; i++) free(tables[i].name);
  free(tables);
}
