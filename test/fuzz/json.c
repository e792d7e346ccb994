/*
 * Fuzzes the JSON scanner: it must accept exactly what a plain recursive reading of RFC 8259 accepts, read no
 * byte outside the text (the sanitizers watch), and escape and unescape without loss.
 */
#include "row/json.h"

#include "fuzz.h"

#include <stdlib.h>

static const uint8_t *reference_space(const uint8_t *at, const uint8_t *end) {
  while (at < end && (*at == 0x20 || *at == 0x09 || *at == 0x0A || *at == 0x0D)) at++;
  return at;
}

static const uint8_t *reference_literal(const uint8_t *at, const uint8_t *end, const char *text) {
  for (; *text; text++, at++)
    if (at == end || *at != (uint8_t)*text) return NULL;
  return at;
}

static bool is_one_of(const uint8_t *at, const uint8_t *end, const char *set) {
  return at < end && *at && strchr(set, *at);
}

static const uint8_t *reference_digits(const uint8_t *at, const uint8_t *end) {
  if (!is_one_of(at, end, "0123456789")) return NULL;
  while (is_one_of(at, end, "0123456789")) at++;
  return at;
}

static const uint8_t *reference_number(const uint8_t *at, const uint8_t *end) {
  if (is_one_of(at, end, "-")) at++;
  at = is_one_of(at, end, "0") ? at + 1 : reference_digits(at, end);
  if (at && is_one_of(at, end, ".")) at = reference_digits(at + 1, end);
  if (at && is_one_of(at, end, "eE")) {
    at++;
    if (is_one_of(at, end, "+-")) at++;
    at = reference_digits(at, end);
  }
  return at;
}

static const uint8_t *reference_string(const uint8_t *at, const uint8_t *end) {
  if (!is_one_of(at, end, "\"")) return NULL;
  for (at++; at < end; at++) {
    if (*at == '"') return at + 1;
    if (*at < 0x20) return NULL;
    if (*at != '\\') continue;
    at++;
    if (is_one_of(at, end, "u")) {
      for (int i = 0; i < 4; i++)
        if (!is_one_of(++at, end, "0123456789abcdefABCDEF")) return NULL;
    } else if (!is_one_of(at, end, "\"\\/bfnrt")) {
      return NULL;
    }
  }
  return NULL;
}

static const uint8_t *reference_value(const uint8_t *at, const uint8_t *end, int depth);

static const uint8_t *reference_container(const uint8_t *at, const uint8_t *end, int depth) {
  bool object = *at == '{';
  const char *close = object ? "}" : "]";
  at = reference_space(at + 1, end);
  if (is_one_of(at, end, close)) return at + 1;
  for (;;) {
    if (object) {
      at = reference_string(at, end);
      if (!at) return NULL;
      at = reference_space(at, end);
      if (!is_one_of(at, end, ":")) return NULL;
      at = reference_space(at + 1, end);
    }
    at = reference_value(at, end, depth + 1);
    if (!at) return NULL;
    at = reference_space(at, end);
    if (is_one_of(at, end, close)) return depth < JSON_DEPTH_MAX ? at + 1 : NULL;
    if (!is_one_of(at, end, ",")) return NULL;
    at = reference_space(at + 1, end);
  }
}

static const uint8_t *reference_value(const uint8_t *at, const uint8_t *end, int depth) {
  if (at == end) return NULL;
  if (*at == '{' || *at == '[') return reference_container(at, end, depth);
  if (*at == '"') return reference_string(at, end);
  if (*at == 't') return reference_literal(at, end, "true");
  if (*at == 'f') return reference_literal(at, end, "false");
  if (*at == 'n') return reference_literal(at, end, "null");
  return reference_number(at, end);
}

/* Any bytes at all survive being written as a JSON string and read again. */
static void check_string(const uint8_t *data, size_t size) {
  struct buffer json, back;
  buffer_init(&json, SIZE_MAX / 2);
  buffer_init(&back, SIZE_MAX / 2);
  json_append_string(&json, data, size);
  bool escaped;
  CHECK(json_skip_string(json.data, json.data + json.len, &escaped) == json.data + json.len);
  CHECK(json_unescape(json.data, json.data + json.len, &back));
  CHECK(back.len == size && (!size || memcmp(back.data, data, size) == 0));
  buffer_deinit(&json);
  buffer_deinit(&back);
}

static void check_one_line(const uint8_t *begin, const uint8_t *end) {
  struct buffer line;
  buffer_init(&line, SIZE_MAX / 2);
  json_append_one_line(&line, begin, (size_t)(end - begin));
  CHECK(!memchr(line.data, '\n', line.len) && !memchr(line.data, '\r', line.len));
  CHECK(reference_value(line.data, line.data + line.len, 0) == line.data + line.len);
  buffer_deinit(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *end = data + size;
  const uint8_t *expected = reference_value(data, end, 0);
  CHECK(json_skip_value(data, end) == expected);
  CHECK(json_skip_space(data, end) == reference_space(data, end));
  if (expected) {
    CHECK(json_type_at(data, end) != JSON_INVALID);
    check_one_line(data, expected);
  }
  struct buffer text;
  buffer_init(&text, SIZE_MAX / 2);
  CHECK(json_unescape(data, end, &text) == (size > 0 && reference_string(data, end) == end));
  buffer_deinit(&text);
  if (size) check_string(data, size);
  return 0;
}
