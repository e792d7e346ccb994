/*
 * Fuzzes flattening: whatever the paths, the document must be what they picked and the rest together, as
 * jansson reads them; and no text may crash it or make it read outside.
 *
 * An input is one byte that says which of the document's paths are picked, one that says how (as JSON or of the
 * type that was found, and whether the object above one is picked whole), a document (json), a zero byte, and a
 * second document that the paths were not found in.
 */
#include "base/bytes.h"
#include "row/flatten.h"
#include "row/value_text.h"

#include "../unit/json_merge.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#define PATHS_MAX 64

/* Bits of `how`; the number of all of them also says which path is picked whole. */
enum { ABOVE = 1, ABOVE_AS_TEXT = 2, TYPED = 4, DECIMALS = 8 };

struct target {
  struct error err;
  struct wire_column wire;
  struct schema schema;
  struct path_collector *collector;
  struct flatten_set *set;
  const struct json_path *picked[PATHS_MAX];
  struct path_type types[PATHS_MAX];   /* of the picked; FLATTEN_JSON where they are not typed */
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
    struct path_type type = how & DECIMALS ? found[i].decimal_type : found[i].type;
    if (!(how & TYPED)) type = (struct path_type){.form = FLATTEN_JSON};
    CHECK(flatten_set_add_typed(t->set, 0, &found[i].path, &type, &cell, &t->err));
    t->types[t->picked_count] = type;
    t->picked[t->picked_count++] = &found[i].path;
  }
  CHECK(flatten_set_add_rest(t->set, 0, &cell, &t->err));
  if (!(how & ABOVE) || count == 0) return;
  const struct json_path *below = &found[how % count].path;
  struct json_path above = {below->keys, below->key_count ? below->key_count - 1 : 0};
  CHECK(flatten_set_add(t->set, 0, &above, true, how & ABOVE_AS_TEXT ? FLATTEN_TEXT : FLATTEN_JSON, &cell, &t->err));
}

/* NULL where jansson does not take it; that it takes a zero byte behind a number is none of our business. */
static json_t *load(const uint8_t *data, size_t len) {
  json_error_t error;
  if (memchr(data, 0, len)) return NULL;
  return json_loadb((const char *)data, len, JSON_DECODE_ANY, &error);
}

static uint64_t load_8(const struct cell *c) {
  CHECK(c->len == 8);
  return load_be64(c->data);
}

/* A cell of a type: is it the document's value? */
static void check_typed(const struct cell *c, const struct path_type *type, json_t *value) {
  struct buffer text;
  double number;
  uint64_t bits;
  switch (type->form) {
    case FLATTEN_BOOL: CHECK(c->len == 1 && json_is_boolean(value) && c->data[0] == json_is_true(value)); return;
    case FLATTEN_INT8:
      if (json_is_integer(value)) CHECK((int64_t)load_8(c) == json_integer_value(value));
      else CHECK(json_is_real(value) && (double)(int64_t)load_8(c) == json_real_value(value));
      return;
    case FLATTEN_FLOAT8:
      bits = load_8(c);
      memcpy(&number, &bits, sizeof number);
      CHECK(json_is_number(value) && number == json_number_value(value));
      return;
    case FLATTEN_NUMERIC:
      buffer_init(&text, 256);
      CHECK(value_append(KIND_NUMERIC, c, &text));
      buffer_append_byte(&text, '\0');
      CHECK(!text.failed && json_is_number(value) && strtod((char *)text.data, NULL) == json_number_value(value));
      buffer_deinit(&text);
      return;
    case FLATTEN_STRING:
    case FLATTEN_TEXT:
      CHECK(json_is_string(value) && json_string_length(value) == (size_t)c->len);
      CHECK(memcmp(json_string_value(value), c->data, (size_t)c->len) == 0);
      return;
    case FLATTEN_JSON: CHECK(false);
  }
}

/* What a path picked, as jansson reads it; of a typed one, the document's own that it equals. NULL: nothing. */
static json_t *picked_value(const struct target *t, size_t i, json_t *document) {
  const struct cell *c = &t->cells[1 + i];
  json_t *at = merge_at_path(document, t->picked[i]);
  if (!merge_is_leaf(at)) {
    CHECK(cell_is_null(c));
    return NULL;
  }
  if (t->types[i].form == FLATTEN_JSON) return load(c->data, (size_t)c->len);
  CHECK(cell_is_null(c) == json_is_null(at));
  if (!cell_is_null(c)) check_typed(c, &t->types[i], at);
  return json_incref(at);
}

static void check_merge(const struct target *t, json_t *document) {
  const struct cell *rest = &t->cells[1 + t->picked_count];
  json_t *merged = cell_is_null(rest) ? json_object() : load(rest->data, (size_t)rest->len);
  CHECK(merged);
  for (size_t i = 0; i < t->picked_count; i++) {
    bool is_there = merge_is_leaf(merge_at_path(document, t->picked[i]));
    json_t *value = picked_value(t, i, document);
    CHECK(!is_there || value);
    if (!value) continue;
    CHECK(merge_put(&merged, t->picked[i], value));
    json_decref(value);
  }
  CHECK(json_equal(merged, document));
  json_decref(merged);
}

/* may_fail: the types were found in another document. */
static void run(struct target *t, struct flattener *f, const uint8_t *data, size_t len, uint8_t how, bool may_fail) {
  t->cells[0] = (struct cell){data, (int32_t)len};
  bool accepted = flattener_run(f, t->cells, &t->err);
  json_t *document = load(data, len);
  /* jansson also refuses what PostgreSQL takes: invalid UTF-8, 1e999 … */
  CHECK(accepted || !document || (may_fail && how & TYPED));
  if (accepted && document && !(how & ABOVE)) check_merge(t, document);
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
  run(&t, f, data, first, how, false);
  run(&t, f, data, first, how, false);   /* by what was learned */
  if (zero) {
    run(&t, f, zero + 1, size - first - 1, how, true);
    run(&t, f, zero + 1, size - first - 1, how, true);
    run(&t, f, data, first, how, false);
  }
  flattener_free(f);
  flatten_set_free(t.set);
  path_collector_free(t.collector);
  return 0;
}
