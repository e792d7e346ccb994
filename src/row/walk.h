/*
 * Finding a document's keys in a trie. Private to src/row: what the flattener and the collector of paths
 * have in common.
 *
 * Documents of one column mostly have the same keys in the same order, so a walk keeps for each key the one
 * that followed it last time and compares that first: the usual key costs one comparison and no hash.
 */
#pragma once
#include "row/trie.h"

struct walk {
  const struct trie *trie;
  uint32_t *guesses;       /* [walk_first(n)]: the first key of object n; [walk_next(n)]: the key behind n */
  struct buffer key;       /* a key with its escapes resolved */
};

static inline uint32_t walk_first(uint32_t node) { return node * 2; }
static inline uint32_t walk_next(uint32_t node) { return node * 2 + 1; }

/* The key that was met, where the trie has no node for it. */
struct walk_unknown {
  const uint8_t *text;   /* unescaped; valid until the next key */
  size_t len;
  bool nameless;         /* it holds \u0000 or half a surrogate pair: no path can name it */
};

bool walk_init(struct walk *w, const struct trie *trie, struct error *err) MUST_CHECK;
void walk_deinit(struct walk *w);
/* After the trie has grown from `before` nodes. */
bool walk_resize(struct walk *w, uint32_t before, struct error *err) MUST_CHECK;

/* walk_key for a key that was not foreseen. */
const uint8_t *walk_key_lookup(struct walk *w, uint32_t parent, uint32_t slot, const uint8_t *at,
                               const uint8_t *end, uint32_t *child, struct walk_unknown *unknown);

/*
 * Reads `"key" :` in the object of `parent` and gives the key's node, or TRIE_NONE and the key itself.
 * slot: walk_first(parent), or walk_next() of the known key before. Returns the place of the value, or NULL
 * where the text is not JSON, or memory for an unescaped key is missing (w->key has failed).
 */
static inline const uint8_t *walk_key(struct walk *w, uint32_t parent, uint32_t slot, const uint8_t *at,
                                      const uint8_t *end, uint32_t *child, struct walk_unknown *unknown) {
  if (at == end || *at != '"') return NULL;
  uint32_t guess = w->guesses[slot];
  /* Where the expected key is left out, the one behind it is the next best guess. */
  if (!trie_is_spelled(w->trie, guess, at + 1, end)) guess = w->guesses[walk_next(guess)];
  if (__builtin_expect(trie_is_spelled(w->trie, guess, at + 1, end), 1)) {
    *child = guess;
    at += 1 + w->trie->nodes[guess].spelling_len;
  } else {
    at = walk_key_lookup(w, parent, slot, at, end, child, unknown);
    if (!at) return NULL;
  }
  at = json_skip_space_inline(at, end);
  if (at == end || *at != ':') return NULL;
  return json_skip_space_inline(at + 1, end);
}
