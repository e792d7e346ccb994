#include "format/json_grammar.h"

#include "base/utf8.h"
#include "format/text.h"
#include "row/json_scan.h"

#include <string.h>

void json_grammar_begin(struct json_grammar *g) {
  g->place = JSON_BEFORE_VALUE;
  g->is_too_deep = false;
  g->depth = 0;
  g->items = 0;
}

static bool is_in_object(const struct json_grammar *g) {
  size_t level = g->depth - 1;
  return g->depth > 0 && (g->is_object[level / 8] >> level % 8 & 1);
}

static const char *end_value(struct json_grammar *g) {
  g->place = JSON_AFTER_VALUE;
  g->items += g->depth == 1;
  return NULL;
}

static const char *open_bracket(struct json_grammar *g, bool object) {
  if ((g->is_too_deep = g->depth == JSON_GRAMMAR_DEPTH_MAX)) return "brackets too deep";
  uint8_t bit = (uint8_t)(1u << g->depth % 8), *byte = &g->is_object[g->depth / 8];
  *byte = (uint8_t)(object ? *byte | bit : *byte & ~bit);
  g->depth++;
  g->place = object ? JSON_BEFORE_KEY_OR_END : JSON_BEFORE_VALUE_OR_END;
  return NULL;
}

static const char *close_bracket(struct json_grammar *g, bool object) {
  if (g->depth == 0 || is_in_object(g) != object) return "a bracket that does not match";
  g->depth--;
  return end_value(g);
}

static const char *begin_string(struct json_grammar *g, bool is_key) {
  g->place = JSON_IN_STRING;
  g->is_key = is_key;
  return NULL;
}

static const char *begin_literal(struct json_grammar *g, const char *rest) {
  g->place = JSON_IN_LITERAL;
  g->literal = rest;
  return NULL;
}

static const char *begin_value(struct json_grammar *g, uint8_t c) {
  switch (c) {
    case '"': return begin_string(g, false);
    case '{': return open_bracket(g, true);
    case '[': return open_bracket(g, false);
    case 't': return begin_literal(g, "rue");
    case 'f': return begin_literal(g, "alse");
    case 'n': return begin_literal(g, "ull");
    case '-': g->place = JSON_AFTER_MINUS; return NULL;
    case '0': g->place = JSON_AFTER_ZERO; return NULL;
    case ',': return "a comma without a value before it";
    case '}':
    case ']':
      return g->place == JSON_BEFORE_VALUE_OR_END ? close_bracket(g, c == '}') : "no value before a bracket";
    default: break;
  }
  if (!json_is_digit(c)) return "no value";
  g->place = JSON_IN_DIGITS;
  return NULL;
}

static const char *pass_key(struct json_grammar *g, uint8_t c) {
  if (c == '"') return begin_string(g, true);
  if (c == '}' && g->place == JSON_BEFORE_KEY_OR_END) return close_bracket(g, true);
  return c == ']' ? "a bracket that does not match" : "no key";
}

static const char *pass_colon(struct json_grammar *g, uint8_t c) {
  if (c != ':') return "no colon behind a key";
  g->place = JSON_BEFORE_VALUE;
  return NULL;
}

static const char *pass_after_value(struct json_grammar *g, uint8_t c) {
  if (g->depth == 0) return "text behind the end";
  if (c == '}' || c == ']') return close_bracket(g, c == '}');
  if (c != ',') return "no comma between two values";
  g->place = is_in_object(g) ? JSON_BEFORE_KEY : JSON_BEFORE_VALUE;
  return NULL;
}

static const char *pass_string(struct json_grammar *g, uint8_t c) {
  if (c == '\\') {
    g->place = JSON_IN_ESCAPE;
  } else if (c == '"') {
    if (!g->is_key) return end_value(g);
    g->place = JSON_BEFORE_COLON;
  } else if (c < 0x20) {
    return "a control character in a string";
  } else if (c >= 0x80) {
    g->place = JSON_IN_UTF8;
    g->utf8[0] = c;
    g->utf8_len = 1;
  }
  return NULL;
}

static const char *pass_escape(struct json_grammar *g, uint8_t c) {
  if (c == '\0' || !strchr("\"\\/bfnrtu", c)) return "an escape that there is not";
  g->place = c == 'u' ? JSON_IN_HEX : JSON_IN_STRING;
  g->hex_left = 4;
  return NULL;
}

static const char *pass_hex(struct json_grammar *g, uint8_t c) {
  uint8_t letter = c | 0x20;
  if (!json_is_digit(c) && (letter < 'a' || letter > 'f')) return "an escape that there is not";
  if (--g->hex_left == 0) g->place = JSON_IN_STRING;
  return NULL;
}

/* A character is looked at when it should be complete: its first byte says how long it is. */
static const char *pass_utf8(struct json_grammar *g, uint8_t c) {
  unsigned len = g->utf8[0] < 0xE0 ? 2 : g->utf8[0] < 0xF0 ? 3 : 4;
  g->utf8[g->utf8_len++] = c;
  if (g->utf8_len < len && (c & 0xC0) == 0x80) return NULL;
  if (utf8_sequence(g->utf8, g->utf8_len) != len) return "bytes that are no UTF-8";
  g->place = JSON_IN_STRING;
  return NULL;
}

static const char *pass_literal(struct json_grammar *g, uint8_t c) {
  if (c != (uint8_t)*g->literal) return "a word that there is not";
  return *++g->literal ? NULL : end_value(g);
}

/* Where a number goes on from a place by a digit, a point, an e or a sign; JSON_PLACE_COUNT: not by this byte. */
static enum json_place after_number_byte(enum json_place place, uint8_t c) {
  bool is_digit = json_is_digit(c), is_e = (c | 0x20) == 'e';
  switch (place) {
    case JSON_AFTER_MINUS: return c == '0' ? JSON_AFTER_ZERO : is_digit ? JSON_IN_DIGITS : JSON_PLACE_COUNT;
    case JSON_IN_DIGITS:
      if (is_digit) return JSON_IN_DIGITS;
      __attribute__((fallthrough));
    case JSON_AFTER_ZERO: return c == '.' ? JSON_AFTER_POINT : is_e ? JSON_AFTER_E : JSON_PLACE_COUNT;
    case JSON_AFTER_POINT: return is_digit ? JSON_IN_FRACTION : JSON_PLACE_COUNT;
    case JSON_IN_FRACTION: return is_digit ? JSON_IN_FRACTION : is_e ? JSON_AFTER_E : JSON_PLACE_COUNT;
    case JSON_AFTER_E:
      if (c == '+' || c == '-') return JSON_AFTER_E_SIGN;
      __attribute__((fallthrough));
    default: return is_digit ? JSON_IN_EXPONENT : JSON_PLACE_COUNT;
  }
}

static bool is_whole_number(enum json_place place) {
  return place == JSON_AFTER_ZERO || place == JSON_IN_DIGITS || place == JSON_IN_FRACTION ||
         place == JSON_IN_EXPONENT;
}

/* A number has no end of its own: the byte behind it is the next one's. */
static const char *pass_number(struct json_grammar *g, uint8_t c) {
  enum json_place next = after_number_byte(g->place, c);
  if (next != JSON_PLACE_COUNT) {
    g->place = next;
    return NULL;
  }
  if (!is_whole_number(g->place)) return "a number that breaks off";
  (void)end_value(g);
  return json_is_space(c) ? NULL : pass_after_value(g, c);
}

const char *json_grammar_pass(struct json_grammar *g, uint8_t c) {
  switch (g->place) {
    case JSON_IN_STRING: return pass_string(g, c);
    case JSON_IN_ESCAPE: return pass_escape(g, c);
    case JSON_IN_HEX: return pass_hex(g, c);
    case JSON_IN_UTF8: return pass_utf8(g, c);
    case JSON_IN_LITERAL: return pass_literal(g, c);
    case JSON_BEFORE_VALUE:
    case JSON_BEFORE_VALUE_OR_END: return json_is_space(c) ? NULL : begin_value(g, c);
    case JSON_BEFORE_KEY:
    case JSON_BEFORE_KEY_OR_END: return json_is_space(c) ? NULL : pass_key(g, c);
    case JSON_BEFORE_COLON: return json_is_space(c) ? NULL : pass_colon(g, c);
    case JSON_AFTER_VALUE: return json_is_space(c) ? NULL : pass_after_value(g, c);
    default: return pass_number(g, c);
  }
}

const uint8_t *json_grammar_pass_below(struct json_grammar *g, size_t depth, bool at_lines, const uint8_t *at,
                                       const uint8_t *end, const char **why) {
  for (*why = NULL; at < end && g->depth > depth; at++) {
    if (g->place == JSON_IN_STRING) {
      at = text_skip_plain(at, end, '"', '\\');
      if (at == end) break;
    } else if (g->place == JSON_IN_DIGITS || g->place == JSON_IN_FRACTION) {
      while (at < end && json_is_digit(*at)) at++;
      if (at == end) break;
    }
    if (*at == '\n' && at_lines && g->place != JSON_IN_STRING) break;
    if ((*why = json_grammar_pass(g, *at))) break;
  }
  return at;
}

bool json_grammar_is_complete(const struct json_grammar *g) {
  return g->depth == 0 && (g->place == JSON_AFTER_VALUE || is_whole_number(g->place));
}
