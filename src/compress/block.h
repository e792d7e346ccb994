/*
 * Block compression: one buffer in, one buffer out, for Parquet's pages. (Streams are in deflate.h and
 * zstd_stream.h.) A compressor's context belongs to one thread.
 */
#pragma once
#include "base/buffer.h"

struct block_pieces { size_t head, each; };   /* each > 0 */

struct block_codec {
  const char *name;                          /* "zstd" */
  int level_min, level_max, level_default;   /* all 0: takes no level */
  bool (*open)(int level, void **context, struct error *err);
  void (*close)(void *context);              /* NULL is allowed */
  /* Appends the compressed block to out. ERR_MEMORY where out's maximum or the memory does not suffice. */
  bool (*compress)(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err);
  /*
   * The same for bytes that consist of pieces unlike each other: the first `head` bytes, then pieces of `each` bytes.
   * NULL where the codec has nothing to gain from knowing that. Readers see no difference.
   */
  bool (*compress_pieces)(void *context, const uint8_t *bytes, size_t len, struct block_pieces pieces,
                          struct buffer *out, struct error *err);
  /*
   * Switches to a way of compressing that is faster than the level and on much data no worse, and back. It
   * stays until the next switch. NULL where there is none. Readers see no difference.
   */
  void (*set_fast)(void *context, bool fast);
};

extern const struct block_codec *const block_codecs[];   /* none snappy gzip zstd lz4_raw, NULL-terminated */
const struct block_codec *block_codec_find(const char *name);
