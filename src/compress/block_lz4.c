/* One bare LZ4 block: no frame, no length, as Parquet's LZ4_RAW wants it. */
#include "compress/block_codecs.h"

#include <lz4.h>

static bool compress(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err) {
  if (len > LZ4_MAX_INPUT_SIZE)
    return fail(err, ERR_VALUE, "a page of %zu bytes is too large for LZ4; use parquet.compression=zstd",
                len);
  int room = LZ4_compressBound((int)len);
  uint8_t *to = buffer_reserve(out, (size_t)room);
  if (!to) return buffer_check(out, "a compressed page", err);
  int size = LZ4_compress_default((const char *)bytes, (char *)to, (int)len, room);
  if (size <= 0) return fail(err, ERR_INTERNAL, "cannot compress a page of %zu bytes with LZ4", len);
  out->len += (size_t)size;
  return true;
}

static bool expand(const uint8_t *bytes, size_t len, uint8_t *to, size_t room, struct error *err) {
  bool fits = len <= INT32_MAX && room <= INT32_MAX;
  int size = fits ? LZ4_decompress_safe((const char *)bytes, (char *)to, (int)len, (int)room) : -1;
  return (size >= 0 && (size_t)size == room) || fail_block(err, "lz4_raw", room);
}

const struct block_codec block_lz4_raw = {.name = "lz4_raw", .open = block_open_nothing, .close = block_close_nothing,
                                          .compress = compress, .expand = expand};
