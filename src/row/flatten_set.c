#include "row/flatten_set.h"

#include <stdlib.h>

struct flatten_set *flatten_set_new(struct error *err) {
  struct flatten_set *set = calloc(1, sizeof *set);
  if (!set) {
    (void)fail_memory(err, "the paths of JSON columns");
    return NULL;
  }
  set->pick_count = 1;
  if (trie_init(&set->trie, err)) return set;
  free(set);
  return NULL;
}

void flatten_set_free(struct flatten_set *set) {
  if (!set) return;
  trie_deinit(&set->trie);
  free(set->picks);
  free(set->roots);
  free(set);
}

size_t flatten_set_cell_count(const struct flatten_set *set) { return set ? set->pick_count - 1 : 0; }

/* The root of a wire column, added where it is missing. NULL on failure. */
static struct flatten_root *find_root(struct flatten_set *set, size_t wire, struct error *err) {
  for (size_t i = 0; i < set->root_count; i++)
    if (set->roots[i].wire == wire) return &set->roots[i];
  struct flatten_root *roots = realloc(set->roots, (set->root_count + 1) * sizeof *roots);
  if (!roots) {
    (void)fail_memory(err, "the paths of JSON columns");
    return NULL;
  }
  set->roots = roots;
  struct flatten_root root = {.wire = wire};
  if (!trie_add(&set->trie, TRIE_NONE, "", 0, &root.node, err)) return NULL;
  roots[set->root_count] = root;
  return &roots[set->root_count++];
}

/* A place for one more pick; counts it once it is filled. */
static struct pick *reserve_pick(struct flatten_set *set, struct error *err) {
  if (set->pick_count >= set->pick_capacity) {
    uint32_t capacity = set->pick_capacity ? set->pick_capacity * 2 : 16;
    struct pick *picks = realloc(set->picks, capacity * sizeof *picks);
    if (!picks) {
      (void)fail_memory(err, "the paths of JSON columns");
      return NULL;
    }
    set->picks = picks;
    set->pick_capacity = capacity;
  }
  return &set->picks[set->pick_count];
}

static bool add_pick(struct flatten_set *set, size_t wire, const struct json_path *path, bool pick_whole,
                     const struct path_type *type, size_t *cell, struct error *err) {
  struct flatten_root *root = find_root(set, wire, err);
  struct pick *pick = reserve_pick(set, err);
  if (!root || !pick) return false;
  if (root->path_count == FLATTEN_PATHS_MAX)
    return fail(err, ERR_USAGE, "more than %d paths are picked out of one JSON column", FLATTEN_PATHS_MAX);
  if (path->key_count > PATH_KEYS_MAX)
    return fail(err, ERR_USAGE, "a path has more than %d keys", PATH_KEYS_MAX);
  uint32_t node = root->node;
  for (size_t i = 0; i < path->key_count; i++)
    if (!trie_add(&set->trie, node, path->keys[i], strlen(path->keys[i]), &node, err)) return false;
  struct trie_node *n = &set->trie.nodes[node];
  *pick = (struct pick){.wire = wire,
                        .node = node,
                        .next = n->mark,
                        .whole = pick_whole,
                        .precision = (uint8_t)type->precision,
                        .scale = (uint8_t)type->scale,
                        .form = type->form};
  n->mark = set->pick_count++;
  root->path_count++;
  *cell = n->mark - 1;
  return true;
}

bool flatten_set_add(struct flatten_set *set, size_t wire, const struct json_path *path, bool pick_whole,
                     enum flatten_form form, size_t *cell, struct error *err) {
  return add_pick(set, wire, path, pick_whole, &(struct path_type){.form = form}, cell, err);
}

bool flatten_set_add_typed(struct flatten_set *set, size_t wire, const struct json_path *path,
                           const struct path_type *type, size_t *cell, struct error *err) {
  return add_pick(set, wire, path, false, type, cell, err);
}

bool flatten_set_add_rest(struct flatten_set *set, size_t wire, size_t *cell, struct error *err) {
  struct flatten_root *root = find_root(set, wire, err);
  struct pick *pick = reserve_pick(set, err);
  if (!root || !pick) return false;
  if (root->rest == PICK_NONE) {
    /* Not in the node's list: no value picks it. */
    *pick = (struct pick){.wire = wire, .node = root->node, .form = FLATTEN_JSON};
    root->rest = set->pick_count++;
  }
  *cell = root->rest - 1;
  return true;
}

static const struct flatten_root *root_of(const struct flatten_set *set, uint32_t node) {
  while (set->trie.nodes[node].parent != TRIE_NONE) node = set->trie.nodes[node].parent;
  for (size_t i = 0; i < set->root_count; i++)
    if (set->roots[i].node == node) return &set->roots[i];
  return NULL;
}

bool flatten_set_describe(const struct flatten_set *set, size_t cell, size_t *wire, struct buffer *out) {
  const struct trie *t = &set->trie;
  const struct pick *pick = &set->picks[cell + 1];
  const struct flatten_root *root = root_of(set, pick->node);
  *wire = root->wire;
  if (root->rest == cell + 1) return false;
  char *keys[PATH_KEYS_MAX];
  struct json_path path = {keys, t->nodes[pick->node].depth};
  struct buffer text;   /* the keys, each zero-terminated; reserved at once, so that they do not move */
  buffer_init(&text, TRIE_KEYS_MAX);
  size_t size = path.key_count;
  for (uint32_t n = pick->node; n != root->node; n = t->nodes[n].parent) size += t->nodes[n].key_len;
  if (buffer_reserve(&text, size + 1)) {
    for (uint32_t n = pick->node; n != root->node; n = t->nodes[n].parent) {
      keys[t->nodes[n].depth - 1] = (char *)text.data + text.len;
      buffer_append(&text, trie_key(t, n), t->nodes[n].key_len);
      buffer_append_byte(&text, '\0');
    }
    json_path_write(&path, out);
  }
  buffer_deinit(&text);
  return true;
}
