#include "format/xml_gaps.h"

#include <stdlib.h>

#define PATHS_MAX (64u << 10)   /* bytes of all paths */

void xml_gaps_init(struct xml_gaps *g) {
  *g = (struct xml_gaps){.gap_count = 1, .place_count = 1};
  buffer_init(&g->paths, PATHS_MAX);
}

void xml_gaps_deinit(struct xml_gaps *g) {
  free(g->gaps);
  free(g->places);
  buffer_deinit(&g->paths);
}

/* Room for one more of `count` items. Not learning more is no failure: what is not known is walked. */
static void *room_for_one(void *items, size_t size, uint32_t count, uint32_t *capacity) {
  if (count < *capacity) return items;
  uint32_t more = *capacity ? *capacity * 2 : 16;
  void *grown = realloc(items, more * size);
  if (grown) *capacity = more;
  return grown;
}

uint32_t xml_gaps_place(struct xml_gaps *g, const uint8_t *path, size_t len) {
  for (uint32_t i = 1; i < g->place_count; i++)
    if (g->places[i].path_len == len && memcmp(g->paths.data + g->places[i].path, path, len) == 0) return i;
  if (len > XML_PLACE_MAX || g->place_count == XML_GAPS_MAX) return XML_PLACE_NONE;
  struct xml_place *places = room_for_one(g->places, sizeof *places, g->place_count, &g->place_capacity);
  if (!places) return XML_PLACE_NONE;
  g->places = places;
  uint32_t at = (uint32_t)g->paths.len;
  buffer_append(&g->paths, path, len);
  if (g->paths.failed) return XML_PLACE_NONE;
  places[g->place_count] = (struct xml_place){.path = at, .path_len = (uint32_t)len};
  return g->place_count++;
}

static bool is_known_or_one_too_many(const struct xml_gaps *g, uint32_t from, uint32_t to, const uint8_t *text,
                                     size_t len) {
  uint32_t count = 0;
  for (uint32_t i = g->places[from].first; i; i = g->gaps[i].next, count++) {
    const struct xml_gap *gap = &g->gaps[i];
    if (gap->to == to && gap->len == len && memcmp(gap->text, text, len) == 0) return true;
  }
  return count >= GAPS_PER_NODE_MAX;
}

void xml_gaps_learn(struct xml_gaps *g, uint32_t from, uint32_t to, const uint8_t *text, size_t len,
                    const uint8_t *xml, size_t xml_len) {
  if (len == 0 || len > XML_GAP_TEXT_MAX || xml_len > XML_GAP_XML_MAX || g->gap_count == XML_GAPS_MAX) return;
  if (is_known_or_one_too_many(g, from, to, text, len)) return;
  struct xml_gap *gaps = room_for_one(g->gaps, sizeof *gaps, g->gap_count, &g->gap_capacity);
  if (!gaps) return;
  g->gaps = gaps;
  /* Longer ones first: `, "a": {"b": ` must be tried before `, "a": `. */
  uint32_t *link = &g->places[from].first;
  while (*link && gaps[*link].len > len) link = &gaps[*link].next;
  struct xml_gap *gap = &gaps[g->gap_count];
  *gap = (struct xml_gap){.len = (uint32_t)len, .xml_len = (uint32_t)xml_len, .next = *link, .to = to};
  memcpy(gap->text, text, len);
  memcpy(gap->xml, xml, xml_len);
  *link = g->gap_count++;
}
