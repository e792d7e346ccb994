#include "format/parquet/sorting.h"

#include <stdlib.h>

/* The value of the row before. */
struct sort_key {
  const struct chunk *chunk;
  bool is_descending, nulls_first;
  bool is_null;
  struct bound fixed;          /* of fixed width, except UUID */
  uint8_t *bytes;              /* BYTE_ARRAY and UUID: SORT_KEY_BYTES_MAX; else NULL */
  uint32_t len;
};

/* How a row's value follows on that of the row before. */
enum step { STEP_SAME, STEP_ON, STEP_BACK };

bool sorting_init(struct sorting *s, const struct sorting_column *columns, size_t count, const struct chunk *chunks,
                  struct error *err) {
  *s = (struct sorting){0};
  if (!count) return true;
  s->keys = calloc(count, sizeof *s->keys);
  if (!s->keys) return fail_memory(err, "a Parquet encoder");
  s->key_count = count;
  for (size_t i = 0; i < count; i++) {
    struct sort_key *k = &s->keys[i];
    *k = (struct sort_key){.chunk = &chunks[columns[i].leaf], .is_descending = columns[i].is_descending,
                           .nulls_first = columns[i].nulls_first};
    if (k->chunk->leaf->order != ORDER_BYTES) continue;
    k->bytes = malloc(SORT_KEY_BYTES_MAX);
    if (!k->bytes) return fail_memory(err, "a Parquet encoder");
  }
  sorting_reset(s);
  return true;
}

void sorting_deinit(struct sorting *s) {
  for (size_t i = 0; i < s->key_count; i++) free(s->keys[i].bytes);
  free(s->keys);
  *s = (struct sorting){0};
}

void sorting_reset(struct sorting *s) {
  s->sorted_count = s->key_count;
  s->has_row = false;
}

static void keep(struct sort_key *k, const struct last_entry *now) {
  k->is_null = !now->bytes;
  if (k->is_null) return;
  k->len = now->len;
  memcpy(k->bytes ? k->bytes : k->fixed.bytes, now->bytes, now->len);
}

/* NaN has no place in Parquet's order. */
static bool has_place(const struct sort_key *k, const struct last_entry *now) {
  if (now->bytes && k->bytes) return now->len <= SORT_KEY_BYTES_MAX;
  return k->chunk->leaf->order != ORDER_FLOAT || k->chunk->range.nan_count == 0;
}

static int compare_bytes(const struct sort_key *k, const struct last_entry *now) {
  int order = memcmp(k->bytes, now->bytes, k->len < now->len ? k->len : now->len);
  return order ? order : (k->len > now->len) - (k->len < now->len);
}

static enum step compare(const struct sort_key *k, const struct last_entry *now) {
  if (k->is_null || !now->bytes) {
    if (k->is_null && !now->bytes) return STEP_SAME;
    return k->is_null == k->nulls_first ? STEP_ON : STEP_BACK;
  }
  int order;
  if (k->bytes) {
    order = compare_bytes(k, now);
  } else {
    if (memcmp(k->fixed.bytes, now->bytes, now->len) == 0) return STEP_SAME;
    struct bound value = {.len = (uint8_t)now->len};
    memcpy(value.bytes, now->bytes, now->len);
    order = bound_compare(&k->fixed, &value, k->chunk->leaf);
    if (order == 0) return STEP_BACK;   /* -0 and +0: whether one is below the other is each reader's own view */
  }
  if (order == 0) return STEP_SAME;
  return (order < 0) != k->is_descending ? STEP_ON : STEP_BACK;
}

void sorting_add_row(struct sorting *s) {
  enum step step = STEP_SAME;   /* of the keys so far: behind one that went on, all others may be what they like */
  for (size_t i = 0; i < s->sorted_count; i++) {
    struct sort_key *k = &s->keys[i];
    struct last_entry now;
    bool fits = chunk_last_entry(k->chunk, &now) && has_place(k, &now);
    if (fits && s->has_row && step == STEP_SAME) step = compare(k, &now);
    if (!fits || step == STEP_BACK) {
      s->sorted_count = i;
      break;
    }
    keep(k, &now);
  }
  s->has_row = true;
}
