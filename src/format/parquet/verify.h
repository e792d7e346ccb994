/*
 * Is this Parquet file whole and consistent, down to the levels of its pages? Any writer's file; see
 * footer_read.h, walk.h, page_check.h and index_check.h for what is checked. Values are not compared with the
 * statistics: which ones they are is for readers to say.
 */
#pragma once
#include "format/format.h"

struct parquet_verification {
  uint64_t row_count, group_count, column_count;
  uint64_t page_count;
  uint64_t checked_count;      /* pages whose checksum was there and right */
  uint64_t closed_count;       /* pages that were not looked into: a codec that is not known here, or huge */
  uint64_t index_count;        /* chunks with an offset index */
  uint64_t bloom_count;        /* chunks with a Bloom filter */
  uint64_t stray_bytes;        /* before the footer, of no chunk, index or Bloom filter: some writers align by padding */
};

/* ERR_VALUE says what is wrong and where: row group, column, page and byte. fd must be a regular file. */
bool parquet_verify(int fd, struct parquet_verification *v, struct error *err) MUST_CHECK;

/* The same as a format's slots want it. */
bool parquet_check_whole(int fd, struct file_facts *facts, struct error *err) MUST_CHECK;
bool parquet_is_begun_by(const uint8_t *bytes, size_t len);
