#include "format/parquet/chunk_parts.h"

#include "format/parquet/put.h"
#include "format/parquet/trial.h"

#define SAMPLE_NUMBER_BYTES (64u << 10)   /* that a trial looks at */
#define SAMPLE_TEXT_BYTES (256u << 10)    /* more, since texts repeat each other */
#define DICTIONARY_TOLERANCE 1.01    /* it may be so much larger, for it is faster to read */
#define TEXT_BITS_FEW 0.5            /* a value: of texts that come in turn, where codecs do wonders, not worth that */
#define DICTIONARY_ENTRY_BYTES 12    /* that the hash table and the offsets take for each value */

/* The range of a value that is in the page already, from its PLAIN bytes. */
static void range_add_plain(struct chunk *c, const uint8_t *at) {
  struct bound b = {.len = (uint8_t)c->leaf->width};
  memcpy(b.bytes, at, (size_t)c->leaf->width);
  range_add_bound(&c->range, &b, c->leaf);
}

/* The values of a page in a dictionary mode, in their order. */
struct values_seen {
  const uint32_t *index, *end; /* those that were looked up */
  const uint8_t *waiting;      /* then those that were not */
};

static const uint8_t *next_value(const struct chunk *c, struct values_seen *values, uint32_t *len) {
  if (values->index < values->end) return dictionary_value(&c->dictionary, *values->index++, len);
  const uint8_t *value = values->waiting + 4;
  *len = load_le32(values->waiting);
  values->waiting = value + *len;
  return value;
}

/* Puts the entry again that was the page's i-th. Below a list the row before it is complete where it begins one. */
static bool replay_entry(struct chunk *c, uint32_t i, uint32_t definition, uint32_t repetition,
                         struct values_seen *values, struct error *err) {
  if (chunk_is_repeated(c) && i && repetition == 0 && !chunk_end_row(c, err)) return false;
  if (definition < c->leaf->definition_max) {
    if (!chunk_put_missing(c, (uint8_t)definition, err)) return false;
  } else {
    uint32_t len;
    const uint8_t *value = next_value(c, values, &len);
    if (!put_room(c, err) || !chunk_put_plain(c, value, len, err)) return false;
    if (!chunk_has_byte_order(c)) range_add_plain(c, value);
  }
  if (chunk_is_repeated(c)) levels_add(&c->repetition, repetition);
  return true;
}

/*
 * Puts the entries of the open page again, as PLAIN. They may fill several pages. Below a list the page may end within a
 * row or behind a complete one: what comes next begins a row only then.
 */
bool chunk_replay_as_plain(struct chunk *c, struct error *err) {
  struct chunk_shared *s = c->shared;
  uint32_t entries = c->entry_count, definition_max = c->leaf->definition_max;
  uint32_t rows_complete = c->row_count, rows_begun = 0;
  if (!buffer_check(&c->values, "a page", err) || !buffer_check(&c->waiting, "a value", err)) return false;
  levels_finish(&c->definition);
  levels_finish(&c->repetition);
  buffer_swap(&c->values, &s->sample_values);
  buffer_swap(&c->definition.bytes, &s->sample_levels);
  buffer_swap(&c->repetition.bytes, &s->sample_repetitions);

  struct rle_decoder definitions, repetitions;
  rle_decoder_init(&definitions, s->sample_levels.data, s->sample_levels.len, rle_width(definition_max));
  rle_decoder_init(&repetitions, s->sample_repetitions.data, s->sample_repetitions.len,
                   rle_width(c->leaf->repetition_max));
  const uint8_t *found = s->sample_values.data;
  struct values_seen values = {.index = (const uint32_t *)(const void *)(found + c->head_bytes),
                               .end = (const uint32_t *)(const void *)(found + s->sample_values.len),
                               .waiting = c->waiting.data};
  c->waiting_count = 0;
  chunk_set_mode(c, CHUNK_PLAIN);
  chunk_reset_page(c);
  for (uint32_t i = 0; i < entries; i++) {
    uint32_t definition = definition_max, repetition = 0;
    if ((definition_max && !rle_next(&definitions, &definition)) ||
        (chunk_is_repeated(c) && !rle_next(&repetitions, &repetition)))
      return fail(err, ERR_INTERNAL, "a page's levels cannot be read back");
    if (!replay_entry(c, i, definition, repetition, &values, err)) return false;
    rows_begun += repetition == 0;
  }
  if (chunk_is_repeated(c) && rows_begun == rows_complete) c->row_count++;
  buffer_reset(&c->waiting);
  chunk_give_back(s, &s->sample_values);
  chunk_give_back(s, &s->sample_levels);
  chunk_give_back(s, &s->sample_repetitions);
  return true;
}

/* What the sample says of the whole chunk. */
struct outlook { double values, distinct; };

static struct outlook look_ahead(const struct chunk *c, bool is_last) {
  double sampled = c->value_count, total = sampled;
  double expected = (double)c->shared->rows_expected * sampled / chunk_row_count(c);
  if (!is_last && expected > total) total = expected;
  return (struct outlook){
      total, dictionary_estimate_distinct(c->value_count, c->dictionary.count, (uint64_t)total)};
}

/* Is there room for the dictionary, and would it be smaller than the values if neither were compressed? */
static bool dictionary_is_plausible(const struct chunk *c, const struct outlook *o) {
  const struct dictionary_budget *budget = &c->shared->dictionaries;
  double body = o->distinct * (double)c->dictionary.body.len / c->dictionary.count;
  double indices = o->values * rle_width((uint32_t)(o->distinct < UINT32_MAX ? o->distinct : UINT32_MAX)) / 8;
  double raw = (double)chunk_plain_bytes(c) * o->values / c->value_count;
  double room = (double)(budget->max_bytes - budget->used_bytes + c->dictionary.charged_bytes);
  return body + o->distinct * DICTIONARY_ENTRY_BYTES <= room && body + indices <= raw;
}

/* As many of the page's first values as a trial looks at; those of dictionary modes are copied. */
static struct plain_values take_sample(struct chunk *c) {
  struct chunk_shared *s = c->shared;
  size_t max = chunk_is_text(c) ? SAMPLE_TEXT_BYTES : SAMPLE_NUMBER_BYTES, prefix = chunk_is_text(c) ? 4 : 0;
  const uint8_t *values = c->values.data + c->head_bytes;
  const uint32_t *indices = (const uint32_t *)(const void *)values;
  struct plain_values v = {.bytes = values, .width = (uint32_t)c->leaf->width};
  bool copies = c->mode != CHUNK_PLAIN;
  buffer_reset(&s->trial_values);
  for (; v.count < c->value_count; v.count++) {
    uint32_t len = v.width;
    const uint8_t *value = values + v.len + prefix;
    if (copies) value = dictionary_value(&c->dictionary, indices[v.count], &len);
    else if (chunk_is_text(c)) len = load_le32(value - 4);
    if (v.len + prefix + len > max) break;
    uint8_t length[4];
    store_le32(length, len);
    if (copies && chunk_is_text(c)) buffer_append(&s->trial_values, length, sizeof length);
    if (copies) buffer_append(&s->trial_values, value, len);
    v.len += prefix + len;
  }
  if (copies) v.bytes = s->trial_values.data;
  return v;
}

/* Sets c->encoding, and whether the dictionary is smaller than that (c->mode says if there is one). */
static bool choose_encoding(struct chunk *c, bool is_last, bool *takes_dictionary, struct error *err) {
  struct chunk_shared *s = c->shared;
  struct outlook o = {0};
  enum encoding candidates[ENCODINGS_MAX];
  *takes_dictionary = false;
  c->encoding_is_open = false;
  if (c->mode == CHUNK_SAMPLING) {
    o = look_ahead(c, is_last);
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
  double few = chunk_is_text(c) ? o.values * TEXT_BITS_FEW / 8 : 0;
  *takes_dictionary = bytes <= few || bytes <= best.value_bytes * o.values * DICTIONARY_TOLERANCE;
  return true;
}

bool chunk_choose_encoding(struct chunk *c, bool is_last, struct error *err) {
  bool no_dictionary;
  return choose_encoding(c, is_last, &no_dictionary, err);
}

bool chunk_settle_sample(struct chunk *c, bool is_last, struct error *err) {
  bool takes_dictionary;
  if (c->value_count == 0) return true;   /* nothing but nulls: the next page is the sample */
  if (!choose_encoding(c, is_last, &takes_dictionary, err)) return false;
  if (takes_dictionary) {
    chunk_set_mode(c, CHUNK_DICTIONARY);
    return true;
  }
  if (!chunk_replay_as_plain(c, err)) return false;
  dictionary_deinit(&c->dictionary);
  c->has_last = false;
  return true;
}
