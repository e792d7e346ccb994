#include "compress/deflate.h"

#include <isa-l.h>
#include <stdlib.h>

#define STORED_MAX 65535

struct deflate {
  struct isal_zstream stream;
  uint8_t *level_buffer;
};

static const uint32_t level_buffer_sizes[] = {ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
                                              ISAL_DEF_LVL3_DEFAULT};

size_t deflate_memory_bytes(int level) { return sizeof(struct deflate) + level_buffer_sizes[level]; }

struct deflate *deflate_new(int level, struct error *err) {
  struct deflate *d = calloc(1, sizeof *d);
  uint8_t *level_buffer = malloc(level_buffer_sizes[level]);
  if (!d || !level_buffer) {
    free(d);
    free(level_buffer);
    fail_memory(err, "gzip");
    return NULL;
  }
  d->level_buffer = level_buffer;
  isal_deflate_init(&d->stream);
  d->stream.level = (uint32_t)level;
  d->stream.level_buf = level_buffer;
  d->stream.level_buf_size = level_buffer_sizes[level];
  return d;
}

void deflate_free(struct deflate *d) {
  if (!d) return;
  free(d->level_buffer);
  free(d);
}

bool deflate_piece(struct deflate *d, const uint8_t *bytes, size_t len, struct buffer *out,
                   struct error *err) {
  struct isal_zstream *s = &d->stream;
  isal_deflate_reset(s);
  s->gzip_flag = IGZIP_DEFLATE;
  s->flush = FULL_FLUSH;
  s->end_of_stream = 0;
  s->next_in = (uint8_t *)(uintptr_t)bytes;
  size_t left = len;
  do {
    s->avail_in = left > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)left;
    uint32_t given = s->avail_in;
    do {
      size_t room = (size_t)s->avail_in / 4 + 4096;
      uint8_t *to = buffer_reserve(out, room);
      if (!to) return buffer_check(out, "compressed data", err);
      s->next_out = to;
      s->avail_out = (uint32_t)room;
      int status = isal_deflate(s);
      if (status != COMP_OK) return fail(err, ERR_INTERNAL, "gzip compression failed with status %d", status);
      out->len += room - s->avail_out;
    } while (s->avail_out == 0 || s->avail_in > 0);
    left -= given;
  } while (left > 0);
  return true;
}

void deflate_stored_piece(const uint8_t *bytes, size_t len, struct buffer *out) {
  while (len > 0) {
    uint16_t n = len > STORED_MAX ? STORED_MAX : (uint16_t)len;
    /* BFINAL 0, BTYPE 00; the piece before ended byte-aligned, so the three bits fill a byte of zeros. */
    const uint8_t header[5] = {0, (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)~n, (uint8_t)(~n >> 8)};
    buffer_append(out, header, sizeof header);
    buffer_append(out, bytes, n);
    bytes += n;
    len -= n;
  }
}

void deflate_finish(struct buffer *out) {
  const uint8_t block[5] = {1, 0, 0, 0xFF, 0xFF};
  buffer_append(out, block, sizeof block);
}
