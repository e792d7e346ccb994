/* The body of POST /exports: request_parse_json and its inverse, request_to_json. */
#include "export/json_input.h"
#include "row/flatten.h"
#include "export/request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

void request_option_json_name(const char *option_name, char *name, size_t size) {
  size_t len = 0;
  for (const char *c = option_name; *c && len + 1 < size; c++) {
    if (*c == '-' && c[1]) name[len++] = (char)toupper((unsigned char)*++c);
    else name[len++] = *c;
  }
  name[len] = '\0';
}

/* --- option groups --------------------------------------------------------------------------------- */

struct group_read {
  struct export_request *request;
  const char *name;      /* of the group */
  uint64_t seen;         /* bit i: option i has come */
};

static bool check_option_type(const struct option *o, const struct json_value *v, const char *path,
                              struct error *err) {
  static const char *const needed[] = {[OPTION_BOOL] = "true or false", [OPTION_INT] = "a whole number",
      [OPTION_SIZE] = "a number of bytes or a text as \"64MB\"", [OPTION_CHOICE] = "a string", [OPTION_TEXT] = "a string"};
  bool is_bool = v->type == JSON_TRUE || v->type == JSON_FALSE;
  bool ok = o->type == OPTION_BOOL  ? is_bool
          : o->type == OPTION_INT   ? v->type == JSON_NUMBER
          : o->type == OPTION_SIZE  ? v->type == JSON_NUMBER || v->type == JSON_STRING
                                    : v->type == JSON_STRING;
  return ok ? true : fail_field(err, path, "%s: %s is needed", path, needed[o->type]);
}

static bool read_option(struct group_read *g, const struct option *o, const struct json_value *v,
                        const char *path, struct error *err) {
  char *text;
  if (!check_option_type(o, v, path, err) || !json_input_scalar(v, path, &text, err)) return false;
  bool ok = option_set(g->request->format->options, g->request->format_options, g->name, o->name, text, err);
  if (!ok) request_spell_error(g->request, err);
  free(text);
  return ok;
}

static bool read_group_member(void *context, const char *name, const struct json_value *v, bool *known,
                              struct error *err) {
  struct group_read *g = context;
  char path[ERROR_FIELD_MAX], allowed[512] = "";
  snprintf(path, sizeof path, "%s.%.80s", g->name, name);
  size_t len = 0, index = 0;
  for (const struct option *o = g->request->format->options; o && o->name; o++, index++) {
    char json_name[64];
    request_option_json_name(o->name, json_name, sizeof json_name);
    if (strcmp(json_name, name) == 0) {
      if (index < 64 && (g->seen & (UINT64_C(1) << index)))
        return fail_field(err, path, "the field \"%s\" comes twice", path);
      if (index < 64) g->seen |= UINT64_C(1) << index;
      *known = true;
      return read_option(g, o, v, path, err);
    }
    if (len < sizeof allowed)
      len += (size_t)snprintf(allowed + len, sizeof allowed - len, "%s%s", len ? ", " : "", json_name);
  }
  return fail_field(err, path, "unknown option \"%s\"; %s takes %s", path, g->name,
                    len ? allowed : "no options");
}

/* A member called as a format: its options. Formats of one group take each other's. */
static bool read_group(void *context, const char *name, const struct json_value *v, bool *known,
                       struct error *err) {
  struct export_request *r = context;
  const struct format *named = format_find(name);
  if (!named) return true;
  *known = true;
  if (v->type == JSON_NULL) return true;
  if (strcmp(named->group, r->format->group) != 0)
    return fail_field(err, name, "%s: these options are of another format; the request's format is %s", name,
                      r->format->name);
  static const struct json_field none[] = {{NULL}};
  struct group_read group = {.request = r, .name = name};
  return json_input_object(v, name, none, read_group_member, &group, err);
}

/* --- columns ---------------------------------------------------------------------------------------- */

static bool read_text(void *context, const struct json_value *v, const char *path, struct error *err) {
  char **to = context;
  return json_input_string(v, path, to, err);
}

struct column_read { char *source, *target; };
static bool read_column_source(void *context, const struct json_value *v, const char *path,
                               struct error *err) {
  return read_text(&((struct column_read *)context)->source, v, path, err);
}
static bool read_column_target(void *context, const struct json_value *v, const char *path,
                               struct error *err) {
  return read_text(&((struct column_read *)context)->target, v, path, err);
}
static const struct json_field column_fields[] = {
    {"source", read_column_source}, {"target", read_column_target, .null_is_absent = true}, {NULL}};

static bool fail_missing(const char *path, const char *name, struct error *err) {
  char field[ERROR_FIELD_MAX];
  snprintf(field, sizeof field, "%.100s.%.20s", path, name);
  return fail_field(err, field, "%s: is missing", field);
}

static bool read_column(void *context, const struct json_value *v, const char *path, struct error *err) {
  struct column_read column = {0};
  bool ok = v->type == JSON_STRING ? json_input_string(v, path, &column.source, err)
                                   : json_input_object(v, path, column_fields, NULL, &column, err);
  if (ok) ok = column.source ? request_add_column(context, column.source, column.target, err)
                             : fail_missing(path, "source", err);
  free(column.source);
  free(column.target);
  return ok;
}

static bool read_columns(void *context, const struct json_value *v, const char *path, struct error *err) {
  struct export_request *r = context;
  if (!json_input_array(v, path, read_column, r, err)) return false;
  return r->column_count ? true
                         : fail_field(err, path, "columns: the list is empty; leave it out for all columns");
}

/* --- where ------------------------------------------------------------------------------------------ */

struct filter_read {
  char *column, *op;
  char **values;
  size_t count;
};

static bool add_value(void *context, const struct json_value *v, const char *path, struct error *err) {
  struct filter_read *f = context;
  if (v->type == JSON_NULL)
    return fail_field(err, path, "%s: null is no value to compare with; use \"op\": \"is_null\"", path);
  if (f->count >= REQUEST_LIST_MAX)
    return fail_field(err, path, "where: more than %d values", REQUEST_LIST_MAX);
  char **values = reallocarray(f->values, f->count + 1, sizeof *values);
  if (!values) return fail_memory(err, "a filter");
  f->values = values;
  if (!json_input_scalar(v, path, &values[f->count], err)) return false;
  f->count++;
  return true;
}

static bool read_filter_column(void *context, const struct json_value *v, const char *path,
                               struct error *err) {
  return read_text(&((struct filter_read *)context)->column, v, path, err);
}
static bool read_filter_op(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_text(&((struct filter_read *)context)->op, v, path, err);
}
static bool read_filter_value(void *context, const struct json_value *v, const char *path,
                              struct error *err) {
  return v->type == JSON_ARRAY ? json_input_array(v, path, add_value, context, err)
                               : add_value(context, v, path, err);
}
static const struct json_field filter_fields[] = {
    {"column", read_filter_column}, {"op", read_filter_op}, {"value", read_filter_value}, {NULL}};

static bool read_filter(void *context, const struct json_value *v, const char *path, struct error *err) {
  struct filter_read f = {0};
  bool ok = json_input_object(v, path, filter_fields, NULL, &f, err);
  if (ok && !f.column) ok = fail_missing(path, "column", err);
  if (ok && !f.op) ok = fail_missing(path, "op", err);
  if (ok) ok = request_add_filter(context, f.column, f.op, (const char *const *)f.values, f.count, err);
  for (size_t i = 0; i < f.count; i++) free(f.values[i]);
  free(f.values);
  free(f.column);
  free(f.op);
  return ok;
}

static bool read_where(void *context, const struct json_value *v, const char *path, struct error *err) {
  return json_input_array(v, path, read_filter, context, err);
}

/* --- orderBy ---------------------------------------------------------------------------------------- */

struct order_read { char *column; bool descending; };
static bool read_order_column(void *context, const struct json_value *v, const char *path,
                              struct error *err) {
  return read_text(&((struct order_read *)context)->column, v, path, err);
}
static bool read_order_descending(void *context, const struct json_value *v, const char *path,
                                  struct error *err) {
  return json_input_bool(v, path, &((struct order_read *)context)->descending, err);
}
static const struct json_field order_fields[] = {
    {"column", read_order_column}, {"descending", read_order_descending, .null_is_absent = true}, {NULL}};

/* "name", "name asc", "name desc". A column whose name ends so is given as an object. */
static bool read_order_text(const struct json_value *v, const char *path, struct order_read *order,
                            struct error *err) {
  if (!json_input_string(v, path, &order->column, err)) return false;
  char *space = strrchr(order->column, ' ');
  if (!space) return true;
  order->descending = strcasecmp(space, " desc") == 0;
  if (order->descending || strcasecmp(space, " asc") == 0) *space = '\0';
  return true;
}

static bool read_order(void *context, const struct json_value *v, const char *path, struct error *err) {
  struct order_read order = {0};
  bool ok = v->type == JSON_STRING ? read_order_text(v, path, &order, err)
                                   : json_input_object(v, path, order_fields, NULL, &order, err);
  if (ok) ok = order.column ? request_add_order(context, order.column, order.descending, err)
                            : fail_missing(path, "column", err);
  free(order.column);
  return ok;
}

static bool read_order_by(void *context, const struct json_value *v, const char *path, struct error *err) {
  return json_input_array(v, path, read_order, context, err);
}

/* --- the rest --------------------------------------------------------------------------------------- */

static bool read_known_format(void *context, const struct json_value *v, const char *path,
                              struct error *err) {
  (void)context, (void)v, (void)path, (void)err;
  return true;   /* read before all others, since the option groups need it */
}

static bool read_named(void *context, const struct json_value *v, const char *path,
                       bool (*set)(struct export_request *r, const char *name, struct error *err),
                       struct error *err) {
  char *name;
  if (!json_input_string(v, path, &name, err)) return false;
  bool ok = set(context, name, err);
  free(name);
  return ok;
}

static bool set_compression(struct export_request *r, const char *name, struct error *err) {
  return request_set_compression(r, name, "compression", err);
}
static bool read_compression(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_named(context, v, path, set_compression, err);
}
static bool read_special(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_named(context, v, path, request_set_special, err);
}
static bool read_discover(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_named(context, v, path, request_set_discover, err);
}
static bool read_table(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_text(&((struct export_request *)context)->table, v, path, err);
}
static bool read_query(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_text(&((struct export_request *)context)->query, v, path, err);
}

static bool read_flatten(void *context, const struct json_value *v, const char *path, struct error *err) {
  bool flatten;
  if (!json_input_bool(v, path, &flatten, err)) return false;
  ((struct export_request *)context)->flatten = flatten ? FLATTEN_YES : FLATTEN_NO;
  return true;
}

static bool read_gentle(void *context, const struct json_value *v, const char *path, struct error *err) {
  bool gentle;
  if (!json_input_bool(v, path, &gentle, err)) return false;
  ((struct export_request *)context)->gentle = gentle ? GENTLE_YES : GENTLE_NO;
  return true;
}

static bool read_max_rate(void *context, const struct json_value *v, const char *path, struct error *err) {
  char *text;
  if (v->type != JSON_NUMBER && v->type != JSON_STRING)
    return fail_field(err, path, "%s: a number of bytes a second or a text as \"50MB\" is needed", path);
  if (!json_input_scalar(v, path, &text, err)) return false;
  bool ok = request_set_max_rate(context, text, path, err);
  free(text);
  return ok;
}

static bool read_whole(const struct json_value *v, const char *path, int64_t min, int64_t max, int64_t *to,
                       struct error *err) {
  char *text = NULL;
  bool ok = v->type == JSON_NUMBER && json_input_scalar(v, path, &text, err) && parse_int64(text, to) &&
            *to >= min && *to <= max;
  free(text);
  if (ok) return true;
  if (max == INT64_MAX)
    return fail_field(err, path, "%s: a whole number from %lld is needed", path, (long long)min);
  return fail_field(err, path, "%s: a whole number from %lld to %lld is needed", path, (long long)min,
                    (long long)max);
}

static bool read_limit(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_whole(v, path, 0, INT64_MAX, &((struct export_request *)context)->limit, err);
}
static bool read_sample_rows(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_whole(v, path, 1, SAMPLE_ROWS_MAX, &((struct export_request *)context)->sample_rows, err);
}
static bool read_max_paths(void *context, const struct json_value *v, const char *path, struct error *err) {
  return read_whole(v, path, 1, FLATTEN_PATHS_MAX, &((struct export_request *)context)->max_paths, err);
}

static const struct json_field request_fields[] = {
    {"format", read_known_format},
    {"table", read_table, true},
    {"query", read_query, true},
    {"columns", read_columns, true},
    {"where", read_where, true},
    {"orderBy", read_order_by, true},
    {"limit", read_limit, true},
    {"compression", read_compression, true},
    {"flatten", read_flatten, true},
    {"discover", read_discover, true},
    {"sampleRows", read_sample_rows, true},
    {"maxPaths", read_max_paths, true},
    {"special", read_special, true},
    {"gentle", read_gentle, true},
    {"maxRate", read_max_rate, true},
    {NULL},
};

static bool read_request(struct export_request *r, const struct json_value *root, const char *default_table,
                         struct error *err) {
  struct json_value format;
  if (json_input_find(root, "format", &format)) {
    if (!read_named(r, &format, "format", request_set_format, err)) return false;
  } else if (root->type == JSON_OBJECT) {
    return request_check(r, err);
  }
  if (!json_input_object(root, "", request_fields, read_group, r, err)) return false;
  if (!r->table && !r->query && default_table && !(r->table = strdup(default_table)))
    return fail_memory(err, "a request's table");
  return request_check(r, err);
}

bool request_parse_json(const char *text, size_t len, const char *default_table, struct export_request **out,
                        struct error *err) {
  struct json_value root;
  if (!json_input_open(text, len, REQUEST_JSON_BYTES_MAX, REQUEST_JSON_DEPTH_MAX, &root, err)) return false;
  struct export_request *r = request_new(err);
  if (!r) return false;
  r->spelling = SPELLING_JSON;
  if (!read_request(r, &root, default_table, err)) {
    request_spell_error(r, err);
    request_free(r);
    return false;
  }
  *out = r;
  return true;
}

/* --- and back --------------------------------------------------------------------------------------- */

static void append_text(struct buffer *out, const char *text) { json_append_string(out, text, strlen(text)); }

static void append_member(struct buffer *out, const char *name, const char *text) {
  if (!text) return;
  buffer_appendf(out, ",\"%s\":", name);
  append_text(out, text);
}

static void append_columns(const struct export_request *r, struct buffer *out) {
  for (size_t i = 0; i < r->column_count; i++) {
    buffer_append_string(out, i ? ",{\"source\":" : ",\"columns\":[{\"source\":");
    append_text(out, r->columns[i].source);
    append_member(out, "target", r->columns[i].target);
    buffer_append_byte(out, '}');
  }
  if (r->column_count) buffer_append_byte(out, ']');
}

static void append_filters(const struct export_request *r, struct buffer *out) {
  for (size_t i = 0; i < r->filter_count; i++) {
    const struct request_filter *f = &r->filters[i];
    buffer_append_string(out, i ? ",{\"column\":" : ",\"where\":[{\"column\":");
    append_text(out, f->column);
    append_member(out, "op", filter_op_names[f->op]);
    for (size_t v = 0; v < f->value_count; v++) {
      buffer_append_string(out, v ? "," : ",\"value\":[");
      append_text(out, f->values[v]);
    }
    buffer_append_string(out, f->value_count ? "]}" : "}");
  }
  if (r->filter_count) buffer_append_byte(out, ']');
}

static void append_order(const struct export_request *r, struct buffer *out) {
  for (size_t i = 0; i < r->order_count; i++) {
    buffer_append_string(out, i ? ",{\"column\":" : ",\"orderBy\":[{\"column\":");
    append_text(out, r->order[i].column);
    buffer_appendf(out, ",\"descending\":%s}", r->order[i].descending ? "true" : "false");
  }
  if (r->order_count) buffer_append_byte(out, ']');
}

static void append_option(const struct option *o, const void *values, struct buffer *out) {
  const void *at = (const char *)values + o->offset;
  char name[64];
  request_option_json_name(o->name, name, sizeof name);
  buffer_appendf(out, "\"%s\":", name);
  switch (o->type) {
    case OPTION_BOOL: buffer_append_string(out, *(const bool *)at ? "true" : "false"); break;
    case OPTION_INT:
    case OPTION_SIZE: buffer_appendf(out, "%lld", (long long)*(const int64_t *)at); break;
    case OPTION_CHOICE: append_text(out, o->choices[*(const int *)at]); break;
    case OPTION_TEXT: append_text(out, at); break;
  }
}

static void append_options(const struct export_request *r, struct buffer *out) {
  if (!r->format->options || !r->format->options->name) return;
  buffer_appendf(out, ",\"%s\":{", r->format->name);
  for (const struct option *o = r->format->options; o->name; o++) {
    if (o != r->format->options) buffer_append_byte(out, ',');
    append_option(o, r->format_options, out);
  }
  buffer_append_byte(out, '}');
}

void request_to_json(const struct export_request *r, struct buffer *out) {
  buffer_appendf(out, "{\"format\":\"%s\"", r->format->name);
  append_member(out, "table", r->table);
  append_member(out, "query", r->query);
  append_columns(r, out);
  append_filters(r, out);
  append_order(r, out);
  if (r->limit >= 0) buffer_appendf(out, ",\"limit\":%lld", (long long)r->limit);
  if (r->codec != codecs[0]) {
    buffer_appendf(out, ",\"compression\":\"%s", r->codec->name);
    if (r->codec->level_min != r->codec->level_max) buffer_appendf(out, ":%d", r->level);
    buffer_append_byte(out, '"');
  }
  if (r->flatten != FLATTEN_DEFAULT)
    buffer_appendf(out, ",\"flatten\":%s", r->flatten == FLATTEN_YES ? "true" : "false");
  if (request_flattens(r)) append_member(out, "discover", r->discover == DISCOVER_FULL ? "full" : "sample");
  if (r->sample_rows != SAMPLE_ROWS_DEFAULT)
    buffer_appendf(out, ",\"sampleRows\":%lld", (long long)r->sample_rows);
  if (r->max_paths != FLATTEN_PATHS_MAX) buffer_appendf(out, ",\"maxPaths\":%lld", (long long)r->max_paths);
  append_member(out, "special", special_names[r->special]);
  if (r->gentle != GENTLE_DEFAULT)
    buffer_appendf(out, ",\"gentle\":%s", r->gentle == GENTLE_YES ? "true" : "false");
  if (r->max_rate_bytes) buffer_appendf(out, ",\"maxRate\":%lld", (long long)r->max_rate_bytes);
  append_options(r, out);
  buffer_append_byte(out, '}');
}
