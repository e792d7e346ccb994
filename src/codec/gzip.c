/*
 * gzip (RFC 1952) as one member: a header, deflate pieces that lanes made in parallel, the final block, then
 * the CRC and length of the whole, joined from those of the pieces. Several members would be simpler, but a
 * file cut between two members decodes without an error.
 */
#include "codec/codec.h"
#include "compress/crc.h"
#include "compress/deflate.h"

#include <stdlib.h>

struct gzip {
  int level;
  uint32_t crc;
  uint64_t plain_bytes;
};

static size_t gzip_lane_bytes(int level) { return deflate_memory_bytes(level); }
static size_t gzip_writer_bytes(int level, int workers) { return 0; }

static bool gzip_open(int level, int workers, void **self, struct error *err) {
  struct gzip *g = calloc(1, sizeof *g);
  if (!g) return fail_memory(err, "gzip");
  g->level = level;
  *self = g;
  return true;
}

static void gzip_close(void *self) { free(self); }

static bool gzip_begin(void *self, struct buffer *out, struct error *err) {
  /* Magic, method deflate, no flags, no time (the same rows give the same bytes), no hints, unknown system. */
  static const uint8_t header[10] = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF};
  buffer_append(out, header, sizeof header);
  return buffer_check(out, "output", err);
}

static void count(struct gzip *g, uint32_t crc, uint64_t plain_bytes) {
  g->crc = crc_join(g->crc, crc, plain_bytes);
  g->plain_bytes += plain_bytes;
}

static bool gzip_write(void *self, const uint8_t *bytes, size_t len, const struct codec_chunk *chunk,
                       struct buffer *out, struct error *err) {
  count(self, chunk->crc, chunk->plain_bytes);
  return true;
}

static bool gzip_write_plain(void *self, const uint8_t *bytes, size_t len, struct buffer *out,
                             struct error *err) {
  count(self, crc_update(0, bytes, len), len);
  deflate_stored_piece(bytes, len, out);
  return buffer_check(out, "output", err);
}

static bool gzip_end(void *self, struct buffer *out, struct error *err) {
  const struct gzip *g = self;
  deflate_finish(out);
  for (int shift = 0; shift < 32; shift += 8) buffer_append_byte(out, (uint8_t)(g->crc >> shift));
  for (int shift = 0; shift < 32; shift += 8) buffer_append_byte(out, (uint8_t)(g->plain_bytes >> shift));
  return buffer_check(out, "output", err);
}

static bool gzip_lane_new(void *self, void **lane, struct error *err) {
  const struct gzip *g = self;
  *lane = deflate_new(g->level, err);
  return *lane != NULL;
}

static void gzip_lane_free(void *lane) { deflate_free(lane); }

static bool gzip_compress(void *lane, const uint8_t *plain, size_t len, struct buffer *out,
                          struct codec_chunk *chunk, struct error *err) {
  *chunk = (struct codec_chunk){.crc = crc_update(0, plain, len), .plain_bytes = len};
  return deflate_piece(lane, plain, len, out, err);
}

const struct codec codec_gzip = {
    .name = "gzip",
    .extension = "gz",
    .media_type = "application/gzip",
    .help = "gzip, one member, made in parallel; levels 1 to 3",
    .level_min = DEFLATE_LEVEL_MIN,
    .level_max = DEFLATE_LEVEL_MAX,
    .level_default = DEFLATE_LEVEL_MIN,
    .lane_bytes = gzip_lane_bytes,
    .writer_bytes = gzip_writer_bytes,
    .open = gzip_open,
    .close = gzip_close,
    .begin = gzip_begin,
    .write = gzip_write,
    .write_plain = gzip_write_plain,
    .end = gzip_end,
    .final_in_lane = true,
    .compresses_in_lane = true,
    .lane_new = gzip_lane_new,
    .lane_free = gzip_lane_free,
    .compress = gzip_compress,
};
