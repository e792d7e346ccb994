#include "format/parquet/chunk_parts.h"

#include "format/parquet/little_endian.h"
#include "format/parquet/put.h"

#define WAITING_BYTES_MAX 16384      /* and no more than a part of the page: */
#define WAITING_SHARE 4
#define SAMPLE_BODY_BYTES (512u << 10)    /* of distinct values, after which a sample ends */

void chunk_wait(struct chunk *c, const uint8_t *bytes, uint32_t len) {
  uint8_t length[4];
  store_le32(length, len);
  buffer_append(&c->waiting, length, sizeof length);
  buffer_append(&c->waiting, bytes, len);
  c->waiting_count++;
  c->last_len = len;
  c->text_bytes += len;
  put_entry(c);
}

bool chunk_waits_enough(const struct chunk *c) {
  uint32_t most = c->page_bytes / WAITING_SHARE;
  if (most > WAITING_BYTES_MAX) most = WAITING_BYTES_MAX;
  return c->waiting_count == DICTIONARY_KEYS_MAX || c->waiting.len > most;
}

static void list_waiting(const struct chunk *c, struct dictionary_key *keys) {
  const uint8_t *at = c->waiting.data;
  for (uint32_t i = 0; i < c->waiting_count; i++) {
    keys[i] = (struct dictionary_key){at + 4, load_le32(at)};
    at += 4 + keys[i].len;
  }
}

static void add_to_range(struct chunk *c, uint32_t index) {
  uint32_t len;
  const uint8_t *value = dictionary_value(&c->dictionary, index, &len);
  range_add_bytes(&c->range, c->dictionary.body.data, (size_t)(value - c->dictionary.body.data), len);
}

/* What has its index waits no more. */
static void take_found(struct chunk *c, const struct dictionary_key *keys, const uint32_t *indices, size_t found) {
  buffer_append(&c->values, indices, found * sizeof *indices);
  if (found) c->last_index = indices[found - 1];
  if (chunk_has_byte_order(c))
    for (size_t i = 0; i < found; i++)
      if (i == 0 || indices[i] != indices[i - 1]) add_to_range(c, indices[i]);
  const uint8_t *rest = found < c->waiting_count ? keys[found].bytes - 4 : c->waiting.data + c->waiting.len;
  size_t rest_len = (size_t)(c->waiting.data + c->waiting.len - rest);
  memmove(c->waiting.data, rest, rest_len);
  c->waiting.len = rest_len;
  c->waiting_count -= (uint32_t)found;
}

bool chunk_look_up(struct chunk *c, struct error *err) {
  struct dictionary_key keys[DICTIONARY_KEYS_MAX];
  uint32_t indices[DICTIONARY_KEYS_MAX];
  if (!c->waiting_count) return true;
  if (!buffer_check(&c->waiting, "a value", err)) return false;
  list_waiting(c, keys);
  take_found(c, keys, indices, dictionary_find_many(&c->dictionary, keys, c->waiting_count, indices));
  if (c->waiting_count) return chunk_leave_page(c, err);
  buffer_shrink(&c->waiting, 2 * WAITING_BYTES_MAX);   /* after a long value */
  /* A sample of long values is large enough before the page is full: let the next entry close it. */
  bool enough = c->mode == CHUNK_SAMPLING && c->dictionary.body.len > SAMPLE_BODY_BYTES;
  if (enough) c->entry_count_max = c->entry_count;
  return true;
}
