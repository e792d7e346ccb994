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

#define XML_GAP_XML_MAX 160   /* bytes of XML, of a gap that is remembered */
#define XML_GAPS_MAX 256      /* remembered by one encoder: 64 KB */
#define XML_PLACE_MAX 256     /* bytes of a place's path */
#define XML_PLACE_NONE GAP_ENDS

struct xml_gap {
  struct gap gap;
  uint32_t xml_len;
  uint8_t xml[XML_GAP_XML_MAX];
};

struct xml_place { uint32_t path, path_len; };   /* where in paths */

struct xml_gaps {
  struct gaps known;            /* of struct xml_gap */
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
