#include "format/parquet/page_index.h"

#include "format/parquet/thrift.h"

#define INDEX_BYTES_MAX (256u << 20)

void page_index_init(struct page_index *x, const struct leaf *leaf) {
  *x = (struct page_index){.leaf = leaf};
  buffer_init(&x->records, INDEX_BYTES_MAX);
  buffer_init(&x->mins, INDEX_BYTES_MAX);
  buffer_init(&x->maxes, INDEX_BYTES_MAX);
  histogram_init(&x->repetition, histogram_repetition_size(leaf));
  histogram_init(&x->definition, histogram_definition_size(leaf));
  page_index_reset(x);
}

void page_index_deinit(struct page_index *x) {
  buffer_deinit(&x->records);
  buffer_deinit(&x->mins);
  buffer_deinit(&x->maxes);
  histogram_deinit(&x->repetition);
  histogram_deinit(&x->definition);
}

void page_index_reset(struct page_index *x) {
  buffer_reset(&x->records);
  buffer_reset(&x->mins);
  buffer_reset(&x->maxes);
  histogram_reset(&x->repetition);
  histogram_reset(&x->definition);
  x->has_bounds = x->ascending = x->descending = true;
  x->has_values = false;
  x->entry_count = x->null_count = x->text_bytes = x->nan_count = 0;
}

static void merge_min(struct bound *all, const struct bound *page, const struct leaf *leaf) {
  int order = bound_compare(page, all, leaf);
  /* Of two equal prefixes the exact one is a value, and no value cut to it lies below. */
  if (order < 0 || (order == 0 && page->exact)) *all = *page;
}

static void merge_max(struct bound *all, const struct bound *page, const struct leaf *leaf) {
  int order = bound_compare(page, all, leaf);
  if (order > 0 || (order == 0 && page->exact)) *all = *page;
}

static void merge(struct page_index *x, const struct bound *min, const struct bound *max) {
  if (x->has_values) {
    int of_mins = bound_compare(min, &x->last_min, x->leaf);
    int of_maxes = bound_compare(max, &x->last_max, x->leaf);
    if (of_mins < 0 || of_maxes < 0) x->ascending = false;
    if (of_mins > 0 || of_maxes > 0) x->descending = false;
    merge_min(&x->min, min, x->leaf);
    merge_max(&x->max, max, x->leaf);
  } else {
    x->min = *min;
    x->max = *max;
    x->has_values = true;
  }
  x->last_min = *min;
  x->last_max = *max;
}

void page_index_add(struct page_index *x, const struct page_record *record, struct level_counts levels,
                    enum page_bounds bounds, const struct bound *min, const struct bound *max) {
  buffer_append(&x->records, record, sizeof *record);
  histogram_add_page(&x->repetition, levels.repetition);
  histogram_add_page(&x->definition, levels.definition);
  x->entry_count += record->entry_count;
  x->null_count += record->null_count;
  x->text_bytes += record->text_bytes;
  if (bounds == BOUNDS_UNKNOWN) x->has_bounds = false;
  if (!x->has_bounds) return;
  bool known = bounds == BOUNDS_KNOWN;
  if (known) merge(x, min, max);
  thrift_element_binary(&x->mins, known ? min->bytes : NULL, known ? min->len : 0);
  thrift_element_binary(&x->maxes, known ? max->bytes : NULL, known ? max->len : 0);
}

bool page_index_check(const struct page_index *x, struct error *err) {
  const struct buffer *all[] = {&x->records, &x->mins, &x->maxes, &x->repetition.pages, &x->repetition.chunk,
                                &x->definition.pages, &x->definition.chunk};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    if (!buffer_check(all[i], "a page index", err)) return false;
  return true;
}

static bool is_null_page(const struct page_record *r) { return r->null_count == r->entry_count; }

static enum boundary_order boundary_order(const struct page_index *x) {
  if (x->ascending) return BOUNDARY_ASCENDING;
  return x->descending ? BOUNDARY_DESCENDING : BOUNDARY_UNORDERED;
}

void column_index_write(const struct page_index *x, struct buffer *out) {
  size_t count = page_index_count(x);
  const struct page_record *records = page_index_records(x);
  struct thrift_writer w = thrift_begin(out);
  thrift_list(&w, 1, THRIFT_TRUE, count);
  for (size_t i = 0; i < count; i++) thrift_element_bool(out, is_null_page(&records[i]));
  thrift_list(&w, 2, THRIFT_BINARY, count);
  thrift_element_raw(&w, x->mins.data, x->mins.len);
  thrift_list(&w, 3, THRIFT_BINARY, count);
  thrift_element_raw(&w, x->maxes.data, x->maxes.len);
  thrift_i32(&w, 4, boundary_order(x));
  thrift_list(&w, 5, THRIFT_I64, count);
  for (size_t i = 0; i < count; i++) thrift_element_i64(out, (int64_t)records[i].null_count);
  histogram_write_pages(&x->repetition, 6, count, &w);
  histogram_write_pages(&x->definition, 7, count, &w);
  thrift_struct_end(&w);
}

static void write_locations(const struct page_location *pages, size_t count, uint64_t offset,
                            struct thrift_writer *w) {
  uint64_t first_row = 0;
  thrift_list(w, 1, THRIFT_STRUCT, count);
  for (size_t i = 0; i < count; i++) {
    thrift_element_struct_begin(w);
    thrift_i64(w, 1, (int64_t)offset);
    thrift_i32(w, 2, (int32_t)pages[i].stored_bytes);
    thrift_i64(w, 3, (int64_t)first_row);
    thrift_struct_end(w);
    offset += pages[i].stored_bytes;
    first_row += pages[i].row_count;
  }
}

void offset_index_write(const struct page_location *pages, size_t count, uint64_t offset, bool has_text,
                        struct buffer *out) {
  struct thrift_writer w = thrift_begin(out);
  write_locations(pages, count, offset, &w);
  if (has_text) {
    thrift_list(&w, 2, THRIFT_I64, count);
    for (size_t i = 0; i < count; i++) thrift_element_i64(out, (int64_t)pages[i].text_bytes);
  }
  thrift_struct_end(&w);
}
