/* The raw Snappy format, without its framing. */
#include "compress/block_codecs.h"

#include <snappy-c.h>

static bool compress(void *context, const uint8_t *bytes, size_t len, struct buffer *out, struct error *err) {
  size_t room = snappy_max_compressed_length(len);
  uint8_t *to = buffer_reserve(out, room);
  if (!to) return buffer_check(out, "a compressed page", err);
  if (snappy_compress((const char *)bytes, len, (char *)to, &room) != SNAPPY_OK)
    return fail(err, ERR_INTERNAL, "cannot compress a page of %zu bytes with Snappy", len);
  out->len += room;
  return true;
}

static bool expand(const uint8_t *bytes, size_t len, uint8_t *to, size_t room, struct error *err) {
  size_t size;
  bool fits = snappy_uncompressed_length((const char *)bytes, len, &size) == SNAPPY_OK && size == room;
  return (fits && snappy_uncompress((const char *)bytes, len, (char *)to, &size) == SNAPPY_OK) ||
         fail_block(err, "snappy", room);
}

const struct block_codec block_snappy = {.name = "snappy", .open = block_open_nothing, .close = block_close_nothing,
                                         .compress = compress, .expand = expand};
