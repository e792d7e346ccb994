/* From what was asked for, and the paths that were found, to the columns of the output. */
#include "export/plan.h"

#include <stdlib.h>

static bool count_columns(const struct plan *plan, struct path_collector *const *collectors, size_t *count,
                          struct error *err) {
  *count = 0;
  for (size_t i = 0; i < plan->item_count; i++) {
    const struct found_path *paths;
    size_t path_count;
    ++*count;
    if (!plan->items[i].flatten || !collectors) continue;
    if (!path_collector_finish(collectors[plan->items[i].wire], &paths, &path_count, err)) return false;
    *count += path_count + 1;
  }
  return true;
}

/* Adds a column under a name of its own (taken over, freed on failure). */
static bool add_column(struct schema *schema, char *name, struct output_column column, struct error *err) {
  if (!name) return fail_memory(err, "the columns of the output");
  if (schema->column_count == OUTPUT_COLUMNS_MAX) {
    free(name);
    return fail_field(err, "columns",
                      "the output would have more than %d columns: choose some with columns, or do "
                      "not flatten",
                      OUTPUT_COLUMNS_MAX);
  }
  column.name = name;
  schema->columns[schema->column_count++] = column;
  return true;
}

/*
 * How the values of a path come. Found ones, in a format that types them: as JSON, so that 1 and "1" are not the same,
 * or what every value is, where every row was looked at to know it. found: NULL for a path that was asked for.
 */
static struct path_type type_of(const struct plan *plan, const struct found_path *found) {
  const struct format *format = plan->request->format;
  const struct path_type text = {.form = FLATTEN_TEXT}, json = {.form = FLATTEN_JSON};
  enum path_types types = format->path_types(plan->request->format_options);
  if (!found || types == PATH_TYPES_NONE) return format->path_form == FORMAT_PATH_TEXT ? text : json;
  if (plan->request->discover != DISCOVER_FULL) return json;
  return types == PATH_TYPES_DECIMAL ? found->decimal_type : found->type;
}

static struct output_column path_column(const struct plan *plan, size_t wire, size_t cell,
                                        const struct path_type *type) {
  return (struct output_column){
      .cell = (uint32_t)(plan->schema.wire_count + cell),
      .wire = (uint32_t)wire,
      .kind = path_type_kind(type),
      .typmod = path_type_typmod(type),
  };
}

/* "Meta.address.city"; the empty path is "Meta" itself. */
static char *path_name(const char *target, const struct json_path *path) {
  struct buffer name;
  buffer_init(&name, 1u << 20);
  buffer_append_string(&name, target);
  if (path->key_count) buffer_append_byte(&name, '.');
  json_path_spell(path, &name);
  return buffer_take_string(&name);
}

static bool add_asked(struct plan *plan, const struct plan_item *item, struct error *err) {
  const struct path_type type = type_of(plan, NULL);
  size_t cell;
  return flatten_set_add(plan->schema.flatten, item->wire, &item->path, true, type.form, &cell, err) &&
         add_column(&plan->schema, strdup(item->target), path_column(plan, item->wire, cell, &type), err);
}

static bool add_found(struct plan *plan, const struct plan_item *item, const struct found_path *found,
                      struct error *err) {
  const struct path_type type = type_of(plan, found);
  size_t cell;
  return flatten_set_add_typed(plan->schema.flatten, item->wire, &found->path, &type, &cell, err) &&
         add_column(&plan->schema, path_name(item->target, &found->path),
                    path_column(plan, item->wire, cell, &type), err);
}

static bool add_rest(struct plan *plan, const struct plan_item *item, struct error *err) {
  const struct path_type json = {.form = FLATTEN_JSON};
  size_t cell;
  if (!flatten_set_add_rest(plan->schema.flatten, item->wire, &cell, err)) return false;
  char *key = (char[]){"_other"};
  const struct json_path rest = {.keys = &key, .key_count = 1};
  return add_column(&plan->schema, path_name(item->target, &rest), path_column(plan, item->wire, cell, &json),
                    err);
}

static bool add_guard(struct plan *plan, const struct plan_item *item, struct error *err) {
  struct plan_guard *guard = &plan->guards[plan->guard_count++];
  guard->wire = item->wire;
  return flatten_set_add_rest(plan->schema.flatten, item->wire, &guard->cell, err);
}

bool plan_check_row(const struct plan *plan, const struct cell *cells, struct error *err) {
  for (size_t i = 0; i < plan->guard_count; i++) {
    if (cell_is_null(&cells[plan->schema.wire_count + plan->guards[i].cell])) continue;
    return fail(err, ERR_VALUE,
                "column \"%s\" holds keys that it did not hold when the same statement ran before, to "
                "find them; use discover sample, which runs it once",
                plan->schema.wire[plan->guards[i].wire].name);
  }
  return true;
}

static bool add_flattened(struct plan *plan, const struct plan_item *item, struct path_collector *collector,
                          enum seen seen, struct error *err) {
  size_t count;
  const struct found_path *paths;
  if (!path_collector_finish(collector, &paths, &count, err)) return false;
  /* No value at all: the column is still there, under its own name. */
  static const struct found_path top = {.type = {.form = FLATTEN_JSON}, .decimal_type = {.form = FLATTEN_JSON}};
  if (count == 0 && !add_found(plan, item, &top, err)) return false;
  for (size_t i = 0; i < count; i++)
    if (!add_found(plan, item, &paths[i], err)) return false;
  if (seen == SEEN_SAMPLE || path_collector_is_partial(collector)) return add_rest(plan, item, err);
  return seen == SEEN_ALL || add_guard(plan, item, err);
}

static bool add_item(struct plan *plan, const struct plan_item *item,
                     struct path_collector *const *collectors, enum seen seen, struct error *err) {
  if (item->flatten && collectors) return add_flattened(plan, item, collectors[item->wire], seen, err);
  if (item->is_path) return add_asked(plan, item, err);
  const struct wire_column *w = &plan->schema.wire[item->wire];
  return add_column(&plan->schema, strdup(item->target),
                    (struct output_column){.cell = (uint32_t)item->wire, .wire = (uint32_t)item->wire,
                                           .kind = w->kind, .typmod = w->typmod, .not_null = w->not_null,
                                           .awaits_paths = item->flatten},
                    err);
}

static int compare_names(const void *a, const void *b) {
  const struct output_column *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

/* Paths may leave a column of the JSON column's own name, or not. */
static bool is_same_name(const struct output_column *a, const struct output_column *b) {
  return strcmp(a->name, b->name) == 0 && !a->awaits_paths && !b->awaits_paths;
}

/* Where a column of the output comes from: `metadata`, or `metadata.address.city`. */
static void append_origin(const struct schema *schema, const struct output_column *c, struct buffer *out) {
  size_t wire;
  buffer_append_string(out, schema->wire[c->wire].name);
  if (c->cell < schema->wire_count) return;
  buffer_append_byte(out, '.');
  if (!flatten_set_describe(schema->flatten, c->cell - schema->wire_count, &wire, out))
    buffer_append_string(out, "_other");
}

static bool clash(const struct schema *schema, const struct output_column *a, const struct output_column *b,
                  struct error *err) {
  struct buffer origins;
  buffer_init(&origins, 4096);
  append_origin(schema, a, &origins);
  buffer_append_string(&origins, " and ");
  append_origin(schema, b, &origins);
  char *text = buffer_take_string(&origins);
  fail_field(err, "columns",
             "two columns of the output would be called \"%.200s\" (%s): give one of them another target name, or do "
             "not flatten",
             a->name, text ? text : "both asked for");
  free(text);
  return false;
}

static bool check_names(const struct schema *schema, struct error *err) {
  const struct output_column **sorted = calloc(schema->column_count, sizeof *sorted);
  if (!sorted) return fail_memory(err, "the columns of the output");
  for (size_t i = 0; i < schema->column_count; i++) sorted[i] = &schema->columns[i];
  qsort(sorted, schema->column_count, sizeof *sorted, compare_names);
  bool ok = true;
  for (size_t i = 1; ok && i < schema->column_count; i++)
    if (is_same_name(sorted[i - 1], sorted[i])) ok = clash(schema, sorted[i - 1], sorted[i], err);
  for (size_t i = 0; ok && i < schema->column_count; i++)
    if (!*schema->columns[i].name)
      ok = fail_field(err, "columns", "column %zu of the output has no name", i + 1);
  free(sorted);
  return ok;
}

static bool find_output(const struct schema *schema, const char *source, uint32_t *column) {
  for (size_t i = 0; i < schema->column_count; i++) {
    const struct output_column *c = &schema->columns[i];
    if (c->cell >= schema->wire_count || strcmp(schema->wire[c->wire].name, source) != 0) continue;
    *column = (uint32_t)i;
    return true;
  }
  return false;
}

/* Rows ordered by a, b, c are ordered by a, b, too, but not by a, c. */
static bool make_output_order(struct plan *plan, struct error *err) {
  const struct export_request *r = plan->request;
  if (!r->order_count) return true;
  plan->output_order = calloc(r->order_count, sizeof *plan->output_order);
  if (!plan->output_order) return fail_memory(err, "the columns of the output");
  for (size_t i = 0; i < r->order_count; i++) {
    /* A NULL is above all values for the server, unless it is told otherwise. */
    const bool descending = r->order[i].descending;
    struct format_order *o = &plan->output_order[i];
    *o = (struct format_order){.is_descending = descending, .nulls_first = descending};
    if (!find_output(&plan->schema, r->order[i].column, &o->column)) break;
    plan->output_order_count++;
  }
  return true;
}

bool plan_columns(struct plan *plan, struct path_collector *const *collectors, enum seen seen,
                  struct error *err) {
  struct schema *schema = &plan->schema;
  size_t count;
  if (!count_columns(plan, collectors, &count, err)) return false;
  schema->columns = calloc(count, sizeof *schema->columns);
  plan->guards = calloc(plan->item_count ? plan->item_count : 1, sizeof *plan->guards);
  if (!schema->columns || !plan->guards) return fail_memory(err, "the columns of the output");
  bool picks = plan->flattens;
  for (size_t i = 0; i < plan->item_count; i++) picks |= plan->items[i].is_path;
  if (picks && !(schema->flatten = flatten_set_new(err))) return false;
  for (size_t i = 0; i < plan->item_count; i++)
    if (!add_item(plan, &plan->items[i], collectors, seen, err)) return false;
  schema->cell_count = schema->wire_count + flatten_set_cell_count(schema->flatten);
  return check_names(schema, err) && make_output_order(plan, err);
}

void plan_forget_columns(struct plan *plan) {
  schema_clear_columns(&plan->schema);
  free(plan->guards);
  free(plan->output_order);
  plan->guards = NULL;
  plan->output_order = NULL;
  plan->guard_count = plan->output_order_count = 0;
}
