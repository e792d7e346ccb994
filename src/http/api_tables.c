/* /tables: what may be exported. */
#include "base/utf8.h"
#include "http/api.h"
#include "source/describe.h"
#include "source/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_ROWS 5
#define SAMPLE_CHARACTERS 200    /* of each value; one could have a gigabyte */
#define LOOK_TIMEOUT_MS 5000     /* a view may take for ever */

/* A connection that only looks. */
static bool open_look(struct exchange *x, struct pg **c, struct error *err) {
  if (!pg_connect(scheduler_settings(x->service->scheduler)->conninfo, "decant/tables", NULL, c, err))
    return false;
  if (session_begin_look(*c, err) && pg_execf(*c, err, "SET LOCAL statement_timeout = %d", LOOK_TIMEOUT_MS))
    return true;
  pg_close(*c);
  *c = NULL;
  return false;
}

static const char *kind_name(char relkind) {
  switch (relkind) {
    case 'r': return "table";
    case 'p': return "partitioned table";
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'f': return "foreign table";
    default: return "other";
  }
}

static json_t *count_or_null(int64_t value) { return value < 0 ? json_null() : json_integer(value); }

static json_t *tables_json(const struct source_table *tables, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, json_pack("{ss, ss, so, so}", "name", tables[i].name, "kind",
                                          kind_name(tables[i].relkind), "rowsEstimated",
                                          count_or_null(tables[i].rows), "bytesEstimated",
                                          count_or_null(tables[i].bytes)));
  return json_pack("{so}", "tables", list);
}

void api_tables_list(struct exchange *x) {
  struct pg *c = NULL;
  struct source_table *tables = NULL;
  size_t count = 0;
  struct error err;
  if (open_look(x, &c, &err) && source_list_tables(c, &tables, &count, &err))
    answer_json(x, MHD_HTTP_OK, tables_json(tables, count));
  else
    answer_error(x, &err);
  source_tables_free(tables, count);
  pg_close(c);
}

static json_t *columns_json(const struct source *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->column_count; i++)
    json_array_append_new(list, json_pack("{so, so, sb}", "name", json_clean_text(s->columns[i].name), "type",
                                          json_clean_text(s->columns[i].type_name), "notNull",
                                          (int)s->columns[i].not_null));
  return list;
}

/* A few rows, each value as text and cut. */
static bool read_sample(struct pg *c, const struct source *s, struct pg_result **rows, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, 1 << 20);
  for (size_t i = 0; i < s->column_count; i++) {
    buffer_append_string(&sql, i ? ", pg_catalog.left((" : "SELECT pg_catalog.left((");
    pg_quote_name(&sql, s->columns[i].name);
    buffer_appendf(&sql, ")::pg_catalog.text, %d)", SAMPLE_CHARACTERS);
  }
  buffer_appendf(&sql, " FROM %s LIMIT %d", s->sql_name, SAMPLE_ROWS);
  buffer_append_byte(&sql, '\0');
  bool ok = buffer_check(&sql, "the query of a sample", err) &&
            pg_query(c, (const char *)sql.data, NULL, 0, rows, err);
  buffer_deinit(&sql);
  return ok;
}

static json_t *sample_json(const struct source *s, const struct pg_result *rows) {
  json_t *list = json_array();
  for (size_t row = 0; rows && row < pg_row_count(rows); row++) {
    json_t *o = json_object();
    for (size_t i = 0; i < s->column_count; i++) {
      const char *value = pg_value(rows, row, (int)i);
      json_t *text = value ? json_clean_text(value) : json_null();
      char *name = utf8_clean(s->columns[i].name);
      if (name) json_object_set_new(o, name, text);
      else json_decref(text);
      free(name);
    }
    json_array_append_new(list, o);
  }
  return list;
}

static json_t *table_json(const struct source *s, const struct pg_result *rows) {
  double row_count = s->leaf_count ? 0 : -1;
  int64_t bytes = s->leaf_count ? 0 : -1;
  for (size_t i = 0; i < s->leaf_count; i++) {
    row_count = s->leaves[i].rows < 0 || row_count < 0 ? -1 : row_count + s->leaves[i].rows;
    bytes += s->leaves[i].bytes;
  }
  return json_pack("{ss, ss, so, so, so, so}", "name", s->name, "kind", kind_name(s->relkind),
                   "rowsEstimated", count_or_null((int64_t)row_count), "bytesEstimated", count_or_null(bytes),
                   "columns", columns_json(s), "sampleRows", sample_json(s, rows));
}

void api_tables_show(struct exchange *x) {
  struct pg *c = NULL;
  struct source *s = NULL;
  struct pg_result *rows = NULL;
  struct error err, sample_err;
  if (!open_look(x, &c, &err) || !source_describe_table(c, x->param, &s, &err)) {
    answer_error(x, &err);
  } else {
    /* a view that is slow or fails still has columns to show */
    if (s->column_count && !read_sample(c, s, &rows, &sample_err)) rows = NULL;
    answer_json(x, MHD_HTTP_OK, table_json(s, rows));
  }
  pg_result_free(rows);
  source_free(s);
  pg_close(c);
}
