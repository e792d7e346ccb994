/* Walks a chunk's pages: every header, every checksum, and whether all adds up to what the footer says. */
#pragma once
#include "format/parquet/footer_read.h"

#define WALK_PIECE_BYTES 65536

struct walk {
  int fd;
  uint64_t pages_end;          /* no page reaches beyond: the footer's start */
  uint64_t page_count, checked_count;   /* pages met, and those that had a checksum */
  struct thrift_reader header;
  uint8_t piece[WALK_PIECE_BYTES];
};

/* ERR_VALUE where a page is cut, damaged, or not what the footer says. */
bool walk_chunk(struct walk *w, const struct chunk_facts *chunk, struct error *err) MUST_CHECK;
