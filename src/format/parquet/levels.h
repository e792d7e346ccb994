/* Definition or repetition levels of the open page: runs while they come, Parquet's RLE when it closes. */
#pragma once
#include "format/parquet/rle.h"

struct levels {
  struct buffer bytes;         /* encoded so far */
  struct rle_encoder encoder;
  uint32_t value;              /* of the run that is going on */
  uint64_t run_length;
};

static inline void levels_reset(struct levels *l, unsigned max) {
  buffer_reset(&l->bytes);
  rle_init(&l->encoder, &l->bytes, rle_width(max));
  l->run_length = 0;
}

static inline void levels_add(struct levels *l, uint32_t value) {
  if (__builtin_expect(value != l->value, 0)) {
    if (l->run_length) rle_put(&l->encoder, l->value, l->run_length);
    l->value = value;
    l->run_length = 0;
  }
  l->run_length++;
}

/* l->bytes are whole. */
static inline void levels_finish(struct levels *l) {
  if (l->run_length) rle_put(&l->encoder, l->value, l->run_length);
  l->run_length = 0;
  rle_finish(&l->encoder);
}
