#include "row/walk.h"

#include <stdlib.h>

#define KEY_KEPT_BYTES 65536   /* of the memory for an unescaped key */

bool walk_init(struct walk *w, const struct trie *trie, struct error *err) {
  *w = (struct walk){.trie = trie};
  buffer_init(&w->key, INT32_MAX);
  return walk_resize(w, 0, err);
}

void walk_deinit(struct walk *w) {
  free(w->guesses);
  buffer_deinit(&w->key);
}

bool walk_resize(struct walk *w, uint32_t before, struct error *err) {
  size_t count = (size_t)w->trie->node_count * 2, kept = (size_t)before * 2;
  uint32_t *guesses = realloc(w->guesses, count * sizeof *guesses);
  if (!guesses) return fail_memory(err, "the paths of JSON columns");
  memset(guesses + kept, 0, (count - kept) * sizeof *guesses);   /* TRIE_NONE */
  w->guesses = guesses;
  return true;
}

const uint8_t *walk_key_lookup(struct walk *w, uint32_t parent, uint32_t slot, const uint8_t *at,
                               const uint8_t *end, uint32_t *child, struct walk_unknown *unknown) {
  bool escaped;
  const uint8_t *behind = json_skip_string_inline(at, end, &escaped);
  if (!behind) return NULL;
  *unknown = (struct walk_unknown){.text = at + 1, .len = (size_t)(behind - at) - 2};
  if (__builtin_expect(escaped, 0)) {
    buffer_reset(&w->key);
    buffer_shrink(&w->key, KEY_KEPT_BYTES);
    if (!json_unescape(at, behind, &w->key) || w->key.failed) return NULL;
    /* Two keys that are no text would become the same one. */
    bool nameless = json_find_half_pair(at, behind) || (w->key.len && memchr(w->key.data, '\0', w->key.len));
    *unknown = (struct walk_unknown){w->key.data, w->key.len, nameless};
    if (nameless) {
      *child = TRIE_NONE;
      return behind;
    }
  }
  *child = trie_find(w->trie, parent, unknown->text, unknown->len);
  if (*child != TRIE_NONE) w->guesses[slot] = *child;
  return behind;
}
