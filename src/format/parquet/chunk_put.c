#include "format/parquet/chunk_parts.h"

#include "format/parquet/put.h"

#define HUGE_VALUE_BYTES (1u << 20)  /* its page is closed at once: its memory is free before the next row comes */

/* A page that has its share may take what other columns' pages leave of theirs. */
static bool is_full_of_text(const struct chunk *c, size_t bytes) {
  const struct chunk_shared *s = c->shared;
  if (bytes <= c->page_bytes) return false;
  return bytes > s->page_bytes_max || s->open_text_bytes - c->pooled_bytes + bytes > s->text_pool_bytes;
}

bool chunk_put_plain(struct chunk *c, const uint8_t *bytes, uint32_t len, struct error *err) {
  bool text = chunk_is_text(c);
  size_t prefix = text ? 4 : 0;
  size_t used = c->values.len - c->head_bytes;
  bool cuts = text && c->entry_count && !chunk_is_repeated(c) && is_full_of_text(c, used + prefix + len);
  if (cuts && !chunk_close_page(c, err)) return false;
  uint8_t *to = buffer_reserve(&c->values, prefix + len);
  if (!to) return buffer_check(&c->values, "a value", err);
  if (text) store_le32(to, len);
  memcpy(to + prefix, bytes, len);
  if (chunk_has_byte_order(c)) range_add_bytes(&c->range, c->values.data, c->values.len + prefix, len);
  c->values.len += prefix + len;
  c->last_len = len;
  c->text_bytes += len;
  if (text) c->pooled_bytes += prefix + len, c->shared->open_text_bytes += prefix + len;
  put_entry(c);
  return len < HUGE_VALUE_BYTES || chunk_is_repeated(c) || chunk_close_page(c, err);
}

bool chunk_put_bytes(struct chunk *c, const uint8_t *bytes, uint32_t len, struct error *err) {
  if (chunk_waits_enough(c) && !chunk_look_up(c, err)) return false;
  if (!put_room(c, err)) return false;
  bool too_long = c->mode != CHUNK_PLAIN && len > c->page_bytes;
  if (too_long && (!chunk_leave_dictionary(c, err) || !put_room(c, err))) return false;
  if (c->mode == CHUNK_PLAIN) return chunk_put_plain(c, bytes, len, err);
  chunk_wait(c, bytes, len);
  return true;
}

bool chunk_put_missing(struct chunk *c, uint8_t definition, struct error *err) {
  if (!put_room(c, err)) return false;
  levels_add(&c->definition, definition);
  c->entry_count++;
  return true;
}

bool chunk_put_null(struct chunk *c, struct error *err) {
  return chunk_put_missing(c, (uint8_t)(c->leaf->definition_max - 1), err);
}
