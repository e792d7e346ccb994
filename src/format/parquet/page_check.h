/*
 * Checks the inside of a page, decompressed: that its levels are in range and as many as it says, that its
 * values are as many as its levels ask for and end within the page, and that dictionary indices are within
 * the dictionary. Values themselves are not read: which ones they are is for readers to say.
 *
 * Made for hostile bytes. Messages say what is wrong; the caller says where.
 */
#pragma once
#include "format/parquet/footer_read.h"

/* A page header, and the place of the page. */
struct page_facts {
  uint64_t at, body_at;        /* file offsets of header and body */
  int64_t type;                /* enum page_type */
  int64_t plain_bytes, stored_bytes, value_count;
  int64_t encoding, definition_encoding, repetition_encoding;
  int64_t null_count, row_count, definition_bytes, repetition_bytes;   /* V2 only; else NOT_SAID */
  bool is_compressed;          /* V2 may say no */
  bool has_crc;
  uint32_t crc;
};

struct page_counts {
  uint64_t row_count, null_count;   /* as the levels say; nulls: all entries without a value */
  bool begins_row;                  /* its first entry begins a row */
  uint64_t repetition[LEVELS_COUNTED], definition[LEVELS_COUNTED];   /* by level, up to the leaf's highest */
};

/*
 * `body` is the whole page: levels and values. has_dictionary: a dictionary page with dictionary_count values
 * came before.
 */
bool page_check_data(const struct page_facts *page, const struct chunk_facts *chunk, bool has_dictionary,
                     uint32_t dictionary_count, const uint8_t *body, size_t len, struct page_counts *counts,
                     struct error *err) MUST_CHECK;
bool page_check_dictionary(const struct page_facts *page, const struct chunk_facts *chunk, const uint8_t *body,
                           size_t len, struct error *err) MUST_CHECK;
