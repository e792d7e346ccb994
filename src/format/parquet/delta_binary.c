#include "format/parquet/delta_binary.h"

#include "format/parquet/little_endian.h"

#include <assert.h>

#define BLOCK 256
#define MINIBLOCKS 4
#define MINIBLOCK (BLOCK / MINIBLOCKS)
#define VARINT_MAX 10
#define BLOCK_BYTES_MAX (VARINT_MAX + MINIBLOCKS + BLOCK * sizeof(uint64_t))

static uint8_t *put_varint(uint8_t *to, uint64_t v) {
  for (; v >= 0x80; v >>= 7) *to++ = (uint8_t)(v | 0x80);
  *to++ = (uint8_t)v;
  return to;
}

static uint8_t *put_zigzag(uint8_t *to, int64_t v) {
  return put_varint(to, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

/* As INT32 or INT64 sees the lower bits: sign-extended. */
static inline int64_t narrow(uint64_t v, unsigned width) {
  return width == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

static inline int64_t load(const uint8_t *at, unsigned width) {
  return narrow(width == 4 ? load_le32(at) : load_le64(at), width);
}

static unsigned bits_of(uint64_t v) { return v ? 64u - (unsigned)__builtin_clzll(v) : 0; }

/* 64 values of `bits` bits each, which fill whole words. */
static uint8_t *pack_miniblock(uint8_t *to, const uint64_t *values, unsigned bits) {
  unsigned __int128 waiting = 0;
  unsigned filled = 0;
  for (int i = 0; i < MINIBLOCK; i++) {
    waiting |= (unsigned __int128)values[i] << filled;
    filled += bits;
    if (filled < 64) continue;
    store_le64(to, (uint64_t)waiting);
    to += sizeof(uint64_t);
    waiting >>= 64;
    filled -= 64;
  }
  return to;
}

/* deltas[0 .. count - 1]; what follows up to BLOCK may be overwritten. */
static uint8_t *put_block(uint8_t *to, uint64_t *deltas, unsigned count, unsigned width) {
  int64_t least = INT64_MAX;
  for (unsigned i = 0; i < count; i++)
    if ((int64_t)deltas[i] < least) least = (int64_t)deltas[i];
  uint64_t mask = width == 4 ? UINT32_MAX : UINT64_MAX;
  for (unsigned i = 0; i < count; i++) deltas[i] = (deltas[i] - (uint64_t)least) & mask;
  memset(deltas + count, 0, (BLOCK - count) * sizeof *deltas);
  to = put_zigzag(to, least);
  uint8_t *bits = to;
  to += MINIBLOCKS;
  for (unsigned m = 0; m < MINIBLOCKS; m++) {
    uint64_t all = 0;
    for (unsigned i = 0; i < MINIBLOCK; i++) all |= deltas[m * MINIBLOCK + i];
    bits[m] = (uint8_t)bits_of(all);
    /* Behind the last value there are no miniblocks, though their widths are listed. */
    if (m * MINIBLOCK < count) to = pack_miniblock(to, deltas + m * MINIBLOCK, bits[m]);
  }
  return to;
}

/* Inlined once for each width. */
static inline __attribute__((always_inline)) void encode(const struct plain_values *v, unsigned width,
                                                         struct buffer *out) {
  uint64_t deltas[BLOCK];
  int64_t last = load(v->bytes, width);
  uint32_t i = 1;
  while (i < v->count) {
    unsigned n = v->count - i < BLOCK ? v->count - i : BLOCK;
    for (unsigned k = 0; k < n; k++) {
      int64_t value = load(v->bytes + (size_t)(i + k) * width, width);
      deltas[k] = (uint64_t)narrow((uint64_t)value - (uint64_t)last, width);
      last = value;
    }
    uint8_t *to = buffer_reserve(out, BLOCK_BYTES_MAX);
    if (!to) return;
    out->len += (size_t)(put_block(to, deltas, n, width) - to);
    i += n;
  }
}

void delta_binary_encode(const struct plain_values *values, struct buffer *out) {
  assert(values->width == 4 || values->width == 8);
  uint8_t *to = buffer_reserve(out, 4 * VARINT_MAX);
  if (!to) return;
  uint8_t *end = put_varint(to, BLOCK);
  end = put_varint(end, MINIBLOCKS);
  end = put_varint(end, values->count);
  end = put_zigzag(end, values->count ? load(values->bytes, values->width) : 0);
  out->len += (size_t)(end - to);
  if (values->count < 2) return;
  if (values->width == 4) encode(values, 4, out);
  else encode(values, 8, out);
}
