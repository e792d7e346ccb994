#include "format/xml_gaps.h"

#include <stdlib.h>

#define PATHS_MAX (64u << 10)   /* bytes of all paths */

void xml_gaps_init(struct xml_gaps *g) {
  *g = (struct xml_gaps){.place_count = 1};
  gaps_init(&g->known, sizeof(struct xml_gap), XML_GAPS_MAX);
  buffer_init(&g->paths, PATHS_MAX);
}

void xml_gaps_deinit(struct xml_gaps *g) {
  gaps_deinit(&g->known);
  free(g->places);
  buffer_deinit(&g->paths);
}

/* Room for one more place, here and among the gaps. Not learning more is no failure: what is not known is walked. */
static bool has_room_for_place(struct xml_gaps *g) {
  if (g->place_count < g->place_capacity) return true;
  uint32_t capacity = g->place_capacity ? g->place_capacity * 2 : 16;
  struct xml_place *places = realloc(g->places, capacity * sizeof *places);
  if (!places) return false;
  g->places = places;
  struct error unused = {0};
  if (!gaps_set_places(&g->known, capacity, &unused)) return false;
  g->place_capacity = capacity;
  return true;
}

uint32_t xml_gaps_place(struct xml_gaps *g, const uint8_t *path, size_t len) {
  for (uint32_t i = 1; i < g->place_count; i++)
    if (g->places[i].path_len == len && memcmp(g->paths.data + g->places[i].path, path, len) == 0) return i;
  if (len > XML_PLACE_MAX || g->place_count == XML_GAPS_MAX || !has_room_for_place(g)) return XML_PLACE_NONE;
  uint32_t at = (uint32_t)g->paths.len;
  buffer_append(&g->paths, path, len);
  if (g->paths.failed) return XML_PLACE_NONE;
  g->places[g->place_count] = (struct xml_place){.path = at, .path_len = (uint32_t)len};
  return g->place_count++;
}

void xml_gaps_learn(struct xml_gaps *g, uint32_t from, uint32_t to, const uint8_t *text, size_t len,
                    const uint8_t *xml, size_t xml_len) {
  if (len == 0 || len > GAP_TEXT_MAX || xml_len > XML_GAP_XML_MAX) return;
  struct xml_gap gap = {.gap.len = (uint32_t)len, .gap.to = to, .xml_len = (uint32_t)xml_len};
  memcpy(gap.gap.text, text, len);
  memcpy(gap.xml, xml, xml_len);
  gaps_learn(&g->known, from, &gap.gap);
}
