/*
 * Walks a chunk's pages: every header, every checksum, and whether all adds up to what the footer says. Where
 * `decodes` is set it also decompresses the pages and looks into them (page_check.h), and holds the page indexes
 * against them (index_check.h).
 *
 * Memory: windows, and with `decodes` the largest page as stored and as decompressed, up to
 * WALK_PAGE_BYTES_MAX each; larger ones are checked from outside only.
 */
#pragma once
#include "format/parquet/index_check.h"

#define WALK_PIECE_BYTES 65536
#define WALK_PAGE_BYTES_MAX (256u << 20)

struct walk {
  int fd;
  bool decodes;
  uint64_t pages_end;          /* no page reaches beyond: the footer's start */
  uint64_t page_count;         /* pages met; of these … */
  uint64_t checked_count;      /* … had a checksum, which is right */
  uint64_t closed_count;       /* … have not been looked into: another codec, or too large */
  struct thrift_reader header;
  struct index_check index;
  struct buffer stored, plain; /* a page */
  uint8_t piece[WALK_PIECE_BYTES];
};

struct walk *walk_new(int fd, bool decodes, struct error *err) MUST_CHECK;   /* NULL: out of memory */
void walk_free(struct walk *w);

/* ERR_VALUE where a page is cut, damaged, or not what the footer says. The caller says in which chunk. */
bool walk_chunk(struct walk *w, const struct chunk_facts *chunk, struct error *err) MUST_CHECK;
