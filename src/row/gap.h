/*
 * Gaps: the bytes that stand between one value of a document and the next, keys and braces and all. Private to
 * the flattener and to XML's nested elements.
 *
 * Documents of one column look alike, and the server writes them alike. So whoever takes them apart remembers, for
 * each place where a value can stand, what has followed a value there: the gap, verbatim, and the place of the next
 * value. A document whose gaps are all known is taken apart by comparing bytes and finding the ends of values;
 * nothing else of it has to be looked at, since what surrounds a value is settled by its place.
 *
 * A user's own struct of a gap begins with `struct gap` and goes on with what he does there. Places are his numbers.
 *
 * Not thread-safe: one flattener's, one encoder's.
 */
#pragma once
#include "base/error.h"
#include "row/json_scan.h"

#define GAP_TEXT_MAX 80        /* bytes of a gap that is remembered */
#define GAPS_PER_PLACE_MAX 16  /* searched one by one: beyond it walking is as fast */
#define GAP_ENDS 0u            /* the place behind a document's last gap */

struct gap {
  uint8_t text[GAP_TEXT_MAX];
  uint32_t len;                /* 1 to GAP_TEXT_MAX */
  uint32_t to;                 /* the place of the value behind it, or GAP_ENDS */
  uint32_t next;               /* another gap behind the same place, shorter or as long; 0: none */
};

struct gaps {
  uint8_t *items;              /* the user's structs; [0] is none */
  size_t item_bytes;
  uint32_t count, capacity, max;
  uint32_t *first;             /* per place: its longest gap, or 0 */
  uint32_t place_count;
};

/* item_bytes: of the user's struct. max: how many are remembered. Allocates nothing. */
void gaps_init(struct gaps *g, size_t item_bytes, uint32_t max);
void gaps_deinit(struct gaps *g);
/* Places are 0 to count - 1 from now on; never fewer than before. */
bool gaps_set_places(struct gaps *g, uint32_t count, struct error *err) MUST_CHECK;
/*
 * Remembers a gap behind a value of `from`: a copy of the user's struct that begins with it. Not where it is known,
 * where there are too many, or without memory: that is no failure, since what is not known is walked.
 */
void gaps_learn(struct gaps *g, uint32_t from, const struct gap *gap);

static inline struct gap *gaps_at(const struct gaps *g, uint32_t number) {
  return (struct gap *)(void *)(g->items + number * g->item_bytes);
}

/* Is this the text at `at`? Of `text` as many bytes can be read as make whole pieces of 16. */
static inline bool gap_is_at(const uint8_t *text, size_t len, const uint8_t *at, const uint8_t *end) {
  size_t left = (size_t)(end - at);
  if (left < len) return false;
#if HAS_SSE2
  for (size_t i = 0; left - i >= 16; i += 16) {
    __m128i expected = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
    __m128i found = _mm_loadu_si128((const __m128i *)(const void *)(at + i));
    unsigned differ = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(expected, found)) ^ 0xFFFFu;
    if (i + 16 >= len) return (differ << (i + 16 - len) & 0xFFFFu) == 0;
    if (differ) return false;
  }
#endif
  return memcmp(at, text, len) == 0;
}

/*
 * The gap behind a value of `from` that stands at `at`; NULL where no known one does. readable: as far as bytes can
 * be read, at least `end`; with 16 more than that, comparing needs no look at single bytes.
 */
static inline const struct gap *gaps_find(const struct gaps *g, uint32_t from, const uint8_t *at, const uint8_t *end,
                                          const uint8_t *readable) {
  const struct gap *gap;
  for (uint32_t i = g->first[from]; i; i = gap->next) {
    gap = gaps_at(g, i);
    if ((size_t)(end - at) < gap->len || !gap_is_at(gap->text, gap->len, at, readable)) continue;
    if (gap->to != GAP_ENDS || at + gap->len == end) return gap;
  }
  return NULL;
}

/* Whether to try the known gaps: where documents all differ, trying would be in vain each time. Zeros at first. */
struct gap_trust {
  uint32_t misses;   /* more of these than of hits, lately */
  uint32_t skip;     /* documents to be walked before the next try; none is learned from meanwhile */
};
#define GAP_MISSES_MAX 6

static inline bool gap_trust_asks_to_try(struct gap_trust *t) {
  if (t->skip == 0) return true;
  t->skip--;
  return false;
}
static inline void gap_trust_hit(struct gap_trust *t) { t->misses -= t->misses > 0; }
static inline void gap_trust_missed(struct gap_trust *t) {
  t->misses += t->misses < GAP_MISSES_MAX;
  t->skip = (1u << t->misses) - 2;
}
