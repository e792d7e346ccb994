/*
 * A tree of object keys: what the paths of JSON columns are looked up in. Private to src/row.
 *
 * Nodes are numbers; TRIE_NONE is none of them. A node without a parent is a root. Each node keeps its key
 * as the server spells it in JSON text, with the closing quote, so that a key that is expected to come next
 * is recognised by comparing the text itself.
 *
 * Read-only once built; then any number of threads may look things up.
 */
#pragma once
#include "row/json_scan.h"

#define TRIE_NONE 0u
#define TRIE_NODES_MAX (1u << 20)
#define TRIE_KEYS_MAX (64u << 20)   /* bytes of all keys together */

struct trie_node {
  uint64_t head, head_mask;   /* the first 8 bytes of the spelling, and which of them there are */
  uint32_t spelling;          /* where in keys: escaped as the server does, with the closing quote */
  uint32_t spelling_len;
  uint32_t key;               /* where in keys: unescaped */
  uint32_t key_len;
  uint32_t parent;            /* TRIE_NONE for a root */
  uint32_t depth;             /* keys from the root: 0 for a root */
  uint64_t child_lengths;     /* bit i: a child has a key of i bytes (63: or more); 0: no children */
  uint32_t mark;              /* the owner's; 0 at first */
};

struct trie {
  struct trie_node *nodes;    /* [0] is TRIE_NONE: it equals no key */
  uint32_t node_count;        /* with [0] */
  uint32_t node_capacity;
  uint32_t *slots;            /* hash table of nodes with a parent, half empty with TRIE_NONE */
  uint32_t slot_count;        /* a power of two */
  uint32_t key_len_max;       /* of all keys */
  struct buffer keys;
};

bool trie_init(struct trie *t, struct error *err) MUST_CHECK;
void trie_deinit(struct trie *t);

/* Adds a node for `key` below `parent`, or finds the one that is there. TRIE_NONE as parent: a new root. */
bool trie_add(struct trie *t, uint32_t parent, const void *key, size_t len, uint32_t *node,
              struct error *err) MUST_CHECK;
/* The child of `parent` with this unescaped key, or TRIE_NONE. */
uint32_t trie_find(const struct trie *t, uint32_t parent, const uint8_t *key, size_t len);

static inline bool trie_has_children(const struct trie *t, uint32_t node) {
  return t->nodes[node].child_lengths != 0;
}
static inline const uint8_t *trie_key(const struct trie *t, uint32_t node) {
  return t->keys.data + t->nodes[node].key;
}

/*
 * Is the key whose first byte behind the opening quote is at `at` spelled as the node's? A key that is
 * escaped otherwise (\u0061) is not found by this; TRIE_NONE is never.
 */
static inline bool trie_is_spelled(const struct trie *t, uint32_t node, const uint8_t *at,
                                   const uint8_t *end) {
  const struct trie_node *n = &t->nodes[node];
  size_t left = (size_t)(end - at);
  if (__builtin_expect(left < 8, 0))
    return left >= n->spelling_len && memcmp(at, t->keys.data + n->spelling, n->spelling_len) == 0;
  if ((json_load_word(at) & n->head_mask) != n->head) return false;
  if (n->spelling_len <= 8) return true;
  return left >= n->spelling_len && memcmp(at + 8, t->keys.data + n->spelling + 8, n->spelling_len - 8) == 0;
}
