#include "format/parquet/rle.h"

#include "format/parquet/little_endian.h"

#include <assert.h>

#define GROUP 8                /* values that are packed together */
#define GROUPS_MAX 63 /* of one bit-packed run: its header stays one byte, so that it can be patched */
#define HEADER_BYTES_MAX 10

void rle_init(struct rle_encoder *e, struct buffer *out, unsigned width) {
  assert(width >= 1 && width <= 32);
  *e = (struct rle_encoder){.out = out, .width = width};
}

static void close_packed_run(struct rle_encoder *e) {
  if (e->group_count && !e->out->failed) e->out->data[e->header_at] = (uint8_t)(e->group_count << 1 | 1);
  e->group_count = 0;
}

static void put_group(struct rle_encoder *e, const uint32_t *values) {
  if (e->group_count == GROUPS_MAX) close_packed_run(e);
  if (e->group_count == 0) {
    e->header_at = e->out->len;
    buffer_append_byte(e->out, 0);
  }
  uint8_t *to = buffer_reserve(e->out, e->width + sizeof(uint64_t));
  if (!to) return;
  uint64_t bits = 0;
  unsigned filled = 0, written = 0;
  for (int i = 0; i < GROUP; i++) {
    bits |= (uint64_t)values[i] << filled;
    filled += e->width;
    if (filled < 32) continue;
    store_le32(to + written, (uint32_t)bits);
    written += 4;
    bits >>= 32;
    filled -= 32;
  }
  store_le32(to + written, (uint32_t)bits);   /* the last, partial word; beyond it lies reserved room */
  e->out->len += e->width;
  e->group_count++;
}

static void put_run(struct rle_encoder *e, uint32_t value, uint64_t count) {
  close_packed_run(e);
  uint8_t *to = buffer_reserve(e->out, HEADER_BYTES_MAX + sizeof value);
  if (!to) return;
  size_t n = 0;
  uint64_t header = count << 1;
  for (; header >= 0x80; header >>= 7) to[n++] = (uint8_t)(header | 0x80);
  to[n++] = (uint8_t)header;
  store_le32(to + n, value);
  e->out->len += n + (e->width + 7) / 8;
}

/* A group that has begun is filled first, since packed runs hold whole groups. */
void rle_put(struct rle_encoder *e, uint32_t value, uint64_t count) {
  assert(count <= INT32_MAX);
  while (e->waiting_count && count) {
    e->waiting[e->waiting_count++] = value;
    count--;
    if (e->waiting_count < GROUP) continue;
    put_group(e, e->waiting);
    e->waiting_count = 0;
  }
  if (count >= GROUP) {
    put_run(e, value, count);
    return;
  }
  while (count--) e->waiting[e->waiting_count++] = value;
}

static size_t run_length(const uint32_t *values, size_t count) {
  size_t n = 1;
  while (n < count && values[n] == values[0]) n++;
  return n;
}

void rle_put_array(struct rle_encoder *e, const uint32_t *values, size_t count) {
  size_t i = 0;
  while (i < count) {
    bool aligned = e->waiting_count == 0 && count - i >= GROUP;
    /* The usual case of mixed values: a whole group at once. Equal ends hint at a run. */
    if (aligned && (values[i] != values[i + 1] || values[i] != values[i + GROUP - 1])) {
      put_group(e, values + i);
      i += GROUP;
      continue;
    }
    size_t n = run_length(values + i, count - i);
    rle_put(e, values[i], n);
    i += n;
  }
}

void rle_finish(struct rle_encoder *e) {
  if (e->waiting_count) {
    while (e->waiting_count < GROUP) e->waiting[e->waiting_count++] = 0;   /* readers know how many count */
    put_group(e, e->waiting);
    e->waiting_count = 0;
  }
  close_packed_run(e);
}

/* Every 8 values cost at most a header and a packed group; a run stands for 8 or more and is no longer. */
size_t rle_size_max(size_t count, unsigned width) {
  return (count / GROUP + 1) * (width + 1) + HEADER_BYTES_MAX;
}

void rle_decoder_init(struct rle_decoder *d, const uint8_t *bytes, size_t len, unsigned width) {
  assert(width >= 1 && width <= 32);
  *d = (struct rle_decoder){.at = bytes, .end = len ? bytes + len : bytes, .width = width};   /* NULL where there are none */
}

static bool read_header(struct rle_decoder *d) {
  uint64_t header = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (d->at == d->end || shift > 28) return false;
    uint8_t byte = *d->at++;
    header |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) break;
  }
  if (header & 1) {
    d->packed_left = (header >> 1) * GROUP;
    d->bit = 0;
    return true;
  }
  size_t bytes = (d->width + 7) / 8;
  if ((size_t)(d->end - d->at) < bytes) return false;
  d->repeated = 0;
  for (size_t i = 0; i < bytes; i++) d->repeated |= (uint32_t)d->at[i] << (8 * i);
  d->at += bytes;
  d->repeat_left = header >> 1;
  return true;
}

static bool read_packed(struct rle_decoder *d, uint32_t *value) {
  uint64_t bits = 0;
  unsigned need = d->bit + d->width;
  for (unsigned i = 0; i * 8 < need; i++) {
    if (d->at + i >= d->end) return false;
    bits |= (uint64_t)d->at[i] << (8 * i);
  }
  *value = (uint32_t)(bits >> d->bit & ((UINT64_C(1) << d->width) - 1));
  d->at += need / 8;
  d->bit = need % 8;
  d->packed_left--;
  return true;
}

bool rle_next(struct rle_decoder *d, uint32_t *value) {
  while (!d->repeat_left && !d->packed_left)
    if (!read_header(d)) return false;
  if (d->packed_left) return read_packed(d, value);
  d->repeat_left--;
  *value = d->repeated;
  return true;
}
