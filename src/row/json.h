/*
 * A scanner of JSON text that trusts nobody: the server has checked it once, but depth, length and every
 * byte are checked again here. Never allocates, never recurses, reads no byte twice. RFC 8259; invalid
 * UTF-8 passes through.
 *
 * Positions are pointers into the text; `end` is one past its last byte, and no byte at or beyond it is
 * read. Every function returns where it stopped, or NULL where the text is not JSON (or nests deeper than
 * JSON_DEPTH_MAX). `at` may be `end`: that is text cut short, not a mistake of the caller.
 */
#pragma once
#include "base/buffer.h"

#define JSON_DEPTH_MAX 65536   /* a server whose max_stack_depth was raised parses some 20,000; a bit each on the stack */

enum json_type {
  JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_INVALID
};

const uint8_t *json_skip_space(const uint8_t *at, const uint8_t *end);
/* The type of the value that starts at `at` (white space skipped already), from its first byte alone. */
enum json_type json_type_at(const uint8_t *at, const uint8_t *end);
/* Past the whole value at `at` (white space skipped already), which is checked to its last byte. */
const uint8_t *json_skip_value(const uint8_t *at, const uint8_t *end);
/* Past a string; `at` is its opening quote. *escaped says whether it holds a backslash. */
const uint8_t *json_skip_string(const uint8_t *at, const uint8_t *end, bool *escaped);

/*
 * Appends a string's text without quotes and with its escapes resolved (\uD83D\uDE00 joined; a lone
 * surrogate becomes U+FFFD; \u0000 becomes a zero byte). at..end is the string with both quotes. False
 * where it is malformed; a full buffer shows in `out` alone.
 */
bool json_unescape(const uint8_t *at, const uint8_t *end, struct buffer *out) MUST_CHECK;
/*
 * The same into memory of the caller's, which has room for end - at bytes: unescaped text is never longer.
 * Returns one past the last byte written, NULL where the string is malformed.
 */
uint8_t *json_unescape_to(const uint8_t *at, const uint8_t *end, uint8_t *to) MUST_CHECK;

/*
 * The first escape of half a surrogate pair, which is no character: six bytes, \uD83D. Of any JSON text, a string or a
 * whole document; NULL where it has none. Reads no byte behind the end, whatever the text.
 */
const uint8_t *json_find_half_pair(const uint8_t *at, const uint8_t *end);

/* Appends text as a JSON string with quotes, escaped as PostgreSQL's escape_json does. */
void json_append_string(struct buffer *out, const void *text, size_t len);
/*
 * Appends JSON text without its line breaks (LF and CR), the rest unchanged. In JSON they stand between
 * tokens only, where they mean nothing: a string holds them as escapes.
 */
void json_append_one_line(struct buffer *out, const uint8_t *text, size_t len);
