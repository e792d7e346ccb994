#include "format/json_count.h"

#include "format/text.h"
#include "row/json.h"

/*
 * JSON text in pieces, as far as structure goes: strings, and brackets that match. The tokens between are
 * not looked at: what stands in an uncut, closed bracket was written whole.
 */
struct tracker {
  bool in_string, escaped;
  bool after_value;                           /* at the rows' level: a row stands before, no comma yet */
  size_t depth;
  uint64_t rows;
  uint8_t is_object[JSON_DEPTH_MAX / 8 + 2];  /* bit i: the bracket that opened level i was { */
};

static bool cut(const struct text_pieces *pieces, const uint8_t *at, const char *why, struct error *err) {
  return fail(err, ERR_VALUE, "the JSON file is not whole: %s at byte %llu", why,
              (unsigned long long)(pieces->offset + (uint64_t)(at - pieces->bytes)));
}

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static bool open_bracket(struct tracker *t, bool object) {
  if (t->depth > JSON_DEPTH_MAX) return false;
  uint8_t bit = (uint8_t)(1u << t->depth % 8);
  uint8_t *byte = &t->is_object[t->depth / 8];
  *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
  t->depth++;
  return true;
}

static bool close_bracket(struct tracker *t, bool object) {
  if (t->depth == 0) return false;
  t->depth--;
  return object == (t->is_object[t->depth / 8] >> t->depth % 8 & 1);
}

/* Past the string that begins or goes on at `at`; in_string stays set if the piece ends first. */
static const uint8_t *pass_string(struct tracker *t, const uint8_t *at, const uint8_t *end) {
  static const struct text_stops stops = TEXT_STOPS('"', '\\', '"', '\\');
  if (t->escaped && at < end) {
    t->escaped = false;
    at++;
  }
  while (at < end) {
    at = text_find_stop(at, end, &stops);
    if (at == end) break;
    if (*at++ == '"') {
      t->in_string = false;
      break;
    }
    if (at == end) t->escaped = true;
    else at++;
  }
  return at;
}

/* One byte outside strings; `rows_depth` is the level at which rows stand. NULL, or what is wrong. */
static const char *pass_byte(struct tracker *t, uint8_t c, size_t rows_depth) {
  bool object = c == '{' || c == '}';
  switch (c) {
    case '"':
      t->in_string = true;
      return t->depth <= rows_depth ? "text between rows" : NULL;
    case '{':
    case '[':
      if (t->depth == rows_depth) {
        if (!object) return "a row that is no object";
        if (t->after_value) return "no comma between two rows";
        t->rows++;
      }
      return open_bracket(t, object) ? NULL : "brackets too deep";
    case '}':
    case ']':
      if (t->depth == rows_depth && !t->after_value && t->rows) return "a comma without a row";
      if (!close_bracket(t, object)) return "a bracket that does not match";
      t->after_value = t->depth == rows_depth;
      return NULL;
    case ',':
      if (t->depth > rows_depth) return NULL;
      if (!t->after_value) return "a comma without a row";
      t->after_value = false;
      return NULL;
    default: return t->depth > rows_depth || is_space(c) ? NULL : "text between rows";
  }
}

bool json_count_array(int fd, uint64_t *rows, struct error *err) {
  struct text_pieces pieces = {.fd = fd};
  struct tracker t = {0};
  bool begun = false, ended = false;
  for (;;) {
    if (!text_next_piece(&pieces, err)) return false;
    const uint8_t *at = pieces.bytes, *end = at + pieces.len;
    if (at == end) break;
    while (at < end) {
      if (t.in_string) {
        at = pass_string(&t, at, end);
        continue;
      }
      uint8_t c = *at;
      const char *wrong = NULL;
      if (begun && !ended) wrong = pass_byte(&t, c, 1);
      else if (is_space(c)) wrong = NULL;
      else if (ended) wrong = "text behind the last bracket";
      else if (c == '[') begun = open_bracket(&t, false);
      else wrong = "no opening bracket";
      if (wrong) return cut(&pieces, at, wrong, err);
      ended = begun && t.depth == 0;
      at++;
    }
  }
  if (!ended) return cut(&pieces, pieces.bytes, "its end comes before the closing bracket", err);
  *rows = t.rows;
  return true;
}

bool json_count_lines(int fd, uint64_t *rows, struct error *err) {
  struct text_pieces pieces = {.fd = fd};
  struct tracker t = {0};
  bool line_is_open = false;
  for (;;) {
    if (!text_next_piece(&pieces, err)) return false;
    const uint8_t *at = pieces.bytes, *end = at + pieces.len;
    if (at == end) break;
    while (at < end) {
      if (t.in_string) {
        at = pass_string(&t, at, end);
        continue;
      }
      uint8_t c = *at;
      const char *wrong = NULL;
      if (c == '\n') {
        if (t.depth || !t.after_value) wrong = "a line that is no whole object";
        t.after_value = line_is_open = false;
      } else {
        line_is_open = true;
        wrong = c == ',' && t.depth == 0 ? "a comma between rows" : pass_byte(&t, c, 0);
      }
      if (wrong) return cut(&pieces, at, wrong, err);
      at++;
    }
  }
  if (line_is_open || t.in_string) return cut(&pieces, pieces.bytes, "a line without its end", err);
  *rows = t.rows;
  return true;
}

/* One byte outside strings, of a text whose shape is not known. NULL, or what is wrong. */
static const char *pass_any(struct tracker *t, uint8_t c) {
  if (is_space(c)) return NULL;
  bool closes = c == '}' || c == ']', opens = c == '{' || c == '[';
  if (t->depth == 1 && c == ',') t->after_value = false;
  if (t->depth == 1 && c != ',' && !closes && !t->after_value) {
    t->after_value = true;
    t->rows++;
  }
  if (c == '"') t->in_string = true;
  if (opens) return open_bracket(t, c == '{') ? NULL : "brackets too deep";
  if (closes) return close_bracket(t, c == '}') ? NULL : "a bracket that does not match";
  return NULL;
}

bool json_check_whole(int fd, uint64_t *rows, struct error *err) {
  struct text_pieces pieces = {.fd = fd};
  struct tracker t = {0};
  bool begun = false;
  for (;;) {
    if (!text_next_piece(&pieces, err)) return false;
    const uint8_t *at = pieces.bytes, *end = at + pieces.len;
    if (at == end) break;
    while (at < end) {
      if (t.in_string) {
        at = pass_string(&t, at, end);
        continue;
      }
      const char *wrong = NULL;
      bool outside = t.depth == 0 && !is_space(*at);
      if (outside && begun) wrong = "text behind the last bracket";
      else if (outside && *at != '[' && *at != '{') wrong = "no opening bracket";
      else wrong = pass_any(&t, *at);
      if (wrong) return cut(&pieces, at, wrong, err);
      begun = begun || t.depth > 0;
      at++;
    }
  }
  if (!begun || t.depth || t.in_string)
    return cut(&pieces, pieces.bytes, "its end comes before the closing bracket", err);
  *rows = t.rows;
  return true;
}
