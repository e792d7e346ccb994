#include "format/parquet/page.h"

#include "compress/crc.h"
#include "format/parquet/thrift.h"

#include <string.h>

#define PAGE_BYTES_MAX INT32_MAX
#define HEADER_BYTES_MAX 256
#define TELLS_BYTES_MIN 1024    /* a smaller page tells nothing about its chunk */
#define WAY_TRIALS_MAX 3        /* per chunk */
#define KEEP_BYTES (2u << 20)   /* of the compression buffer; a huge value's memory is given back */

bool page_writer_init(struct page_writer *w, const struct block_codec *codec, int level, bool tries_texts,
                      struct spill *spill, struct error *err) {
  *w = (struct page_writer){.codec = codec, .spill = spill, .tries_texts = tries_texts};
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

struct storage page_storage_open(const struct page_writer *w, bool is_text) {
  bool compresses = w->codec != block_codecs[0];
  return (struct storage){.is_raw = !compresses, .raw_is_open = compresses,
                          .is_text = is_text && w->tries_texts,
                          .way_is_open = compresses && w->codec->set_way != NULL};
}

static bool compress(struct page_writer *w, const struct page *page, int way, struct buffer *out,
                     struct error *err) {
  if (w->way != way) w->codec->set_way(w->codec_context, way);
  w->way = way;
  buffer_reset(out);
  if (page->pieces.each && w->codec->compress_pieces)
    return w->codec->compress_pieces(w->codec_context, page->body, page->body_bytes, page->pieces, out, err);
  return w->codec->compress(w->codec_context, page->body, page->body_bytes, out, err);
}

static bool is_within(size_t size, struct block_way way, size_t best) {
  return size <= (uint64_t)best * (uint64_t)way.limit / 1000;
}

bool page_try(struct page_writer *w, const struct page *page, bool is_text, size_t *stored_bytes,
              struct error *err) {
  *stored_bytes = page->body_bytes;
  if (w->codec == block_codecs[0]) return true;
  if (!compress(w, page, 0, &w->compressed, err)) return false;
  size_t best = w->compressed.len;
  for (int i = 0; is_text && w->tries_texts && w->codec->ways[i].limit; i++) {
    if (!w->codec->ways[i].texts) continue;
    if (!compress(w, page, i + 1, &w->compressed, err)) return false;
    if (is_within(w->compressed.len, w->codec->ways[i], best)) best = w->compressed.len;
  }
  if (shrinks(page->body_bytes, best)) *stored_bytes = best;
  return true;
}

/* Compresses in all ways and keeps the best one's bytes. */
static bool compare_ways(struct page_writer *w, const struct page *page, struct storage *storage,
                         struct error *err) {
  storage->way = 0;
  if (!compress(w, page, 0, &w->compressed, err)) return false;
  for (int i = 0; w->codec->ways[i].limit; i++) {
    struct block_way way = w->codec->ways[i];
    if (way.texts && !storage->is_text) continue;
    if (!compress(w, page, i + 1, &w->trial, err)) return false;
    if (!is_within(w->trial.len, way, w->compressed.len)) continue;
    storage->way = i + 1;
    struct buffer swap = w->compressed;
    w->compressed = w->trial;
    w->trial = swap;
  }
  storage->way_is_open = false;   /* until it disappoints */
  storage->trials++;
  storage->settled_from = page->body_bytes;
  storage->settled_to = w->compressed.len;
  buffer_reset(&w->trial);
  buffer_shrink(&w->trial, 0);
  return true;
}

/* It was stored in a slow way and shrank a thirty-second less than the one that settled on that. */
static bool disappoints(const struct page_writer *w, const struct page *page, const struct storage *storage) {
  bool is_slow = storage->way && w->codec->ways[storage->way - 1].limit < 1000;
  if (!is_slow || storage->trials == WAY_TRIALS_MAX) return false;
  double before = (double)storage->settled_to / (double)storage->settled_from;
  return (double)w->compressed.len / (double)page->body_bytes > before * (1 + 1.0 / 32);
}

/* Sets w->compressed, unless the storage is or becomes raw. */
static bool settle_and_compress(struct page_writer *w, const struct page *page, struct storage *storage,
                                struct error *err) {
  bool tells = page->body_bytes >= TELLS_BYTES_MIN || page->is_last;
  if (storage->is_raw) return true;
  if (storage->way_is_open && tells) {
    if (!compare_ways(w, page, storage, err)) return false;
  } else {
    if (!compress(w, page, storage->way, &w->compressed, err)) return false;
    storage->way_is_open = storage->way_is_open || (tells && disappoints(w, page, storage));
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
