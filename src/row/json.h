/*
 * A scanner of JSON text that trusts nobody: the server has checked it once, but depth, length and every
 * byte are checked again here. Never allocates, never recurses. RFC 8259; invalid UTF-8 passes through.
 *
 * Positions are pointers into the text; `end` is one past its last byte. Every function returns where it
 * stopped, or NULL where the text is not JSON (or nests deeper than JSON_DEPTH_MAX).
 */
#pragma once
#include "base/buffer.h"

#define JSON_DEPTH_MAX 6400   /* deeper than the server itself can parse with its default max_stack_depth */

enum json_type { JSON_OBJECT, JSON_ARRAY, JSON_STRING, JSON_NUMBER, JSON_TRUE, JSON_FALSE, JSON_NULL, JSON_INVALID };

const uint8_t *json_skip_space(const uint8_t *at, const uint8_t *end);
/* The type of the value that starts at `at` (white space skipped already), from its first byte. */
enum json_type json_type_at(const uint8_t *at, const uint8_t *end);
/* Past the whole value at `at`. */
const uint8_t *json_skip_value(const uint8_t *at, const uint8_t *end);
/* Past a string; `at` is its opening quote. *escaped says whether it holds a backslash. */
const uint8_t *json_skip_string(const uint8_t *at, const uint8_t *end, bool *escaped);

/*
 * Appends a string's text without quotes and with its escapes resolved (\uD83D\uDE00 joined; a lone
 * surrogate becomes U+FFFD). at..end is the string with both quotes. False where it is malformed.
 */
bool json_unescape(const uint8_t *at, const uint8_t *end, struct buffer *out) MUST_CHECK;

/* Appends text as a JSON string with quotes, escaped as PostgreSQL's escape_json does. */
void json_append_string(struct buffer *out, const void *text, size_t len);
/* Appends JSON text without line breaks between its tokens (LF and CR outside strings), the rest unchanged. */
void json_append_one_line(struct buffer *out, const uint8_t *text, size_t len);
