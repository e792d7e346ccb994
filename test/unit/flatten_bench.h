/* Picks paths out of documents, and shows what came: for the tests of flattening. */
#pragma once
#include "unit.h"

#include "row/flatten.h"

#include <stdio.h>

/* One JSON column and what is picked out of it. */
struct bench {
  struct wire_column wire;
  struct schema schema;
  struct flatten_set *set;
  struct flattener *flattener;
  struct cell cells[2100];
  struct error err;
  uint8_t *document;   /* at the very end of its own heap block: the sanitizer sees reads beyond */
};

static inline void bench_open(struct bench *b, enum kind kind) {
  *b = (struct bench){.wire = {.name = "meta", .type_name = "jsonb", .kind = kind}};
  b->schema = (struct schema){.wire = &b->wire, .wire_count = 1};
  b->set = flatten_set_new(&b->err);
  assert_non_null(b->set);
}

static inline void bench_close(struct bench *b) {
  flattener_free(b->flattener);
  flatten_set_free(b->set);
  free(b->document);
}

static inline void bench_path(struct bench *b, const char *text, bool whole, enum flatten_form form) {
  struct json_path path = {0};
  size_t cell, before = flatten_set_cell_count(b->set);
  if (*text) assert_true(json_path_parse(text, &path, &b->err));
  assert_true(flatten_set_add(b->set, 0, &path, whole, form, &cell, &b->err));
  assert_int_equal(cell, before);
  json_path_deinit(&path);
}

static inline void bench_rest(struct bench *b) {
  size_t cell;
  assert_true(flatten_set_add_rest(b->set, 0, &cell, &b->err));
  assert_int_equal(cell + 1, flatten_set_cell_count(b->set));
}

static inline bool same_cell(const struct cell *a, const struct cell *b) {
  return a->len == b->len && (a->len <= 0 || memcmp(a->data, b->data, (size_t)a->len) == 0);
}

/* A document that has been seen before goes another way, by its gaps: to the same cells, and the same answer. */
static inline void assert_comes_out_the_same_again(struct bench *b, bool accepted) {
  struct error err;
  struct flattener *f = flattener_new(b->set, &b->schema, &err);
  assert_non_null(f);
  struct cell *again = calloc(1 + flatten_set_cell_count(b->set), sizeof *again);
  for (int i = 0; i < 3; i++) {
    again[0] = b->cells[0];
    assert_int_equal(flattener_run(f, again, &err), accepted);
    for (size_t k = 0; accepted && k < 1 + flatten_set_cell_count(b->set); k++)
      assert_true(same_cell(&again[k], &b->cells[k]));
  }
  free(again);
  flattener_free(f);
}

static inline bool bench_run_bytes(struct bench *b, const char *document, size_t len) {
  if (!b->flattener) b->flattener = flattener_new(b->set, &b->schema, &b->err);
  assert_non_null(b->flattener);
  free(b->document);
  size_t head = b->wire.kind == KIND_JSONB ? 1 : 0;
  b->document = malloc(len + head ? len + head : 1);
  assert_non_null(b->document);
  if (head) b->document[0] = 1;
  memcpy(b->document + head, document, len);
  b->cells[0] = (struct cell){b->document, (int32_t)(len + head)};
  bool accepted = flattener_run(b->flattener, b->cells, &b->err);
  assert_comes_out_the_same_again(b, accepted);
  return accepted;
}

/* Cells joined with '|', NULL as ~. */
static inline char *bench_show(const struct bench *b) {
  struct buffer out;
  buffer_init(&out, 1 << 20);
  for (size_t i = 0; i < flatten_set_cell_count(b->set); i++) {
    const struct cell *c = &b->cells[1 + i];
    if (i) buffer_append_byte(&out, '|');
    if (cell_is_null(c)) buffer_append_byte(&out, '~');
    else buffer_append(&out, c->data, (size_t)c->len);
  }
  return buffer_take_string(&out);
}

static inline void assert_flattens(struct bench *b, const char *document, const char *expected) {
  if (!bench_run_bytes(b, document, strlen(document))) print_error("%s: %s\n", document, b->err.message);
  char *shown = bench_show(b);
  if (strcmp(shown, expected) != 0) print_error("%s\n", document);
  assert_string_equal(shown, expected);
  free(shown);
}
