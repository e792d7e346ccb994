#include "export/plan.h"

#include "source/session.h"

#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX (64u << 20)

void plan_deinit(struct plan *plan) {
  for (size_t i = 0; i < plan->item_count; i++) {
    free(plan->items[i].target);
    if (plan->items[i].is_path) json_path_deinit(&plan->items[i].path);
  }
  free(plan->items);
  free(plan->wire_sources);
  free(plan->guards);
  scan_deinit(&plan->scan);
  free(plan->select_list);
  free(plan->discover_list);
  free(plan->is_discovered);
  free(plan->where);
  free(plan->order_by);
  free(plan->output_order);
  source_free(plan->source);
  schema_deinit(&plan->schema);
  *plan = (struct plan){0};
}

static bool is_json(const struct source_column *c) {
  return c->is_native && (c->kind == KIND_JSON || c->kind == KIND_JSONB);
}

static bool find_column(const struct source *s, const char *name, size_t len, size_t *index) {
  for (size_t i = 0; i < s->column_count; i++) {
    if (strlen(s->columns[i].name) != len || memcmp(s->columns[i].name, name, len) != 0) continue;
    *index = i;
    return true;
  }
  return false;
}

static bool unknown_column(const struct source *s, const char *field, const char *name, struct error *err) {
  struct buffer known;
  buffer_init(&known, 4096);
  for (size_t i = 0; i < s->column_count && known.len < 400; i++)
    buffer_appendf(&known, "%s%s", i ? ", " : "", s->columns[i].name);
  char *text = buffer_take_string(&known);
  fail_field(err, field, "there is no column \"%.200s\" in %s; it has %s", name, s->name, text ? text : "others");
  free(text);
  return false;
}

/* Of a type without a kind of its own, by the form that it is selected in. */
static const enum kind form_kinds[] = {
    [WIRE_TEXT] = KIND_TEXT, [WIRE_JSON] = KIND_JSON, [WIRE_NESTED] = KIND_NESTED};

static bool takes(const struct plan *plan, enum sent_type type) {
  return (plan->request->format->sent_types(plan->request->format_options) & type) != 0;
}

static const struct source_nested *nested_of(const struct plan *plan, const struct source_column *c) {
  return source_column_nested(c, takes(plan, SENT_INTERVAL) ? INTERVAL_IN_PARTS : INTERVAL_AS_TEXT);
}

/* Of a type without a kind of its own. */
static enum wire_form form_of(const struct plan *plan, const struct source_column *c) {
  const struct format *format = plan->request->format;
  bool has_tree = nested_of(plan, c)->tree != NULL;
  if (!c->is_nested) return has_tree ? WIRE_NESTED : format->other_form;
  enum wire_form form = format->nested_form(plan->request->format_options);
  return form == WIRE_NESTED && !has_tree ? WIRE_JSON : form;
}

/* The wire column of a source column, made when it is first needed. */
static bool wire_of(struct plan *plan, size_t source_index, size_t *wire, struct error *err) {
  struct schema *schema = &plan->schema;
  for (size_t i = 0; i < schema->wire_count; i++) {
    if (plan->wire_sources[i] != source_index) continue;
    *wire = i;
    return true;
  }
  const struct source_column *c = &plan->source->columns[source_index];
  struct wire_column *w = &schema->wire[schema->wire_count];
  *w = (struct wire_column){.name = strdup(c->name), .type_name = strdup(c->type_name), .type_oid = c->type_oid,
                            .typmod = c->typmod, .not_null = c->not_null, .kind = c->kind};
  if (c->geometry && takes(plan, SENT_GEOMETRY)) {
    w->form = WIRE_NATIVE;
    w->kind = KIND_GEOMETRY;
    w->geometry = c->geometry;
  } else if (!c->is_native) {
    w->form = form_of(plan, c);
    w->kind = form_kinds[w->form];
    if (w->form == WIRE_NESTED) w->tree = nested_of(plan, c)->tree;
  }
  if (w->kind == KIND_TIMESTAMPTZ && plan->has_zone) {
    w->form = WIRE_ZONED;
    w->kind = KIND_TIMESTAMPTZ_ZONED;
  }
  *wire = schema->wire_count;
  plan->wire_sources[schema->wire_count++] = source_index;
  return w->name && w->type_name ? true : fail_memory(err, "the plan");
}

/* What is asked for is no column's own name, but a path whose first key is one. That key is taken off it. */
static bool resolve_path(const struct source *s, const struct request_column *asked, struct json_path *path,
                         size_t *index, struct error *err) {
  if (path->key_count == 0 || !find_column(s, path->keys[0], strlen(path->keys[0]), index))
    return unknown_column(s, "columns", asked->source, err);
  if (path->key_count > 1 && !is_json(&s->columns[*index]))
    return fail_field(err, "columns", "cannot pick \"%.200s\": column \"%.200s\" is %s, and paths lead only into "
                      "json and jsonb", asked->source, s->columns[*index].name, s->columns[*index].type_name);
  free(path->keys[0]);
  memmove(path->keys, path->keys + 1, --path->key_count * sizeof *path->keys);
  return true;
}

/* A column of the source, or `column.key.key` into a JSON column; an exact column name wins. */
static bool resolve_item(struct plan *plan, const struct request_column *asked, struct plan_item *item,
                         struct error *err) {
  const struct source *s = plan->source;
  const char *target = asked->target;
  size_t index = 0;
  if (!find_column(s, asked->source, strlen(asked->source), &index)) {
    struct json_path path;
    if (!json_path_parse(asked->source, &path, err)) return false;
    bool ok = resolve_path(s, asked, &path, &index, err);
    item->is_path = ok && path.key_count > 0;
    if (item->is_path) item->path = path;
    else json_path_deinit(&path);
    if (!ok) return false;
    /* A column's name in quotes: it is called as it is, not as it had to be written. */
    if (!item->is_path && !strcmp(target, asked->source)) target = s->columns[index].name;
  }
  item->target = strdup(target);
  return item->target ? wire_of(plan, index, &item->wire, err) : fail_memory(err, "the plan");
}

/*
 * Paths that were asked for one by one are not looked for. (A table without JSON columns is another matter: there is
 * nothing to find, and a full pass finds it.)
 */
static bool check_discovery(const struct plan *plan, struct error *err) {
  const char *field = request_discovery_field(plan->request);
  if (!field || plan->flattens) return true;
  for (size_t i = 0; i < plan->item_count; i++)
    if (plan->items[i].is_path)
      return fail_field(err, field, "%s: no paths are looked for, since columns names each one; name a JSON column as a "
                        "whole, or leave it out", field);
  return true;
}

static bool resolve_items(struct plan *plan, struct error *err) {
  const struct export_request *r = plan->request;
  const struct source *s = plan->source;
  size_t n = r->column_count ? r->column_count : s->column_count;
  plan->items = calloc(n, sizeof *plan->items);
  size_t wire_max = n < s->column_count ? n : s->column_count;
  plan->schema.wire = calloc(wire_max, sizeof *plan->schema.wire);
  plan->wire_sources = calloc(wire_max, sizeof *plan->wire_sources);
  if (!plan->items || !plan->schema.wire || !plan->wire_sources) return fail_memory(err, "the plan");
  for (size_t i = 0; i < n; i++) {
    struct plan_item *item = &plan->items[plan->item_count++];
    if (r->column_count) {
      if (!resolve_item(plan, &r->columns[i], item, err)) return false;
    } else {
      item->target = strdup(s->columns[i].name);
      if (!item->target) return fail_memory(err, "the plan");
      if (!wire_of(plan, i, &item->wire, err)) return false;
    }
    item->flatten = !item->is_path && request_flattens(r) && is_json(&s->columns[plan->wire_sources[item->wire]]);
    plan->flattens |= item->flatten;
  }
  return check_discovery(plan, err);
}

/* nested_sql: of WIRE_NESTED; NULL: the column itself. */
static void append_expression(struct buffer *sql, const struct source *s, size_t index, enum wire_form form,
                              const char *nested_sql) {
  const struct source_column *c = &s->columns[index];
  if (form == WIRE_NESTED && nested_sql) {
    buffer_append_string(sql, nested_sql);
  } else if (form == WIRE_NATIVE || form == WIRE_NESTED) {
    source_append_reference(s, index, sql);
  } else if (form == WIRE_JSON) {
    buffer_append_string(sql, "pg_catalog.to_json(");
    source_append_reference(s, index, sql);
    buffer_append_string(sql, ")");
  } else if (form == WIRE_ZONED) {
    buffer_append_string(sql, "pg_catalog.timestamptz_send(");
    source_append_reference(s, index, sql);
    /* Of an infinity the offset is NULL. */
    buffer_append_string(sql, ") OPERATOR(pg_catalog.||) pg_catalog.int4send(COALESCE(pg_catalog.date_part('timezone', ");
    source_append_reference(s, index, sql);
    buffer_append_string(sql, "), 0)::pg_catalog.int4)");
  } else {
    /* A domain is no enum or array to the functions that take any of them: its base type is. */
    buffer_appendf(sql, "%s(", c->output_sql);
    source_append_reference(s, index, sql);
    if (c->is_domain) buffer_appendf(sql, "::%s", c->type_sql);
    buffer_append_string(sql, ")::pg_catalog.text");
  }
}

/* which: of the wire columns; NULL: all. */
static char *select_list(const struct plan *plan, const bool *which) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  for (size_t i = 0; i < plan->schema.wire_count; i++) {
    if (which && !which[i]) continue;
    if (sql.len) buffer_append_string(&sql, ", ");
    const struct source_column *c = &plan->source->columns[plan->wire_sources[i]];
    append_expression(&sql, plan->source, plan->wire_sources[i], plan->schema.wire[i].form, nested_of(plan, c)->sql);
  }
  return buffer_take_string(&sql);
}

static bool make_select_lists(struct plan *plan, struct error *err) {
  plan->is_discovered = calloc(plan->schema.wire_count, sizeof *plan->is_discovered);
  plan->select_list = select_list(plan, NULL);
  if (!plan->is_discovered || !plan->select_list) return fail_memory(err, "the plan");
  for (size_t i = 0; i < plan->item_count; i++) plan->is_discovered[plan->items[i].wire] |= plan->items[i].flatten;
  if (!plan->flattens) return true;
  plan->discover_list = select_list(plan, plan->is_discovered);
  return plan->discover_list || fail_memory(err, "the plan");
}

/* In which schema the operator of the type itself lies: extensions bring their own; pg_catalog else. */
static bool operator_schema(struct pg *pg, const struct source_column *c, const char *op, char *schema, size_t size,
                            bool *own, struct error *err) {
  char oid[16];
  snprintf(oid, sizeof oid, "%u", c->type_oid);
  const char *params[] = {op, oid};
  struct pg_result *r;
  if (!pg_query(pg,
                "SELECT n.nspname FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n"
                " ON n.oid OPERATOR(pg_catalog.=) o.oprnamespace WHERE o.oprname OPERATOR(pg_catalog.=)"
                " $1::pg_catalog.name AND o.oprleft OPERATOR(pg_catalog.=) $2::pg_catalog.oid"
                " AND o.oprright OPERATOR(pg_catalog.=) $2::pg_catalog.oid LIMIT 1",
                params, 2, &r, err))
    return false;
  *own = pg_row_count(r) > 0;
  snprintf(schema, size, "%s", *own ? pg_value(r, 0, 0) : "pg_catalog");
  pg_result_free(r);
  return true;
}

/* The SQL operators behind enum filter_op; `in` is a list of equalities, like compares as text. */
static const char *const sql_operators[FILTER_OP_COUNT] = {
    [FILTER_EQ] = "=", [FILTER_NE] = "<>", [FILTER_LT] = "<",  [FILTER_LE] = "<=",
    [FILTER_GT] = ">", [FILTER_GE] = ">=", [FILTER_IN] = "=", [FILTER_LIKE] = "~~",
};

/*
 * A filter's value as the session reads it now, in UTC, spelled so that the zone it will have changes nothing: the same
 * rows, whatever clock they are shown by. A copy of the caller's.
 */
static bool fix_value(struct pg *pg, const struct source_column *c, const char *value, char **fixed,
                      struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_append_string(&sql, "SELECT ");
  pg_quote_literal(&sql, value);
  buffer_appendf(&sql, "::%s", c->type_sql);
  char *text = buffer_take_string(&sql);
  if (!text) return fail_memory(err, "a filter");
  struct pg_result *r;
  bool ok = pg_query(pg, text, NULL, 0, &r, err);
  free(text);
  if (!ok) {
    scan_blame("where", err);
    return false;
  }
  *fixed = strdup(pg_value(r, 0, 0));
  pg_result_free(r);
  return *fixed ? true : fail_memory(err, "a filter");
}

/* May the text of a value differ from zone to zone? Of types that hold others: who knows. */
static bool text_has_a_zone(const struct source_column *c) { return !c->is_native || c->kind == KIND_TIMESTAMPTZ; }

/* May a value be read differently from zone to zone? 'now' and 'today' are, for types without a zone, too. */
static bool value_has_a_zone(const struct source_column *c) {
  return text_has_a_zone(c) || c->kind == KIND_TIMESTAMP || c->kind == KIND_DATE || c->kind == KIND_TIME;
}

static bool append_value(struct plan *plan, struct pg *pg, const struct source_column *c, const char *value,
                         bool as_text, struct buffer *sql, struct error *err) {
  if (plan->has_zone && !as_text && value_has_a_zone(c)) {
    char *fixed;
    if (!fix_value(pg, c, value, &fixed, err)) return false;
    pg_quote_literal(sql, fixed);
    free(fixed);
  } else {
    pg_quote_literal(sql, value);
  }
  /* Without the column's own length or scale: '10.123456' must not be rounded before it is compared. */
  buffer_appendf(sql, "::%s", as_text ? "pg_catalog.text" : c->type_sql);
  return true;
}

static bool append_comparison(struct plan *plan, struct pg *pg, const struct request_filter *f, size_t index,
                              struct buffer *sql, struct error *err) {
  const struct source_column *c = &plan->source->columns[index];
  const char *op = sql_operators[f->op];
  char schema[256];
  bool own;
  if (!operator_schema(pg, c, op, schema, sizeof schema, &own, err)) return false;
  bool as_text = f->op == FILTER_LIKE && !own;
  if (as_text && plan->has_zone && text_has_a_zone(c))
    return fail_field(err, "where", "where: the text of column \"%.200s\" depends on the time zone that was asked for; "
                      "compare it by >= and <, or leave the zone out", c->name);
  for (size_t i = 0; i < f->value_count; i++) {
    buffer_append_string(sql, i ? " OR " : "(");
    source_append_reference(plan->source, index, sql);
    if (as_text) buffer_append_string(sql, "::pg_catalog.text");
    buffer_append_string(sql, " OPERATOR(");
    pg_quote_name(sql, schema);
    buffer_appendf(sql, ".%s) ", op);
    if (!append_value(plan, pg, c, f->values[i], as_text, sql, err)) return false;
  }
  buffer_append_string(sql, ")");
  return true;
}

static bool append_filter(struct plan *plan, struct pg *pg, const struct request_filter *f, struct buffer *sql,
                          struct error *err) {
  size_t index;
  if (!find_column(plan->source, f->column, strlen(f->column), &index))
    return unknown_column(plan->source, "where", f->column, err);
  if (f->op != FILTER_IS_NULL && f->op != FILTER_NOT_NULL) return append_comparison(plan, pg, f, index, sql, err);
  source_append_reference(plan->source, index, sql);
  /* Of a composite value, IS NULL also says true where its fields are null: this form asks the value itself. */
  buffer_append_string(sql, f->op == FILTER_IS_NULL ? " IS NOT DISTINCT FROM NULL" : " IS DISTINCT FROM NULL");
  return true;
}

static bool make_where(struct plan *plan, struct pg *pg, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  bool ok = true;
  for (size_t i = 0; ok && i < plan->request->filter_count; i++) {
    if (i) buffer_append_string(&sql, " AND ");
    ok = append_filter(plan, pg, &plan->request->filters[i], &sql, err);
  }
  if (!ok) {
    buffer_deinit(&sql);
    return false;
  }
  plan->where = buffer_take_string(&sql);
  return plan->where ? true : fail_memory(err, "the plan");
}

static bool make_order_by(struct plan *plan, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  for (size_t i = 0; i < plan->request->order_count; i++) {
    const struct request_order *o = &plan->request->order[i];
    size_t index;
    if (!find_column(plan->source, o->column, strlen(o->column), &index)) {
      buffer_deinit(&sql);
      return unknown_column(plan->source, "orderBy", o->column, err);
    }
    if (i) buffer_append_string(&sql, ", ");
    /* Qualified: a bare name would be looked up among the names of the select list first. */
    if (plan->source->relkind != 'q') buffer_appendf(&sql, "%s.", plan->source->sql_name);
    source_append_reference(plan->source, index, &sql);
    if (o->descending) buffer_append_string(&sql, " DESC");
    if (i == 0) plan->order_key = (struct key_wish){.column = index, .descending = o->descending};
  }
  plan->order_by = buffer_take_string(&sql);
  return plan->order_by ? true : fail_memory(err, "the plan");
}

bool plan_set_zone(const struct plan *plan, struct pg *pg, struct error *err) {
  if (!plan->has_zone) return true;
  const struct format *format = plan->request->format;
  char field[ERROR_FIELD_MAX];
  snprintf(field, sizeof field, "%s.zone", format->group);
  return session_set_zone(pg, format->zone(plan->request->format_options), field, err);
}

static bool make(struct plan *plan, struct pg *pg, uint64_t split_bytes, int lanes, struct error *err) {
  const struct export_request *r = plan->request;
  bool described = r->query ? source_describe_query(pg, r->query, &plan->source, err)
                            : source_describe_table(pg, r->table, &plan->source, err);
  if (!described || !resolve_items(plan, err) || !make_select_lists(plan, err)) return false;
  if (!make_where(plan, pg, err) || !make_order_by(plan, err) || !plan_set_zone(plan, pg, err)) return false;
  const struct scan_spec spec = {.source = plan->source, .select_list = plan->select_list, .where = plan->where,
                                 .order_by = plan->order_by, .order_key = plan->order_key, .limit = r->limit, .lanes = lanes,
                                 .split_rows = r->format->part_rows(r->format_options),
                                 .split_bytes = split_bytes, .gentle = r->gentle == GENTLE_YES};
  return scan_plan(&plan->scan, &spec, pg, err);
}

bool plan_make(struct plan *plan, const struct export_request *request, struct pg *pg, uint64_t split_bytes,
               int lanes, struct error *err) {
  bool has_zone = !session_zone_is_utc(request->format->zone(request->format_options));
  *plan = (struct plan){.request = request, .has_zone = has_zone};
  if (make(plan, pg, split_bytes, lanes, err)) return true;
  plan_deinit(plan);
  return false;
}
