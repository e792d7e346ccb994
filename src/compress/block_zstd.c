/*
 * One Zstandard frame with its content size. The window is held at 1 MiB, the size of a page: larger
 * would find nothing more, and at high levels cost tens of MiB of tables for the one huge value.
 */
#include "compress/block_codecs.h"

#include <zstd.h>

#define WINDOW_LOG 20

static bool open_context(int level, void **context, struct error *err) {
  ZSTD_CCtx *z = ZSTD_createCCtx();
  if (!z) return fail_memory(err, "a Zstandard compressor");
  ZSTD_CCtx_setParameter(z, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, WINDOW_LOG);
  *context = z;
  return true;
}

static void close_context(void *context) { ZSTD_freeCCtx(context); }

static bool compress(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err) {
  size_t room = ZSTD_compressBound(len);
  uint8_t *to = buffer_reserve(out, room);
  if (!to) return buffer_check(out, "a compressed page", err);
  size_t size = ZSTD_compress2(context, to, room, bytes, len);
  if (ZSTD_isError(size))
    return fail(err, ERR_MEMORY, "cannot compress a page with Zstandard: %s", ZSTD_getErrorName(size));
  out->len += size;
  return true;
}

const struct block_codec block_zstd = {.name = "zstd", .level_min = 1, .level_max = 19, .level_default = 3,
                                       .open = open_context, .close = close_context, .compress = compress};
