/*
 * What stands between the scalars of a JSON document, and what that is in XML: tags, empty elements, nils.
 * Private to src/format. One encoder's: not thread-safe.
 *
 * The idea is row/gap.h's: documents of one column look alike, so what was written between two scalars last time
 * is found by comparing the bytes between them, and copied. A place says where a scalar stands: the containers
 * around it and the name of its element. Which elements a gap closes and opens follows from the place behind
 * which it stands and from its own bytes, nulls and empty containers included.
 */
#pragma once
#include "base/buffer.h"
#include "row/gap.h"

#define XML_GAP_TEXT_MAX 80   /* bytes of JSON */
#define XML_GAP_XML_MAX 160   /* and of XML, of a gap that is remembered */
#define XML_GAPS_MAX 256      /* remembered by one encoder: 64 KB */
#define XML_PLACE_MAX 256     /* bytes of a place's path */
#define XML_PLACE_NONE 0u     /* the document ends */

struct xml_gap {
  uint8_t text[XML_GAP_TEXT_MAX];
  uint8_t xml[XML_GAP_XML_MAX];
  uint32_t len, xml_len;
  uint32_t next;                /* another gap behind the same place, shorter or as long; 0: none */
  uint32_t to;                  /* the place of the scalar behind it, or XML_PLACE_NONE */
};

struct xml_place { uint32_t path, path_len, first; };   /* where in paths; its longest gap, or 0 */

struct xml_gaps {
  struct xml_gap *gaps;         /* [0] is none */
  uint32_t gap_count, gap_capacity;
  struct xml_place *places;     /* [0] is XML_PLACE_NONE */
  uint32_t place_count, place_capacity;
  struct buffer paths;
};

void xml_gaps_init(struct xml_gaps *g);
void xml_gaps_deinit(struct xml_gaps *g);

/* The place with this path, added where it is new. XML_PLACE_NONE where there are too many, or no memory. */
uint32_t xml_gaps_place(struct xml_gaps *g, const uint8_t *path, size_t len);
/* Remembers a gap behind `from`, unless it is known, too long, or there are too many. */
void xml_gaps_learn(struct xml_gaps *g, uint32_t from, uint32_t to, const uint8_t *text, size_t len,
                    const uint8_t *xml, size_t xml_len);

/* The gap behind a scalar of `from` that stands at `at`; NULL where no known one does. 16 bytes can be read at `end`. */
static inline const struct xml_gap *xml_gaps_find(const struct xml_gaps *g, uint32_t from, const uint8_t *at,
                                                  const uint8_t *end) {
  for (uint32_t i = g->places[from].first; i; i = g->gaps[i].next) {
    const struct xml_gap *gap = &g->gaps[i];
    if ((size_t)(end - at) < gap->len || !gap_is_at(gap->text, gap->len, at, end + 16)) continue;
    if (gap->to != XML_PLACE_NONE || at + gap->len == end) return gap;
  }
  return NULL;
}
