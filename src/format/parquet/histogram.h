/*
 * How often each definition or repetition level occurs in a chunk and in each of its pages (SizeStatistics and ColumnIndex):
 * from these readers know how many items the lists have, and at which depth values are missing, before they read a page.
 *
 * parquet.thrift lets those be left out of which other counts say the same, and they are: of repetition levels where nothing
 * repeats, of definition levels where the highest is 1.
 */
#pragma once
#include "format/parquet/schema.h"
#include "format/parquet/thrift.h"

/* Counts in a leaf's histogram: its levels, or 0 where it has none. */
static inline size_t histogram_repetition_size(const struct leaf *l) {
  return l->repetition_max ? l->repetition_max + 1u : 0;
}
static inline size_t histogram_definition_size(const struct leaf *l) {
  return l->definition_max > 1 ? l->definition_max + 1u : 0;
}

struct histogram {
  size_t size;                 /* counts of a page; 0: there is no histogram */
  struct buffer pages;         /* of all pages, as Thrift's list elements */
  struct buffer chunk;         /* of the chunk: uint64_t by level; empty before the first page */
};

void histogram_init(struct histogram *h, size_t size);
void histogram_deinit(struct histogram *h);
void histogram_reset(struct histogram *h);   /* for the next chunk; keeps the memory */

/* A page's counts, `size` of them. Failure is the buffers'. */
void histogram_add_page(struct histogram *h, const uint64_t *counts);

/* ColumnIndex' list of so many pages; nothing where there is no histogram. */
void histogram_write_pages(const struct histogram *h, int id, size_t page_count, struct thrift_writer *w);
/* SizeStatistics' list; nothing for size 0. */
void histogram_write_counts(const uint64_t *counts, size_t size, int id, struct thrift_writer *w);
