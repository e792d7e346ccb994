/*
 * Block compression: one buffer in, one buffer out, for Parquet's pages. (Streams are in deflate.h and
 * zstd_stream.h.) A compressor's context belongs to one thread.
 */
#pragma once
#include "base/buffer.h"

struct block_codec {
  const char *name;                          /* "zstd" */
  int level_min, level_max, level_default;   /* all 0: takes no level */
  bool (*open)(int level, void **context, struct error *err);
  void (*close)(void *context);              /* NULL is allowed */
  /* Appends the compressed block to out. ERR_MEMORY where out's maximum or the memory does not suffice. */
  bool (*compress)(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err);
};

extern const struct block_codec *const block_codecs[];   /* none snappy gzip zstd lz4_raw, NULL-terminated */
const struct block_codec *block_codec_find(const char *name);
