#include "row/gap.h"

#include <stdlib.h>

bool gaps_init(struct gaps *g, const struct trie *trie, struct error *err) {
  *g = (struct gaps){.count = 1, .capacity = 16};
  g->gaps = calloc(g->capacity, sizeof *g->gaps);
  g->first = calloc(trie->node_count, sizeof *g->first);
  if (g->gaps && g->first) return true;
  gaps_deinit(g);
  return fail_memory(err, "the paths of JSON columns");
}

void gaps_deinit(struct gaps *g) {
  free(g->gaps);
  free(g->first);
  *g = (struct gaps){0};
}

static bool is_same(const struct gap *a, const struct gap *b) {
  return a->to == b->to && a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

/* Not learning more is no failure: what is not known is walked. */
static bool is_known_or_one_too_many(const struct gaps *g, uint32_t from, const struct gap *gap) {
  uint32_t count = 0;
  for (uint32_t i = g->first[from]; i; i = g->gaps[i].next, count++)
    if (is_same(&g->gaps[i], gap)) return true;
  return count >= GAPS_PER_NODE_MAX;
}

static bool has_room(struct gaps *g) {
  if (g->count < g->capacity) return true;
  if (g->count == GAPS_MAX) return false;
  struct gap *gaps = realloc(g->gaps, g->capacity * 2 * sizeof *gaps);
  if (!gaps) return false;
  g->gaps = gaps;
  g->capacity *= 2;
  return true;
}

/* Longer gaps first: `, "a": {"b": ` must be tried before `, "a": `. */
void gaps_learn(struct gaps *g, uint32_t from, const struct gap *gap) {
  if (is_known_or_one_too_many(g, from, gap) || !has_room(g)) return;
  uint32_t *link = &g->first[from];
  while (*link && g->gaps[*link].len > gap->len) link = &g->gaps[*link].next;
  g->gaps[g->count] = *gap;
  g->gaps[g->count].next = *link;
  *link = g->count++;
}
