#include "format/parquet/histogram.h"

#define HISTOGRAM_BYTES_MAX (256u << 20)

void histogram_init(struct histogram *h, size_t size) {
  h->size = size;
  buffer_init(&h->pages, HISTOGRAM_BYTES_MAX);
  buffer_init(&h->chunk, HISTOGRAM_BYTES_MAX);
}

void histogram_deinit(struct histogram *h) {
  buffer_deinit(&h->pages);
  buffer_deinit(&h->chunk);
}

void histogram_reset(struct histogram *h) {
  buffer_reset(&h->pages);
  buffer_reset(&h->chunk);
}

void histogram_add_page(struct histogram *h, const uint64_t *counts) {
  for (size_t i = 0; i < h->size; i++) thrift_element_i64(&h->pages, (int64_t)counts[i]);
  if (h->chunk.len == 0) {
    buffer_append(&h->chunk, counts, h->size * sizeof *counts);
    return;
  }
  uint64_t *totals = (uint64_t *)(void *)h->chunk.data;
  for (size_t i = 0; i < h->size; i++) totals[i] += counts[i];
}

void histogram_write_pages(const struct histogram *h, int id, size_t page_count, struct thrift_writer *w) {
  if (!h->size) return;
  thrift_list(w, id, THRIFT_I64, page_count * h->size);
  thrift_element_raw(w, h->pages.data, h->pages.len);
}

void histogram_write_counts(const uint64_t *counts, size_t size, int id, struct thrift_writer *w) {
  if (!size) return;
  thrift_list(w, id, THRIFT_I64, size);
  for (size_t i = 0; i < size; i++) thrift_element_i64(w->out, (int64_t)counts[i]);
}
