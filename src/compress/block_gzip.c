/* One gzip member a block (RFC 1952), by ISA-L: near zlib's levels 1 to 3 at many times the speed. */
#include "compress/block_codecs.h"

#include <isa-l/igzip_lib.h>

#include <stdlib.h>
#include <zlib.h>

#define GZIP_ONLY (15 + 16)             /* inflateInit2: largest window, gzip header required */
#define HEADER_AND_TRAILER_BYTES 64   /* gzip's 10 and 8, and the last block's */

struct gzip {
  struct isal_zstream stream;
  uint32_t level;
  uint32_t work_size;
  uint8_t *work;
};

static uint32_t work_size_of(int level) {
  if (level == 1) return ISAL_DEF_LVL1_DEFAULT;
  return level == 2 ? ISAL_DEF_LVL2_DEFAULT : ISAL_DEF_LVL3_DEFAULT;
}

static void close_context(void *context) {
  struct gzip *g = context;
  if (!g) return;
  free(g->work);
  free(g);
}

static bool open_context(int level, void **context, struct error *err) {
  struct gzip *g = calloc(1, sizeof *g);
  if (!g) return fail_memory(err, "a gzip compressor");
  g->level = (uint32_t)level;
  g->work_size = work_size_of(level);
  g->work = malloc(g->work_size);
  if (!g->work) {
    close_context(g);
    return fail_memory(err, "a gzip compressor");
  }
  *context = g;
  return true;
}

/* Where deflate gains nothing ISA-L stores: 5 bytes for each 65,535. */
static size_t bound(size_t len) { return len + (len / 65535 + 1) * 5 + HEADER_AND_TRAILER_BYTES; }

static bool compress_block(void *context, const uint8_t *bytes, size_t len, struct buffer *out,
                           struct error *err) {
  struct gzip *g = context;
  size_t room = bound(len);
  if (room > UINT32_MAX) return fail(err, ERR_VALUE, "a page of %zu bytes is too large for gzip", len);
  uint8_t *to = buffer_reserve(out, room);
  if (!to) return buffer_check(out, "a compressed page", err);
  isal_deflate_stateless_init(&g->stream);
  g->stream.level = g->level;
  g->stream.level_buf = g->work;
  g->stream.level_buf_size = g->work_size;
  g->stream.gzip_flag = IGZIP_GZIP;
  g->stream.end_of_stream = 1;
  g->stream.next_in = (uint8_t *)(uintptr_t)bytes;   /* ISA-L only reads it */
  g->stream.avail_in = (uint32_t)len;
  g->stream.next_out = to;
  g->stream.avail_out = (uint32_t)room;
  int result = isal_deflate_stateless(&g->stream);
  if (result != COMP_OK)
    return fail(err, ERR_INTERNAL, "cannot compress a page with gzip: ISA-L says %d", result);
  out->len += g->stream.total_out;
  return true;
}

/* By zlib, not by the library that compresses. Members may follow each other. */
static bool expand(const uint8_t *bytes, size_t len, uint8_t *to, size_t room, struct error *err) {
  if (len > UINT32_MAX || room > UINT32_MAX) return fail_block(err, "gzip", room);
  uint8_t nothing;   /* zlib wants a place even for no bytes */
  z_stream z = {.next_in = (uint8_t *)(uintptr_t)bytes, .avail_in = (uInt)len,
                .next_out = room ? to : &nothing, .avail_out = (uInt)room};
  if (inflateInit2(&z, GZIP_ONLY) != Z_OK) return fail_memory(err, "gzip");
  int status = inflate(&z, Z_FINISH);
  while (status == Z_STREAM_END && z.avail_in && inflateReset(&z) == Z_OK) status = inflate(&z, Z_FINISH);
  bool ok = status == Z_STREAM_END && z.avail_out == 0 && z.avail_in == 0;
  inflateEnd(&z);
  return ok || fail_block(err, "gzip", room);
}

const struct block_codec block_gzip = {.name = "gzip", .level_min = 1, .level_max = 3, .level_default = 2,
                                       .open = open_context, .close = close_context, .compress = compress_block, .expand = expand};
