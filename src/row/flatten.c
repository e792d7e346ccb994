#include "row/flatten_set.h"
#include "row/gap.h"
#include "row/scratch.h"
#include "row/typed.h"
#include "row/walk.h"

#include <stdlib.h>

#define ITEMS_KEPT 4096                    /* rest items kept from row to row */
#define REST_KEPT_BYTES ((size_t)1 << 20)  /* of a column's rest text */

/*
 * What a node has met in the document at hand. Objects are numbered as they are entered, so nothing is
 * cleared between documents: a key was seen in this object exactly if seen_in is the object's number.
 */
struct node_state {
  uint64_t seen_in;
  uint32_t first_seen;             /* the keys seen in this node's object: a duplicate takes them back */
  uint32_t next_seen;              /* links the keys of one object */
  uint32_t rest_begin, rest_end;   /* the rest items of this node's value */
};

/*
 * A piece of the document that no path picked: members of one object that stand side by side, verbatim.
 * begin == end once a later duplicate has replaced it. Positions are bytes into the document.
 */
struct rest_item {
  uint32_t holder;   /* the object's node; TRIE_NONE where the piece is the whole document */
  uint32_t begin, end;
};

/* An object that is being read. */
struct frame {
  uint64_t number;
  const uint8_t *begin;   /* its brace */
  const uint8_t *key;     /* the opening quote of the known key that was met last */
  uint32_t node;
  uint32_t slot;          /* of the guess at the next key */
  bool keeps_rest;        /* what is not picked in it goes to the rest */
};

enum trouble { TROUBLE_TEXT, TROUBLE_MEMORY };

#define GAP_MET_MAX 4      /* keys in a gap: objects that are entered, and the value's own */
#define GAPS_MAX 1024      /* remembered by one flattener: 100 KB */

/* A gap (row/gap.h) between values of two nodes, which are its places. */
struct flatten_gap {
  struct gap gap;
  uint32_t pick;                /* what the value behind it is picked for */
  uint32_t met_count;
  uint32_t met[GAP_MET_MAX];    /* the nodes of its keys: none may come twice in one document */
};

/* What a walk notes between two values, to remember it as a gap if all of it is fit for that. */
struct note {
  const uint8_t *begin;    /* behind the value before; the document's beginning at first */
  uint32_t from;           /* that value's node; the root at first */
  uint32_t met_count;
  uint32_t met[GAP_MET_MAX];
  bool fits;
};

struct flattener {
  const struct flatten_set *set;
  const struct schema *schema;
  struct walk walk;
  struct node_state *states;
  uint64_t object_count;     /* objects entered, and documents tried by gaps; never wraps */
  struct gaps gaps;
  struct gap_trust *trusts;      /* one per root */
  struct scratch scratch;    /* unescaped strings */
  struct buffer *rests;      /* one per root */
  struct typed typed;        /* picks that are more than text */
  struct rest_item *items;
  uint32_t item_count, item_capacity;

  /* The document at hand. */
  struct cell *picked;       /* picked[i] is the cell of pick i; [0] is none */
  const uint8_t *begin, *end;
  enum trouble trouble;      /* why a function returned NULL or false */
  bool top_keeps_rest;
  bool run_open;             /* the last item may be continued by the next unknown member */
  bool learns;               /* from this document */
  struct note note;
  size_t depth;
  struct frame frames[PATH_KEYS_MAX];
};

struct flattener *flattener_new(const struct flatten_set *set, const struct schema *schema,
                                struct error *err) {
  for (size_t i = 0; i < set->root_count; i++) {
    const struct wire_column *w = &schema->wire[set->roots[i].wire];
    if (w->kind == KIND_JSON || w->kind == KIND_JSONB) continue;
    (void)fail(err, ERR_USAGE, "column \"%s\" is not json or jsonb: no path can be picked out of it",
               w->name);
    return NULL;
  }
  struct flattener *f = calloc(1, sizeof *f);
  if (!f) goto no_memory;
  f->set = set;
  f->schema = schema;
  f->states = calloc(set->trie.node_count, sizeof *f->states);
  f->rests = calloc(set->root_count + 1, sizeof *f->rests);
  f->trusts = calloc(set->root_count + 1, sizeof *f->trusts);
  if (!f->states || !f->rests || !f->trusts) goto no_memory;
  for (size_t i = 0; i < set->root_count; i++) buffer_init(&f->rests[i], INT32_MAX);
  gaps_init(&f->gaps, sizeof(struct flatten_gap), GAPS_MAX);
  if (walk_init(&f->walk, &set->trie, err) && typed_init(&f->typed, set, schema, err) &&
      gaps_set_places(&f->gaps, set->trie.node_count, err))
    return f;
  flattener_free(f);
  return NULL;
no_memory:
  flattener_free(f);
  (void)fail_memory(err, "flattening JSON columns");
  return NULL;
}

void flattener_free(struct flattener *f) {
  if (!f) return;
  walk_deinit(&f->walk);
  gaps_deinit(&f->gaps);
  free(f->trusts);
  scratch_deinit(&f->scratch);
  typed_deinit(&f->typed);
  for (size_t i = 0; f->rests && i < f->set->root_count; i++) buffer_deinit(&f->rests[i]);
  free(f->rests);
  free(f->states);
  free(f->items);
  free(f);
}

/* --- The rest: collecting ----------------------------------------------------------------------------- */

static bool grow_items(struct flattener *f) {
  if (f->item_count < f->item_capacity) return true;
  /* Each item stands for bytes of the document, so their count cannot pass its length. */
  uint32_t capacity = f->item_capacity ? f->item_capacity * 2 : 64;
  struct rest_item *items = realloc(f->items, capacity * sizeof *items);
  if (!items) {
    f->trouble = TROUBLE_MEMORY;
    return false;
  }
  f->items = items;
  f->item_capacity = capacity;
  return true;
}

static bool add_item(struct flattener *f, uint32_t holder, const uint8_t *begin, const uint8_t *end) {
  if (!grow_items(f)) return false;
  f->items[f->item_count++] =
      (struct rest_item){holder, (uint32_t)(begin - f->begin), (uint32_t)(end - f->begin)};
  return true;
}

/* A member whose key no path has. Neighbours become one item. */
static bool keep_unknown(struct flattener *f, uint32_t holder, const uint8_t *begin, const uint8_t *end) {
  if (f->run_open) {
    f->items[f->item_count - 1].end = (uint32_t)(end - f->begin);
    return true;
  }
  f->run_open = true;
  return add_item(f, holder, begin, end);
}

/* --- The rest: writing -------------------------------------------------------------------------------- */

/* The objects that are open in the rest text: path[0 … depth) below the top. */
struct rest_writer {
  const struct trie *trie;
  struct buffer *out;
  uint32_t path[PATH_KEYS_MAX];
  size_t depth;
  bool fresh;   /* the innermost object has no member yet */
};

static void begin_member(struct rest_writer *w) {
  if (!w->fresh) buffer_append_byte(w->out, ',');
  w->fresh = false;
}

static void close_objects(struct rest_writer *w, size_t depth) {
  for (; w->depth > depth; w->depth--) {
    buffer_append_byte(w->out, '}');
    w->fresh = false;
  }
}

/* Closes and opens objects until the one of `node` is innermost. */
static void go_to_object(struct rest_writer *w, uint32_t node) {
  const struct trie_node *nodes = w->trie->nodes;
  size_t wanted = nodes[node].depth, common = 0;
  uint32_t path[PATH_KEYS_MAX];
  for (size_t i = wanted; i > 0; i--, node = nodes[node].parent) path[i - 1] = node;
  while (common < wanted && common < w->depth && path[common] == w->path[common]) common++;
  close_objects(w, common);
  for (; w->depth < wanted; w->depth++) {
    const struct trie_node *n = &nodes[path[w->depth]];
    begin_member(w);
    buffer_append_byte(w->out, '"');
    buffer_append(w->out, w->trie->keys.data + n->spelling, n->spelling_len);
    buffer_append(w->out, ":{", 2);
    w->fresh = true;
    w->path[w->depth] = path[w->depth];
  }
}

/* The items are in the document's order, and only the last object of a key has any: each opens once. */
static void write_rest(const struct flattener *f, struct buffer *out) {
  struct rest_writer w = {.trie = &f->set->trie, .out = out, .fresh = true};
  for (uint32_t i = 0; i < f->item_count; i++) {
    const struct rest_item *item = &f->items[i];
    if (item->begin == item->end) continue;
    if (item->holder != TRIE_NONE) {
      if (!out->len) buffer_append_byte(out, '{');
      go_to_object(&w, item->holder);
      begin_member(&w);
    }
    buffer_append(out, f->begin + item->begin, item->end - item->begin);
    if (item->holder == TRIE_NONE) return;
  }
  if (!out->len) return;
  close_objects(&w, 0);
  buffer_append_byte(out, '}');
}

/* --- Learning gaps ------------------------------------------------------------------------------------ */

static void note_begin(struct flattener *f, uint32_t from, const uint8_t *behind) {
  f->note.begin = behind;
  f->note.from = from;
  f->note.met_count = 0;
  f->note.fits = f->learns;
}

static void note_key(struct flattener *f, uint32_t node) {
  if (f->note.met_count < GAP_MET_MAX) f->note.met[f->note.met_count++] = node;
  else f->note.fits = false;
}

/* The gap ends at `at`, before a value of `to` or, with TRIE_NONE, at the end of the document. */
static void learn(struct flattener *f, uint32_t to, const uint8_t *at) {
  const struct note *note = &f->note;
  size_t len = (size_t)(at - note->begin);
  uint32_t pick = f->set->trie.nodes[to].mark;
  if (!note->fits || len == 0 || len > GAP_TEXT_MAX) return;
  bool is_picked_once = pick != PICK_NONE && f->set->picks[pick].next == PICK_NONE;
  if (to != TRIE_NONE && (!is_picked_once || note->met_count == 0)) return;   /* no key: the document is the value */
  if (to == TRIE_NONE && f->set->trie.nodes[note->from].parent == TRIE_NONE) return;   /* or has none */
  struct flatten_gap gap = {.gap.len = (uint32_t)len, .gap.to = to, .pick = pick, .met_count = note->met_count};
  memcpy(gap.gap.text, note->begin, len);
  memcpy(gap.met, note->met, sizeof gap.met);
  gaps_learn(&f->gaps, note->from, &gap.gap);
}

/* --- Picking ------------------------------------------------------------------------------------------ */

static void set_cell(struct cell *cell, const uint8_t *begin, const uint8_t *end) {
  cell->data = begin;
  cell->len = (int32_t)(end - begin);
}

static inline bool is_empty_object(const uint8_t *at, const uint8_t *end) {
  return *at == '{' && *json_skip_space_inline(at + 1, end) == '}';
}

/* The text of a string with escapes, written once however many paths pick it. */
static bool unescape(struct flattener *f, const uint8_t *begin, const uint8_t *end, struct cell *text) {
  uint8_t *to = scratch_reserve(&f->scratch, (size_t)(end - begin));
  uint8_t *stop = to ? json_unescape_to(begin, end, to) : NULL;
  if (!stop) {
    f->trouble = to ? TROUBLE_TEXT : TROUBLE_MEMORY;
    return false;
  }
  scratch_keep(&f->scratch, (size_t)(stop - to));
  set_cell(text, to, stop);
  return true;
}

/*
 * Gives the value begin … end to the node's picks, or to the rest where none takes it. escaped: it is a
 * string with a backslash.
 */
static bool take(struct flattener *f, uint32_t node, const uint8_t *begin, const uint8_t *end, bool escaped) {
  static const uint8_t empty_object[] = "{}";
  const struct pick *picks = f->set->picks;
  bool taken = false, only_whole = false;
  struct cell json = {begin, (int32_t)(end - begin)}, text = json;
  if (*begin == '{') {
    only_whole = !is_empty_object(begin, end);
    if (!only_whole) text = json = (struct cell){empty_object, 2};
  } else if (*begin == '"') {
    set_cell(&text, begin + 1, end - 1);
  }
  for (uint32_t i = f->set->trie.nodes[node].mark; i != PICK_NONE; i = picks[i].next) {
    if (only_whole && !picks[i].whole) continue;
    if (picks[i].form == FLATTEN_TEXT && escaped) {
      if (!unescape(f, begin, end, &text)) return false;
      escaped = false;
    }
    f->picked[i] = picks[i].form == FLATTEN_TEXT ? text : json;
    taken = true;
  }
  if (taken) return true;
  if (f->depth == 0) return !f->top_keeps_rest || add_item(f, TRIE_NONE, begin, end);
  const struct frame *frame = &f->frames[f->depth - 1];
  return !frame->keeps_rest || add_item(f, frame->node, frame->key, end);
}

/* Reads a value that is not entered. Returns past it. */
static const uint8_t *take_value(struct flattener *f, uint32_t node, const uint8_t *at) {
  bool escaped = false;
  const uint8_t *behind;
  if (at == f->end) return NULL;
  if (*at == '"') behind = json_skip_string_inline(at, f->end, &escaped);
  else if (*at == '{' || *at == '[') behind = json_skip_value(at, f->end);
  else behind = json_skip_scalar(at, f->end);
  if (!behind || !take(f, node, at, behind, escaped)) return NULL;
  f->states[node].rest_end = f->item_count;
  if (*at != '{') learn(f, node, at);
  note_begin(f, node, behind);
  return behind;
}

static void clear_cells(struct flattener *f, uint32_t node) {
  for (uint32_t i = f->set->trie.nodes[node].mark; i != PICK_NONE; i = f->set->picks[i].next)
    f->picked[i].len = -1;
}

/* A duplicate of the node's key has come: whatever its earlier value gave is taken back. */
static void take_back(struct flattener *f, uint32_t node) {
  struct node_state *states = f->states;
  clear_cells(f, node);
  /* The list of what is still to be cleared takes in the list of each node that leaves it. */
  for (uint32_t next, pending = states[node].first_seen; pending != TRIE_NONE; pending = next) {
    clear_cells(f, pending);
    next = states[pending].next_seen;
    for (uint32_t child = states[pending].first_seen; child != TRIE_NONE;) {
      uint32_t sibling = states[child].next_seen;
      states[child].next_seen = next;
      next = child;
      child = sibling;
    }
  }
  for (uint32_t i = states[node].rest_begin; i < states[node].rest_end; i++)
    f->items[i].end = f->items[i].begin;
}

/* --- Walking ------------------------------------------------------------------------------------------ */

/* A known key has been met in the innermost object. */
static inline void meet_key(struct flattener *f, struct frame *frame, uint32_t node, const uint8_t *key) {
  struct node_state *state = &f->states[node];
  frame->key = key;
  frame->slot = walk_next(node);
  f->run_open = false;
  note_key(f, node);
  if (__builtin_expect(state->seen_in != frame->number, 1)) {
    state->seen_in = frame->number;
    state->next_seen = f->states[frame->node].first_seen;
    f->states[frame->node].first_seen = node;
  } else {
    f->note.fits = false;
    take_back(f, node);
  }
  state->first_seen = TRIE_NONE;
  state->rest_begin = f->item_count;
}

static bool picks_whole(const struct flatten_set *set, uint32_t node) {
  for (uint32_t i = set->trie.nodes[node].mark; i != PICK_NONE; i = set->picks[i].next)
    if (set->picks[i].whole) return true;
  return false;
}

static void enter_object(struct flattener *f, uint32_t node, const uint8_t *at) {
  bool keeps_rest = f->depth ? f->frames[f->depth - 1].keeps_rest : f->top_keeps_rest;
  f->frames[f->depth++] = (struct frame){
      .number = ++f->object_count,
      .begin = at,
      .node = node,
      .slot = walk_first(node),
      .keeps_rest = keeps_rest && !picks_whole(f->set, node),
  };
}

/* The innermost object ends before `end`. */
static bool leave_object(struct flattener *f, const uint8_t *end) {
  const struct frame *frame = &f->frames[--f->depth];
  f->run_open = false;
  f->states[frame->node].rest_end = f->item_count;
  if (!picks_whole(f->set, frame->node)) return true;
  f->note.fits = false;
  return take(f, frame->node, frame->begin, end, false);
}

/* Behind a value: leaves the objects that end here. At the next key's quote, or with depth 0 at the end. */
static const uint8_t *go_to_member(struct flattener *f, const uint8_t *at) {
  while (f->depth > 0) {
    at = json_skip_space_inline(at, f->end);
    if (at == f->end) return NULL;
    if (*at == ',') return json_skip_space_inline(at + 1, f->end);
    if (*at != '}') return NULL;
    at++;
    if (!leave_object(f, at)) return NULL;
  }
  return at;
}

/*
 * From a key's quote to the value of the next key that a path has; members between go to the rest. node is
 * TRIE_NONE where the document ends before.
 */
static const uint8_t *go_to_known(struct flattener *f, const uint8_t *at, uint32_t *node) {
  while (f->depth > 0) {
    struct frame *frame = &f->frames[f->depth - 1];
    struct walk_unknown unknown;
    const uint8_t *key = at;
    at = walk_key(&f->walk, frame->node, frame->slot, at, f->end, node, &unknown);
    if (!at) return NULL;
    if (*node != TRIE_NONE) {
      meet_key(f, frame, *node, key);
      return at;
    }
    f->note.fits = false;
    at = json_skip_value(at, f->end);
    if (!at || (frame->keeps_rest && !keep_unknown(f, frame->node, key, at))) return NULL;
    at = go_to_member(f, at);
    if (!at) return NULL;
  }
  *node = TRIE_NONE;
  return at;
}

/* An object is entered where a path goes on below it and it is not empty. */
static inline bool is_to_be_entered(const struct flattener *f, uint32_t node, const uint8_t *at) {
  if (at == f->end || *at != '{' || !trie_has_children(&f->set->trie, node)) return false;
  at = json_skip_space_inline(at + 1, f->end);
  return at < f->end && *at != '}';
}

/* One document. Returns past its value, or NULL with f->trouble set. */
static const uint8_t *walk_document(struct flattener *f, uint32_t node) {
  const uint8_t *at = json_skip_space_inline(f->begin, f->end);
  f->depth = 0;
  f->item_count = 0;
  f->run_open = false;
  note_begin(f, node, f->begin);
  do {
    if (is_to_be_entered(f, node, at)) {
      enter_object(f, node, at);
      at = json_skip_space_inline(at + 1, f->end);
    } else {
      at = take_value(f, node, at);
      at = at ? go_to_member(f, at) : NULL;
    }
    at = at ? go_to_known(f, at, &node) : NULL;
  } while (at && node != TRIE_NONE);
  return at;
}

/* --- By gaps ------------------------------------------------------------------------------------------ */

/* The end of a string's plain run. Near the document's end it looks at the last 16 bytes, not at single ones. */
static inline const uint8_t *find_string_stop(const struct flattener *f, const uint8_t *at) {
#if HAS_SSE2
  size_t left = (size_t)(f->end - at);
  if (left < 16 && f->end - f->begin >= 16) {
    unsigned stops = json_string_stops_16(f->end - 16) >> (16 - left);
    return stops ? at + __builtin_ctz(stops) : f->end;
  }
#endif
  return json_find_string_stop(at, f->end);
}

/* Picks the value at `at`, which is no object. Returns past it, or NULL where the walk must see to it. */
static inline const uint8_t *pick_value(struct flattener *f, uint32_t pick, const uint8_t *at) {
  struct cell *cell = &f->picked[pick];
  const uint8_t *behind;
  if (at == f->end || *at == '{') return NULL;
  if (*at != '"') {
    size_t number = f->end - at >= 16 ? json_plain_number(at) : 0;
    if (number) behind = at + number;
    else behind = *at == '[' ? json_skip_value(at, f->end) : json_skip_scalar(at, f->end);
    if (behind) set_cell(cell, at, behind);
    return behind;
  }
  bool is_text = f->set->picks[pick].form == FLATTEN_TEXT;
  behind = find_string_stop(f, at + 1);
  if (behind == f->end) return NULL;
  if (*behind++ == '"') {
    set_cell(cell, at + is_text, behind - is_text);
    return behind;
  }
  bool escaped;
  behind = json_skip_string(at, f->end, &escaped);
  if (!behind) return NULL;
  if (!is_text) set_cell(cell, at, behind);
  else if (!unescape(f, at, behind, cell)) return NULL;
  return behind;
}

/* False where a key has been met before in this document: the last of duplicates counts, so walk. */
static inline bool meet_keys(struct flattener *f, const struct flatten_gap *gap, uint64_t number) {
  for (uint32_t i = 0; i < gap->met_count; i++) {
    struct node_state *state = &f->states[gap->met[i]];
    if (state->seen_in == number) return false;
    state->seen_in = number;
  }
  return true;
}

/*
 * Is the document made of known gaps alone? Then its values are picked, and no rest is left. may_repeat: keys may,
 * as in json; those of jsonb cannot.
 */
static bool pick_by_gaps(struct flattener *f, uint32_t node, bool may_repeat) {
  const uint64_t number = ++f->object_count;
  const uint8_t *at = f->begin;
  for (;;) {
    const struct flatten_gap *gap = (const void *)gaps_find(&f->gaps, node, at, f->end, f->end);
    if (!gap || (may_repeat && !meet_keys(f, gap, number))) return false;
    at += gap->gap.len;
    node = gap->gap.to;
    if (node == TRIE_NONE) return true;
    at = pick_value(f, gap->pick, at);
    if (!at) return false;
  }
}

/* pick_by_gaps, unless it has been in vain too often lately. Where it is in vain, the walk learns. */
static bool try_gaps(struct flattener *f, size_t index) {
  const struct flatten_root *root = &f->set->roots[index];
  struct gap_trust *trust = &f->trusts[index];
  f->learns = gap_trust_asks_to_try(trust);
  if (!f->learns) return false;
  if (pick_by_gaps(f, root->node, f->schema->wire[root->wire].kind != KIND_JSONB)) {
    gap_trust_hit(trust);
    return true;
  }
  gap_trust_missed(trust);
  for (uint32_t i = 1; i < f->set->pick_count; i++)
    if (f->set->picks[i].wire == root->wire) f->picked[i].len = -1;
  return false;
}

static bool fail_document(const struct flattener *f, const struct wire_column *w, struct error *err) {
  if (f->trouble == TROUBLE_MEMORY || f->walk.key.failed)
    return fail(err, ERR_MEMORY, "out of memory for flattening a value of column \"%s\"", w->name);
  return fail(err, ERR_SOURCE,
              "column \"%s\": the server sent a value that is not JSON, or nests deeper than %d; without "
              "flattening it is written as it is", w->name,
              JSON_DEPTH_MAX);
}

static bool run_root(struct flattener *f, size_t index, const struct cell *document, struct error *err) {
  const struct flatten_root *root = &f->set->roots[index];
  const struct wire_column *w = &f->schema->wire[root->wire];
  f->begin = document->data;
  f->end = document->data + document->len;
  if (w->kind == KIND_JSONB) {
    if (f->begin == f->end || *f->begin != 1)
      return fail(err, ERR_SOURCE, "column \"%s\": the server sent jsonb of a version unknown to decant",
                  w->name);
    f->begin++;
  }
  f->trouble = TROUBLE_TEXT;
  if (try_gaps(f, index)) return true;
  f->top_keeps_rest = root->rest != PICK_NONE;
  const uint8_t *at = walk_document(f, root->node);
  if (!at || json_skip_space_inline(at, f->end) != f->end) return fail_document(f, w, err);
  learn(f, TRIE_NONE, f->end);
  if (f->item_count == 0) return true;
  struct buffer *rest = &f->rests[index];
  write_rest(f, rest);
  if (rest->failed)
    return fail(err, ERR_MEMORY, "out of memory for the rest of a value of column \"%s\"", w->name);
  if (rest->len) set_cell(&f->picked[root->rest], rest->data, rest->data + rest->len);
  return true;
}

/* Gives back what a huge row took. */
static void reset(struct flattener *f) {
  scratch_reset(&f->scratch);
  for (size_t i = 0; i < f->set->root_count; i++) {
    buffer_reset(&f->rests[i]);
    buffer_shrink(&f->rests[i], REST_KEPT_BYTES);
  }
  if (f->item_capacity <= ITEMS_KEPT) return;
  free(f->items);
  f->items = NULL;
  f->item_capacity = 0;
}

bool flattener_run(struct flattener *f, struct cell *cells, struct error *err) {
  reset(f);
  f->picked = cells + f->schema->wire_count - 1;
  for (uint32_t i = 1; i < f->set->pick_count; i++) f->picked[i].len = -1;
  for (size_t i = 0; i < f->set->root_count; i++) {
    const struct cell *document = &cells[f->set->roots[i].wire];
    if (!cell_is_null(document) && !run_root(f, i, document, err)) return false;
  }
  return f->typed.count == 0 || typed_run(&f->typed, f->picked, &f->scratch, err);
}
