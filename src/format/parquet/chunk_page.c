#include "format/parquet/chunk_parts.h"

#include "format/parquet/little_endian.h"

static void append_levels(const struct levels *levels, unsigned max, struct buffer *out) {
  if (!max) return;
  uint8_t length[4];
  store_le32(length, (uint32_t)levels->bytes.len);
  buffer_append(out, length, sizeof length);
  buffer_append(out, levels->bytes.data, levels->bytes.len);
}

static void append_all_levels(const struct chunk *c, struct buffer *out) {
  append_levels(&c->repetition, c->leaf->repetition_max, out);
  append_levels(&c->definition, c->leaf->definition_max, out);
}

static size_t levels_bytes(const struct chunk *c) {
  return (c->leaf->repetition_max ? 4 + c->repetition.bytes.len : 0) +
         (c->leaf->definition_max ? 4 + c->definition.bytes.len : 0);
}

/* Below a list a row may have more entries than their room was made for. */
static bool move_values(struct chunk *c, size_t more, struct error *err) {
  if (!buffer_reserve(&c->values, more)) return buffer_check(&c->values, "a page", err);
  memmove(c->values.data + c->head_bytes + more, c->values.data + c->head_bytes, c->values.len - c->head_bytes);
  c->values.len += more;
  c->moved_bytes = more;
  return true;
}

/* The levels go into the room that was left before the values: the page is whole without a copy. */
static bool plain_body(struct chunk *c, struct page *page, struct error *err) {
  if (!buffer_check(&c->values, "a page", err)) return false;
  size_t levels = levels_bytes(c);
  if (levels > c->head_bytes && !move_values(c, levels - c->head_bytes, err)) return false;
  uint8_t *start = c->values.data + c->head_bytes + c->moved_bytes - levels;
  struct buffer head = {.data = start, .capacity = levels, .max = levels};
  append_all_levels(c, &head);
  page->encoding = ENCODING_PLAIN;
  page->body = start;
  page->body_bytes = (size_t)(c->values.data + c->values.len - start);
  return true;
}

static bool index_body(struct chunk *c, struct page *page, struct error *err) {
  struct buffer *body = &c->shared->body;
  if (!buffer_check(&c->values, "a page", err)) return false;
  buffer_reset(body);
  append_all_levels(c, body);
  unsigned width = rle_width(c->dictionary.count - 1);
  buffer_append_byte(body, (uint8_t)width);
  struct rle_encoder encoder;
  rle_init(&encoder, body, width);
  rle_put_array(&encoder, (const uint32_t *)(void *)(c->values.data + c->head_bytes), c->value_count);
  rle_finish(&encoder);
  page->encoding = ENCODING_RLE_DICTIONARY;
  page->body = body->data;
  page->body_bytes = body->len;
  return buffer_check(body, "a page", err);
}

static bool encoded_body(struct chunk *c, struct page *page, struct error *err) {
  struct chunk_shared *s = c->shared;
  if (!buffer_check(&c->values, "a page", err)) return false;
  struct plain_values values = {c->values.data + c->head_bytes, c->values.len - c->head_bytes, c->value_count,
                                (uint32_t)c->leaf->width};
  buffer_reset(&s->body);
  append_all_levels(c, &s->body);
  page->pieces.head = s->body.len;
  encode_values(c->encoding, &values, &s->scratch, &s->body);
  if (c->encoding == ENCODING_BYTE_STREAM_SPLIT) page->pieces.each = c->value_count;
  page->encoding = c->encoding;
  page->body = s->body.data;
  page->body_bytes = s->body.len;
  return buffer_check(&s->body, "a page", err);
}

/* A page of one huge value stays PLAIN: it would only be copied. */
static bool is_encoded(const struct chunk *c) {
  if (c->encoding == ENCODING_PLAIN || c->value_count == 0) return false;
  return c->value_count > 1 || c->values.len - c->head_bytes <= 2 * (size_t)c->page_bytes;
}

static bool make_body(struct chunk *c, struct page *page, struct error *err) {
  if (c->mode == CHUNK_DICTIONARY && c->value_count > 0) return index_body(c, page, err);
  return is_encoded(c) ? encoded_body(c, page, err) : plain_body(c, page, err);
}

static void count_page(struct chunk *c, enum encoding encoding) {
  if (encoding == ENCODING_RLE_DICTIONARY) c->dictionary_pages++, c->raw_bytes += chunk_plain_bytes(c);
  else if (encoding == ENCODING_PLAIN) c->plain_pages++;
  else c->encoded_pages++;
}

static void add_to_index(struct chunk *c, const struct page_place *place) {
  struct page_record record = {.position = place->position, .text_bytes = chunk_is_text(c) ? c->text_bytes : 0,
                               .stored_bytes = place->stored_bytes, .row_count = chunk_row_count(c),
                               .entry_count = c->entry_count, .null_count = c->entry_count - c->value_count};
  struct bound min, max;
  enum page_bounds bounds = BOUNDS_NO_VALUES;
  if (c->value_count) {
    const uint8_t *base = c->mode == CHUNK_PLAIN ? c->values.data + c->moved_bytes : c->dictionary.body.data;
    bool known = c->shared->writes_bounds && range_bounds(&c->range, c->leaf, base, &min, &max);
    bounds = known ? BOUNDS_KNOWN : BOUNDS_UNKNOWN;
  }
  size_t before = page_index_bytes(&c->index);
  c->index.nan_count += c->range.nan_count;
  page_index_add(&c->index, &record, (struct level_counts){c->repetition.counts, c->definition.counts}, bounds, &min, &max);
  c->shared->index_bytes += page_index_bytes(&c->index) - before;
}

bool chunk_write_page(struct chunk *c, bool is_last, struct error *err) {
  struct page page = {.type = PAGE_DATA, .value_count = c->entry_count, .is_last = is_last};
  struct page_place place;
  if (c->leaf->definition_max) levels_finish(&c->definition);
  if (chunk_is_repeated(c)) levels_finish(&c->repetition);
  if (!buffer_check(&c->definition.bytes, "a page's levels", err) ||
      !buffer_check(&c->repetition.bytes, "a page's levels", err))
    return false;
  if (!chunk_bloom_page(c, err) || !make_body(c, &page, err)) return false;
  if (!page_write(&c->shared->pages, &page, &c->storage, &place, err)) return false;
  count_page(c, page.encoding);
  c->plain_page_bytes += place.plain_bytes;
  c->stored_page_bytes += place.stored_bytes;
  c->shared->encoded_bytes += place.plain_bytes;
  add_to_index(c, &place);
  chunk_give_back(c->shared, &c->shared->body);
  encode_scratch_shrink(&c->shared->scratch, c->shared->scratch_bytes);
  return page_index_check(&c->index, err);
}

bool chunk_write_dictionary(struct chunk *c, struct error *err) {
  struct page page = {.type = PAGE_DICTIONARY, .encoding = ENCODING_PLAIN, .value_count = c->dictionary.count,
                      .body = c->dictionary.body.data, .body_bytes = c->dictionary.body.len};
  return page_write(&c->shared->pages, &page, &c->storage, &c->dictionary_place, err);
}
