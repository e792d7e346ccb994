#include "row/json_facts.h"
#include "row/walk.h"

#include <stdlib.h>

/* Objects count as well as leaves, and keys of values that a duplicate replaced; hence more than paths. */
#define COLLECTOR_NODES_MAX (4u * FLATTEN_PATHS_MAX)
#define COLLECTOR_KEYS_MAX ((size_t)8 << 20)    /* bytes of all keys */
#define COLLECTOR_PATHS_MAX ((size_t)8 << 20)   /* bytes of all paths: a key counts in each path through it */

/* What a node has met in the document at hand (flatten.c does the same). */
struct leaf_state {
  uint64_t seen_in;      /* the number of the object that the key was seen in */
  uint32_t first_seen;   /* the keys seen in this node's object */
  uint32_t next_seen;
  bool is_leaf;
};

struct leaf_frame {
  uint64_t number;
  uint32_t node;
  uint32_t slot;
};

struct path_collector {
  struct trie trie;           /* a node's mark: 1 where its path is among the paths */
  struct walk walk;
  struct leaf_state *states;
  struct json_facts *facts;   /* of each node's values */
  uint32_t state_count;       /* nodes that states, facts and walk have room for */
  uint32_t root;
  uint64_t object_count;
  bool partial;
  uint32_t max_paths;
  enum too_many too_many;
  uint32_t path_count;        /* nodes that are marked */
  size_t path_bytes;          /* of their keys: a key counts in each path through it */
  struct found_path *found;   /* made by finish; the keys of each are one block of memory */
  size_t found_count;

  /* The document at hand. */
  const uint8_t *end;
  bool found_new;             /* a leaf that is not marked yet */
  struct error *err;          /* filled where a function returned NULL for another reason than bad JSON */
  size_t depth;
  struct leaf_frame frames[PATH_KEYS_MAX];
};

static bool grow_states(struct path_collector *c, struct error *err) {
  uint32_t before = c->state_count, count = c->trie.node_count;
  if (count <= before) return true;
  if (!walk_resize(&c->walk, before, err)) return false;
  struct leaf_state *states = realloc(c->states, count * sizeof *states);
  if (!states) return fail_memory(err, "the paths of a JSON column");
  memset(states + before, 0, (count - before) * sizeof *states);
  c->states = states;
  struct json_facts *facts = realloc(c->facts, count * sizeof *facts);
  if (!facts) return fail_memory(err, "the paths of a JSON column");
  memset(facts + before, 0, (count - before) * sizeof *facts);
  c->facts = facts;
  c->state_count = count;
  return true;
}

static bool collector_init(struct path_collector *c, struct error *err) {
  return trie_init(&c->trie, err) && trie_add(&c->trie, TRIE_NONE, "", 0, &c->root, err) &&
         walk_init(&c->walk, &c->trie, err) && grow_states(c, err);
}

struct path_collector *path_collector_new(uint32_t max_paths, enum too_many too_many, struct error *err) {
  struct path_collector *c = calloc(1, sizeof *c);
  if (!c) {
    (void)fail_memory(err, "the paths of a JSON column");
    return NULL;
  }
  c->max_paths = max_paths;
  c->too_many = too_many;
  if (collector_init(c, err)) return c;
  path_collector_free(c);
  return NULL;
}

void path_collector_free(struct path_collector *c) {
  if (!c) return;
  for (size_t i = 0; i < c->found_count; i++) free(c->found[i].path.keys);
  free(c->found);
  walk_deinit(&c->walk);
  trie_deinit(&c->trie);
  free(c->states);
  free(c->facts);
  free(c);
}

bool path_collector_is_partial(const struct path_collector *c) { return c->partial; }

static bool fail_limit(struct path_collector *c) {
  return fail(c->err, ERR_USAGE,
              "the JSON documents have more than %u different paths, or paths of more than %zu MB together: discover "
              "sample makes columns of the most frequent ones and keeps the others in one column of JSON; "
              "or do not flatten, or choose paths with columns",
              c->max_paths, COLLECTOR_PATHS_MAX >> 20);
}

/* Adds a key that no document had before. TRIE_NONE and true where it gets no node. */
static bool add_key(struct path_collector *c, uint32_t parent, const struct walk_unknown *key,
                    uint32_t *node) {
  *node = TRIE_NONE;
  bool is_full = c->trie.node_count >= COLLECTOR_NODES_MAX || c->trie.keys.len > COLLECTOR_KEYS_MAX;
  if (is_full && c->too_many == TOO_MANY_FAILS) return fail_limit(c);
  if (is_full || key->nameless || c->trie.nodes[parent].depth == PATH_KEYS_MAX) {
    c->partial = true;
    return true;
  }
  return trie_add(&c->trie, parent, key->text, key->len, node, c->err) && grow_states(c, c->err);
}

static void meet_key(struct path_collector *c, struct leaf_frame *frame, uint32_t node) {
  struct leaf_state *state = &c->states[node];
  frame->slot = walk_next(node);
  if (state->seen_in != frame->number) {
    state->seen_in = frame->number;
    state->next_seen = c->states[frame->node].first_seen;
    c->states[frame->node].first_seen = node;
  }
  state->first_seen = TRIE_NONE;   /* what an earlier duplicate held is forgotten */
  state->is_leaf = false;
}

/* Behind a value: at the next key's quote, or with depth 0 at the end. */
static const uint8_t *go_to_member(struct path_collector *c, const uint8_t *at) {
  for (; c->depth > 0; c->depth--) {
    at = json_skip_space_inline(at, c->end);
    if (at == c->end) return NULL;
    if (*at == ',') return json_skip_space_inline(at + 1, c->end);
    if (*at++ != '}') return NULL;
  }
  return at;
}

/* From a key's quote to the value of the next key that has a node; TRIE_NONE where the document ends. */
static const uint8_t *go_to_value(struct path_collector *c, const uint8_t *at, uint32_t *node) {
  while (c->depth > 0) {
    struct leaf_frame *frame = &c->frames[c->depth - 1];
    struct walk_unknown unknown;
    at = walk_key(&c->walk, frame->node, frame->slot, at, c->end, node, &unknown);
    if (!at) return NULL;
    if (*node == TRIE_NONE && !add_key(c, frame->node, &unknown, node)) return NULL;
    if (*node != TRIE_NONE) {
      c->walk.guesses[frame->slot] = *node;
      meet_key(c, frame, *node);
      return at;
    }
    at = json_skip_value(at, c->end);
    at = at ? go_to_member(c, at) : NULL;
    if (!at) return NULL;
  }
  *node = TRIE_NONE;
  return at;
}

static const uint8_t *take_leaf(struct path_collector *c, uint32_t node, const uint8_t *at) {
  const uint8_t *behind = json_skip_value(at, c->end);
  if (!behind) return NULL;
  json_facts_note(&c->facts[node], at, behind);
  c->states[node].is_leaf = true;
  c->found_new |= c->trie.nodes[node].mark == 0;
  return behind;
}

/* The members of an object below the deepest path are no columns. */
static bool is_to_be_entered(const struct path_collector *c, const uint8_t *at) {
  if (at == c->end || *at != '{') return false;
  at = json_skip_space_inline(at + 1, c->end);
  return at < c->end && *at != '}';
}

static const uint8_t *skip_deep_object(struct path_collector *c, const uint8_t *at) {
  c->partial = true;
  return json_skip_value(at, c->end);
}

static const uint8_t *walk_document(struct path_collector *c, const uint8_t *at) {
  uint32_t node = c->root;
  at = json_skip_space_inline(at, c->end);
  c->depth = 0;
  c->found_new = false;
  c->states[node].first_seen = TRIE_NONE;
  c->states[node].is_leaf = false;
  do {
    if (!is_to_be_entered(c, at)) {
      at = take_leaf(c, node, at);
      at = at ? go_to_member(c, at) : NULL;
    } else if (c->depth == PATH_KEYS_MAX) {
      at = skip_deep_object(c, at);
      at = at ? go_to_member(c, at) : NULL;
    } else {
      c->frames[c->depth++] = (struct leaf_frame){++c->object_count, node, walk_first(node)};
      at = json_skip_space_inline(at + 1, c->end);
    }
    at = at ? go_to_value(c, at, &node) : NULL;
  } while (at && node != TRIE_NONE);
  return at;
}

static size_t path_size(const struct trie *t, uint32_t node) {
  size_t size = 0;
  for (; t->nodes[node].parent != TRIE_NONE; node = t->nodes[node].parent) size += t->nodes[node].key_len + 1;
  return size;
}

static bool mark_path(struct path_collector *c, uint32_t node) {
  size_t bytes = c->path_bytes + path_size(&c->trie, node);
  bool is_too_much = c->path_count == c->max_paths || bytes > COLLECTOR_PATHS_MAX;
  if (is_too_much && c->too_many == TOO_MANY_FAILS) return fail_limit(c);
  c->path_bytes = bytes;
  c->path_count++;
  c->trie.nodes[node].mark = 1;
  return true;
}

/* Adds the leaves of the document: known only at its end, since a duplicate key may replace any before. */
static bool add_leaves(struct path_collector *c) {
  struct leaf_state *states = c->states;
  states[c->root].next_seen = TRIE_NONE;
  for (uint32_t next, pending = c->root; pending != TRIE_NONE; pending = next) {
    if (states[pending].is_leaf && !c->trie.nodes[pending].mark && !mark_path(c, pending)) return false;
    next = states[pending].next_seen;
    for (uint32_t child = states[pending].first_seen; child != TRIE_NONE;) {
      uint32_t sibling = states[child].next_seen;
      states[child].next_seen = next;
      next = child;
      child = sibling;
    }
  }
  return true;
}

bool path_collector_add(struct path_collector *c, const uint8_t *json, size_t len, struct error *err) {
  *err = (struct error){.code = ERR_NONE};
  c->end = json + len;
  c->err = err;
  const uint8_t *at = walk_document(c, json);
  if (at && json_skip_space_inline(at, c->end) == c->end) return !c->found_new || add_leaves(c);
  if (err->code != ERR_NONE) return false;
  if (c->walk.key.failed) return fail_memory(err, "a key of a JSON column");
  return fail(err, ERR_SOURCE, "the server sent a value that is not JSON, or nests deeper than %d; without "
              "flattening it is written as it is",
              JSON_DEPTH_MAX);
}

/* --- Joining ------------------------------------------------------------------------------------------- */

bool path_collector_join(struct path_collector *c, const struct path_collector *other, struct error *err) {
  const struct trie *from = &other->trie;
  c->err = err;
  c->partial |= other->partial;
  uint32_t *places = calloc(from->node_count, sizeof *places);   /* of the other's nodes in here */
  if (!places) return fail_memory(err, "the paths of a JSON column");
  places[other->root] = c->root;
  bool ok = true;
  /* A node comes behind its parent. One that has found no place takes those below it along. */
  for (uint32_t i = 1; ok && i < from->node_count; i++) {
    const struct trie_node *n = &from->nodes[i];
    const struct walk_unknown key = {.text = trie_key(from, i), .len = n->key_len};
    if (i != other->root && places[n->parent] != TRIE_NONE) {
      places[i] = trie_find(&c->trie, places[n->parent], key.text, key.len);
      if (places[i] == TRIE_NONE) ok = add_key(c, places[n->parent], &key, &places[i]);
    }
    if (!ok || places[i] == TRIE_NONE) continue;
    json_facts_join(&c->facts[places[i]], &other->facts[i]);
    if (n->mark && !c->trie.nodes[places[i]].mark) ok = mark_path(c, places[i]);
  }
  free(places);
  return ok;
}

/* --- The paths in order -------------------------------------------------------------------------------- */

/* The next byte of the keys joined with '.', or -1 behind the last. */
static int next_byte(const struct json_path *path, size_t *key, size_t *at) {
  if (*key >= path->key_count) return -1;
  char c = path->keys[*key][*at];
  if (c) {
    ++*at;
    return (unsigned char)c;
  }
  ++*key;
  *at = 0;
  return *key < path->key_count ? '.' : -1;
}

static int compare_found(const void *left, const void *right) {
  const struct json_path *a = &((const struct found_path *)left)->path, *b = &((const struct found_path *)right)->path;
  size_t a_key = 0, a_at = 0, b_key = 0, b_at = 0;
  int x, y;
  do {
    x = next_byte(a, &a_key, &a_at);
    y = next_byte(b, &b_key, &b_at);
  } while (x == y && x >= 0);
  if (x != y) return x < y ? -1 : 1;
  return a->key_count < b->key_count ? -1 : a->key_count > b->key_count;   /* "a.b" and a.b */
}

/* A node's keys from the top, and behind them their texts, in one block. */
static bool make_path(struct path_collector *c, uint32_t node, struct json_path *path, struct error *err) {
  const struct trie *t = &c->trie;
  size_t depth = t->nodes[node].depth;
  char **keys = malloc(depth * sizeof *keys + path_size(t, node) + 1);
  if (!keys) return fail_memory(err, "the paths of a JSON column");
  char *text = (char *)(keys + depth);
  for (uint32_t n = node; t->nodes[n].parent != TRIE_NONE; n = t->nodes[n].parent) {
    keys[t->nodes[n].depth - 1] = text;
    memcpy(text, trie_key(t, n), t->nodes[n].key_len);
    text += t->nodes[n].key_len;
    *text++ = '\0';
  }
  *path = (struct json_path){keys, depth};
  return true;
}

struct counted_node {
  uint64_t count;
  uint32_t node;
};

static int compare_counted(const void *left, const void *right) {
  const struct counted_node *a = left, *b = right;
  if (a->count != b->count) return a->count > b->count ? -1 : 1;
  return a->node < b->node ? -1 : 1;   /* the one that was met first */
}

/* The most frequent paths, as many as there may be. */
static size_t choose_nodes(struct path_collector *c, struct counted_node *nodes) {
  size_t count = 0, kept = 0, bytes = 0;
  for (uint32_t i = 1; i < c->trie.node_count; i++)
    if (c->trie.nodes[i].mark) nodes[count++] = (struct counted_node){c->facts[i].count, i};
  if (c->too_many == TOO_MANY_FAILS) return count;
  qsort(nodes, count, sizeof *nodes, compare_counted);
  for (; kept < count && kept < c->max_paths; kept++)
    if ((bytes += path_size(&c->trie, nodes[kept].node)) > COLLECTOR_PATHS_MAX) break;
  c->partial |= kept < count;
  return kept;
}

static bool make_found(struct path_collector *c, const struct counted_node *nodes, size_t count, struct error *err) {
  c->found = calloc(count ? count : 1, sizeof *c->found);
  if (!c->found) return fail_memory(err, "the paths of a JSON column");
  for (; c->found_count < count; c->found_count++) {
    struct found_path *found = &c->found[c->found_count];
    uint32_t node = nodes[c->found_count].node;
    if (!make_path(c, node, &found->path, err)) return false;
    found->type = json_facts_type(&c->facts[node]);
    found->decimal_type = json_facts_decimal_type(&c->facts[node]);
  }
  qsort(c->found, count, sizeof *c->found, compare_found);
  return true;
}

bool path_collector_finish(struct path_collector *c, const struct found_path **paths, size_t *count,
                           struct error *err) {
  bool ok = true;
  if (!c->found && c->path_count) {
    struct counted_node *nodes = calloc(c->path_count, sizeof *nodes);
    ok = nodes ? make_found(c, nodes, choose_nodes(c, nodes), err) : fail_memory(err, "the paths of a JSON column");
    free(nodes);
  }
  *paths = c->found;
  *count = c->found_count;
  return ok;
}
