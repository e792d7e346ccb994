/*
 * What is known of a chunk's data pages: where they are, and their bounds. From it come ColumnIndex,
 * OffsetIndex and the chunk's own statistics.
 */
#pragma once
#include "format/parquet/bounds.h"
#include "format/parquet/histogram.h"

struct page_record {
  uint64_t position;           /* in the spill log */
  uint64_t text_bytes;         /* BYTE_ARRAY: of its values, without lengths, as if not encoded */
  uint32_t stored_bytes;       /* header included */
  uint32_t row_count;          /* that begin and end in the page */
  uint32_t entry_count;        /* values, nulls, and lists or groups that are not there or empty */
  uint64_t null_count;         /* entries without a value */
};

struct page_index {
  const struct leaf *leaf;
  struct buffer records;       /* of struct page_record */
  struct buffer mins, maxes;   /* as Thrift's list elements */
  struct histogram repetition, definition;   /* of levels */
  bool has_bounds;             /* false once a page with values had none */
  bool has_values;             /* of a page before: min, max and last_… are set */
  bool ascending, descending;
  struct bound min, max;       /* of all pages */
  struct bound last_min, last_max;
  uint64_t entry_count, null_count, text_bytes, nan_count;
};

void page_index_init(struct page_index *x, const struct leaf *leaf);
void page_index_deinit(struct page_index *x);
void page_index_reset(struct page_index *x);   /* for the next chunk; keeps the memory */

static inline size_t page_index_count(const struct page_index *x) {
  return x->records.len / sizeof(struct page_record);
}
static inline const struct page_record *page_index_records(const struct page_index *x) {
  return (const struct page_record *)(void *)x->records.data;
}
static inline size_t page_index_bytes(const struct page_index *x) {
  return x->records.len + x->mins.len + x->maxes.len + x->repetition.pages.len + x->definition.pages.len;
}

/* How often each level occurs in a page; NULL where its histogram is left out. */
struct level_counts { const uint64_t *repetition, *definition; };

/* What happened to a page's values. min and max are looked at with BOUNDS_KNOWN only. */
enum page_bounds { BOUNDS_NO_VALUES, BOUNDS_KNOWN, BOUNDS_UNKNOWN };
void page_index_add(struct page_index *x, const struct page_record *record, struct level_counts levels,
                    enum page_bounds bounds, const struct bound *min, const struct bound *max);

/* ERR_MEMORY: an add has failed. */
bool page_index_check(const struct page_index *x, struct error *err) MUST_CHECK;

/* Appends ColumnIndex; only where has_bounds. */
void column_index_write(const struct page_index *x, struct buffer *out);

struct page_location {         /* what OffsetIndex keeps of a page */
  uint64_t text_bytes;
  uint32_t stored_bytes;
  uint32_t row_count;
};
/* Appends OffsetIndex of pages that follow each other from file offset `offset` on. */
void offset_index_write(const struct page_location *pages, size_t count, uint64_t offset, bool has_text,
                        struct buffer *out);
