/*
 * Fuzzes flattening: whatever the paths, the document must be what they picked and the rest together, as
 * jansson reads them; and no text may crash it or make it read outside.
 *
 * An input is one byte that says which of the document's paths are picked, one that says how, a document
 * (json), a zero byte, and a second document that the paths were not found in.
 */
#include "row/flatten.h"

#include "../unit/json_merge.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define PATHS_MAX 64

struct target {
  struct error err;
  struct wire_column wire;
  struct schema schema;
  struct path_collector *collector;
  struct flatten_set *set;
  const struct json_path *picked[PATHS_MAX];
  size_t picked_count;
  struct cell cells[PATHS_MAX + 3];
};

/* Some of the paths that were found, the rest, and, where `how` says so, an object above them, whole. */
static void choose(struct target *t, uint8_t which, uint8_t how) {
  size_t count, cell;
  const struct found_path *found;
  CHECK(path_collector_finish(t->collector, &found, &count, &t->err));
  t->set = flatten_set_new(&t->err);
  CHECK(t->set);
  for (size_t i = 0; i < count && t->picked_count < PATHS_MAX; i++) {
    if (which >> (i % 8) & 1) continue;
    CHECK(flatten_set_add(t->set, 0, &found[i].path, false, FLATTEN_JSON, &cell, &t->err));
    t->picked[t->picked_count++] = &found[i].path;
  }
  CHECK(flatten_set_add_rest(t->set, 0, &cell, &t->err));
  if (!(how & 1) || count == 0) return;
  const struct json_path *below = &found[how % count].path;
  struct json_path above = {below->keys, below->key_count ? below->key_count - 1 : 0};
  CHECK(flatten_set_add(t->set, 0, &above, true, how & 2 ? FLATTEN_TEXT : FLATTEN_JSON, &cell, &t->err));
}

/* NULL where jansson does not take it; that it takes a zero byte behind a number is none of our business. */
static json_t *load(const uint8_t *data, size_t len) {
  json_error_t error;
  if (memchr(data, 0, len)) return NULL;
  return json_loadb((const char *)data, len, JSON_DECODE_ANY, &error);
}

static void check_merge(const struct target *t, json_t *document) {
  const struct cell *rest = &t->cells[1 + t->picked_count];
  json_t *merged = cell_is_null(rest) ? json_object() : load(rest->data, (size_t)rest->len);
  CHECK(merged);
  for (size_t i = 0; i < t->picked_count; i++) {
    const struct cell *c = &t->cells[1 + i];
    CHECK(merge_is_leaf(merge_at_path(document, t->picked[i])) == !cell_is_null(c));
    if (cell_is_null(c)) continue;
    json_t *value = load(c->data, (size_t)c->len);
    CHECK(value);
    CHECK(merge_put(&merged, t->picked[i], value));
    json_decref(value);
  }
  CHECK(json_equal(merged, document));
  json_decref(merged);
}

static void run(struct target *t, struct flattener *f, const uint8_t *data, size_t len, bool whole) {
  t->cells[0] = (struct cell){data, (int32_t)len};
  bool accepted = flattener_run(f, t->cells, &t->err);
  json_t *document = load(data, len);
  CHECK(accepted || !document);   /* jansson also refuses what PostgreSQL takes: invalid UTF-8, 1e999 … */
  if (document && !whole) check_merge(t, document);
  json_decref(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  uint8_t which = data[0], how = data[1];
  data += 2;
  size -= 2;
  const uint8_t *zero = memchr(data, 0, size);
  size_t first = zero ? (size_t)(zero - data) : size;
  struct target t = {.wire = {.name = "c", .kind = KIND_JSON}};
  t.schema = (struct schema){.wire = &t.wire, .wire_count = 1};
  t.collector = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &t.err);
  CHECK(t.collector);
  (void)!path_collector_add(t.collector, data, first, &t.err);
  choose(&t, which, how);
  struct flattener *f = flattener_new(t.set, &t.schema, &t.err);
  CHECK(f);
  run(&t, f, data, first, how & 1);
  run(&t, f, data, first, how & 1);   /* by what was learned */
  if (zero) {
    run(&t, f, zero + 1, size - first - 1, how & 1);
    run(&t, f, zero + 1, size - first - 1, how & 1);
    run(&t, f, data, first, how & 1);
  }
  flattener_free(f);
  flatten_set_free(t.set);
  path_collector_free(t.collector);
  return 0;
}
