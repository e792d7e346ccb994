/* A part of the rows, spread over the whole, to see what JSON columns hold. */
#include "source/scan.h"

#include <inttypes.h>
#include <math.h>

#define SAMPLE_RANGES 64        /* places over the source that a sample reads */
#define SAMPLE_BLOCKS_MIN 2

/* How a sample is drawn: about `blocks` blocks of all; 0: everything. */
struct sample { const struct scan *scan; uint64_t rows; double blocks; bool is_first; };

static void append_sample_select(struct sample *s, const struct source_leaf *leaf, struct buffer *sql) {
  buffer_appendf(sql, "%s(SELECT %s FROM ONLY %s", s->is_first ? "" : " UNION ALL ", s->scan->spec.select_list,
                 leaf->sql_name);
  s->is_first = false;
}

static void append_sample_where(const struct sample *s, const char *join, struct buffer *sql) {
  if (*s->scan->spec.where) buffer_appendf(sql, "%s(%s)", join, s->scan->spec.where);
}

/* Ranges of blocks spaced over the leaf. */
static void sample_ranges(struct sample *s, const struct source_leaf *leaf, struct buffer *sql) {
  double share = (double)leaf->blocks / (double)s->scan->blocks_total;
  int ranges = (int)ceil(SAMPLE_RANGES * share);
  int64_t length = ranges ? (int64_t)ceil(s->blocks * share / ranges) : 0;
  if (length < SAMPLE_BLOCKS_MIN) length = SAMPLE_BLOCKS_MIN;
  for (int k = 0; k < ranges; k++) {
    int64_t start = leaf->blocks * k / ranges;
    append_sample_select(s, leaf, sql);
    buffer_append_string(sql, " WHERE ");
    scan_append_blocks(sql, start, start + length);
    append_sample_where(s, " AND ", sql);
    buffer_append_byte(sql, ')');
  }
}

/* Where a range would read the whole leaf, the server's own sampling does not; what it cannot sample has a limit. */
static void sample_leaf(struct sample *s, const struct source_leaf *leaf, struct buffer *sql) {
  append_sample_select(s, leaf, sql);
  if (s->blocks > 0 && leaf->by_ctid)
    buffer_appendf(sql, " TABLESAMPLE pg_catalog.system(%.6f) REPEATABLE (0)",
                   fmin(100, 100 * s->blocks / (double)s->scan->blocks_total));
  append_sample_where(s, " WHERE ", sql);
  if (s->blocks > 0 && !leaf->by_ctid) buffer_appendf(sql, " LIMIT %" PRIu64, s->rows);
  buffer_append_byte(sql, ')');
}

/* Blocks that hold about `rows` rows; 0 where everything holds no more. */
static double blocks_of_rows(const struct scan *scan, uint64_t rows) {
  const struct source *s = scan->spec.source;
  double total = (double)scan->blocks_total, per_block = total > 0 ? (double)scan->rows_estimated / total : 1;
  double wanted = (double)rows / (per_block > 0.1 ? per_block : 0.1);
  bool all_known = true;
  for (size_t i = 0; i < s->leaf_count; i++) all_known &= s->leaves[i].by_ctid;
  return all_known && wanted >= total ? 0 : wanted;
}

/* The first rows of ranges spaced over all: an index that serves the filter is used, and no block is looked at in vain. */
static void sample_keys(struct sample *s, struct buffer *sql) {
  uint64_t count = s->scan->split_count, places = count < SAMPLE_RANGES ? count : SAMPLE_RANGES;
  for (uint64_t k = 0; k < places; k++) {
    const struct split split = {.leaf = SPLIT_WHOLE, .range = count * k / places};
    buffer_append_string(sql, k ? " UNION ALL (" : "(");
    scan_select_sql(s->scan, &split, sql);
    buffer_appendf(sql, " LIMIT %" PRIu64 ")", (s->rows + places - 1) / places);
  }
  s->is_first = false;
}

void scan_sample_sql(const struct scan *scan, uint64_t rows, struct buffer *sql, bool *all) {
  const struct source *source = scan->spec.source;
  struct sample s = {.scan = scan, .rows = rows, .blocks = blocks_of_rows(scan, rows), .is_first = true};
  *all = s.blocks <= 0;
  if (scan->keys && scan->uses_index && *scan->spec.where) {
    *all = scan->rows_estimated <= rows;
    if (!*all) sample_keys(&s, sql);
    else scan_statement_sql(scan, sql);
    return;
  }
  for (size_t i = 0; i < source->leaf_count; i++) {
    const struct source_leaf *leaf = &source->leaves[i];
    if (scan->by_ctid && leaf->by_ctid && !*all) sample_ranges(&s, leaf, sql);
    else sample_leaf(&s, leaf, sql);
  }
  if (s.is_first) scan_statement_sql(scan, sql);   /* no leaf, or none with a block */
}
