/*
 * Split-block Bloom filters (BloomFilter.md): whether a chunk can hold a value, in about 10.5 bits for each
 * distinct one, so that one in a hundred absent values is taken for present. Blocks of 32 bytes; XXH64 with
 * seed 0 of the value as PLAIN, without a length.
 *
 * A filter is made for as many values as may come and halved at the end, as long as the fewer that came allow it:
 * halving joins neighbouring blocks, which loses nothing that a smaller filter would have held.
 */
#pragma once
#include "base/buffer.h"

#define BLOOM_BYTES_MIN 32
#define BLOOM_BYTES_MAX (64u << 20)

struct bloom {
  uint8_t *blocks;             /* NULL: none */
  size_t len;                  /* a power of two */
};

/* The smallest filter that holds so many distinct values as well as promised, and no more than max_bytes. */
size_t bloom_size(uint64_t distinct, size_t max_bytes);
/* An empty filter of `len` bytes: what bloom_size gave. */
bool bloom_init(struct bloom *b, size_t len, struct error *err) MUST_CHECK;
void bloom_deinit(struct bloom *b);

/* `count` values as PLAIN, each of `width` bytes, or behind its length where width is 0. */
void bloom_add_plain(struct bloom *b, const uint8_t *values, uint64_t count, uint32_t width);

/* Halves the filter while it stays as good as promised. False where it is so full that it says nothing. */
bool bloom_fold(struct bloom *b);

/* Appends header and bits. */
void bloom_write(const struct bloom *b, struct buffer *out);
