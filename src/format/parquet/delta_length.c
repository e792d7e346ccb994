#include "format/parquet/delta_length.h"

#include "format/parquet/delta_binary.h"
#include "format/parquet/little_endian.h"

/* PLAIN's lengths are little-endian INT32 already. */
static bool gather_lengths(const struct plain_values *values, struct buffer *lengths) {
  size_t len = values->count * sizeof(uint32_t);
  buffer_reset(lengths);
  uint8_t *to = buffer_reserve(lengths, len + 1);
  if (!to) return false;
  const uint8_t *at = values->bytes;
  for (uint32_t i = 0; i < values->count; i++, at += 4 + load_le32(at)) memcpy(to + 4 * (size_t)i, at, 4);
  lengths->len = len;
  return true;
}

void delta_length_encode(const struct plain_values *values, struct buffer *lengths, struct buffer *out) {
  if (!gather_lengths(values, lengths)) {
    out->failed = true;
    return;
  }
  struct plain_values numbers = {lengths->data, lengths->len, values->count, 4};
  delta_binary_encode(&numbers, out);
  uint8_t *to = buffer_reserve(out, values->len + 1);
  if (!to) return;
  const uint8_t *at = values->bytes;
  for (uint32_t i = 0; i < values->count; i++) {
    uint32_t len = load_le32(at);
    memcpy(to, at + 4, len);
    to += len;
    at += 4 + len;
  }
  out->len = (size_t)(to - out->data);
}
