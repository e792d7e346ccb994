#include "format/json_count.h"

#include "format/json_grammar.h"
#include "format/text.h"
#include "row/json_scan.h"

#include <stdlib.h>

/* What a file must be besides JSON. */
enum shape {
  SHAPE_BRACKETS,   /* one object or array */
  SHAPE_ARRAY,      /* one array of objects */
  SHAPE_LINES,      /* a value a line, the last of which need not end; empty ones are none */
  SHAPE_ROWS,       /* an object a line, all of which end */
};

struct walk {
  enum shape shape;
  uint64_t lines;
  struct text_pieces pieces;
  struct json_grammar grammar;
};

static bool cut(const struct walk *w, const uint8_t *at, const char *why, struct error *err) {
  unsigned long long offset = w->pieces.offset + (uint64_t)(at - w->pieces.bytes);
  if (w->grammar.is_too_deep)
    return fail(err, ERR_USAGE, "whether it is whole cannot be known: from byte %llu on it is more than %d brackets deep, "
                "which is further than is looked", offset, JSON_GRAMMAR_DEPTH_MAX);
  return fail(err, ERR_VALUE, "at byte %llu of the JSON: %s", offset, why);
}

/* What the shape has against a byte, before the grammar sees it. */
static const char *refuse(const struct walk *w, uint8_t c) {
  const struct json_grammar *g = &w->grammar;
  if (json_is_space(c)) return NULL;
  if (g->depth == 0 && g->place == JSON_BEFORE_VALUE) {
    if (w->shape == SHAPE_ROWS && c != '{') return "a row that is no object";
    if (w->shape == SHAPE_ARRAY && c != '[') return "no opening bracket";
    return w->shape == SHAPE_BRACKETS && c != '[' && c != '{' ? "no opening bracket" : NULL;
  }
  bool is_row = w->shape == SHAPE_ARRAY && g->depth == 1 &&
                (g->place == JSON_BEFORE_VALUE || g->place == JSON_BEFORE_VALUE_OR_END);
  return is_row && c != '{' && c != ']' && c != ',' ? "a row that is no object" : NULL;
}

static const char *end_line(struct walk *w) {
  struct json_grammar *g = &w->grammar;
  bool is_empty = w->shape == SHAPE_LINES && g->depth == 0 && g->place == JSON_BEFORE_VALUE;
  if (is_empty) return NULL;
  if (!json_grammar_is_complete(g)) return "a line that is no whole value";
  w->lines++;
  json_grammar_begin(g);
  return NULL;
}

/* Where the shape says nothing, the grammar goes on alone. */
static bool pass_piece(struct walk *w, struct error *err) {
  bool has_lines = w->shape == SHAPE_LINES || w->shape == SHAPE_ROWS;
  size_t depth = w->shape == SHAPE_ARRAY;
  const uint8_t *at = w->pieces.bytes, *end = at + w->pieces.len;
  if (w->shape == SHAPE_BRACKETS || w->shape == SHAPE_LINES) at += text_mark_len(&w->pieces);
  for (; at < end; at++) {
    const char *wrong;
    at = json_grammar_pass_below(&w->grammar, depth, has_lines, at, end, &wrong);
    if (at == end) break;
    bool ends_line = has_lines && *at == '\n';
    if (!wrong) wrong = ends_line ? end_line(w) : refuse(w, *at);
    if (!wrong && !ends_line) wrong = json_grammar_pass(&w->grammar, *at);
    if (wrong) return cut(w, at, wrong, err);
  }
  return true;
}

static bool end_file(struct walk *w, uint64_t *rows, struct error *err) {
  const struct json_grammar *g = &w->grammar;
  bool is_between = g->depth == 0 && g->place == JSON_BEFORE_VALUE, is_complete = json_grammar_is_complete(g);
  *rows = g->items;
  if (w->shape == SHAPE_BRACKETS || w->shape == SHAPE_ARRAY)
    return is_complete || cut(w, w->pieces.bytes, "its end comes before the closing bracket", err);
  *rows = w->lines + is_complete;
  bool may_end = is_between || (is_complete && w->shape == SHAPE_LINES);
  return may_end || cut(w, w->pieces.bytes, "a line without its end", err);
}

static bool walk(int fd, enum shape shape, uint64_t *rows, struct error *err) {
  struct walk *w = calloc(1, sizeof *w);
  if (!w) return fail_memory(err, "reading JSON");
  w->shape = shape;
  w->pieces.fd = fd;
  json_grammar_begin(&w->grammar);
  bool ok = true;
  do ok = text_next_piece(&w->pieces, err) && text_check_encoding(&w->pieces, err) && pass_piece(w, err);
  while (ok && w->pieces.len > 0);
  ok = ok && end_file(w, rows, err);
  free(w);
  return ok;
}

bool json_count_array(int fd, uint64_t *rows, struct error *err) { return walk(fd, SHAPE_ARRAY, rows, err); }
bool json_count_lines(int fd, uint64_t *rows, struct error *err) { return walk(fd, SHAPE_ROWS, rows, err); }
bool json_check_whole(int fd, struct file_facts *facts, struct error *err) {
  return walk(fd, SHAPE_BRACKETS, &facts->rows, err);
}
bool json_check_lines(int fd, struct file_facts *facts, struct error *err) {
  return walk(fd, SHAPE_LINES, &facts->rows, err);
}
