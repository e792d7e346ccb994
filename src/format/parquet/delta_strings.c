#include "format/parquet/delta_strings.h"

#include "format/parquet/delta_binary.h"
#include "format/parquet/delta_length.h"
#include "format/parquet/little_endian.h"

static uint32_t shared_prefix(const uint8_t *a, uint32_t a_len, const uint8_t *b, uint32_t b_len) {
  uint32_t n = 0, max = a_len < b_len ? a_len : b_len;
  while (n < max && a[n] == b[n]) n++;
  return n;
}

/* The suffixes as PLAIN values, and the prefixes' lengths. False: out of memory. */
static bool split(const struct plain_values *values, struct buffer *lengths, struct buffer *suffixes) {
  buffer_reset(lengths);
  buffer_reset(suffixes);
  uint8_t *prefix = buffer_reserve(lengths, values->count * sizeof(uint32_t) + 1);
  uint8_t *to = buffer_reserve(suffixes, values->len + 1);
  if (!prefix || !to) return false;
  const uint8_t *at = values->bytes, *last = at;
  uint32_t last_len = 0;
  for (uint32_t i = 0; i < values->count; i++) {
    uint32_t len = load_le32(at), shared = shared_prefix(last, last_len, at + 4, len);
    store_le32(prefix + 4 * (size_t)i, shared);
    store_le32(to, len - shared);
    memcpy(to + 4, at + 4 + shared, len - shared);
    to += 4 + len - shared;
    last = at + 4;
    last_len = len;
    at += 4 + len;
  }
  lengths->len = values->count * sizeof(uint32_t);
  suffixes->len = (size_t)(to - suffixes->data);
  return true;
}

void delta_strings_encode(const struct plain_values *values, struct buffer *lengths, struct buffer *suffixes,
                          struct buffer *out) {
  if (!split(values, lengths, suffixes)) {
    out->failed = true;
    return;
  }
  struct plain_values prefixes = {lengths->data, lengths->len, values->count, 4};
  delta_binary_encode(&prefixes, out);
  struct plain_values rest = {suffixes->data, suffixes->len, values->count, 0};
  delta_length_encode(&rest, lengths, out);
}
