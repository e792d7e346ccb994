/*
 * Parquet's RLE/bit-packing hybrid (Encodings.md, "Run Length Encoding / Bit-Packing Hybrid"): levels and
 * dictionary indices. A stream of runs; those of 8 and more equal values stay runs, the rest is packed
 * in groups of 8.
 *
 * The encoder appends to a buffer of the caller's and keeps no other memory.
 */
#pragma once
#include "base/buffer.h"

struct rle_encoder {
  struct buffer *out;
  unsigned width;            /* bits a value, 1 to 32 */
  unsigned waiting_count;    /* values in `waiting`, 0 to 7 */
  uint32_t waiting[8];       /* the group that is not full yet */
  size_t header_at;          /* of the open bit-packed run, in out */
  unsigned group_count;      /* groups in it, 0: none is open */
};

void rle_init(struct rle_encoder *e, struct buffer *out, unsigned width);
/* `value`, `count` times. value < 2^width. */
void rle_put(struct rle_encoder *e, uint32_t value, uint64_t count);
void rle_put_array(struct rle_encoder *e, const uint32_t *values, size_t count);
void rle_finish(struct rle_encoder *e);

/* The most bytes that `count` values of `width` bits can take, however they alternate. */
size_t rle_size_max(size_t count, unsigned width);

struct rle_decoder {
  const uint8_t *at, *end;
  unsigned width;
  uint64_t repeat_left;      /* of a run */
  uint32_t repeated;
  uint64_t packed_left;      /* of a bit-packed run */
  unsigned bit;              /* of *at, the next value's first */
};

void rle_decoder_init(struct rle_decoder *d, const uint8_t *bytes, size_t len, unsigned width);
/* False at the end, or where the bytes are malformed. */
bool rle_next(struct rle_decoder *d, uint32_t *value);

/* Bits that hold `max`; at least 1, since some readers refuse a width of 0. */
static inline unsigned rle_width(uint32_t max) { return max ? 32u - (unsigned)__builtin_clz(max) : 1; }
