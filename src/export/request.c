#include "export/request.h"

#include "base/rate.h"
#include "row/flatten.h"

#include <stdio.h>
#include <stdlib.h>

const char *const filter_op_names[] = {"=", "!=", "<", "<=", ">", ">=", "in", "like", "is_null", "not_null", NULL};
static const char *const discover_names[] = {"sample", "full", NULL};

struct export_request *request_new(struct error *err) {
  struct export_request *r = calloc(1, sizeof *r);
  if (!r) {
    (void)fail_memory(err, "a request");
    return NULL;
  }
  r->codec = codecs[0];
  r->level = r->codec->level_default;
  r->limit = -1;
  r->sample_rows = SAMPLE_ROWS_DEFAULT;
  r->max_paths = FLATTEN_PATHS_MAX;
  return r;
}

static void free_filter(struct request_filter *f) {
  for (size_t i = 0; i < f->value_count; i++) free(f->values[i]);
  free(f->values);
  free(f->column);
}

void request_free(struct export_request *r) {
  if (!r) return;
  for (size_t i = 0; i < r->column_count; i++) {
    free(r->columns[i].source);
    free(r->columns[i].target);
  }
  for (size_t i = 0; i < r->filter_count; i++) free_filter(&r->filters[i]);
  for (size_t i = 0; i < r->order_count; i++) free(r->order[i].column);
  free(r->columns);
  free(r->filters);
  free(r->order);
  free(r->format_options);
  free(r->table);
  free(r->query);
  free(r);
}

/* The index of text in a NULL-terminated list, or -1 with an error that lists what is allowed. */
static int find_name(const char *const *names, const char *text, const char *field, struct error *err) {
  char allowed[256] = "";
  size_t len = 0;
  for (int i = 0; names[i]; i++) {
    if (strcmp(names[i], text) == 0) return i;
    if (len < sizeof allowed)
      len += (size_t)snprintf(allowed + len, sizeof allowed - len, "%s%s", i ? ", " : "", names[i]);
  }
  (void)fail_field(err, field, "%s: \"%.100s\" is not one of %s", field, text, allowed);
  return -1;
}

/* name NULL: none was given. */
static bool fail_format(const char *name, struct error *err) {
  char allowed[256] = "";
  size_t len = 0;
  for (const struct format *const *f = formats; *f && len < sizeof allowed; f++)
    len += (size_t)snprintf(allowed + len, sizeof allowed - len, "%s%s", f == formats ? "" : ", ",
                            (*f)->name);
  if (!name) return fail_field(err, "format", "format: is missing; it is one of %s", allowed);
  return fail_field(err, "format", "format: \"%.100s\" is not one of %s", name, allowed);
}

bool request_set_format(struct export_request *r, const char *name, struct error *err) {
  const struct format *format = format_find(name);
  if (!format) return fail_format(name, err);
  void *options = calloc(1, format->options_size ? format->options_size : 1);
  if (!options) return fail_memory(err, "a format's options");
  options_defaults(format->options, options);
  free(r->format_options);
  r->format_options = options;
  r->format = format;
  return true;
}

bool request_set_compression(struct export_request *r, const char *text, const char *field,
                             struct error *err) {
  return codec_parse(text, field, &r->codec, &r->level, err);
}

bool request_set_special(struct export_request *r, const char *name, struct error *err) {
  int index = find_name(special_names, name, "special", err);
  if (index < 0) return false;
  r->special = (enum special)index;
  return true;
}

bool request_set_discover(struct export_request *r, const char *name, struct error *err) {
  int index = find_name(discover_names, name, "discover", err);
  if (index < 0) return false;
  r->discover = (enum discover)index;
  return true;
}

bool request_parse_rate(const char *text, const char *field, int64_t *bytes, struct error *err) {
  char size[32];
  size_t len = strlen(text);
  if (len > 2 && !strcmp(text + len - 2, "/s")) len -= 2;
  snprintf(size, sizeof size, "%.*s", (int)len, text);
  if (len < sizeof size && parse_size(size, bytes) && *bytes >= RATE_MIN && *bytes <= RATE_MAX) return true;
  return fail_field(err, field, "%s: \"%.40s\" is no rate like 50MB (a second), from 32kB to 1TB", field,
                    text);
}

bool request_set_max_rate(struct export_request *r, const char *text, const char *field, struct error *err) {
  return request_parse_rate(text, field, &r->max_rate_bytes, err);
}

/*
 * Room for one more item of a list that grows by doubling: its memory holds the next power of two, so the
 * count alone says when it is full. NULL with an error that names the field.
 */
static void *list_grow(void *list, size_t count, size_t item_size, const char *field, struct error *err) {
  if (count >= REQUEST_LIST_MAX) {
    (void)fail_field(err, field, "%s: more than %d entries", field, REQUEST_LIST_MAX);
    return NULL;
  }
  if ((count & (count - 1)) != 0) return list;   /* neither 0 nor a power of two: there is room */
  void *larger = reallocarray(list, count ? count * 2 : 1, item_size);
  if (!larger) (void)fail_memory(err, "a request's list");
  return larger;
}

/* An entry of a list whose text must not be empty. */
static bool check_filled(const char *text, const char *list, size_t index, const char *part,
                         struct error *err) {
  if (*text) return true;
  char field[ERROR_FIELD_MAX];
  snprintf(field, sizeof field, "%s[%zu].%s", list, index, part);
  return fail_field(err, field, "%s: a name is needed, not an empty text", field);
}

bool request_add_column(struct export_request *r, const char *source, const char *target, struct error *err) {
  if (!target) target = source;
  if (!check_filled(source, "columns", r->column_count, "source", err)) return false;
  if (!check_filled(target, "columns", r->column_count, "target", err)) return false;
  struct request_column *columns = list_grow(r->columns, r->column_count, sizeof *columns, "columns", err);
  if (!columns) return false;
  r->columns = columns;
  struct request_column column = {.source = strdup(source), .target = strdup(target)};
  if (!column.source || !column.target) {
    free(column.source);
    free(column.target);
    return fail_memory(err, "a column");
  }
  columns[r->column_count++] = column;
  return true;
}

static bool check_value_count(enum filter_op op, size_t count, size_t index, struct error *err) {
  char field[ERROR_FIELD_MAX];
  snprintf(field, sizeof field, "where[%zu].value", index);
  const char *name = filter_op_names[op];
  if (op == FILTER_IS_NULL || op == FILTER_NOT_NULL)
    return count == 0 ? true : fail_field(err, field, "%s: \"%s\" takes no value", field, name);
  if (op == FILTER_IN)
    return count > 0 ? true : fail_field(err, field, "%s: \"in\" needs a list of one or more values", field);
  return count == 1 ? true : fail_field(err, field, "%s: \"%s\" needs one value", field, name);
}

static bool copy_values(struct request_filter *filter, const char *const *values, size_t count,
                        struct error *err) {
  if (count > REQUEST_LIST_MAX)
    return fail_field(err, "where", "where: more than %d values", REQUEST_LIST_MAX);
  filter->values = calloc(count ? count : 1, sizeof *filter->values);
  if (!filter->values) return fail_memory(err, "a filter");
  for (; filter->value_count < count; filter->value_count++) {
    filter->values[filter->value_count] = strdup(values[filter->value_count]);
    if (!filter->values[filter->value_count]) return fail_memory(err, "a filter");
  }
  return true;
}

bool request_add_filter(struct export_request *r, const char *column, const char *op,
                        const char *const *values, size_t value_count, struct error *err) {
  char field[ERROR_FIELD_MAX];
  snprintf(field, sizeof field, "where[%zu].op", r->filter_count);
  if (!check_filled(column, "where", r->filter_count, "column", err)) return false;
  int index = find_name(filter_op_names, op, field, err);
  if (index < 0 || !check_value_count((enum filter_op)index, value_count, r->filter_count, err)) return false;
  struct request_filter *filters = list_grow(r->filters, r->filter_count, sizeof *filters, "where", err);
  if (!filters) return false;
  r->filters = filters;
  struct request_filter filter = {.column = strdup(column), .op = (enum filter_op)index};
  if ((!filter.column && !fail_memory(err, "a filter")) || !copy_values(&filter, values, value_count, err)) {
    free_filter(&filter);
    return false;
  }
  filters[r->filter_count++] = filter;
  return true;
}

bool request_add_order(struct export_request *r, const char *column, bool descending, struct error *err) {
  if (!check_filled(column, "orderBy", r->order_count, "column", err)) return false;
  struct request_order *order = list_grow(r->order, r->order_count, sizeof *order, "orderBy", err);
  if (!order) return false;
  r->order = order;
  char *copy = strdup(column);
  if (!copy) return fail_memory(err, "a column of orderBy");
  order[r->order_count++] = (struct request_order){.column = copy, .descending = descending};
  return true;
}

static int compare_targets(const void *a, const void *b) {
  return strcmp((*(const struct request_column *const *)a)->target,
                (*(const struct request_column *const *)b)->target);
}

static bool check_targets(const struct export_request *r, struct error *err) {
  if (r->column_count < 2) return true;
  const struct request_column **sorted = malloc(r->column_count * sizeof *sorted);
  if (!sorted) return fail_memory(err, "a request's columns");
  for (size_t i = 0; i < r->column_count; i++) sorted[i] = &r->columns[i];
  qsort(sorted, r->column_count, sizeof *sorted, compare_targets);
  bool ok = true;
  for (size_t i = 1; i < r->column_count && ok; i++) {
    if (strcmp(sorted[i - 1]->target, sorted[i]->target) != 0) continue;
    size_t later = (size_t)((sorted[i - 1] > sorted[i] ? sorted[i - 1] : sorted[i]) - r->columns);
    char field[ERROR_FIELD_MAX];
    snprintf(field, sizeof field, "columns[%zu].target", later);
    ok = fail_field(err, field, "%s: two columns are called \"%.100s\"; give each a target of its own", field,
                    sorted[i]->target);
  }
  free(sorted);
  return ok;
}

static bool check_special(const struct export_request *r, struct error *err) {
  if (r->format->specials_allowed & (1u << r->special)) return true;
  char allowed[64] = "";
  size_t len = 0;
  for (unsigned i = 0; special_names[i] && len < sizeof allowed; i++)
    if (r->format->specials_allowed & (1u << i))
      len += (size_t)snprintf(allowed + len, sizeof allowed - len, "%s%s", len ? ", " : "", special_names[i]);
  return fail_field(err, "special", "special: \"%s\" is not possible in %s; allowed are %s",
                    special_names[r->special], r->format->name, allowed);
}

bool request_flattens(const struct export_request *r) {
  return r->flatten == FLATTEN_YES || (r->flatten == FLATTEN_DEFAULT && r->format->flattens);
}

const char *request_discovery_field(const struct export_request *r) {
  if (r->discover == DISCOVER_FULL) return "discover";
  if (r->sample_rows != SAMPLE_ROWS_DEFAULT) return "sampleRows";
  return r->max_paths != FLATTEN_PATHS_MAX ? "maxPaths" : NULL;
}

/* How paths are found means nothing where none are looked for: whoever asks for it expects something else. */
static bool check_discovery(const struct export_request *r, struct error *err) {
  const char *field = request_discovery_field(r);
  if (field && !request_flattens(r))
    return fail_field(err, field,
                      "%s: no paths are looked for, since JSON columns stay whole%s; ask for flatten, or "
                      "leave it out",
                      field, r->flatten == FLATTEN_NO ? "" : " in this format");
  if (r->discover == DISCOVER_FULL && r->sample_rows != SAMPLE_ROWS_DEFAULT)
    return fail_field(err, "sampleRows", "sampleRows: discover full looks at every row; give one of the two");
  return true;
}

bool request_check(const struct export_request *r, struct error *err) {
  if (!r->format) return fail_format(NULL, err);
  if (r->table && r->query) return fail_field(err, "query", "query: give a table or a query, not both");
  if (!r->table && !r->query) return fail_field(err, "table", "table: which table to export is missing");
  if (r->table && !*r->table) return fail_field(err, "table", "table: a name is needed, not an empty text");
  if (r->query && !*r->query)
    return fail_field(err, "query", "query: a statement is needed, not an empty text");
  if (r->limit < -1) return fail_field(err, "limit", "limit: a whole number from 0 is needed");
  if (r->codec != codecs[0] && !r->format->is_text)
    return fail_field(err, "compression",
                      "compression: %s files are compressed from within; use the option %s.compression instead",
                      r->format->name, r->format->name);
  return r->format->check_options(r->format_options, err) && check_special(r, err) &&
         check_discovery(r, err) && check_targets(r, err);
}
