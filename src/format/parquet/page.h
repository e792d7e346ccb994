/* A page on its way out: compressed, given its header and checksum, and put into the spill log. */
#pragma once
#include "compress/block.h"
#include "format/parquet/spec.h"
#include "format/parquet/spill.h"

struct page {
  enum page_type type;         /* DATA (V1) or DICTIONARY */
  enum encoding encoding;      /* of the values */
  uint32_t value_count;        /* nulls included */
  const uint8_t *body;         /* levels and values */
  size_t body_bytes;           /* at most INT32_MAX */
};

/* Whether a chunk's pages are compressed: Parquet has one codec for a whole chunk. */
enum storage {
  STORE_UNDECIDED,             /* the next page decides: a page that does not shrink makes the chunk RAW */
  STORE_COMPRESSED,
  STORE_RAW,
};

struct page_place {
  uint64_t position;           /* in the log */
  uint32_t stored_bytes;       /* header and compressed body */
  uint32_t plain_bytes;        /* header and body: what Parquet's total_uncompressed_size counts */
};

/* One lane's. */
struct page_writer {
  const struct block_codec *codec;
  void *codec_context;
  struct spill *spill;
  struct buffer compressed, header;
};

bool page_writer_init(struct page_writer *w, const struct block_codec *codec, int level, struct spill *spill,
                      struct error *err) MUST_CHECK;
void page_writer_deinit(struct page_writer *w);

bool page_write(struct page_writer *w, const struct page *page, enum storage *storage, struct page_place *place,
                struct error *err) MUST_CHECK;
