#include "format/parquet/chunk.h"

#include "format/parquet/put.h"
#include "format/parquet/trial.h"

#define VALUES_BYTES_MAX ((size_t)INT32_MAX)
#define HUGE_VALUE_BYTES (1u << 20)  /* its page is closed at once: its memory is free before the next row comes */
#define SAMPLE_NUMBER_BYTES (64u << 10)   /* that a trial looks at */
#define SAMPLE_TEXT_BYTES (256u << 10)    /* more, since texts repeat each other */
#define SAMPLE_BODY_BYTES (512u << 10)    /* of distinct values, after which a sample ends */
#define DICTIONARY_TOLERANCE 1.01    /* it may be so much larger, for it is faster to read */
#define DICTIONARY_ENTRY_BYTES 12    /* that the hash table and the offsets take for each value */
#define READER_ROWS 2048             /* that DuckDB takes at once, and faster where they are of one page */
#define DICTIONARY_UNASKED_BYTES (1u << 20)   /* up to here a dictionary need not prove that it pays */

static bool is_text(const struct chunk *c) { return c->leaf->physical == PHYSICAL_BYTE_ARRAY; }
static bool is_repeated(const struct chunk *c) { return c->leaf->repetition_max > 0; }

/* Of the open page. */
static uint32_t row_count(const struct chunk *c) { return is_repeated(c) ? c->row_count : c->entry_count; }

static bool has_byte_order(const struct chunk *c) { return c->leaf->order == ORDER_BYTES; }

/* What the open page's values take as PLAIN. */
static uint64_t plain_bytes(const struct chunk *c) {
  if (is_text(c)) return c->text_bytes + 4 * (uint64_t)c->value_count;
  return (uint64_t)c->leaf->width * c->value_count;
}

static uint32_t entries_max(const struct chunk *c) {
  const struct chunk_shared *s = c->shared;
  uint32_t width = c->mode != CHUNK_PLAIN ? sizeof(uint32_t) : (uint32_t)c->leaf->width;
  uint32_t by_bytes = width ? c->page_bytes / width : s->page_rows;
  if (by_bytes >= s->page_rows) return s->page_rows;
  if (by_bytes >= READER_ROWS) return by_bytes - by_bytes % READER_ROWS;
  return by_bytes ? by_bytes : 1;
}

static void set_mode(struct chunk *c, enum chunk_mode mode) {
  c->mode = mode;
  c->entry_count_max = entries_max(c);
}

static void reset_page(struct chunk *c) {
  c->shared->open_text_bytes -= c->pooled_bytes;
  c->pooled_bytes = 0;
  buffer_reset(&c->values);
  buffer_shrink(&c->values, c->head_bytes + 2 * (size_t)c->page_bytes);   /* after a huge value */
  if (buffer_reserve(&c->values, c->head_bytes)) c->values.len = c->head_bytes;
  c->moved_bytes = 0;
  c->entry_count = c->value_count = c->row_count = 0;
  c->text_bytes = 0;
  c->entry_count_max = entries_max(c);
  levels_reset(&c->definition, c->leaf->definition_max);
  levels_reset(&c->repetition, c->leaf->repetition_max);
  range_reset(&c->range, c->leaf->order);
}

void chunk_init(struct chunk *c, const struct leaf *leaf, struct chunk_shared *shared) {
  *c = (struct chunk){.leaf = leaf, .shared = shared};
  c->page_bytes = is_text(c) || is_repeated(c) ? shared->text_page_bytes : shared->number_page_bytes;
  buffer_init(&c->values, VALUES_BYTES_MAX);
  buffer_init(&c->definition.bytes, VALUES_BYTES_MAX);
  buffer_init(&c->repetition.bytes, VALUES_BYTES_MAX);
  if (leaf->definition_max)
    c->head_bytes = 4 + rle_size_max(shared->page_rows, rle_width(leaf->definition_max));
  if (leaf->repetition_max)
    c->head_bytes += 4 + rle_size_max(shared->page_rows, rle_width(leaf->repetition_max));
  c->head_bytes = (c->head_bytes + 7) & ~(size_t)7;
  dictionary_init(&c->dictionary, &shared->dictionaries, (uint32_t)leaf->width);
  page_index_init(&c->index, leaf);
  chunk_reset(c);
}

void chunk_deinit(struct chunk *c) {
  buffer_deinit(&c->values);
  buffer_deinit(&c->definition.bytes);
  buffer_deinit(&c->repetition.bytes);
  dictionary_deinit(&c->dictionary);
  page_index_deinit(&c->index);
  bloom_deinit(&c->bloom);
}

void chunk_release(struct chunk *c) {
  dictionary_deinit(&c->dictionary);
  buffer_reset(&c->values);
  buffer_shrink(&c->values, 0);
}

void chunk_reset(struct chunk *c) {
  dictionary_deinit(&c->dictionary);
  page_index_reset(&c->index);
  bool samples = c->shared->uses_dictionary && c->leaf->physical != PHYSICAL_BOOLEAN;
  set_mode(c, samples ? CHUNK_SAMPLING : CHUNK_PLAIN);
  c->encoding = ENCODING_PLAIN;
  c->encoding_is_open = true;
  c->storage = page_storage_open(&c->shared->pages, is_text(c));
  c->has_last = false;
  c->raw_bytes = 0;
  c->dictionary_pages = c->plain_pages = c->encoded_pages = 0;
  c->dictionary_place = c->bloom_place = (struct page_place){0};
  bloom_deinit(&c->bloom);
  c->plain_page_bytes = c->stored_page_bytes = 0;
  c->geometry = (struct geometry_facts){0};
  reset_page(c);
}

/* The range of a value that is in the page already, from its PLAIN bytes. */
static void range_add_plain(struct chunk *c, const uint8_t *at) {
  struct bound b = {.len = (uint8_t)c->leaf->width};
  memcpy(b.bytes, at, (size_t)c->leaf->width);
  range_add_bound(&c->range, &b, c->leaf);
}

/* A page that has its share may take what other columns' pages leave of theirs. */
static bool is_full_of_text(const struct chunk *c, size_t bytes) {
  const struct chunk_shared *s = c->shared;
  if (bytes <= c->page_bytes) return false;
  return bytes > s->page_bytes_max || s->open_text_bytes - c->pooled_bytes + bytes > s->text_pool_bytes;
}

static bool put_plain(struct chunk *c, const uint8_t *bytes, uint32_t len, struct error *err) {
  bool text = is_text(c);
  size_t prefix = text ? 4 : 0;
  size_t used = c->values.len - c->head_bytes;
  bool cuts = text && c->entry_count && !is_repeated(c) && is_full_of_text(c, used + prefix + len);
  if (cuts && !chunk_close_page(c, err)) return false;
  uint8_t *to = buffer_reserve(&c->values, prefix + len);
  if (!to) return buffer_check(&c->values, "a value", err);
  if (text) store_le32(to, len);
  memcpy(to + prefix, bytes, len);
  if (has_byte_order(c)) range_add_bytes(&c->range, c->values.data, c->values.len + prefix, len);
  c->values.len += prefix + len;
  c->last_len = len;
  c->text_bytes += len;
  if (text) c->pooled_bytes += prefix + len, c->shared->open_text_bytes += prefix + len;
  put_entry(c);
  return len < HUGE_VALUE_BYTES || is_repeated(c) || chunk_close_page(c, err);
}

static uint32_t find_index(struct chunk *c, const uint8_t *bytes, uint32_t len) {
  if (len > c->page_bytes) return DICTIONARY_FULL;
  if (c->has_last) {
    uint32_t last_len;
    const uint8_t *last = dictionary_value(&c->dictionary, c->last_index, &last_len);
    if (last_len == len && memcmp(last, bytes, len) == 0) return c->last_index;
  }
  uint32_t index = dictionary_find_bytes(&c->dictionary, bytes, len);
  if (index != DICTIONARY_FULL) c->has_last = true;
  return index;
}

bool chunk_put_bytes(struct chunk *c, const uint8_t *bytes, uint32_t len, struct error *err) {
  if (!put_room(c, err)) return false;
  if (c->mode != CHUNK_PLAIN) {
    uint32_t index = find_index(c, bytes, len);
    if (index != DICTIONARY_FULL) {
      put_index(c, index);
      c->text_bytes += len;
      if (has_byte_order(c)) {
        const uint8_t *value = dictionary_value(&c->dictionary, index, &len);
        range_add_bytes(&c->range, c->dictionary.body.data, (size_t)(value - c->dictionary.body.data), len);
      }
      /* A sample of long values is large enough before the page is full: let the next entry close it. */
      bool enough = c->mode == CHUNK_SAMPLING && c->dictionary.body.len > SAMPLE_BODY_BYTES;
      if (enough) c->entry_count_max = c->entry_count;
      return true;
    }
    if (!chunk_leave_dictionary(c, err) || !put_room(c, err)) return false;
  }
  return put_plain(c, bytes, len, err);
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

bool chunk_last_entry(const struct chunk *c, struct sort_value *last) {
  static const uint8_t bits[] = {0, 1};
  const uint8_t *end = c->values.data + c->values.len;
  *last = (struct sort_value){0};
  if (c->entry_count == 0 || c->values.failed) return false;
  if (c->leaf->definition_max && c->definition.value < c->leaf->definition_max) return true;
  if (c->mode != CHUNK_PLAIN) {
    last->bytes = dictionary_value(&c->dictionary, c->last_index, &last->len);
  } else if (c->leaf->physical == PHYSICAL_BOOLEAN) {
    *last = (struct sort_value){&bits[end[-1] >> ((c->value_count - 1) & 7) & 1], 1};
  } else {
    last->len = is_text(c) ? c->last_len : (uint32_t)c->leaf->width;
    last->bytes = end - last->len;
  }
  return true;
}

/* Puts the entry again that was the page's i-th. Below a list the row before it is complete where it begins one. */
static bool replay_entry(struct chunk *c, uint32_t i, uint32_t definition, uint32_t repetition,
                         const uint32_t **indices, struct error *err) {
  if (is_repeated(c) && i && repetition == 0 && !chunk_end_row(c, err)) return false;
  if (definition < c->leaf->definition_max) {
    if (!chunk_put_missing(c, (uint8_t)definition, err)) return false;
  } else {
    uint32_t len;
    const uint8_t *value = dictionary_value(&c->dictionary, *(*indices)++, &len);
    if (!put_room(c, err) || !put_plain(c, value, len, err)) return false;
    if (!has_byte_order(c)) range_add_plain(c, value);
  }
  if (is_repeated(c)) levels_add(&c->repetition, repetition);
  return true;
}

/*
 * Puts the entries of the open page again, as PLAIN. They may fill several pages. Below a list the page may end within a
 * row or behind a complete one: what comes next begins a row only then.
 */
static bool replay_as_plain(struct chunk *c, struct error *err) {
  struct chunk_shared *s = c->shared;
  uint32_t entries = c->entry_count, definition_max = c->leaf->definition_max;
  uint32_t rows_complete = c->row_count, rows_begun = 0;
  levels_finish(&c->definition);
  levels_finish(&c->repetition);
  buffer_swap(&c->values, &s->sample_values);
  buffer_swap(&c->definition.bytes, &s->sample_levels);
  buffer_swap(&c->repetition.bytes, &s->sample_repetitions);

  struct rle_decoder definitions, repetitions;
  rle_decoder_init(&definitions, s->sample_levels.data, s->sample_levels.len, rle_width(definition_max));
  rle_decoder_init(&repetitions, s->sample_repetitions.data, s->sample_repetitions.len,
                   rle_width(c->leaf->repetition_max));
  const uint32_t *indices = (const uint32_t *)(void *)(s->sample_values.data + c->head_bytes);
  set_mode(c, CHUNK_PLAIN);
  reset_page(c);
  for (uint32_t i = 0; i < entries; i++) {
    uint32_t definition = definition_max, repetition = 0;
    if ((definition_max && !rle_next(&definitions, &definition)) ||
        (is_repeated(c) && !rle_next(&repetitions, &repetition)))
      return fail(err, ERR_INTERNAL, "a page's levels cannot be read back");
    if (!replay_entry(c, i, definition, repetition, &indices, err)) return false;
    rows_begun += repetition == 0;
  }
  if (is_repeated(c) && rows_begun == rows_complete) c->row_count++;
  return true;
}

/* What the sample says of the whole chunk. */
struct outlook { double values, distinct; };

static struct outlook look_ahead(const struct chunk *c, bool is_all) {
  double sampled = c->value_count, total = sampled;
  double expected = (double)c->shared->rows_expected * sampled / row_count(c);
  if (!is_all && expected > total) total = expected;
  return (struct outlook){
      total, dictionary_estimate_distinct(c->value_count, c->dictionary.count, (uint64_t)total)};
}

/* Is there room for the dictionary, and would it be smaller than the values if neither were compressed? */
static bool dictionary_is_plausible(const struct chunk *c, const struct outlook *o) {
  const struct dictionary_budget *budget = &c->shared->dictionaries;
  double body = o->distinct * (double)c->dictionary.body.len / c->dictionary.count;
  double indices = o->values * rle_width((uint32_t)(o->distinct < UINT32_MAX ? o->distinct : UINT32_MAX)) / 8;
  double raw = (double)plain_bytes(c) * o->values / c->value_count;
  double room = (double)(budget->max_bytes - budget->used_bytes + c->dictionary.charged_bytes);
  return body + o->distinct * DICTIONARY_ENTRY_BYTES <= room && body + indices <= raw;
}

/* As many of the page's first values as a trial looks at; those of dictionary modes are copied. */
static struct plain_values take_sample(struct chunk *c) {
  struct chunk_shared *s = c->shared;
  size_t max = is_text(c) ? SAMPLE_TEXT_BYTES : SAMPLE_NUMBER_BYTES, prefix = is_text(c) ? 4 : 0;
  const uint8_t *values = c->values.data + c->head_bytes;
  const uint32_t *indices = (const uint32_t *)(const void *)values;
  struct plain_values v = {.bytes = values, .width = (uint32_t)c->leaf->width};
  bool copies = c->mode != CHUNK_PLAIN;
  buffer_reset(&s->trial_values);
  for (; v.count < c->value_count; v.count++) {
    uint32_t len = v.width;
    const uint8_t *value = values + v.len + prefix;
    if (copies) value = dictionary_value(&c->dictionary, indices[v.count], &len);
    else if (is_text(c)) len = load_le32(value - 4);
    if (v.len + prefix + len > max) break;
    uint8_t length[4];
    store_le32(length, len);
    if (copies && is_text(c)) buffer_append(&s->trial_values, length, sizeof length);
    if (copies) buffer_append(&s->trial_values, value, len);
    v.len += prefix + len;
  }
  if (copies) v.bytes = s->trial_values.data;
  return v;
}

/* Sets c->encoding, and whether the dictionary is smaller than that (c->mode says if there is one). */
static bool choose_encoding(struct chunk *c, bool is_all, bool *takes_dictionary, struct error *err) {
  struct chunk_shared *s = c->shared;
  struct outlook o = {0};
  enum encoding candidates[ENCODINGS_MAX];
  *takes_dictionary = false;
  c->encoding_is_open = false;
  if (c->mode == CHUNK_SAMPLING) {
    o = look_ahead(c, is_all);
    *takes_dictionary = dictionary_is_plausible(c, &o);
  }
  if (!*takes_dictionary && encodings_of(c->leaf, s->profile, candidates) == 1) return true;
  struct trial t = {&s->pages, &s->scratch, &s->body, c->leaf, s->profile, take_sample(c)};
  if (!buffer_check(&s->trial_values, "a sample", err)) return false;
  if (t.sample.count == 0) return true;   /* the first value alone is too long: nothing beats such a PLAIN page */
  struct trial_result best;
  if (!trial_encodings(&t, &best, err)) return false;
  c->encoding = best.encoding;
  if (!*takes_dictionary) return true;
  double bytes;
  const uint32_t *indices = (const uint32_t *)(const void *)(c->values.data + c->head_bytes);
  if (!trial_dictionary(&t, &c->dictionary, indices, o.values, o.distinct, &bytes, err)) return false;
  *takes_dictionary = bytes <= best.value_bytes * o.values * DICTIONARY_TOLERANCE;
  return true;
}

static bool settle_sample(struct chunk *c, bool is_all, struct error *err) {
  bool takes_dictionary;
  if (c->value_count == 0) return true;   /* nothing but nulls: the next page is the sample */
  if (!choose_encoding(c, is_all, &takes_dictionary, err)) return false;
  if (takes_dictionary) {
    set_mode(c, CHUNK_DICTIONARY);
    return true;
  }
  if (!replay_as_plain(c, err)) return false;
  dictionary_deinit(&c->dictionary);
  c->has_last = false;
  return true;
}

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
  if (encoding == ENCODING_RLE_DICTIONARY) c->dictionary_pages++, c->raw_bytes += plain_bytes(c);
  else if (encoding == ENCODING_PLAIN) c->plain_pages++;
  else c->encoded_pages++;
}

static void add_to_index(struct chunk *c, const struct page_place *place) {
  struct page_record record = {.position = place->position, .text_bytes = is_text(c) ? c->text_bytes : 0,
                               .stored_bytes = place->stored_bytes, .row_count = row_count(c),
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
  page_index_add(&c->index, &record, bounds, &min, &max);
  c->shared->index_bytes += page_index_bytes(&c->index) - before;
}

#define BLOOM_DISTINCT_MIN 65  /* fewer values, and the dictionary page itself is as small: `auto` makes no filter */

static bool open_bloom(struct chunk *c, uint64_t distinct, struct error *err) {
  if (c->bloom.blocks) return true;
  return bloom_init(&c->bloom, bloom_size(distinct, c->shared->bloom_bytes_max), err);
}

/* The open page's values, as PLAIN still; those of dictionary pages come at the end, each once. */
static bool bloom_page(struct chunk *c, struct error *err) {
  if (c->leaf->bloom != BLOOM_NAMED || c->mode != CHUNK_PLAIN || !c->value_count) return true;
  if (!buffer_check(&c->values, "a page", err) || !open_bloom(c, c->shared->rows_expected, err)) return false;
  bloom_add_plain(&c->bloom, c->values.data + c->head_bytes, c->value_count, (uint32_t)c->leaf->width);
  return true;
}

/* The filter goes behind the pages in the log. */
static bool write_bloom(struct chunk *c, struct error *err) {
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

static bool write_page(struct chunk *c, bool is_last, struct error *err) {
  struct page page = {.type = PAGE_DATA, .value_count = c->entry_count, .is_last = is_last};
  struct page_place place;
  if (c->leaf->definition_max) levels_finish(&c->definition);
  if (is_repeated(c)) levels_finish(&c->repetition);
  if (!buffer_check(&c->definition.bytes, "a page's levels", err) ||
      !buffer_check(&c->repetition.bytes, "a page's levels", err))
    return false;
  if (!bloom_page(c, err) || !make_body(c, &page, err)) return false;
  if (!page_write(&c->shared->pages, &page, &c->storage, &place, err)) return false;
  count_page(c, page.encoding);
  c->plain_page_bytes += place.plain_bytes;
  c->stored_page_bytes += place.stored_bytes;
  c->shared->encoded_bytes += place.plain_bytes;
  add_to_index(c, &place);
  return page_index_check(&c->index, err);
}

static bool still_pays(const struct chunk *c) {
  size_t body = c->dictionary.body.len;
  return body <= DICTIONARY_UNASKED_BYTES || body * 2 <= c->raw_bytes;
}

static bool close_page(struct chunk *c, bool is_last, struct error *err) {
  if (c->entry_count == 0) return true;
  if (c->mode == CHUNK_SAMPLING && !settle_sample(c, is_last, err)) return false;
  if (c->mode == CHUNK_PLAIN && c->encoding_is_open && c->value_count) {
    bool no_dictionary;
    if (!choose_encoding(c, is_last, &no_dictionary, err)) return false;
  }
  if (!write_page(c, is_last, err)) return false;
  reset_page(c);
  if (c->mode == CHUNK_DICTIONARY && !still_pays(c)) set_mode(c, CHUNK_PLAIN);
  return true;
}

bool chunk_close_page(struct chunk *c, struct error *err) { return close_page(c, false, err); }

/* The open page cannot end here: all of it becomes PLAIN. */
static bool leave_within_row(struct chunk *c, struct error *err) {
  bool has_pages = c->mode == CHUNK_DICTIONARY;
  if (c->entry_count && !replay_as_plain(c, err)) return false;
  set_mode(c, CHUNK_PLAIN);
  if (has_pages) return true;
  dictionary_deinit(&c->dictionary);
  c->has_last = false;
  return true;
}

bool chunk_make_room(struct chunk *c, struct error *err) {
  if (!is_repeated(c)) return close_page(c, false, err);
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
  if (is_repeated(c)) return leave_within_row(c, err);
  if (!close_page(c, false, err)) return false;
  set_mode(c, CHUNK_PLAIN);
  return true;
}

static bool write_dictionary(struct chunk *c, struct error *err) {
  struct page page = {.type = PAGE_DICTIONARY, .encoding = ENCODING_PLAIN, .value_count = c->dictionary.count,
                      .body = c->dictionary.body.data, .body_bytes = c->dictionary.body.len};
  return page_write(&c->shared->pages, &page, &c->storage, &c->dictionary_place, err);
}

bool chunk_finish(struct chunk *c, struct error *err) {
  if (!close_page(c, true, err)) return false;
  return (c->dictionary_pages == 0 || write_dictionary(c, err)) && write_bloom(c, err);
}
