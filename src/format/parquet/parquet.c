/* The format's row: options, the file's frame, and the slots. */
#include "format/parquet/parquet.h"

#include "base/utf8.h"
#include "format/parquet/count.h"
#include "format/parquet/file.h"
#include "format/parquet/row_group.h"
#include "format/parquet/verify.h"
#include "row/json.h"

#include <stdio.h>
#include <stdlib.h>

#define ROW_GROUPS_MAX 10000     /* more make readers slow, and some refuse over 32,767 */
#define TYPES_BYTES_MAX ((size_t)256 << 20)

static bool check_names(const struct schema *schema, struct error *err) {
  for (size_t i = 0; i < schema->column_count; i++) {
    const char *name = schema->columns[i].name;
    size_t len = strlen(name);
    if (utf8_valid_prefix((const uint8_t *)name, len) != len)
      return fail_field(err, "columns",
                        "column %zu: its name is no UTF-8, which Parquet needs; give it another target",
                        i + 1);
  }
  return true;
}

/* What a row group may be said to be sorted by: the order's columns up to the first that is nested or has no order. */
static void choose_sorting(struct parquet_file *f) {
  for (size_t i = 0; i < f->spec.order_count && f->sorting_count < SORTING_COLUMNS_MAX; i++) {
    const struct format_order *o = &f->spec.order[i];
    const struct tree_node *column = &f->schema.columns[o->column];
    if (column->shape != SHAPE_SCALAR || f->schema.leaves[column->leaf_first].order == ORDER_NONE) break;
    f->sorting[f->sorting_count++] = (struct sorting_column){(int64_t)column->leaf_first, o->is_descending, o->nulls_first};
  }
}

static void parquet_close(void *self) {
  struct parquet_file *f = self;
  if (!f) return;
  parquet_schema_deinit(&f->schema);
  footer_deinit(&f->footer);
  geo_deinit(&f->geo);
  free(f);
}

static bool parquet_open(const struct format_spec *spec, void **self, struct error *err) {
  struct parquet_file *f = calloc(1, sizeof *f);
  if (!f) return fail_memory(err, "a Parquet file");
  f->spec = *spec;
  f->options = *(const struct parquet_options *)spec->options;
  footer_init(&f->footer);
  f->row_group_rows_min = spec->rows_estimated / ROW_GROUPS_MAX;
  f->row_group_rows = (uint64_t)f->options.row_group_rows;
  if (f->row_group_rows < f->row_group_rows_min) f->row_group_rows = f->row_group_rows_min;
  struct type_choices choices;
  if (parquet_codec_parse(f->options.compression, &f->codec, err) && check_names(spec->schema, err) &&
      parquet_choices_parse(&f->options, &choices, err) &&
      parquet_schema_init(&f->schema, spec->schema, spec->special, &choices, err) &&
      parquet_bloom_parse(f->options.bloom, spec->schema, &f->schema, err) && geo_init(&f->geo, &f->schema, err)) {
    choose_sorting(f);
    *self = f;
    return true;
  }
  parquet_close(f);
  return false;
}

static bool parquet_check_options(const void *options, struct error *err) {
  const struct parquet_options *o = options;
  struct parquet_codec codec;
  struct type_choices choices;
  return parquet_codec_parse(o->compression, &codec, err) && parquet_choices_parse(o, &choices, err);
}

static uint64_t parquet_part_rows(const void *options) {
  return (uint64_t)((const struct parquet_options *)options)->row_group_rows;
}

static enum wire_form parquet_nested_form(const void *options) {
  return ((const struct parquet_options *)options)->nested == NESTED_JSON ? WIRE_JSON : WIRE_NESTED;
}

static unsigned parquet_sent_types(const void *options) {
  bool is_wkb = ((const struct parquet_options *)options)->geometry == GEOMETRY_WKB;
  return (parquet_splits_intervals(options) ? SENT_INTERVAL : 0u) | (is_wkb ? SENT_GEOMETRY : 0u);
}

static enum path_types parquet_path_types(const void *options) {
  bool decimal = ((const struct parquet_options *)options)->json_numbers == JSON_NUMBERS_DECIMAL;
  return decimal ? PATH_TYPES_DECIMAL : PATH_TYPES_DOUBLE;
}

static bool parquet_begin(void *self, struct buffer *out, struct error *err) {
  buffer_append(out, PARQUET_MAGIC, PARQUET_MAGIC_BYTES);
  return buffer_check(out, "output", err);
}

static bool parquet_join(void *self, uint64_t rows_before, uint64_t offset, void *meta, struct buffer *out,
                         struct error *err) {
  struct parquet_file *f = self;
  bool ok = geo_add(&f->geo, &f->schema, meta, err) &&
            footer_add(&f->footer, &f->schema, f->sorting, meta, offset, f->options.page_index, err);
  row_group_meta_free(meta);
  return ok;
}

/* "decant 0.1.0" as readers parse it: some ignore statistics of a writer whose name does not read so. */
static void format_created_by(const char *name_and_version, char *to, size_t size) {
  const char *blank = strchr(name_and_version, ' ');
  int name_len = blank ? (int)(blank - name_and_version) : (int)strlen(name_and_version);
  const char *version = blank ? blank + 1 : "0.0.0";
  snprintf(to, size, "%.*s version %s (build %s)", name_len, name_and_version, version, version);
}

/*
 * {"column": "its type as the server calls it"}: Parquet has no varchar(20), enum, inet or interval. "" where the file holds
 * nothing but paths of JSON columns. NULL if out of memory.
 */
static char *make_types(const struct schema *s) {
  struct buffer out;
  buffer_init(&out, TYPES_BYTES_MAX);
  for (size_t i = 0; i < s->column_count; i++) {
    const struct output_column *c = &s->columns[i];
    if (c->cell >= s->wire_count) continue;
    const char *type = s->wire[c->wire].type_name;
    buffer_append_byte(&out, out.len ? ',' : '{');
    json_append_string(&out, c->name, strlen(c->name));
    buffer_append_byte(&out, ':');
    json_append_string(&out, type, strlen(type));
  }
  if (out.len) buffer_append_byte(&out, '}');
  return buffer_take_string(&out);
}

static bool parquet_end(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err) {
  struct parquet_file *f = self;
  char created_by[256];
  format_created_by(f->spec.created_by, created_by, sizeof created_by);
  char *types = make_types(f->spec.schema), *geo = geo_json(&f->geo, &f->schema);
  char *srids = geo_srids(&f->geo, &f->schema);
  struct footer_facts facts = {.schema = &f->schema, .created_by = created_by, .source = f->spec.source,
                               .snapshot_at = f->spec.snapshot_at, .types = types, .geo = geo, .srids = srids,
                               .sorting = f->sorting, .row_count = rows, .offset = offset};
  bool ok = types && geo && srids ? footer_write(&f->footer, &facts, out, err) : fail_memory(err, "the Parquet footer");
  free(types);
  free(geo);
  free(srids);
  return ok;
}

/* Timestamps with time zone are instants: readers show them in a zone of theirs. */
static const char *parquet_zone(const void *options) { return "UTC"; }

const struct format format_parquet = {
    .name = "parquet",
    .extension = "parquet",
    .media_type = "application/vnd.apache.parquet",
    .help = "Apache Parquet: typed columns, compressed pages, statistics",
    .is_text = false,
    .flattens = false,
    .other_form = WIRE_TEXT,
    .nested_form = parquet_nested_form,
    .path_form = FORMAT_PATH_TEXT,
    .path_types = parquet_path_types,
    .sent_types = parquet_sent_types,
    .specials_allowed = (1u << SPECIAL_ERROR) | (1u << SPECIAL_NULL) | (1u << SPECIAL_STRING) |
                        (1u << SPECIAL_REPLACE),
    .group = "parquet",
    .options = parquet_option_table,
    .options_size = sizeof(struct parquet_options),
    .zone = parquet_zone,
    .check_options = parquet_check_options,
    .open = parquet_open,
    .close = parquet_close,
    .part_rows = parquet_part_rows,
    .begin = parquet_begin,
    .join = parquet_join,
    .end = parquet_end,
    .meta_free = row_group_meta_free,
    .encoder_new = row_group_new,
    .encoder_free = row_group_free,
    .encode = row_group_encode,
    .part_is_full = row_group_is_full,
    .part_end = row_group_end,
    .part_read = row_group_read,
    .counts = row_group_counts,
    .count_rows = parquet_count_rows,
    .check_whole = parquet_check_whole,
    .proves_its_end = true,
    .is_begun_by = parquet_is_begun_by,
};
