#include "source/scan.h"

#include <inttypes.h>
#include <stdlib.h>

void scan_deinit(struct scan *scan) {
  for (size_t i = 0; scan->leaves && i < scan->spec.source->leaf_count; i++) key_ranges_free(scan->leaves[i].keys);
  free(scan->leaves);
  scan->leaves = NULL;
  key_ranges_free(scan->keys);
  scan->keys = NULL;
}

/* The last leaf whose first split is not beyond index. */
static size_t leaf_of(const struct scan *scan, uint64_t index) {
  size_t low = 0, high = scan->spec.source->leaf_count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (scan->leaves[middle].first_split <= index) low = middle;
    else high = middle;
  }
  return low;
}

void scan_take(struct scan *scan) { scan->next++; }

bool scan_peek(const struct scan *scan, struct split *split) {
  uint64_t index = scan->next;
  if (index >= scan->split_count) return false;
  *split = (struct split){.index = index, .leaf = SPLIT_WHOLE, .range = index, .end_block = -1};
  if (!scan->by_leaf) return true;
  split->leaf = leaf_of(scan, index);
  const struct leaf_plan *plan = &scan->leaves[split->leaf];
  split->range = index - plan->first_split;
  if (!plan->blocks_per_split) return true;
  split->first_block = (int64_t)split->range * plan->blocks_per_split;
  int64_t end = split->first_block + plan->blocks_per_split;
  /* Open-ended: the leaf may have grown between its description and the snapshot. */
  split->end_block = end < scan->spec.source->leaves[split->leaf].blocks ? end : -1;
  return true;
}

/* An even part of the blocks that so many ranges of keys lie in. */
static uint64_t blocks_of_range(uint64_t blocks, uint64_t range, uint64_t count) {
  uint64_t each = blocks / count, rest = blocks % count;
  return each + (range < rest);
}

uint64_t scan_split_blocks(const struct scan *scan, const struct split *split) {
  if (!scan->by_leaf) return blocks_of_range(scan->blocks_total, split->range, scan->split_count);
  const struct leaf_plan *plan = &scan->leaves[split->leaf];
  uint64_t blocks = (uint64_t)scan->spec.source->leaves[split->leaf].blocks;
  if (plan->keys) return blocks_of_range(blocks, split->range, key_ranges_count(plan->keys));
  uint64_t first = (uint64_t)split->first_block, end = split->end_block >= 0 ? (uint64_t)split->end_block : blocks;
  return end > first ? end - first : 0;
}

void scan_append_blocks(struct buffer *sql, int64_t first, int64_t end) {
  buffer_appendf(sql, "ctid OPERATOR(pg_catalog.>=) '(%" PRId64 ",0)'::pg_catalog.tid", first);
  if (end >= 0) buffer_appendf(sql, " AND ctid OPERATOR(pg_catalog.<) '(%" PRId64 ",0)'::pg_catalog.tid", end);
}

void scan_statement_sql(const struct scan *scan, struct buffer *sql) {
  const struct scan_spec *spec = &scan->spec;
  buffer_appendf(sql, "SELECT %s FROM %s", spec->select_list, spec->source->sql_name);
  if (*spec->where) buffer_appendf(sql, " WHERE %s", spec->where);
  if (*spec->order_by) buffer_appendf(sql, " ORDER BY %s", spec->order_by);
  if (spec->limit >= 0) buffer_appendf(sql, " LIMIT %" PRId64, spec->limit);
}

/* The split's own condition, if it has one. */
static bool append_own_condition(const struct scan *scan, const struct split *split, struct buffer *sql) {
  const struct key_ranges *keys = scan->by_leaf ? scan->leaves[split->leaf].keys : scan->keys;
  if (keys) return key_ranges_append(keys, split->range, sql);
  bool is_ranged = split->first_block > 0 || split->end_block >= 0;
  if (is_ranged) scan_append_blocks(sql, split->first_block, split->end_block);
  return is_ranged;
}

static void append_condition(const struct scan *scan, const struct split *split, struct buffer *sql) {
  struct buffer own;
  buffer_init(&own, sql->max);
  bool has_own = append_own_condition(scan, split, &own);
  if (has_own || *scan->spec.where) buffer_append_string(sql, " WHERE ");
  buffer_append(sql, own.data, own.len);
  if (*scan->spec.where) buffer_appendf(sql, "%s(%s)", has_own ? " AND " : "", scan->spec.where);
  if (own.failed) sql->failed = true;
  buffer_deinit(&own);
}

static void append_select(const struct scan *scan, const struct split *split, const char *select_list,
                          struct buffer *sql) {
  const struct scan_spec *spec = &scan->spec;
  const struct key_ranges *keys = scan->by_leaf ? scan->leaves[split->leaf].keys : scan->keys;
  if (scan->by_leaf) buffer_appendf(sql, "SELECT %s FROM ONLY %s", select_list, spec->source->leaves[split->leaf].sql_name);
  else buffer_appendf(sql, "SELECT %s FROM %s", select_list, spec->source->sql_name);
  append_condition(scan, split, sql);
  if (keys) buffer_appendf(sql, " ORDER BY %s", keys->order_by);
}

void scan_select_sql(const struct scan *scan, const struct split *split, struct buffer *sql) {
  if (scan->by_leaf || scan->keys) append_select(scan, split, scan->spec.select_list, sql);
  else scan_statement_sql(scan, sql);
}

bool scan_ctid_sql(const struct scan *scan, const struct split *split, uint64_t row, struct buffer *sql) {
  if (!scan->by_leaf || scan->spec.source->leaves[split->leaf].is_foreign) return false;
  append_select(scan, split, "ctid", sql);
  buffer_appendf(sql, " LIMIT 1 OFFSET %" PRIu64, row - 1);
  return true;
}

void scan_copy_sql(const struct scan *scan, const struct split *split, struct buffer *sql) {
  buffer_append_string(sql, "COPY (");
  scan_select_sql(scan, split, sql);
  buffer_append_string(sql, ") TO STDOUT (FORMAT binary)");
}

/*
 * Block ranges must be read in the order of the blocks. Key ranges are there to be found through the index: statistics
 * that are old may let one look as large as the table.
 */
bool scan_prepare_lane(const struct scan *scan, struct pg *c, struct error *err) {
  if (scan->keys || scan->has_leaf_keys)
    return scan->split_count < 2 || pg_exec(c, "SET LOCAL enable_seqscan = off", err);
  if (!scan->by_leaf) return true;
  return pg_exec(c,
                 "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;"
                 "SET LOCAL enable_bitmapscan = off",
                 err);
}
