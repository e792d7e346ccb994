#include "format/parquet/byte_split.h"

#include <assert.h>

#define TILE 64   /* values: the streams' heads stay in the cache */

/* Inlined once for each width. */
static inline __attribute__((always_inline)) void split(const uint8_t *from, size_t count, size_t width,
                                                        uint8_t *to) {
  for (size_t at = 0; at < count; at += TILE) {
    size_t n = count - at < TILE ? count - at : TILE;
    for (size_t stream = 0; stream < width; stream++)
      for (size_t i = 0; i < n; i++) to[stream * count + at + i] = from[(at + i) * width + stream];
  }
}

void byte_split_encode(const struct plain_values *values, struct buffer *out) {
  assert(values->width == 4 || values->width == 8);
  size_t len = (size_t)values->count * values->width;
  uint8_t *to = buffer_reserve(out, len + 1);
  if (!to) return;
  if (values->width == 4) split(values->bytes, values->count, 4, to);
  else split(values->bytes, values->count, 8, to);
  out->len += len;
}
