#include "row/gap.h"

#include <stdlib.h>

#define CAPACITY_FIRST 16

void gaps_init(struct gaps *g, size_t item_bytes, uint32_t max) {
  *g = (struct gaps){.item_bytes = item_bytes, .count = 1, .max = max};
}

void gaps_deinit(struct gaps *g) {
  free(g->items);
  free(g->first);
  *g = (struct gaps){0};
}

bool gaps_set_places(struct gaps *g, uint32_t count, struct error *err) {
  uint32_t *first = realloc(g->first, count * sizeof *first);
  if (!first) return fail_memory(err, "what is known of JSON columns");
  memset(first + g->place_count, 0, (count - g->place_count) * sizeof *first);
  g->first = first;
  g->place_count = count;
  return true;
}

static bool is_known_or_one_too_many(const struct gaps *g, uint32_t from, const struct gap *gap) {
  uint32_t count = 0;
  for (uint32_t i = g->first[from]; i; i = gaps_at(g, i)->next, count++) {
    const struct gap *known = gaps_at(g, i);
    if (known->to == gap->to && known->len == gap->len && memcmp(known->text, gap->text, gap->len) == 0) return true;
  }
  return count >= GAPS_PER_PLACE_MAX;
}

static bool has_room(struct gaps *g) {
  if (g->count < g->capacity) return true;
  if (g->count == g->max) return false;
  uint32_t capacity = g->capacity ? g->capacity * 2 : CAPACITY_FIRST;
  uint8_t *items = realloc(g->items, capacity * g->item_bytes);
  if (!items) return false;
  g->items = items;
  g->capacity = capacity;
  return true;
}

/* Longer gaps first: `, "a": {"b": ` must be tried before `, "a": `. */
void gaps_learn(struct gaps *g, uint32_t from, const struct gap *gap) {
  if (is_known_or_one_too_many(g, from, gap) || !has_room(g)) return;
  uint32_t *link = &g->first[from];
  while (*link && gaps_at(g, *link)->len > gap->len) link = &gaps_at(g, *link)->next;
  struct gap *added = gaps_at(g, g->count);
  memcpy(added, gap, g->item_bytes);
  added->next = *link;
  *link = g->count++;
}
