#include "format/parquet/sorting.h"

#include <stdlib.h>

struct sort_key {
  const struct chunk *chunk;
  struct sorting_column column;
  struct sort_value last;      /* of the row before; in `bytes` */
  uint8_t *bytes;              /* SORT_KEY_BYTES_MAX */
};

bool sorting_init(struct sorting *s, const struct sorting_column *columns, size_t count, const struct chunk *chunks,
                  struct error *err) {
  *s = (struct sorting){0};
  if (!count) return true;
  s->keys = calloc(count, sizeof *s->keys);
  if (!s->keys) return fail_memory(err, "a Parquet encoder");
  s->key_count = count;
  for (size_t i = 0; i < count; i++) {
    struct sort_key *k = &s->keys[i];
    *k = (struct sort_key){.chunk = &chunks[columns[i].leaf], .column = columns[i]};
    k->bytes = malloc(SORT_KEY_BYTES_MAX);
    if (!k->bytes) return fail_memory(err, "a Parquet encoder");
  }
  sorting_reset(s);
  return true;
}

void sorting_deinit(struct sorting *s) {
  for (size_t i = 0; i < s->key_count; i++) free(s->keys[i].bytes);
  free(s->keys);
  sort_edges_deinit(&s->edges);
  *s = (struct sorting){0};
}

void sorting_reset(struct sorting *s) {
  s->sorted_count = s->key_count;
  s->has_row = false;
}

static void keep(struct sort_key *k, const struct sort_value *now) {
  if (now->bytes) memcpy(k->bytes, now->bytes, now->len);
  k->last = (struct sort_value){now->bytes ? k->bytes : NULL, now->len};
}

/* NaN has no place in Parquet's order. */
static bool has_place(const struct sort_key *k, const struct sort_value *now) {
  return now->len <= SORT_KEY_BYTES_MAX && (k->chunk->leaf->order != ORDER_FLOAT || k->chunk->range.nan_count == 0);
}

void sorting_add_row(struct sorting *s) {
  enum sort_step step = STEP_SAME;   /* of the keys so far: behind one that went on, all others may be what they like */
  for (size_t i = 0; i < s->sorted_count; i++) {
    struct sort_key *k = &s->keys[i];
    struct sort_value now;
    bool fits = chunk_last_entry(k->chunk, &now) && has_place(k, &now);
    if (fits && !s->has_row) fits = sort_value_copy(&s->edges.first[i], &now);
    else if (fits && step == STEP_SAME) step = sort_step(&k->last, &now, k->chunk->leaf, &k->column);
    if (!fits || step == STEP_BACK) {
      s->sorted_count = i;
      break;
    }
    keep(k, &now);
  }
  s->has_row = true;
}

void sorting_take_edges(struct sorting *s, struct sort_edges *edges) {
  size_t n = 0;
  while (n < s->sorted_count && sort_value_copy(&s->edges.last[n], &s->keys[n].last)) n++;
  *edges = s->edges;
  edges->count = n;
  s->edges = (struct sort_edges){0};
}
