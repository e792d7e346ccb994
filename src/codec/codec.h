/*
 * A codec: how the text of a format is compressed, chunk by chunk, into one stream that cannot be cut
 * without notice. gzip is one member made of byte-aligned deflate pieces (RFC 1951, 1952) that lanes make
 * in parallel; zstd is one frame (RFC 8878) that the writer makes with worker threads of its own.
 *
 *   lanes    lane_new, compress, lane_free: each lane its own
 *   writer   open, begin, write, end, close: one caller at a time, in the order of the output
 *
 * A chunk passes compress on the lane, then write on the writer. The CRC and length of its plain bytes
 * travel with it in struct codec_chunk.
 */
#pragma once
#include "base/buffer.h"
#include "base/option.h"

struct codec_chunk {
  uint32_t crc;          /* CRC-32 of the plain bytes (gzip) */
  uint64_t plain_bytes;
};

struct codec {
  const char *name;             /* "gzip" */
  const char *extension;        /* "gz"; "" for none */
  const char *media_type;       /* "application/gzip"; NULL: the format's */
  const char *help;
  int level_min, level_max, level_default;   /* all 0: takes no level */

  /* Most that a lane's context, and the writer's with so many workers, take; with their output. */
  size_t (*lane_bytes)(int level);
  size_t (*writer_bytes)(int level, int workers);
  /* workers 0: compresses in the caller's thread. Codecs that compress in lanes have none. */
  bool (*open)(int level, int workers, void **self, struct error *err);
  void (*close)(void *self);
  bool (*begin)(void *self, struct buffer *out, struct error *err);
  /*
   * A chunk that a lane hands on. With final_in_lane its bytes are what goes to the file, and write only takes
   * note of them; else out gets what is ready instead of them.
   */
  bool final_in_lane;
  bool (*write)(void *self, const uint8_t *bytes, size_t len, const struct codec_chunk *chunk,
                struct buffer *out, struct error *err);
  /* A few plain bytes between chunks that no lane has compressed (a header, a comma, a closing bracket). */
  bool (*write_plain)(void *self, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err);
  bool (*end)(void *self, struct buffer *out, struct error *err);

  bool (*lane_new)(void *self, void **lane, struct error *err);
  void (*lane_free)(void *lane);
  /* Compresses plain bytes into out. Skipped by the engine where compresses_in_lane is false. */
  bool compresses_in_lane;
  bool (*compress)(void *lane, const uint8_t *plain, size_t len, struct buffer *out,
                   struct codec_chunk *chunk, struct error *err);
};

extern const struct codec codec_none, codec_gzip, codec_zstd;
extern const struct codec *const codecs[];   /* NULL-terminated; codecs[0] is "none" */

const struct codec *codec_find(const char *name);
const struct codec *codec_find_extension(const char *extension);

/* "gzip", "zstd:3": the codec and its level. ERR_USAGE names `field`. */
bool codec_parse(const char *text, const char *field, const struct codec **codec, int *level,
                 struct error *err) MUST_CHECK;
