#include "format/parquet/chunk_parts.h"

#define VALUES_BYTES_MAX ((size_t)INT32_MAX)
#define READER_ROWS 2048             /* that DuckDB takes at once, and faster where they are of one page */
#define DICTIONARY_UNASKED_BYTES (1u << 20)   /* up to here a dictionary need not prove that it pays */

static uint32_t entries_max(const struct chunk *c) {
  const struct chunk_shared *s = c->shared;
  uint32_t width = c->mode != CHUNK_PLAIN ? sizeof(uint32_t) : (uint32_t)c->leaf->width;
  uint32_t by_bytes = width ? c->page_bytes / width : s->page_rows;
  if (by_bytes >= s->page_rows) return s->page_rows;
  if (by_bytes >= READER_ROWS) return by_bytes - by_bytes % READER_ROWS;
  return by_bytes ? by_bytes : 1;
}

void chunk_set_mode(struct chunk *c, enum chunk_mode mode) {
  c->mode = mode;
  c->entry_count_max = entries_max(c);
}

void chunk_reset_page(struct chunk *c) {
  c->shared->open_text_bytes -= c->pooled_bytes;
  c->pooled_bytes = 0;
  buffer_reset(&c->values);
  buffer_shrink(&c->values, c->head_bytes + 2 * (size_t)c->page_bytes);   /* after a huge value */
  if (c->head_bytes && buffer_reserve(&c->values, c->head_bytes)) c->values.len = c->head_bytes;
  c->moved_bytes = 0;
  c->entry_count = c->value_count = c->row_count = 0;
  c->text_bytes = 0;
  c->entry_count_max = entries_max(c);
  levels_reset(&c->definition, 2 * c->head_bytes);
  levels_reset(&c->repetition, 2 * c->head_bytes);
  range_reset(&c->range, c->leaf->order);
}

bool chunk_init(struct chunk *c, const struct leaf *leaf, struct chunk_shared *shared, struct error *err) {
  *c = (struct chunk){.leaf = leaf, .shared = shared};
  c->page_bytes = chunk_is_text(c) || chunk_is_repeated(c) ? shared->text_page_bytes : shared->number_page_bytes;
  buffer_init(&c->values, VALUES_BYTES_MAX);
  buffer_init(&c->waiting, VALUES_BYTES_MAX);
  if (leaf->definition_max)
    c->head_bytes = 4 + rle_size_max(shared->page_rows, rle_width(leaf->definition_max));
  if (leaf->repetition_max)
    c->head_bytes += 4 + rle_size_max(shared->page_rows, rle_width(leaf->repetition_max));
  c->head_bytes = (c->head_bytes + 7) & ~(size_t)7;
  dictionary_init(&c->dictionary, &shared->dictionaries, (uint32_t)leaf->width);
  page_index_init(&c->index, leaf);
  if (!levels_init(&c->definition, leaf->definition_max, histogram_definition_size(leaf) > 0, err) ||
      !levels_init(&c->repetition, leaf->repetition_max, histogram_repetition_size(leaf) > 0, err))
    return false;
  chunk_reset(c);
  return true;
}

void chunk_deinit(struct chunk *c) {
  buffer_deinit(&c->values);
  buffer_deinit(&c->waiting);
  levels_deinit(&c->definition);
  levels_deinit(&c->repetition);
  dictionary_deinit(&c->dictionary);
  page_index_deinit(&c->index);
  bloom_deinit(&c->bloom);
}

void chunk_release(struct chunk *c) {
  dictionary_deinit(&c->dictionary);
  buffer_reset(&c->values);
  buffer_shrink(&c->values, 0);
  buffer_reset(&c->waiting);
  buffer_shrink(&c->waiting, 0);
  levels_reset(&c->definition, 0);
  levels_reset(&c->repetition, 0);
}

void chunk_reset(struct chunk *c) {
  dictionary_deinit(&c->dictionary);
  page_index_reset(&c->index);
  bool samples = c->shared->uses_dictionary && c->leaf->physical != PHYSICAL_BOOLEAN;
  chunk_set_mode(c, samples ? CHUNK_SAMPLING : CHUNK_PLAIN);
  c->encoding = ENCODING_PLAIN;
  c->encoding_is_open = true;
  c->storage = page_storage_open(&c->shared->pages, chunk_is_text(c));
  c->has_last = false;
  buffer_reset(&c->waiting);
  c->waiting_count = 0;
  c->geometry = (struct geometry_facts){0};
  c->raw_bytes = 0;
  c->dictionary_pages = c->plain_pages = c->encoded_pages = 0;
  c->dictionary_place = c->bloom_place = (struct page_place){0};
  bloom_deinit(&c->bloom);
  c->plain_page_bytes = c->stored_page_bytes = 0;
  chunk_reset_page(c);
}

bool chunk_last_entry(const struct chunk *c, struct sort_value *last) {
  static const uint8_t bits[] = {0, 1};
  const uint8_t *end = c->values.len ? c->values.data + c->values.len : NULL;   /* all may be waiting still */
  *last = (struct sort_value){0};
  if (c->entry_count == 0 || c->values.failed || c->waiting.failed) return false;
  if (c->leaf->definition_max && c->definition.value < c->leaf->definition_max) return true;
  if (c->waiting_count) {
    last->len = c->last_len;
    last->bytes = c->waiting.data + c->waiting.len - last->len;
  } else if (c->mode != CHUNK_PLAIN) {
    last->bytes = dictionary_value(&c->dictionary, c->last_index, &last->len);
  } else if (c->leaf->physical == PHYSICAL_BOOLEAN) {
    *last = (struct sort_value){&bits[end[-1] >> ((c->value_count - 1) & 7) & 1], 1};
  } else {
    last->len = chunk_is_text(c) ? c->last_len : (uint32_t)c->leaf->width;
    last->bytes = end - last->len;
  }
  return true;
}

static bool still_pays(const struct chunk *c) {
  size_t body = c->dictionary.body.len;
  return body <= DICTIONARY_UNASKED_BYTES || body * 2 <= c->raw_bytes;
}

static bool close_page(struct chunk *c, bool is_last, struct error *err) {
  if (!chunk_look_up(c, err)) return false;
  if (c->entry_count == 0) return true;
  if (!buffer_check(&c->values, "a page", err)) return false;   /* trials read as many values as were counted */
  if (c->mode == CHUNK_SAMPLING && !chunk_settle_sample(c, is_last, err)) return false;
  bool chooses = c->mode == CHUNK_PLAIN && c->encoding_is_open && c->value_count;
  if (chooses && !chunk_choose_encoding(c, is_last, err)) return false;
  if (!chunk_write_page(c, is_last, err)) return false;
  chunk_reset_page(c);
  if (c->mode == CHUNK_DICTIONARY && !still_pays(c)) chunk_set_mode(c, CHUNK_PLAIN);
  return true;
}

bool chunk_close_page(struct chunk *c, struct error *err) { return close_page(c, false, err); }

bool chunk_leave_page(struct chunk *c, struct error *err) {
  bool has_pages = c->mode == CHUNK_DICTIONARY;
  if (c->entry_count && !chunk_replay_as_plain(c, err)) return false;
  chunk_set_mode(c, CHUNK_PLAIN);
  if (has_pages) return true;
  dictionary_deinit(&c->dictionary);
  c->has_last = false;
  return true;
}

bool chunk_make_room(struct chunk *c, struct error *err) {
  if (!chunk_is_repeated(c)) return close_page(c, false, err);
  if (c->entry_count < INT32_MAX) return true;
  return fail(err, ERR_VALUE, "column \"%s\": a row has more than 2,147,483,647 values, the most of a Parquet page",
              c->leaf->name);
}

bool chunk_end_row(struct chunk *c, struct error *err) {
  c->row_count++;
  bool is_full = c->entry_count >= c->entry_count_max || c->values.len - c->head_bytes >= c->page_bytes;
  return !is_full || close_page(c, false, err);
}

bool chunk_leave_dictionary(struct chunk *c, struct error *err) {
  if (chunk_is_repeated(c)) return chunk_leave_page(c, err);   /* it cannot end here */
  if (!close_page(c, false, err)) return false;
  chunk_set_mode(c, CHUNK_PLAIN);
  return true;
}

bool chunk_finish(struct chunk *c, struct error *err) {
  if (!close_page(c, true, err)) return false;
  return (c->dictionary_pages == 0 || chunk_write_dictionary(c, err)) && chunk_write_bloom(c, err);
}
