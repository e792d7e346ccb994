#include "row/trie.h"

#include <stdlib.h>

bool trie_init(struct trie *t, struct error *err) {
  *t = (struct trie){.node_capacity = 16, .slot_count = 32};
  buffer_init(&t->keys, TRIE_KEYS_MAX);
  t->nodes = calloc(t->node_capacity, sizeof *t->nodes);
  t->slots = calloc(t->slot_count, sizeof *t->slots);
  if (!t->nodes || !t->slots || !buffer_reserve(&t->keys, 1)) {
    trie_deinit(t);
    return fail_memory(err, "the paths of JSON columns");
  }
  /* No word equals this one, and no text is as long. */
  t->nodes[TRIE_NONE] = (struct trie_node){.head = 1, .head_mask = 0, .spelling_len = UINT32_MAX};
  t->node_count = 1;
  return true;
}

void trie_deinit(struct trie *t) {
  free(t->nodes);
  free(t->slots);
  buffer_deinit(&t->keys);
  *t = (struct trie){0};
}

static uint32_t hash_key(uint32_t parent, const uint8_t *key, size_t len) {
  const uint64_t multiplier = 0x9E3779B97F4A7C15u;
  uint64_t hash = (parent + 1) * multiplier ^ len;
  for (; len >= 8; key += 8, len -= 8) {
    hash = (hash ^ json_load_word(key)) * multiplier;
    hash ^= hash >> 29;
  }
  uint64_t tail = 0;
  if (len) memcpy(&tail, key, len);
  hash = (hash ^ tail) * multiplier;
  return (uint32_t)(hash >> 32);
}

/* The slot that holds the key's node, or the empty one where it belongs. */
static uint32_t *find_slot(const struct trie *t, uint32_t parent, const uint8_t *key, size_t len) {
  for (uint32_t at = hash_key(parent, key, len);; at++) {
    uint32_t *slot = &t->slots[at & (t->slot_count - 1)];
    const struct trie_node *n = &t->nodes[*slot];
    if (*slot == TRIE_NONE) return slot;
    if (n->parent == parent && n->key_len == len && (!len || memcmp(t->keys.data + n->key, key, len) == 0))
      return slot;
  }
}

static uint64_t length_bit(size_t len) { return (uint64_t)1 << (len < 63 ? len : 63); }

uint32_t trie_find(const struct trie *t, uint32_t parent, const uint8_t *key, size_t len) {
  if (!(t->nodes[parent].child_lengths & length_bit(len))) return TRIE_NONE;
  return *find_slot(t, parent, key, len);
}

static bool grow_slots(struct trie *t, struct error *err) {
  uint32_t *old = t->slots;
  uint32_t *slots = calloc((size_t)t->slot_count * 2, sizeof *slots);
  if (!slots) return fail_memory(err, "the paths of JSON columns");
  t->slots = slots;
  t->slot_count *= 2;
  for (uint32_t i = 1; i < t->node_count; i++) {
    const struct trie_node *n = &t->nodes[i];
    if (n->parent != TRIE_NONE) *find_slot(t, n->parent, t->keys.data + n->key, n->key_len) = i;
  }
  free(old);
  return true;
}

static bool grow_nodes(struct trie *t, struct error *err) {
  if (t->node_count == TRIE_NODES_MAX)
    return fail(err, ERR_USAGE, "the paths of JSON columns have more than %u keys", TRIE_NODES_MAX);
  if (t->node_count < t->node_capacity) return true;
  struct trie_node *nodes = realloc(t->nodes, (size_t)t->node_capacity * 2 * sizeof *nodes);
  if (!nodes) return fail_memory(err, "the paths of JSON columns");
  t->nodes = nodes;
  t->node_capacity *= 2;
  return true;
}

/* Writes the key as JSON spells it and, where that differs, as it is. */
static bool store_key(struct trie *t, struct trie_node *n, const void *key, size_t len, struct error *err) {
  size_t before = t->keys.len;
  json_append_string(&t->keys, key, len);
  n->spelling = (uint32_t)before + 1;   /* behind the opening quote */
  n->spelling_len = (uint32_t)(t->keys.len - n->spelling);
  n->key = n->spelling;
  n->key_len = (uint32_t)len;
  if (n->spelling_len != len + 1) {
    n->key = (uint32_t)t->keys.len;
    buffer_append(&t->keys, key, len);
  }
  if (!t->keys.failed) return true;
  t->keys.len = before;
  t->keys.failed = false;
  return fail(err, ERR_USAGE, "the keys of JSON columns are longer than %u bytes together", TRIE_KEYS_MAX);
}

static void set_head(struct trie *t, struct trie_node *n) {
  size_t len = n->spelling_len < 8 ? n->spelling_len : 8;
  const uint8_t ones[8] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
  memcpy(&n->head, t->keys.data + n->spelling, len);
  memcpy(&n->head_mask, ones, len);
}

bool trie_add(struct trie *t, uint32_t parent, const void *key, size_t len, uint32_t *node,
              struct error *err) {
  if (parent != TRIE_NONE) {
    *node = trie_find(t, parent, key, len);
    if (*node != TRIE_NONE) return true;
  }
  if (!grow_nodes(t, err)) return false;
  if (t->node_count >= t->slot_count / 2 && !grow_slots(t, err)) return false;
  struct trie_node n = {.parent = parent};
  if (!store_key(t, &n, key, len, err)) return false;
  set_head(t, &n);
  *node = t->node_count;
  if (parent != TRIE_NONE) {
    n.depth = t->nodes[parent].depth + 1;
    t->nodes[parent].child_lengths |= length_bit(len);
    if (n.key_len > t->key_len_max) t->key_len_max = n.key_len;
    *find_slot(t, parent, key, len) = *node;
  }
  t->nodes[t->node_count++] = n;
  return true;
}
