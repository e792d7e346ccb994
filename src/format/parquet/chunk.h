/*
 * A column chunk while its rows come: the open page, the dictionary, and the index of the pages that have
 * been closed. Closed pages lie compressed in the encoder's spill log.
 *
 * A chunk begins by sampling: the first page's values go into a dictionary. When that page closes, a trial (trial.h) says
 * whether the dictionary stays. If not, the page is written again without it, in the encoding that the trial has found
 * smallest. A dictionary that stops paying later is kept for the pages that use it; the rest is written in that encoding.
 */
#pragma once
#include "format/parquet/bloom.h"
#include "format/parquet/bounds.h"
#include "format/parquet/dictionary.h"
#include "format/parquet/encode.h"
#include "format/parquet/geometry.h"
#include "format/parquet/levels.h"
#include "format/parquet/page.h"
#include "format/parquet/page_index.h"
#include "format/parquet/sort_order.h"

/* What all chunks of an encoder share; one lane's. */
struct chunk_shared {
  struct page_writer pages;
  struct spill spill;
  struct dictionary_budget dictionaries;
  struct encode_scratch scratch;
  struct buffer body;          /* of a page that is not PLAIN */
  struct buffer trial_values;  /* of a sample, as PLAIN */
  struct buffer sample_values, sample_levels, sample_repetitions;   /* of the page that is written again */
  struct buffer text;          /* of a value that is converted */
  uint32_t number_page_bytes;  /* target of a page's values of fixed width, one a row */
  uint32_t text_page_bytes;    /* and of others, which no number of rows limits: what each column may count on */
  uint32_t page_bytes_max;     /* to which a page of texts grows while there is room in the pool */
  size_t text_pool_bytes;      /* for all open pages of texts */
  size_t open_text_bytes;      /* in them */
  size_t scratch_bytes;        /* that the buffers above keep between pages: what usual ones need */
  uint32_t page_rows;
  enum profile profile;
  bool uses_dictionary;
  bool writes_bounds;
  uint64_t rows_expected;      /* of a row group */
  size_t bloom_bytes_max;      /* of one filter */
  uint64_t encoded_bytes;      /* of the pages closed in this row group, not compressed */
  uint64_t index_bytes;        /* their indexes' memory */
  enum special special;
  uint64_t special_count;
};

enum chunk_mode { CHUNK_SAMPLING, CHUNK_DICTIONARY, CHUNK_PLAIN };

struct chunk {
  /* Takes a value's cell. Chosen by kind (cells.h). */
  bool (*append)(struct chunk *c, const struct cell *cell, struct error *err);
  const struct leaf *leaf;
  const struct tree_node *column;   /* of a column's first chunk */
  struct chunk_shared *shared;
  uint64_t *special_count;     /* of its output column; the encoder's */
  enum chunk_mode mode;        /* PLAIN: the values lie in the open page as PLAIN; it is written in `encoding` */
  enum encoding encoding;      /* of pages without dictionary */
  bool encoding_is_open;       /* no trial yet */
  struct storage storage;
  uint32_t page_bytes;         /* of the two, the one for this column */

  /* The open page. */
  uint32_t entry_count;        /* values and nulls */
  uint32_t entry_count_max;    /* in this mode; reached: the page is closed before the next entry */
  uint32_t value_count;        /* without nulls */
  struct buffer values;        /* head_bytes free for the levels, then PLAIN values, or uint32 indices */
  size_t head_bytes;           /* multiple of 8 */
  size_t moved_bytes;          /* the values were moved so far, to make room for their levels */
  struct levels definition;
  struct levels repetition;    /* below a list only; the caller adds each entry's when it is in */
  uint32_t row_count;          /* below a list only: rows that are complete */
  struct range range;
  uint64_t text_bytes;         /* BYTE_ARRAY: of the values, without lengths */
  size_t pooled_bytes;         /* its part of shared->open_text_bytes */

  /* The last value in dictionary modes: the next is often the same. */
  bool has_last;
  uint64_t last_bits;          /* width 4 and 8 */
  uint32_t last_index;

  uint32_t last_len;           /* of the last value, where they are put as bytes */

  /* Dictionary modes, where values are put as bytes: those behind the indices in `values`, still to be looked up. */
  struct buffer waiting;       /* each behind its length, uint32 */
  uint32_t waiting_count;

  struct dictionary dictionary;
  uint64_t raw_bytes;          /* what the values in dictionary pages would take as PLAIN */
  uint32_t dictionary_pages;   /* data pages by encoding */
  uint32_t plain_pages;
  uint32_t encoded_pages;      /* in `encoding`, which is another than PLAIN */
  struct page_place dictionary_place;   /* after chunk_finish; stored_bytes 0: none */
  uint64_t plain_page_bytes;   /* data pages: headers and bodies not compressed */
  uint64_t stored_page_bytes;

  struct page_index index;

  struct geometry_facts geometry;   /* of WKB: of the row group's values */

  struct bloom bloom;          /* of a column that was named: its values outside of the dictionary, while they come */
  struct page_place bloom_place;   /* after chunk_finish; stored_bytes 0: none */
};

bool chunk_init(struct chunk *c, const struct leaf *leaf, struct chunk_shared *shared, struct error *err) MUST_CHECK;
void chunk_deinit(struct chunk *c);
void chunk_release(struct chunk *c); /* finished and described: gives back what only building needed */
void chunk_reset(struct chunk *c);   /* for the next row group */

/*
 * Below a list a row may have any number of entries, and pages are cut between rows only: nothing but
 * chunk_end_row closes one, and a page is as large as its last row makes it (2 GiB at most).
 */
bool chunk_end_row(struct chunk *c, struct error *err) MUST_CHECK;
/* The page has as many entries as it should: closes it, except below a list. */
bool chunk_make_room(struct chunk *c, struct error *err) MUST_CHECK;
/* Closes the open page, if it holds anything, and prepares the next. */
bool chunk_close_page(struct chunk *c, struct error *err) MUST_CHECK;
/* The last page and the dictionary page. */
bool chunk_finish(struct chunk *c, struct error *err) MUST_CHECK;
/* The dictionary is full: later values are PLAIN. */
bool chunk_leave_dictionary(struct chunk *c, struct error *err) MUST_CHECK;

/*
 * The entry that was put last, as it is written; valid until the next. Of columns that are not nested. False where its page
 * is closed already, as after a huge value, or is out of memory, which closing it will say.
 */
bool chunk_last_entry(const struct chunk *c, struct sort_value *last);

/* A value is written otherwise than the server gave it. */
static inline void chunk_count_special(struct chunk *c) {
  c->shared->special_count++;
  ++*c->special_count;
}
bool chunk_put_null(struct chunk *c, struct error *err) MUST_CHECK;
/* No value: what is missing is the value itself, or a group around it, as the level says. Below definition_max. */
bool chunk_put_missing(struct chunk *c, uint8_t definition, struct error *err) MUST_CHECK;
/* A BYTE_ARRAY value, or one of `width` bytes in the page's order whose range the caller keeps. */
bool chunk_put_bytes(struct chunk *c, const uint8_t *bytes, uint32_t len, struct error *err) MUST_CHECK;
