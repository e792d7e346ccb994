#include "compress/block.h"

#include "compress/block_codecs.h"

#include <string.h>

bool block_open_nothing(int level, void **context, struct error *err) {
  *context = NULL;
  return true;
}

void block_close_nothing(void *context) {}

static bool none_compress(void *context, const uint8_t *bytes, size_t len, struct buffer *out,
                          struct error *err) {
  buffer_append(out, bytes, len);
  return buffer_check(out, "a page", err);
}

static bool none_expand(const uint8_t *bytes, size_t len, uint8_t *to, size_t room, struct error *err) {
  if (len != room) return fail_block(err, "plain", room);
  if (len) memcpy(to, bytes, len);
  return true;
}

const struct block_codec block_none = {.name = "none", .open = block_open_nothing, .close = block_close_nothing,
                                       .compress = none_compress, .expand = none_expand};

const struct block_codec *const block_codecs[] = {
    &block_none, &block_snappy, &block_gzip, &block_zstd, &block_lz4_raw, NULL};

const struct block_codec *block_codec_find(const char *name) {
  for (const struct block_codec *const *c = block_codecs; *c; c++)
    if (strcmp((*c)->name, name) == 0) return *c;
  return NULL;
}
