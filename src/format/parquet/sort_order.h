/*
 * How rows follow each other in the columns that they are sorted by, in Parquet's own order of each type; and the first and
 * last row of a row group, by which it is told whether the next group goes on.
 */
#pragma once
#include "format/parquet/bounds.h"

/* A value as it is written: PLAIN, without a length. bytes is NULL for a null. */
struct sort_value { const uint8_t *bytes; uint32_t len; };

/* How a value follows on the one before it. -0 and +0 go back: whether one is below the other is each reader's own view. */
enum sort_step { STEP_SAME, STEP_ON, STEP_BACK };

/* No NaN, which has no place in the order. Values of fixed width have the leaf's. */
enum sort_step sort_step(const struct sort_value *before, const struct sort_value *now, const struct leaf *leaf,
                         const struct sorting_column *column);

/* Of a row group that is sorted by the first `count` columns. The bytes are owned. */
struct sort_edges {
  size_t count;
  struct sort_value first[SORTING_COLUMNS_MAX], last[SORTING_COLUMNS_MAX];
};

/* Replaces a copy (or zeros) by one of another value. False if out of memory: then it is a null. */
bool sort_value_copy(struct sort_value *to, const struct sort_value *from) MUST_CHECK;
void sort_edges_deinit(struct sort_edges *e);

/* By how many columns the rows of both groups are sorted, those before being so by `count`. */
size_t sort_edges_follow(const struct sort_edges *before, size_t count, const struct sort_edges *now,
                         const struct leaf *leaves, const struct sorting_column *columns);
