/*
 * Gaps: the bytes that stand between one value of a document and the next, keys and braces and all. Private to
 * the flattener and to XML's nested elements.
 *
 * Documents of one column look alike, and the server writes them alike. So a flattener remembers, for each
 * node of its trie, what has followed a value of that node: the gap, verbatim, and the node that the next
 * value belongs to. A document whose gaps are all known is taken apart by comparing bytes and finding the ends
 * of values; nothing else of it has to be looked at, since what surrounds a value is settled by its node.
 *
 * Not thread-safe: one flattener's.
 */
#pragma once
#include "row/json_scan.h"
#include "row/trie.h"

#define GAP_TEXT_MAX 64    /* bytes of a gap that is remembered */
#define GAP_MET_MAX 4      /* keys in it: objects that are entered, and the value's own */
#define GAPS_MAX 1024      /* remembered by one flattener: 100 KB */
#define GAPS_PER_NODE_MAX 16   /* searched one by one: beyond it walking is as fast */

struct gap {
  uint8_t text[GAP_TEXT_MAX];
  uint32_t len;
  uint32_t next;                /* another gap behind the same node, shorter or as long; 0: none */
  uint32_t to;                  /* the node of the value behind it; TRIE_NONE: the document ends with it */
  uint32_t pick;                /* what that value is picked for */
  uint32_t met_count;
  uint32_t met[GAP_MET_MAX];    /* the nodes of its keys: none may come twice in one document */
};

struct gaps {
  struct gap *gaps;             /* [0] is none */
  uint32_t count, capacity;
  uint32_t *first;              /* per node: its longest gap, or 0 */
};

bool gaps_init(struct gaps *g, const struct trie *trie, struct error *err) MUST_CHECK;
void gaps_deinit(struct gaps *g);
/* Remembers a gap behind a value of `from`, unless it is known or there are too many. */
void gaps_learn(struct gaps *g, uint32_t from, const struct gap *gap);

/* Is this the text at `at`? Of `text` as many bytes can be read as make whole pieces of 16. */
static inline bool gap_is_at(const uint8_t *text, size_t len, const uint8_t *at, const uint8_t *end) {
  size_t left = (size_t)(end - at);
  if (left < len) return false;
#if defined __SSE2__ && !defined JSON_SCAN_PORTABLE
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

/* The gap behind a value of `from` that stands at `at`; NULL where no known one does. */
static inline const struct gap *gaps_find(const struct gaps *g, uint32_t from, const uint8_t *at,
                                          const uint8_t *end) {
  for (uint32_t i = g->first[from]; i; i = g->gaps[i].next) {
    const struct gap *gap = &g->gaps[i];
    if (gap_is_at(gap->text, gap->len, at, end) && (gap->to != TRIE_NONE || at + gap->len == end)) return gap;
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
