/*
 * RFC 8259, byte by byte: is a text that comes in pieces JSON, in UTF-8? Constant memory: a bit for each open bracket,
 * of which there may be JSON_GRAMMAR_DEPTH_MAX: a deeper text is refused without being wrong (is_too_deep). Escapes
 * may name half a surrogate pair, as the RFC's grammar has it.
 */
#pragma once
#include "row/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The deepest value that decant writes, in its row, in the array of rows. */
#define JSON_GRAMMAR_DEPTH_MAX (JSON_DEPTH_MAX + 2)

/* What comes next, or what the text is inside of. */
enum json_place {
  JSON_BEFORE_VALUE,
  JSON_BEFORE_VALUE_OR_END,
  JSON_BEFORE_KEY,
  JSON_BEFORE_KEY_OR_END,
  JSON_BEFORE_COLON,
  JSON_AFTER_VALUE,
  JSON_IN_STRING,
  JSON_IN_ESCAPE,
  JSON_IN_HEX,
  JSON_IN_UTF8,
  JSON_IN_LITERAL,
  JSON_AFTER_MINUS,
  JSON_AFTER_ZERO,
  JSON_IN_DIGITS,
  JSON_AFTER_POINT,
  JSON_IN_FRACTION,
  JSON_AFTER_E,
  JSON_AFTER_E_SIGN,
  JSON_IN_EXPONENT,
  JSON_PLACE_COUNT
};

struct json_grammar {
  enum json_place place;
  bool is_key;                            /* of the string that is open */
  bool is_too_deep;                       /* a bracket was refused that may be right: there is no bit for it */
  unsigned hex_left;                      /* digits of \u that are still to come */
  unsigned utf8_len;                      /* bytes so far of the character that is open */
  uint8_t utf8[4];
  const char *literal;                    /* what is still to come of true, false, null */
  size_t depth;                           /* open brackets */
  uint64_t items;                         /* values that stand directly in the outermost brackets, so far */
  uint8_t is_object[JSON_GRAMMAR_DEPTH_MAX / 8 + 1];   /* bit i: the bracket that opened level i was { */
};

/* A value is to come. */
void json_grammar_begin(struct json_grammar *g);

/* One byte. NULL, or why it is wrong; nothing can follow then. */
const char *json_grammar_pass(struct json_grammar *g, uint8_t c);

/*
 * As many bytes as there are while more than `depth` brackets are open; at_lines: up to a line feed outside of strings,
 * which is not passed. Behind the last byte; at the wrong one, where *why says how.
 */
const uint8_t *json_grammar_pass_below(struct json_grammar *g, size_t depth, bool at_lines, const uint8_t *at,
                                       const uint8_t *end, const char **why);

/* Could the text, or its line, end here? */
bool json_grammar_is_complete(const struct json_grammar *g);
