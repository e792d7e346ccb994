/*
 * One Zstandard frame with its content size. The window is held at the size of a page: larger would find nothing more,
 * and at high levels cost tens of MiB of tables for the one huge value; those do with 1 MiB.
 */
#include "compress/block_codecs.h"
#include "compress/word_matches.h"

#include <stdlib.h>
#include <string.h>

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

/*
 * The words' way: matches of our own finding (compress/word_matches.h), handed to ZSTD_compressSequences.
 * Documents of JSON become 18% smaller than at level 3, names 13%. zstd calls that function experimental, so
 * nothing of its making is written that does not expand to the same bytes; whatever goes wrong, the page is
 * compressed at the level.
 */
#define WORDS_BYTES_MAX (4u << 20)   /* more is one huge value */
#define PROOF_BYTES (64u << 10)
#define WORDS_MEMORY (15u << 18)     /* tables, 16 bytes for each of the most matches, a window to expand */

enum { WAY_LEVEL, WAY_FAST, WAY_WORDS };

struct zstd {
  ZSTD_CCtx *compressor;
  int level, way;
  struct word_matches words;   /* all zeros until they are wanted */
  ZSTD_DCtx *proof;            /* expands what was made of them; NULL until then */
};

static int window_log(const struct zstd *z) {
  return z->level < LEVEL_HIGH || z->way == WAY_FAST ? WINDOW_LOG : WINDOW_LOG_HIGH;
}

/*
 * The words' way is the level's where their matches cannot be used. Below level 10 zstd would spell out the
 * distance of each match that is handed to it, even where it is that of the match before: word_matches.c
 * counts on that to cost nothing.
 */
static void set_way(void *context, int way) {
  struct zstd *z = context;
  z->way = way;
  ZSTD_CCtx_reset(z->compressor, ZSTD_reset_parameters);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_compressionLevel, way == WAY_FAST ? 1 : z->level);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_windowLog, window_log(z));
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_searchForExternalRepcodes, ZSTD_ps_enable);
  if (way != WAY_FAST) return;
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_strategy, ZSTD_fast);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_minMatch, FAST_MIN_MATCH);
}

static void suit_size(struct zstd *z, size_t len) {
  if (z->way != WAY_FAST) return;
  int hash_log = len < LARGE_BYTES ? FAST_HASH_LOG : FAST_HASH_LOG_LARGE;
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_hashLog, hash_log);
}

static void close_context(void *context) {
  struct zstd *z = context;
  if (!z) return;
  ZSTD_freeCCtx(z->compressor);
  ZSTD_freeDCtx(z->proof);
  word_matches_close(&z->words);
  free(z);
}

static bool open_context(int level, void **context, struct error *err) {
  struct zstd *z = calloc(1, sizeof *z);
  if (!z || !(z->compressor = ZSTD_createCCtx())) {
    close_context(z);
    return fail_memory(err, "a Zstandard compressor");
  }
  z->level = level;
  set_way(z, WAY_LEVEL);
  *context = z;
  return true;
}

/* The frame gives back the bytes: a window at a time. */
static bool proves(struct zstd *z, const uint8_t *frame, size_t size, const uint8_t *bytes, size_t len) {
  uint8_t piece[PROOF_BYTES];
  size_t left = 1, done = 0;
  ZSTD_inBuffer from = {.src = frame, .size = size};
  ZSTD_DCtx_reset(z->proof, ZSTD_reset_session_only);
  while (left) {
    ZSTD_outBuffer to = {.dst = piece, .size = sizeof piece};
    left = ZSTD_decompressStream(z->proof, &to, &from);
    if (ZSTD_isError(left) || to.pos > len - done || memcmp(piece, bytes + done, to.pos)) return false;
    if (left && !to.pos && from.pos == from.size) return false;   /* it ends too early */
    done += to.pos;
  }
  return done == len && from.pos == size;
}

static bool open_words(struct zstd *z) {
  struct error ignored;
  if (!z->words.found && !word_matches_open(&z->words, &ignored)) return false;
  return z->proof || (z->proof = ZSTD_createDCtx());
}

/* Else zstd makes room for a window of each, 770 KB that nothing is put into. */
static void set_stable_buffers(struct zstd *z, bool stable) {
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_stableInBuffer, stable);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_stableOutBuffer, stable);
}

/* 0: not in this way. */
static size_t compress_words(struct zstd *z, const uint8_t *bytes, size_t len, uint8_t *to, size_t room) {
  if (!len || len > WORDS_BYTES_MAX || !open_words(z) || !word_matches_find(&z->words, bytes, len)) return 0;
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_windowLog, WORD_MATCHES_WINDOW_LOG);
  set_stable_buffers(z, true);
  size_t size = ZSTD_compressSequences(z->compressor, to, room, z->words.found, z->words.count, bytes, len);
  /* It leaves the session open, in which no parameter can be set. */
  ZSTD_CCtx_reset(z->compressor, ZSTD_reset_session_only);
  set_stable_buffers(z, false);
  ZSTD_CCtx_setParameter(z->compressor, ZSTD_c_windowLog, window_log(z));
  return ZSTD_isError(size) || !proves(z, to, size, bytes, len) ? 0 : size;
}

static bool compress(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err) {
  size_t room = ZSTD_compressBound(len);
  uint8_t *to = buffer_reserve(out, room);
  struct zstd *z = context;
  if (!to) return buffer_check(out, "a compressed page", err);
  size_t words_size = z->way == WAY_WORDS ? compress_words(z, bytes, len, to, room) : 0;
  if (words_size) {
    out->len += words_size;
    return true;
  }
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
                                       .compress_pieces = compress_pieces, .set_way = set_way,
                                       .expand = expand,
                                       .ways = {[WAY_FAST - 1] = {.limit = 1005},
                                                [WAY_WORDS - 1] = {.limit = 930, .texts = true, .bytes = WORDS_MEMORY}}};
