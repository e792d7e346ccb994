/*
 * What the files of a chunk (chunk_….c) share, and nobody else: chunk.c says when, these how.
 *
 *   chunk_put.c      an entry goes into the open page
 *   chunk_look_up.c  values of a dictionary get their indices
 *   chunk_sample.c   the first page: does the dictionary stay, and which encoding else
 *   chunk_page.c     the open page becomes one of the file's
 *   chunk_bloom.c    the chunk's filter
 */
#pragma once
#include "format/parquet/chunk.h"

static inline bool chunk_is_text(const struct chunk *c) { return c->leaf->physical == PHYSICAL_BYTE_ARRAY; }
static inline bool chunk_is_repeated(const struct chunk *c) { return c->leaf->repetition_max > 0; }
static inline bool chunk_has_byte_order(const struct chunk *c) { return c->leaf->order == ORDER_BYTES; }

/* Of the open page. */
static inline uint32_t chunk_row_count(const struct chunk *c) {
  return chunk_is_repeated(c) ? c->row_count : c->entry_count;
}

/* What the open page's values take as PLAIN. */
static inline uint64_t chunk_plain_bytes(const struct chunk *c) {
  if (chunk_is_text(c)) return c->text_bytes + 4 * (uint64_t)c->value_count;
  return (uint64_t)c->leaf->width * c->value_count;
}

/* An empty buffer of struct chunk_shared's, after a page; one of a row of millions of items may have made it large. */
static inline void chunk_give_back(const struct chunk_shared *s, struct buffer *b) {
  buffer_reset(b);
  buffer_shrink(b, s->scratch_bytes);
}

void chunk_set_mode(struct chunk *c, enum chunk_mode mode);   /* from the next entry on */
void chunk_reset_page(struct chunk *c);                       /* empties the open page */

/* Appends a value to the open page, which is in mode PLAIN and has room for one more entry. */
bool chunk_put_plain(struct chunk *c, const uint8_t *bytes, uint32_t len, struct error *err) MUST_CHECK;

/* A value for the dictionary, which waits with others: they are looked up together. Another entry must have room. */
void chunk_wait(struct chunk *c, const uint8_t *bytes, uint32_t len);
bool chunk_waits_enough(const struct chunk *c);
/* Looks up what waits; in mode PLAIN nothing does. Where the dictionary is full the page becomes PLAIN, and so do later ones. */
bool chunk_look_up(struct chunk *c, struct error *err) MUST_CHECK;

/* Sets c->encoding by a trial with the open page's values. is_last: the chunk will have no more. */
bool chunk_choose_encoding(struct chunk *c, bool is_last, struct error *err) MUST_CHECK;
/* The open page is the first with values: keeps its dictionary, or puts its entries again without one. */
bool chunk_settle_sample(struct chunk *c, bool is_last, struct error *err) MUST_CHECK;
/* The open page's entries again, as PLAIN, which may close some pages; from mode SAMPLING or DICTIONARY. */
bool chunk_replay_as_plain(struct chunk *c, struct error *err) MUST_CHECK;

/* The open page cannot use the dictionary any more, nor can later ones: its entries again, as PLAIN. */
bool chunk_leave_page(struct chunk *c, struct error *err) MUST_CHECK;

/* Encodes, compresses and logs the open page, which is not empty, and adds it to the index. Does not empty it. */
bool chunk_write_page(struct chunk *c, bool is_last, struct error *err) MUST_CHECK;
bool chunk_write_dictionary(struct chunk *c, struct error *err) MUST_CHECK;

/* The open page's values into the filter of a column that was named; those of dictionary pages come at the end. */
bool chunk_bloom_page(struct chunk *c, struct error *err) MUST_CHECK;
bool chunk_write_bloom(struct chunk *c, struct error *err) MUST_CHECK;   /* behind the pages in the log */
