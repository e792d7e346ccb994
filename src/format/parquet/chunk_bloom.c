#include "format/parquet/chunk_parts.h"

#define BLOOM_DISTINCT_MIN 65  /* fewer values, and the dictionary page itself is as small: `auto` makes no filter */

static bool open_bloom(struct chunk *c, uint64_t distinct, struct error *err) {
  if (c->bloom.blocks) return true;
  return bloom_init(&c->bloom, bloom_size(distinct, c->shared->bloom_bytes_max), err);
}

bool chunk_bloom_page(struct chunk *c, struct error *err) {
  if (c->leaf->bloom != BLOOM_NAMED || c->mode != CHUNK_PLAIN || !c->value_count) return true;
  if (!buffer_check(&c->values, "a page", err) || !open_bloom(c, c->shared->rows_expected, err)) return false;
  bloom_add_plain(&c->bloom, c->values.data + c->head_bytes, c->value_count, (uint32_t)c->leaf->width);
  return true;
}

bool chunk_write_bloom(struct chunk *c, struct error *err) {
  bool all_dictionary = c->dictionary_pages && !c->plain_pages && !c->encoded_pages;
  bool wanted = c->leaf->bloom == BLOOM_NAMED ||
                (c->leaf->bloom == BLOOM_AUTO && all_dictionary && c->dictionary.count >= BLOOM_DISTINCT_MIN);
  if (!wanted || (!c->dictionary_pages && !c->bloom.blocks)) return true;
  if (c->dictionary_pages) {
    if (!open_bloom(c, c->dictionary.count, err)) return false;
    bloom_add_plain(&c->bloom, c->dictionary.body.data, c->dictionary.count, (uint32_t)c->leaf->width);
  }
  struct buffer *out = &c->shared->body;
  buffer_reset(out);
  bool says_something = bloom_fold(&c->bloom);
  if (says_something) bloom_write(&c->bloom, out);
  bloom_deinit(&c->bloom);
  c->bloom_place = (struct page_place){.position = spill_end(&c->shared->spill), .stored_bytes = (uint32_t)out->len};
  if (!buffer_check(out, "a Bloom filter", err)) return false;
  return out->len == 0 || spill_append(&c->shared->spill, out->data, out->len, err);
}
