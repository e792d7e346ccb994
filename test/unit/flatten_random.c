/* Flattening, of random documents, against jansson: nothing is lost, doubled or changed. */
#include "flatten_bench.h"

#include "json_merge.h"

static uint32_t random_state = 12345;
static unsigned random_below(unsigned limit) {
  random_state = random_state * 1664525u + 1013904223u;
  return (random_state >> 8) % limit;
}

static const char *const random_keys[] = {
    "a", "b", "c", "a.b", "", "\\u0061", "long key beyond eight bytes", "q\\\"", "\xc3\xa9"};

static void random_space(struct buffer *out) {
  static const char *const spaces[] = {"", "", "", " ", "\n", "\t \r"};
  buffer_append_string(out, spaces[random_below(6)]);
}

static void random_value(struct buffer *out, int depth) {
  static const char *const scalars[] = {
      "0", "-1.5", "12345", "true", "false", "null", "\"\"", "\"text\"", "\"\\u00e9\\n\\\"\"", "[]", "{}",
      "[1, {\"a\":2}]", "{ }"};
  random_space(out);
  if (depth == 0 || random_below(3) == 0) {
    buffer_append_string(out, scalars[random_below(13)]);
  } else {
    unsigned count = random_below(5);
    buffer_append_byte(out, '{');
    for (unsigned i = 0; i < count; i++) {
      if (i) buffer_append_byte(out, ',');
      random_space(out);
      buffer_appendf(out, "\"%s\"", random_keys[random_below(9)]);
      random_space(out);
      buffer_append_byte(out, ':');
      random_value(out, depth - 1);
    }
    if (!count) random_space(out);
    buffer_append_byte(out, '}');
  }
  random_space(out);
}

static json_t *load(const uint8_t *data, size_t len) {
  json_error_t error;
  json_t *value = json_loadb((const char *)data, len, JSON_DECODE_ANY, &error);
  if (!value) print_error("%s in %.*s\n", error.text, (int)len, (const char *)data);
  assert_non_null(value);
  return value;
}

#define RANDOM_PATHS 12

static void check_random_document(struct bench *b, const struct json_path *paths, size_t count,
                                  const struct buffer *text) {
  json_t *document = load(text->data, text->len);
  if (!bench_run_bytes(b, (const char *)text->data, text->len))
    print_error("%.*s\n", (int)text->len, text->data);
  const struct cell *rest = &b->cells[1 + count];
  json_t *merged = cell_is_null(rest) ? json_object() : load(rest->data, (size_t)rest->len);
  for (size_t i = 0; i < count; i++) {
    const struct cell *c = &b->cells[1 + i];
    json_t *expected = merge_at_path(document, &paths[i]);
    assert_int_equal(merge_is_leaf(expected), !cell_is_null(c));
    if (cell_is_null(c)) continue;
    json_t *picked = load(c->data, (size_t)c->len);
    assert_true(json_equal(picked, expected));
    assert_true(merge_put(&merged, &paths[i], picked));
    json_decref(picked);
  }
  if (!json_equal(merged, document)) print_error("%.*s\n", (int)text->len, text->data);
  assert_true(json_equal(merged, document));
  json_decref(merged);
  json_decref(document);
}

static bool same_path(const struct json_path *a, const struct json_path *b) {
  if (a->key_count != b->key_count) return false;
  for (size_t i = 0; i < a->key_count; i++)
    if (strcmp(a->keys[i], b->keys[i]) != 0) return false;
  return true;
}

/* Some of the paths that random documents can have, each once. */
static size_t random_paths(struct json_path *paths) {
  static const char *const texts[] = {
      "a", "b", "a.b", "\"a.b\"", "a.a", "a.b.c", "\"\"", "\"\".\"\"", "b.a.a", "c.\xc3\xa9",
      "long key beyond eight bytes", "long key beyond eight bytes.a", "\"q\\\"\"", "\"q\\\"\".b", "c.c.c.c",
      "\xc3\xa9", "\xc3\xa9.b"};
  struct error err;
  size_t count = 0;
  if (random_below(2)) paths[count++] = (struct json_path){0};
  while (count < RANDOM_PATHS) {
    assert_true(json_path_parse(texts[random_below(17)], &paths[count], &err));
    bool known = false;
    for (size_t i = 0; i < count; i++) known |= same_path(&paths[i], &paths[count]);
    if (known) json_path_deinit(&paths[count]);
    else count++;
    if (random_below(8) == 0) break;
  }
  return count;
}

static void test_document_is_what_was_picked_and_the_rest_together(void **state) {
  for (int round = 0; round < 300; round++) {
    struct bench b;
    struct json_path paths[RANDOM_PATHS];
    size_t count = random_paths(paths), cell;
    bench_open(&b, round % 2 ? KIND_JSON : KIND_JSONB);
    for (size_t i = 0; i < count; i++)
      assert_true(flatten_set_add(b.set, 0, &paths[i], false, FLATTEN_JSON, &cell, &b.err));
    bench_rest(&b);
    for (int i = 0; i < 200; i++) {
      struct buffer text;
      buffer_init(&text, 1 << 20);
      random_value(&text, 5);
      check_random_document(&b, paths, count, &text);
      buffer_deinit(&text);
    }
    for (size_t i = 0; i < count; i++) json_path_deinit(&paths[i]);
    bench_close(&b);
  }
}

#define DISCOVERED_DOCUMENTS 50
#define DISCOVERED_PATHS_MAX 2000

static void test_after_full_discovery_nothing_is_left_for_the_rest(void **state) {
  for (int round = 0; round < 60; round++) {
    struct bench b;
    struct buffer texts[DISCOVERED_DOCUMENTS];
    size_t count, cell;
    bench_open(&b, KIND_JSON);
    struct path_collector *collector = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &b.err);
    assert_non_null(collector);
    for (int i = 0; i < DISCOVERED_DOCUMENTS; i++) {
      buffer_init(&texts[i], 1 << 20);
      random_value(&texts[i], 4);
      assert_true(path_collector_add(collector, texts[i].data, texts[i].len, &b.err));
    }
    const struct found_path *found;
    struct json_path paths[DISCOVERED_PATHS_MAX];
    assert_true(path_collector_finish(collector, &found, &count, &b.err));
    assert_in_range(count, 1, DISCOVERED_PATHS_MAX);
    for (size_t i = 0; i < count; i++) paths[i] = found[i].path;
    for (size_t i = 0; i < count; i++)
      assert_true(flatten_set_add(b.set, 0, &paths[i], false, FLATTEN_JSON, &cell, &b.err));
    bench_rest(&b);
    for (int i = 0; i < DISCOVERED_DOCUMENTS; i++) {
      check_random_document(&b, paths, count, &texts[i]);
      assert_true(cell_is_null(&b.cells[1 + count]));
      buffer_deinit(&texts[i]);
    }
    path_collector_free(collector);
    bench_close(&b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_document_is_what_was_picked_and_the_rest_together),
      cmocka_unit_test(test_after_full_discovery_nothing_is_left_for_the_rest),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
