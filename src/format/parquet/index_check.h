/*
 * Holds a chunk's OffsetIndex and ColumnIndex against its pages, page by page, in constant memory: each of
 * their lists is read by a window of its own, in step with the pages.
 */
#pragma once
#include "format/parquet/page_check.h"

/* A list that is read in step with the pages. */
struct index_list {
  struct thrift_reader thrift;
  uint64_t count;                /* of its elements */
  bool is_there;
};

struct index_check {
  const struct chunk_facts *chunk;
  bool has_offsets, has_bounds;
  struct index_list locations;   /* of OffsetIndex */
  struct index_list null_pages, mins, maxes, null_counts;   /* of ColumnIndex */
  struct index_list repetition, definition;   /* its histograms, a page's counts behind the other's */
  int64_t boundary_order;
  uint64_t page_count;           /* that have been held against it */
  bool has_last;
  struct bound_facts last_min, last_max;
  bool ascending, descending;    /* so far */
};

/* Finds the chunk's indexes, which end before `end`. A chunk without any is fine. */
bool index_check_open(struct index_check *x, int fd, uint64_t end, const struct chunk_facts *chunk,
                      struct error *err) MUST_CHECK;
/*
 * The next data page. first_row: of its first row, in the row group. counts: NULL where the page could not be looked
 * into.
 */
bool index_check_page(struct index_check *x, const struct page_facts *page, uint64_t first_row,
                      const struct page_counts *counts, struct error *err) MUST_CHECK;
/* After the last page. */
bool index_check_end(struct index_check *x, struct error *err) MUST_CHECK;
