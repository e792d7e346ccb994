/*
 * One Zstandard frame with its content size. The window is held at the size of a page: larger would find nothing more,
 * and at high levels cost tens of MiB of tables for the one huge value; those do with 1 MiB.
 */
#include "compress/block_codecs.h"

#include <stdlib.h>
#include <zstd.h>

#define WINDOW_LOG 22
#define WINDOW_LOG_HIGH 20  /* for levels whose tables grow with the window */
#define LEVEL_HIGH 5
#define PIECE_OVERHEAD 16   /* bytes that a piece may add at most: headers of its blocks, what a flush leaves */

/*
 * The fast way: one hash table that fits the second-level cache, matches of 5 bytes and more. Measured on a
 * million rows against level 3: JSON 382 instead of 254 MB/s and 0.4% smaller, decimals of 8 bytes 164
 * instead of 85 MB/s and 1.3% smaller, timestamps 669 instead of 136 MB/s and 0.2% larger; but names 10%
 * larger. So it is for trial, not for all. A larger table makes pages of 2 MiB of JSON another 1% smaller at the same
 * speed; small pages it would only slow down.
 */
#define FAST_HASH_LOG 15
#define FAST_HASH_LOG_LARGE 17
#define LARGE_BYTES (512u << 10)
#define FAST_MIN_MATCH 5

struct zstd {
  ZSTD_CCtx *compressor;
  int level;
  bool is_fast;
};

static void set_fast(void *context, bool fast) {
  struct zstd *z = context;
  int window_log = z->level < LEVEL_HIGH || fast ? WINDOW_LOG : WINDOW_LOG_HIGH;
  z->is_fast = fast;
  ZSTD_CCtx_reset(z->compressor, ZSTD_reset_parameters);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_compressionLevel, fast ? 1 : z->level);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_windowLog, window_log);
  if (!fast) return;
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_strategy, ZSTD_fast);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_minMatch, FAST_MIN_MATCH);
}

static void suit_size(struct zstd *z, size_t len) {
  if (!z->is_fast) return;
  int hash_log = len < LARGE_BYTES ? FAST_HASH_LOG : FAST_HASH_LOG_LARGE;
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_hashLog, hash_log);
}

static void close_context(void *context) {
  struct zstd *z = context;
  if (!z) return;
  ZSTD_freeCCtx(z->compressor);
  free(z);
}

static bool open_context(int level, void **context, struct error *err) {
  struct zstd *z = calloc(1, sizeof *z);
  if (!z || !(z->compressor = ZSTD_createCCtx())) {
    close_context(z);
    return fail_memory(err, "a Zstandard compressor");
  }
  z->level = level;
  set_fast(z, false);
  *context = z;
  return true;
}

static bool compress(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err) {
  size_t room = ZSTD_compressBound(len);
  uint8_t *to = buffer_reserve(out, room);
  struct zstd *z = context;
  if (!to) return buffer_check(out, "a compressed page", err);
  suit_size(z, len);
  size_t size = ZSTD_compress2(z->compressor, to, room, bytes, len);
  if (ZSTD_isError(size))
    return fail(err, ERR_MEMORY, "cannot compress a page with Zstandard: %s", ZSTD_getErrorName(size));
  out->len += size;
  return true;
}

/*
 * A flush ends the block, so that each piece has codes of its own: bytes of different streams share none that suit
 * neither. On timestamps split by bytes that saves 2%. What the stream must keep is no more than the page.
 */
static bool compress_pieces(void *context, const uint8_t *bytes, size_t len, struct block_pieces pieces,
                            struct buffer *out, struct error *err) {
  struct zstd *z = context;
  size_t room = ZSTD_compressBound(len) + PIECE_OVERHEAD * (len / pieces.each + 2), done = 0;
  ZSTD_outBuffer to = {.dst = buffer_reserve(out, room), .size = room};
  if (!to.dst) return buffer_check(out, "a compressed page", err);
  ZSTD_CCtx_reset(z->compressor, ZSTD_reset_session_only);
  suit_size(z, len);
  ZSTD_CCtx_setPledgedSrcSize(z->compressor, len);
  for (size_t end = pieces.head ? pieces.head : pieces.each;; end += pieces.each) {
    ZSTD_inBuffer from = {.src = bytes, .size = end < len ? end : len, .pos = done};
    bool is_last = from.size == len;
    size_t left = ZSTD_compressStream2(z->compressor, &to, &from, is_last ? ZSTD_e_end : ZSTD_e_flush);
    if (ZSTD_isError(left) || left)
      return fail(err, ERR_MEMORY, "cannot compress a page with Zstandard: %s", ZSTD_getErrorName(left));
    done = from.pos;
    if (is_last) break;
  }
  out->len += to.pos;
  return true;
}

static bool expand(const uint8_t *bytes, size_t len, uint8_t *to, size_t room, struct error *err) {
  size_t size = ZSTD_decompress(to, room, bytes, len);
  return (!ZSTD_isError(size) && size == room) || fail_block(err, "zstd", room);
}

const struct block_codec block_zstd = {.name = "zstd", .level_min = 1, .level_max = 19, .level_default = 3,
                                       .open = open_context, .close = close_context, .compress = compress,
                                       .compress_pieces = compress_pieces, .set_fast = set_fast,
                                       .expand = expand};
