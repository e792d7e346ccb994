/*
 * Block compression: one buffer in, one buffer out, for Parquet's pages. (Streams are in deflate.h and
 * zstd_stream.h.) A compressor's context belongs to one thread.
 */
#pragma once
#include "base/buffer.h"

struct block_pieces { size_t head, each; };   /* each > 0 */

/*
 * A way of compressing beside the level's own. Readers see no difference.
 *   limit   per mille of the best size so far that it may reach to be taken: above 1000 for a faster way,
 *           below for a slower one
 *   texts   it is for texts alone
 *   bytes   of memory that it takes at most beside the level's
 */
struct block_way { int limit; bool texts; size_t bytes; };
#define BLOCK_WAYS_MAX 2

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
  /* Others than way 0, the level's, to be tried in this order; limit 0 ends them. */
  struct block_way ways[BLOCK_WAYS_MAX + 1];
  void (*set_way)(void *context, int way);   /* until the next time; way 1 is ways[0]. NULL where there are none */
  /*
   * The other way, for reading files back: exactly `room` bytes come out of the block, or it is damaged
   * (ERR_VALUE). Nothing is written beyond them, whatever the bytes are. Needs no context.
   */
  bool (*expand)(const uint8_t *bytes, size_t len, uint8_t *to, size_t room, struct error *err);
};

extern const struct block_codec *const block_codecs[];   /* none snappy gzip zstd lz4_raw, NULL-terminated */
const struct block_codec *block_codec_find(const char *name);

/* ERR_VALUE: what every codec's expand says of a block that is not `room` bytes of its format. */
#define fail_block(err, name, room) \
  fail((err), ERR_VALUE, "it is damaged: no %s block of %zu bytes", (name), (room))
