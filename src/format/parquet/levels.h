/* Definition or repetition levels of the open page: runs while they come, Parquet's RLE when it closes. */
#pragma once
#include "format/parquet/rle.h"

struct levels {
  struct buffer bytes;         /* encoded so far */
  struct rle_encoder encoder;
  unsigned max;                /* the highest level */
  uint32_t value;              /* of the run that is going on */
  uint64_t run_length;
  uint64_t *counts;            /* by level, of the page's runs that have ended; NULL: nobody asks */
};

/* counts: whether the levels are counted. */
bool levels_init(struct levels *l, unsigned max, bool counts, struct error *err) MUST_CHECK;
void levels_deinit(struct levels *l);
/* For the next page. Memory beyond `keep_bytes` is given back, as after a row of millions of items. */
void levels_reset(struct levels *l, size_t keep_bytes);

static inline void levels_end_run(struct levels *l) {
  if (!l->run_length) return;
  rle_put(&l->encoder, l->value, l->run_length);
  if (l->counts) l->counts[l->value] += l->run_length;
  l->run_length = 0;
}

static inline void levels_add(struct levels *l, uint32_t value) {
  if (__builtin_expect(value != l->value, 0)) {
    levels_end_run(l);
    l->value = value;
  }
  l->run_length++;
}

/* l->bytes and the counts are whole. */
static inline void levels_finish(struct levels *l) {
  levels_end_run(l);
  rle_finish(&l->encoder);
}
