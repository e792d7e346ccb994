#include "format/parquet/page.h"

#include "compress/crc.h"
#include "format/parquet/thrift.h"

#include <string.h>

#define PAGE_BYTES_MAX INT32_MAX
#define HEADER_BYTES_MAX 256
#define KEEP_BYTES (2u << 20)   /* of the compression buffer; a huge value's memory is given back */

bool page_writer_init(struct page_writer *w, const struct block_codec *codec, int level, struct spill *spill,
                      struct error *err) {
  *w = (struct page_writer){.codec = codec, .spill = spill};
  buffer_init(&w->compressed, (size_t)PAGE_BYTES_MAX + (16u << 20));
  buffer_init(&w->header, HEADER_BYTES_MAX);
  return codec->open(level, &w->codec_context, err);
}

void page_writer_deinit(struct page_writer *w) {
  if (w->codec) w->codec->close(w->codec_context);
  buffer_deinit(&w->compressed);
  buffer_deinit(&w->header);
}

static void write_header(struct buffer *out, const struct page *page, size_t stored_bytes, uint32_t crc) {
  struct thrift_writer w = thrift_begin(out);
  thrift_i32(&w, 1, page->type);
  thrift_i32(&w, 2, (int32_t)page->body_bytes);
  thrift_i32(&w, 3, (int32_t)stored_bytes);
  thrift_i32(&w, 4, (int32_t)crc);
  thrift_struct_begin(&w, page->type == PAGE_DATA ? 5 : 7);
  thrift_i32(&w, 1, (int32_t)page->value_count);
  thrift_i32(&w, 2, page->encoding);
  if (page->type == PAGE_DATA) {
    thrift_i32(&w, 3, ENCODING_RLE);   /* definition levels */
    thrift_i32(&w, 4, ENCODING_RLE);   /* repetition levels */
  }
  thrift_struct_end(&w);
  thrift_struct_end(&w);
}

/* Less than a thirty-second saved is not worth every reader's time. */
static bool shrinks(size_t before, size_t after) { return after < before - before / 32; }

static bool compress(struct page_writer *w, const struct page *page, enum storage *storage, struct error *err) {
  buffer_reset(&w->compressed);
  if (*storage == STORE_RAW) return true;
  if (!w->codec->compress(w->codec_context, page->body, page->body_bytes, &w->compressed, err)) return false;
  if (*storage == STORE_UNDECIDED)
    *storage = shrinks(page->body_bytes, w->compressed.len) ? STORE_COMPRESSED : STORE_RAW;
  return true;
}

bool page_write(struct page_writer *w, const struct page *page, enum storage *storage, struct page_place *place,
                struct error *err) {
  if (page->body_bytes > PAGE_BYTES_MAX)
    return fail(err, ERR_VALUE, "a Parquet page of %zu bytes is larger than 2 GiB", page->body_bytes);
  if (!compress(w, page, storage, err)) return false;
  bool raw = *storage == STORE_RAW;
  const uint8_t *bytes = raw ? page->body : w->compressed.data;
  size_t len = raw ? page->body_bytes : w->compressed.len;
  if (len > PAGE_BYTES_MAX) return fail(err, ERR_VALUE, "a Parquet page is larger than 2 GiB when compressed");
  buffer_reset(&w->header);
  write_header(&w->header, page, len, crc_update(0, bytes, len));
  if (!buffer_check(&w->header, "a page header", err)) return false;
  *place = (struct page_place){.position = spill_end(w->spill), .stored_bytes = (uint32_t)(w->header.len + len),
                               .plain_bytes = (uint32_t)(w->header.len + page->body_bytes)};
  if (!spill_append(w->spill, w->header.data, w->header.len, err)) return false;
  if (!spill_append(w->spill, bytes, len, err)) return false;
  buffer_reset(&w->compressed);
  buffer_shrink(&w->compressed, KEEP_BYTES);
  return true;
}
