/* zstd as one frame: lanes hand on plain chunks, and the writer's context compresses them with its workers. */
#include "codec/codec.h"
#include "compress/zstd_stream.h"

static size_t zstd_lane_bytes(int level) { return 0; }
static size_t zstd_writer_bytes(int level, int workers) { return zstd_stream_memory_bytes(level, workers); }
static bool zstd_open(int level, int workers, void **self, struct error *err) {
  *self = zstd_stream_new(level, workers, err);
  return *self != NULL;
}
static void zstd_close(void *self) { zstd_stream_free(self); }
static bool zstd_begin(void *self, struct buffer *out, struct error *err) { return true; }
static bool zstd_write_plain(void *self, const uint8_t *bytes, size_t len, struct buffer *out,
                             struct error *err) {
  return zstd_stream_write(self, bytes, len, false, out, err);
}
static bool zstd_write(void *self, const uint8_t *bytes, size_t len, const struct codec_chunk *chunk,
                       struct buffer *out, struct error *err) {
  return zstd_write_plain(self, bytes, len, out, err);
}
static bool zstd_end(void *self, struct buffer *out, struct error *err) {
  return zstd_stream_write(self, NULL, 0, true, out, err);
}
static bool zstd_lane_new(void *self, void **lane, struct error *err) {
  *lane = NULL;
  return true;
}
static void zstd_lane_free(void *lane) {}
static bool zstd_compress(void *lane, const uint8_t *plain, size_t len, struct buffer *out,
                          struct codec_chunk *chunk, struct error *err) {
  buffer_append(out, plain, len);
  return buffer_check(out, "output", err);
}

const struct codec codec_zstd = {
    .name = "zstd",
    .extension = "zst",
    .media_type = "application/zstd",
    .help = "zstd, one frame with a checksum; levels 1 to 19, by default 1",
    .level_min = 1,
    .level_max = ZSTD_STREAM_LEVEL_MAX,
    .level_default = 1,   /* of rows as text: 2 % larger than at level 3, in half the time (docs/performance.md) */
    .lane_bytes = zstd_lane_bytes,
    .writer_bytes = zstd_writer_bytes,
    .open = zstd_open,
    .close = zstd_close,
    .begin = zstd_begin,
    .write = zstd_write,
    .write_plain = zstd_write_plain,
    .end = zstd_end,
    .lane_new = zstd_lane_new,
    .lane_free = zstd_lane_free,
    .compress = zstd_compress,
};
