/*
 * ColumnMetaData, the footer's words on a chunk, in pieces: whether it says smallest and largest values is known only when
 * the file ends.
 */
#pragma once
#include "format/parquet/geometry.h"
#include "format/parquet/page_index.h"
#include "format/parquet/schema.h"

struct chunk_meta {
  enum codec_id codec;
  uint64_t value_count;                /* entries: nulls included */
  uint64_t plain_bytes, stored_bytes;  /* of all pages, headers and dictionary page included */
  uint32_t dictionary_bytes;           /* stored size of the dictionary page; 0: none */
  uint32_t dictionary_pages, plain_pages;   /* data pages by encoding */
  uint32_t encoded_pages;              /* in `encoding`, which is then another than PLAIN */
  enum encoding encoding;
  uint32_t bloom_bytes;                /* its Bloom filter, which lies behind the group's pages; 0: none */
  uint64_t null_count, nan_count, text_bytes;
  uint64_t distinct_count;             /* 0: not known */
  bool has_bounds;
  struct bound min, max;
  uint64_t *level_counts;              /* its histograms: of repetition, then of definition levels; NULL: none */
  struct page_location *pages;
  size_t page_count;
  struct buffer column_index;          /* serialised; empty: none */
  struct geometry_facts geometry;      /* of WKB */
};

/* Where a chunk's bytes lie in the file. */
struct chunk_offsets { uint64_t pages, bloom; };

/* Lengths of the pieces, which lie one behind the other. Of the two Statistics one is taken. */
struct column_metadata {
  uint32_t head_bytes;         /* up to where Statistics begins */
  uint32_t statistics_bytes;
  uint32_t boundless_bytes;    /* Statistics without bounds */
  uint32_t tail_bytes;         /* behind Statistics, the stop byte included */
};

/* Appends the pieces. */
struct column_metadata column_metadata_write(const struct chunk_meta *m, const struct leaf *leaf,
                                             const struct chunk_offsets *offsets, struct buffer *out);
