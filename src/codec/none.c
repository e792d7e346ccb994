/* No compression: bytes pass as they are. */
#include "codec/codec.h"

static size_t none_lane_bytes(int level) { return 0; }
static size_t none_writer_bytes(int level, int workers) { return 0; }
static bool none_open(int level, int workers, void **self, struct error *err) {
  *self = NULL;
  return true;
}
static void none_close(void *self) {}
static bool none_begin(void *self, struct buffer *out, struct error *err) { return true; }
static bool none_write_plain(void *self, const uint8_t *bytes, size_t len, struct buffer *out,
                             struct error *err) {
  buffer_append(out, bytes, len);
  return buffer_check(out, "output", err);
}
static bool none_write(void *self, const uint8_t *bytes, size_t len, const struct codec_chunk *chunk,
                       struct buffer *out, struct error *err) {
  return true;
}
static bool none_end(void *self, struct buffer *out, struct error *err) { return true; }
static bool none_lane_new(void *self, void **lane, struct error *err) {
  *lane = NULL;
  return true;
}
static void none_lane_free(void *lane) {}
static bool none_compress(void *lane, const uint8_t *plain, size_t len, struct buffer *out,
                          struct codec_chunk *chunk, struct error *err) {
  return none_write_plain(NULL, plain, len, out, err);
}

const struct codec codec_none = {
    .name = "none",
    .extension = "",
    .help = "no compression",
    .final_in_lane = true,
    .lane_bytes = none_lane_bytes,
    .writer_bytes = none_writer_bytes,
    .open = none_open,
    .close = none_close,
    .begin = none_begin,
    .write = none_write,
    .write_plain = none_write_plain,
    .end = none_end,
    .lane_new = none_lane_new,
    .lane_free = none_lane_free,
    .compress = none_compress,
};
