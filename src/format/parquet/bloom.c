#include "format/parquet/bloom.h"

#include "format/parquet/little_endian.h"
#include "format/parquet/thrift.h"

#include <math.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define BLOCK_WORDS 8
#define BITS_PER_VALUE 10.5    /* a false positive in a hundred */
#define FULL 0.7               /* of the bits: more, and one absent value in twenty would pass */

size_t bloom_size(uint64_t distinct, size_t max_bytes) {
  double wanted = (double)distinct * BITS_PER_VALUE / 8;
  size_t len = BLOOM_BYTES_MIN;
  if (max_bytes > BLOOM_BYTES_MAX) max_bytes = BLOOM_BYTES_MAX;
  while ((double)len < wanted && len * 2 <= max_bytes) len *= 2;
  return len;
}

bool bloom_init(struct bloom *b, size_t len, struct error *err) {
  *b = (struct bloom){.blocks = calloc(1, len), .len = len};
  return b->blocks || fail_memory(err, "a Bloom filter");
}

void bloom_deinit(struct bloom *b) {
  free(b->blocks);
  *b = (struct bloom){0};
}

/* The high half of the hash chooses the block; the low half, by eight odd numbers, a bit of each of its words. */
static inline void add(struct bloom *b, const void *value, size_t len) {
  static const uint32_t salts[BLOCK_WORDS] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                              0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};
  uint64_t hash = XXH64(value, len, 0);
  uint64_t block = (hash >> 32) * (b->len / BLOOM_BYTES_MIN) >> 32;
  uint8_t *words = b->blocks + block * BLOOM_BYTES_MIN;
  for (int i = 0; i < BLOCK_WORDS; i++) {
    uint32_t bit = UINT32_C(1) << ((uint32_t)hash * salts[i] >> 27);
    store_le32(words + 4 * i, load_le32(words + 4 * i) | bit);
  }
}

void bloom_add_plain(struct bloom *b, const uint8_t *values, uint64_t count, uint32_t width) {
  for (; count; count--) {
    uint32_t len = width;
    if (!width) {
      len = load_le32(values);
      values += 4;
    }
    add(b, values, len);
    values += len;
  }
}

static double filled(const struct bloom *b) {
  uint64_t bits = 0;
  for (size_t i = 0; i < b->len; i += 8) bits += (uint64_t)__builtin_popcountll(load_le64(b->blocks + i));
  return (double)bits / ((double)b->len * 8);
}

/* How many values fill it so: each sets one bit of 32 in each word, so that n of them leave (31/32)^(n/blocks) empty. */
static double distinct_of(double fill, size_t len) {
  double blocks = (double)len / BLOOM_BYTES_MIN;
  return log1p(-fill) / log(31.0 / 32) * blocks;
}

/* The block of a value is the top bits of its hash: in half as many blocks it is the one before, halved. */
static void halve(struct bloom *b) {
  for (size_t to = 0; to < b->len / 2; to += 8) {
    const uint8_t *from = b->blocks + to / BLOOM_BYTES_MIN * 2 * BLOOM_BYTES_MIN + to % BLOOM_BYTES_MIN;
    store_le64(b->blocks + to, load_le64(from) | load_le64(from + BLOOM_BYTES_MIN));
  }
  b->len /= 2;
}

bool bloom_fold(struct bloom *b) {
  double fill = filled(b);
  if (fill > FULL) return false;
  size_t wanted = bloom_size((uint64_t)distinct_of(fill, b->len) + 1, b->len);
  while (b->len > wanted) halve(b);
  return true;
}

void bloom_write(const struct bloom *b, struct buffer *out) {
  struct thrift_writer w = thrift_begin(out);
  thrift_i32(&w, 1, (int32_t)b->len);
  for (int id = 2; id <= 4; id++) {   /* split block, XXH64, not compressed: the first choice of each union */
    thrift_struct_begin(&w, id);
    thrift_empty_struct(&w, 1);
    thrift_struct_end(&w);
  }
  thrift_struct_end(&w);
  buffer_append(out, b->blocks, b->len);
}
