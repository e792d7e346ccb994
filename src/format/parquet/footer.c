#include "format/parquet/footer.h"

#include "format/parquet/little_endian.h"
#include "format/parquet/replay.h"
#include "format/parquet/thrift.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define FOOTER_BYTES_MAX ((size_t)INT32_MAX)   /* readers hold its length in 31 bits */

#define LOG_BYTES_MAX ((size_t)64 << 10)       /* of each log in memory */

struct chunk_record {
  struct column_metadata metadata;
  uint32_t column_index_bytes, offset_index_bytes;
};
struct group_totals { uint64_t row_count, plain_bytes, stored_bytes, offset; };

struct row_group_meta *row_group_meta_new(size_t chunk_count, struct error *err) {
  struct row_group_meta *m = calloc(1, sizeof *m + chunk_count * sizeof *m->chunks);
  if (!m) {
    error_set(err, ERR_MEMORY, "out of memory for a row group's metadata");
    return NULL;
  }
  m->chunk_count = chunk_count;
  for (size_t i = 0; i < chunk_count; i++) buffer_init(&m->chunks[i].column_index, FOOTER_BYTES_MAX);
  return m;
}

void row_group_meta_free(void *meta) {
  struct row_group_meta *m = meta;
  if (!m) return;
  for (size_t i = 0; i < m->chunk_count; i++) {
    free(m->chunks[i].level_counts);
    free(m->chunks[i].pages);
    buffer_deinit(&m->chunks[i].column_index);
  }
  sort_edges_deinit(&m->edges);
  free(m);
}

void footer_init(struct footer *f) {
  *f = (struct footer){0};
  spill_init(&f->groups, LOG_BYTES_MAX);
  spill_init(&f->column_indexes, LOG_BYTES_MAX);
  spill_init(&f->offset_indexes, LOG_BYTES_MAX);
  buffer_init(&f->scratch, FOOTER_BYTES_MAX);
  buffer_init(&f->unbounded, FOOTER_BYTES_MAX);
}

void footer_deinit(struct footer *f) {
  spill_deinit(&f->groups);
  spill_deinit(&f->column_indexes);
  spill_deinit(&f->offset_indexes);
  buffer_deinit(&f->scratch);
  buffer_deinit(&f->unbounded);
  sort_edges_deinit(&f->edges);
}

/* Appends what is in the scratch buffer, and empties it. */
static bool append_scratch(struct footer *f, struct spill *log, struct error *err) {
  bool ok = buffer_check(&f->scratch, "the Parquet footer", err) &&
            spill_append(log, f->scratch.data, f->scratch.len, err);
  buffer_reset(&f->scratch);
  return ok;
}

static bool add_indexes(struct footer *f, const struct chunk_meta *m, const struct leaf *leaf, uint64_t offset,
                        struct chunk_record *record, struct error *err) {
  offset_index_write(m->pages, m->page_count, offset + m->dictionary_bytes,
                     leaf->physical == PHYSICAL_BYTE_ARRAY, &f->scratch);
  record->offset_index_bytes = (uint32_t)f->scratch.len;
  record->column_index_bytes = (uint32_t)m->column_index.len;
  return append_scratch(f, &f->offset_indexes, err) &&
         spill_append(&f->column_indexes, m->column_index.data, m->column_index.len, err);
}

static bool add_chunk(struct footer *f, const struct chunk_meta *m, const struct leaf *leaf,
                      const struct chunk_offsets *offsets, bool writes_page_index, struct error *err) {
  struct chunk_record record = {0};
  if (writes_page_index && !add_indexes(f, m, leaf, offsets->pages, &record, err)) return false;
  record.metadata = column_metadata_write(m, leaf, offsets, &f->scratch);
  return spill_append(&f->groups, &record, sizeof record, err) && append_scratch(f, &f->groups, err);
}

/*
 * Readers are at ease with columns without bounds, but not all with such chunks among others: DataFusion takes the bounds that
 * there are for the whole file's, and finds no row beyond them. So a column has bounds in all its chunks with values or in
 * none. The column indexes, which are read chunk by chunk, stay.
 */
static bool note_unbounded(struct footer *f, const struct row_group_meta *meta, struct error *err) {
  uint8_t *unbounded = f->unbounded.data;
  if (f->unbounded.len == 0 && (unbounded = buffer_reserve(&f->unbounded, meta->chunk_count))) {
    memset(unbounded, 0, meta->chunk_count);
    f->unbounded.len = meta->chunk_count;
  }
  if (!unbounded) return buffer_check(&f->unbounded, "the Parquet footer", err);
  for (size_t i = 0; i < meta->chunk_count; i++)
    unbounded[i] |= !meta->chunks[i].has_bounds && meta->chunks[i].value_count > meta->chunks[i].null_count;
  return true;
}

static void take_edges(struct footer *f, const struct leaf *leaves, const struct sorting_column *sorting,
                       struct row_group_meta *meta) {
  bool is_first = f->group_count == 0;
  f->sorted_count = is_first ? meta->edges.count
                             : sort_edges_follow(&f->edges, f->sorted_count, &meta->edges, leaves, sorting);
  sort_edges_deinit(&f->edges);
  f->edges = meta->edges;
  meta->edges = (struct sort_edges){0};
}

bool footer_add(struct footer *f, const struct parquet_schema *schema, const struct sorting_column *sorting,
                struct row_group_meta *meta, uint64_t offset, bool writes_page_index, struct error *err) {
  struct group_totals totals = {.row_count = meta->row_count, .offset = offset};
  for (size_t i = 0; i < meta->chunk_count; i++) {
    totals.plain_bytes += meta->chunks[i].plain_bytes;
    totals.stored_bytes += meta->chunks[i].stored_bytes;
  }
  if (!note_unbounded(f, meta, err) || !spill_append(&f->groups, &totals, sizeof totals, err)) return false;
  struct chunk_offsets offsets = {.pages = offset, .bloom = offset + totals.stored_bytes};
  for (size_t i = 0; i < meta->chunk_count; i++) {
    if (!add_chunk(f, &meta->chunks[i], &schema->leaves[i], &offsets, writes_page_index, err)) return false;
    offsets.pages += meta->chunks[i].stored_bytes;
    offsets.bloom += meta->chunks[i].bloom_bytes;
  }
  take_edges(f, schema->leaves, sorting, meta);
  f->group_count++;
  if (spill_end(&f->groups) <= FOOTER_BYTES_MAX) return true;
  return fail(err, ERR_VALUE, "the Parquet footer is larger than 2 GiB: use larger row groups or fewer columns");
}

/* The way through the logs while the footer is written. */
struct cursor {
  struct replay groups;
  uint64_t column_index_offset, offset_index_offset;   /* in the file, of the next chunk's */
  uint64_t let_go;             /* bytes that have left the output buffer */
};

static void let_go(struct cursor *at, struct buffer *out) {
  size_t before = out->len;
  buffer_let_go(out);
  at->let_go += before - out->len;
}

/* ColumnChunk's field 3, from the log. */
static bool write_metadata(struct cursor *at, const struct column_metadata *m, bool has_bounds, struct thrift_writer *w,
                           struct error *err) {
  const uint8_t *bytes =
      replay_take(&at->groups, m->head_bytes + m->statistics_bytes + m->boundless_bytes + m->tail_bytes, err);
  if (!bytes) return false;
  const uint8_t *statistics = bytes + m->head_bytes, *boundless = statistics + m->statistics_bytes;
  thrift_struct_raw(w, 3, bytes, m->head_bytes);
  if (has_bounds) thrift_element_raw(w, statistics, m->statistics_bytes);
  else thrift_element_raw(w, boundless, m->boundless_bytes);
  thrift_element_raw(w, boundless + m->boundless_bytes, m->tail_bytes);
  return true;
}

static bool write_chunk(struct cursor *at, bool has_bounds, struct thrift_writer *w, struct error *err) {
  struct chunk_record record;
  const uint8_t *bytes = replay_take(&at->groups, sizeof record, err);
  if (!bytes) return false;
  memcpy(&record, bytes, sizeof record);
  thrift_element_struct_begin(w);
  thrift_i64(w, 2, 0);   /* file_offset: required, deprecated */
  if (!write_metadata(at, &record.metadata, has_bounds, w, err)) return false;
  if (record.offset_index_bytes) {
    thrift_i64(w, 4, (int64_t)at->offset_index_offset);
    thrift_i32(w, 5, (int32_t)record.offset_index_bytes);
  }
  if (record.column_index_bytes) {
    thrift_i64(w, 6, (int64_t)at->column_index_offset);
    thrift_i32(w, 7, (int32_t)record.column_index_bytes);
  }
  thrift_struct_end(w);
  at->offset_index_offset += record.offset_index_bytes;
  at->column_index_offset += record.column_index_bytes;
  let_go(at, w->out);
  return true;
}

static void write_sorting(const struct sorting_column *columns, size_t count, struct thrift_writer *w) {
  if (!count) return;
  thrift_list(w, 4, THRIFT_STRUCT, count);
  for (const struct sorting_column *c = columns; c < columns + count; c++) {
    thrift_element_struct_begin(w);
    thrift_i32(w, 1, (int32_t)c->leaf);
    thrift_bool(w, 2, c->is_descending);
    thrift_bool(w, 3, c->nulls_first);
    thrift_struct_end(w);
  }
}

static bool write_group(const struct footer *f, const struct footer_facts *facts, struct cursor *at,
                        struct thrift_writer *w, struct error *err) {
  struct group_totals totals;
  const uint8_t *bytes = replay_take(&at->groups, sizeof totals, err);
  if (!bytes) return false;
  memcpy(&totals, bytes, sizeof totals);
  thrift_element_struct_begin(w);
  size_t chunk_count = facts->schema->leaf_count;
  thrift_list(w, 1, THRIFT_STRUCT, chunk_count);
  for (size_t i = 0; i < chunk_count; i++)
    if (!write_chunk(at, !f->unbounded.data[i], w, err)) return false;
  thrift_i64(w, 2, (int64_t)totals.plain_bytes);
  thrift_i64(w, 3, (int64_t)totals.row_count);
  write_sorting(facts->sorting, f->sorted_count, w);
  thrift_i64(w, 5, (int64_t)totals.offset);
  thrift_i64(w, 6, (int64_t)totals.stored_bytes);
  thrift_struct_end(w);
  return true;
}

static void write_key_value(struct thrift_writer *w, const char *key, const char *value) {
  thrift_element_struct_begin(w);
  thrift_string(w, 1, key);
  thrift_string(w, 2, value);
  thrift_struct_end(w);
}

static void write_key_values(const struct footer_facts *facts, struct thrift_writer *w) {
  char rows[24];
  snprintf(rows, sizeof rows, "%" PRIu64, facts->row_count);
  const struct { const char *key, *value; } entries[] = {
      {"decant.source", facts->source}, {"decant.snapshot", facts->snapshot_at}, {"decant.rows", rows},
      {"decant.types", facts->types},   {"decant.srids", facts->srids},          {"geo", facts->geo}};
  size_t count = 0;
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) count += *entries[i].value != '\0';
  thrift_list(w, 5, THRIFT_STRUCT, count);
  for (size_t i = 0; i < sizeof entries / sizeof *entries; i++)
    if (*entries[i].value) write_key_value(w, entries[i].key, entries[i].value);
}

static bool write_file_metadata(const struct footer *f, const struct footer_facts *facts, struct cursor *at,
                                struct buffer *out, struct error *err) {
  struct thrift_writer w = thrift_begin(out);
  size_t leaf_count = facts->schema->leaf_count;
  thrift_i32(&w, 1, 1);   /* version 1: what every reader takes */
  parquet_schema_write(facts->schema, &w);
  thrift_i64(&w, 3, (int64_t)facts->row_count);
  thrift_list(&w, 4, THRIFT_STRUCT, f->group_count);
  for (size_t i = 0; i < f->group_count; i++)
    if (!write_group(f, facts, at, &w, err)) return false;
  write_key_values(facts, &w);
  thrift_string(&w, 6, facts->created_by);
  /* TYPE_ORDER for each leaf: without it readers must ignore smallest and largest values. */
  thrift_list(&w, 7, THRIFT_STRUCT, leaf_count);
  for (size_t i = 0; i < leaf_count; i++) {
    thrift_element_struct_begin(&w);
    thrift_empty_struct(&w, 1);
    thrift_struct_end(&w);
  }
  thrift_struct_end(&w);
  return true;
}

static bool write_tail(struct buffer *out, uint64_t length, struct error *err) {
  if (length > FOOTER_BYTES_MAX)
    return fail(err, ERR_VALUE,
                "the Parquet footer is larger than 2 GiB: use larger row groups or fewer columns");
  uint8_t tail[PARQUET_TAIL_BYTES];
  store_le32(tail, (uint32_t)length);
  memcpy(tail + 4, PARQUET_MAGIC, PARQUET_MAGIC_BYTES);
  buffer_append(out, tail, sizeof tail);
  return buffer_check(out, "the Parquet footer", err);
}

bool footer_write(struct footer *f, const struct footer_facts *facts, struct buffer *out, struct error *err) {
  struct cursor at = {.column_index_offset = facts->offset,
                      .offset_index_offset = facts->offset + spill_end(&f->column_indexes)};
  if (!replay_all(&f->column_indexes, out, err) || !replay_all(&f->offset_indexes, out, err)) return false;
  size_t start = out->len;
  replay_init(&at.groups, &f->groups);
  bool ok = write_file_metadata(f, facts, &at, out, err);
  replay_deinit(&at.groups);
  return ok && write_tail(out, at.let_go + out->len - start, err);
}
