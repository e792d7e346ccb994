#include "format/parquet/page.h"

#include "compress/crc.h"
#include "format/parquet/thrift.h"

#include <string.h>

#define PAGE_BYTES_MAX INT32_MAX
#define HEADER_BYTES_MAX 256
#define TELLS_BYTES_MIN 1024    /* a smaller page tells nothing about its chunk */
#define FAST_TOLERANCE 200      /* the fast way may cost one part in so many */
#define KEEP_BYTES (2u << 20)   /* of the compression buffer; a huge value's memory is given back */

bool page_writer_init(struct page_writer *w, const struct block_codec *codec, int level, struct spill *spill,
                      struct error *err) {
  *w = (struct page_writer){.codec = codec, .spill = spill};
  buffer_init(&w->compressed, (size_t)PAGE_BYTES_MAX + (16u << 20));
  buffer_init(&w->trial, w->compressed.max);
  buffer_init(&w->header, HEADER_BYTES_MAX);
  return codec->open(level, &w->codec_context, err);
}

void page_writer_deinit(struct page_writer *w) {
  if (w->codec) w->codec->close(w->codec_context);
  buffer_deinit(&w->compressed);
  buffer_deinit(&w->trial);
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

struct storage page_storage_open(const struct page_writer *w) {
  bool compresses = w->codec != block_codecs[0];
  return (struct storage){.is_raw = !compresses, .raw_is_open = compresses,
                          .fast_is_open = compresses && w->codec->set_fast != NULL};
}

static bool compress(struct page_writer *w, const struct page *page, bool fast, struct buffer *out,
                     struct error *err) {
  if (w->is_fast != fast) w->codec->set_fast(w->codec_context, fast);
  w->is_fast = fast;
  buffer_reset(out);
  if (page->pieces.each && w->codec->compress_pieces)
    return w->codec->compress_pieces(w->codec_context, page->body, page->body_bytes, page->pieces, out, err);
  return w->codec->compress(w->codec_context, page->body, page->body_bytes, out, err);
}

bool page_try(struct page_writer *w, const struct page *page, size_t *stored_bytes, struct error *err) {
  *stored_bytes = page->body_bytes;
  if (w->codec == block_codecs[0]) return true;
  if (!compress(w, page, false, &w->compressed, err)) return false;
  if (shrinks(page->body_bytes, w->compressed.len)) *stored_bytes = w->compressed.len;
  return true;
}

/* Compresses in both ways and keeps the better one's bytes. */
static bool compare_ways(struct page_writer *w, const struct page *page, struct storage *storage,
                         struct error *err) {
  if (!compress(w, page, false, &w->compressed, err) || !compress(w, page, true, &w->trial, err))
    return false;
  storage->is_fast = w->trial.len <= w->compressed.len + w->compressed.len / FAST_TOLERANCE;
  storage->fast_is_open = false;
  if (storage->is_fast) {
    struct buffer swap = w->compressed;
    w->compressed = w->trial;
    w->trial = swap;
  }
  buffer_reset(&w->trial);
  buffer_shrink(&w->trial, 0);
  return true;
}

/* Sets w->compressed, unless the storage is or becomes raw. */
static bool settle_and_compress(struct page_writer *w, const struct page *page, struct storage *storage,
                                struct error *err) {
  bool tells = page->body_bytes >= TELLS_BYTES_MIN || page->is_last;
  if (storage->is_raw) return true;
  if (storage->fast_is_open && tells) {
    if (!compare_ways(w, page, storage, err)) return false;
  } else if (!compress(w, page, storage->is_fast, &w->compressed, err)) {
    return false;
  }
  /* A dictionary may still shrink when it comes; other data pages of the chunk are like this one. */
  bool is_alone = page->type == PAGE_DATA && page->encoding != ENCODING_RLE_DICTIONARY;
  storage->is_raw =
      storage->raw_is_open && is_alone && tells && !shrinks(page->body_bytes, w->compressed.len);
  storage->raw_is_open = false;
  return true;
}

bool page_write(struct page_writer *w, const struct page *page, struct storage *storage,
                struct page_place *place, struct error *err) {
  if (page->body_bytes > PAGE_BYTES_MAX)
    return fail(err, ERR_VALUE, "a Parquet page of %zu bytes is larger than 2 GiB", page->body_bytes);
  if (!settle_and_compress(w, page, storage, err)) return false;
  bool raw = storage->is_raw;
  const uint8_t *bytes = raw ? page->body : w->compressed.data;
  size_t len = raw ? page->body_bytes : w->compressed.len;
  if (len > PAGE_BYTES_MAX)
    return fail(err, ERR_VALUE, "a Parquet page is larger than 2 GiB when compressed");
  buffer_reset(&w->header);
  write_header(&w->header, page, len, crc_update(0, bytes, len));
  if (!buffer_check(&w->header, "a page header", err)) return false;
  *place = (struct page_place){.position = spill_end(w->spill),
                               .stored_bytes = (uint32_t)(w->header.len + len),
                               .plain_bytes = (uint32_t)(w->header.len + page->body_bytes)};
  if (!spill_append(w->spill, w->header.data, w->header.len, err)) return false;
  if (!spill_append(w->spill, bytes, len, err)) return false;
  buffer_reset(&w->compressed);
  buffer_shrink(&w->compressed, KEEP_BYTES);
  return true;
}
