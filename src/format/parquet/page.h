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
  struct block_pieces pieces;  /* of the body, for the codec; each 0: it is of one piece */
  bool is_last;                /* of its chunk: it settles what is open, however small */
};

/*
 * How a chunk's pages are stored, settled by its first page that is large enough to tell.
 *   is_raw    not compressed: that page uses no dictionary and did not shrink. One for the whole chunk, since Parquet
 *             names one codec for it: once a compressed page is out, raw is no longer possible.
 * way       of the codec: the one that made that page smallest, within the ways' limits. Tried again where
 * a slow one shrinks a page less than the one that settled it.
 */
struct storage {
  bool is_raw, raw_is_open;
  int way;
  bool way_is_open, is_text;
  int trials;                  /* of the ways, so far */
  uint64_t settled_from, settled_to;   /* bytes of the page that settled the way, before and after */
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
  struct buffer trial;         /* of a page that is compressed in all ways */
  int way;                     /* how the context stands */
  bool tries_texts;            /* the codec's ways for texts */
};

bool page_writer_init(struct page_writer *w, const struct block_codec *codec, int level, bool tries_texts,
                      struct spill *spill, struct error *err) MUST_CHECK;
void page_writer_deinit(struct page_writer *w);

/* What a chunk begins with; is_text: its values are texts. */
struct storage page_storage_open(const struct page_writer *w, bool is_text);

/* What the page's body would take, at the codec's level or in its way for texts. For trials. */
bool page_try(struct page_writer *w, const struct page *page, bool is_text, size_t *stored_bytes,
              struct error *err) MUST_CHECK;

bool page_write(struct page_writer *w, const struct page *page, struct storage *storage,
                struct page_place *place, struct error *err) MUST_CHECK;
