#include "format/parquet/trial.h"

#include "format/parquet/rle.h"

#include <math.h>

#define DICTIONARY_SAMPLE_BYTES (256u << 10)

static bool is_text(const struct trial *t) { return t->leaf->physical == PHYSICAL_BYTE_ARRAY; }

static bool try_encoding(const struct trial *t, enum encoding encoding, size_t *bytes, struct error *err) {
  buffer_reset(t->body);
  encode_values(encoding, &t->sample, t->scratch, t->body);
  if (!buffer_check(t->body, "a page", err)) return false;
  struct page page = {.type = PAGE_DATA, .encoding = encoding, .body = t->body->data, .body_bytes = t->body->len};
  if (encoding == ENCODING_BYTE_STREAM_SPLIT) page.pieces.each = t->sample.count;
  return page_try(t->pages, &page, is_text(t), bytes, err);
}

bool trial_encodings(const struct trial *t, struct trial_result *result, struct error *err) {
  enum encoding candidates[ENCODINGS_MAX];
  size_t count = encodings_of(t->leaf, t->profile, candidates), least = SIZE_MAX;
  for (size_t i = 0; i < count; i++) {
    size_t bytes;
    if (!try_encoding(t, candidates[i], &bytes, err)) return false;
    if (bytes >= least) continue;
    least = bytes;
    result->encoding = candidates[i];
  }
  result->value_bytes = (double)least / t->sample.count;
  return true;
}

static bool try_body(const struct trial *t, const uint8_t *body, size_t len, bool text, size_t *bytes,
                     struct error *err) {
  struct page page = {.type = PAGE_DATA, .encoding = ENCODING_RLE_DICTIONARY, .body = body, .body_bytes = len};
  return page_try(t->pages, &page, text, bytes, err);
}

/* Later pages have indices of more bits than the sample's: as many as values that were not yet seen ask for. */
bool trial_dictionary(const struct trial *t, const struct dictionary *dictionary, const uint32_t *indices,
                      double total, double distinct, double *bytes, struct error *err) {
  size_t index_bytes, body_bytes, body = dictionary->body.len;
  struct rle_encoder encoder;
  buffer_reset(t->body);
  rle_init(&encoder, t->body, rle_width(dictionary->count - 1));
  rle_put_array(&encoder, indices, t->sample.count);
  rle_finish(&encoder);
  if (!buffer_check(t->body, "a page", err)) return false;
  if (!try_body(t, t->body->data, t->body->len, false, &index_bytes, err)) return false;
  if (body > DICTIONARY_SAMPLE_BYTES) body = DICTIONARY_SAMPLE_BYTES;
  if (!try_body(t, dictionary->body.data, body, is_text(t), &body_bytes, err)) return false;
  double of_body = (double)body_bytes / (double)body * (double)dictionary->body.len * distinct / dictionary->count;
  double of_index = (double)index_bytes / t->sample.count + log2(distinct / dictionary->count) / 8;
  *bytes = of_body + of_index * total;
  return true;
}
