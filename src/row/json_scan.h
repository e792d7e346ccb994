/*
 * The inner loops of JSON scanning, inline: shared by the scanner, the flattener and XML's nested elements.
 * Where speed does not matter so much, use row/json.h.
 *
 * No function reads at or beyond `end`.
 */
#pragma once
#include "base/vector.h"
#include "row/json.h"

static inline bool json_is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
static inline bool json_is_digit(uint8_t c) { return (uint8_t)(c - '0') <= 9; }
/* What a string's plain run ends at: its closing quote, an escape, or a control character (an error). */
static inline bool json_is_string_stop(uint8_t c) { return c == '"' || c == '\\' || c < 0x20; }

static inline uint64_t json_load_word(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

/* Does any of the 8 bytes end a plain run? Exact as an answer of yes or no. */
static inline bool json_word_has_stop(uint64_t word) {
  const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  uint64_t quote = word ^ (ones * '"'), backslash = word ^ (ones * '\\');
  return ((((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) &
          high) != 0;
}

#if HAS_SSE2
/* Which of 16 bytes end a plain run: bit i for at[i]. */
static inline unsigned json_string_stops_16(const uint8_t *at) {
  const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
  __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)),
                               _mm_cmpeq_epi8(_mm_max_epu8(bytes, control), control));
  return (unsigned)_mm_movemask_epi8(stops);
}
#endif

/* The first byte that ends a plain run of a string, or `end`. */
static inline const uint8_t *json_find_string_stop(const uint8_t *at, const uint8_t *end) {
#if HAS_SSE2
  for (; end - at >= 16; at += 16) {
    unsigned found = json_string_stops_16(at);
    if (found) return at + __builtin_ctz(found);
  }
#endif
  while (end - at >= 8 && !json_word_has_stop(json_load_word(at))) at += 8;
  while (at < end && !json_is_string_stop(*at)) at++;
  return at;
}

/* White space is rare and short: one blank behind a comma or colon, or none. */
static inline const uint8_t *json_skip_space_inline(const uint8_t *at, const uint8_t *end) {
  while (at < end && json_is_space(*at)) at++;
  return at;
}

/* Past a number, or NULL: -? (0 | 1-9 digits) (. digits)? (e sign? digits)?, RFC 8259. */
static inline const uint8_t *json_skip_number(const uint8_t *at, const uint8_t *end) {
  if (at < end && *at == '-') at++;
  if (at == end || !json_is_digit(*at)) return NULL;
  if (*at++ != '0')
    while (at < end && json_is_digit(*at)) at++;
  if (at < end && *at == '.') {
    at++;
    if (at == end || !json_is_digit(*at)) return NULL;
    while (at < end && json_is_digit(*at)) at++;
  }
  if (at < end && (*at | 0x20) == 'e') {
    at++;
    if (at < end && (*at == '+' || *at == '-')) at++;
    if (at == end || !json_is_digit(*at)) return NULL;
    while (at < end && json_is_digit(*at)) at++;
  }
  return at;
}

/*
 * The length of a number of 16 readable bytes, if it is plain: -? digits (. digits)?, without a leading zero
 * and shorter than 16 bytes; else 0. By masks, since the lengths of numbers cannot be predicted.
 */
static inline size_t json_plain_number(const uint8_t *text) {
#if HAS_SSE2
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
  __m128i values = _mm_sub_epi8(bytes, _mm_set1_epi8('0'));
  unsigned digits = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_min_epu8(values, _mm_set1_epi8(9)), values));
  unsigned dots = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('.')));
  unsigned sign = *text == '-';
  unsigned len = (unsigned)__builtin_ctz(~(digits | dots | sign));   /* at most 16: the masks have no more bits */
  dots &= (1u << len) - 1;
  bool first_and_last = len > sign && (digits >> sign & 1) && (digits >> (len - 1) & 1);
  bool leading_zero = text[sign] == '0' && (digits >> (sign + 1) & 1);
  if (!first_and_last || leading_zero || (dots & (dots - 1)) || len == 16 || (text[len] | 0x20) == 'e') return 0;
  return len;
#else
  const uint8_t *stop = json_skip_number(text, text + 16);
  return stop && stop < text + 16 ? (size_t)(stop - text) : 0;
#endif
}

/* The length of true or false at the beginning of 8 readable bytes, without a branch on which it is; else 0. */
static inline size_t json_plain_word(const uint8_t *text) {
  static const uint8_t words[2][8] = {"true", "false"};
  static const uint8_t keep[2][8] = {{255, 255, 255, 255}, {255, 255, 255, 255, 255}};
  size_t is_false = *text == 'f';
  bool is_there = (json_load_word(text) & json_load_word(keep[is_false])) == json_load_word(words[is_false]);
  return is_there ? 4 + is_false : 0;
}

/* Past a string whose opening quote is at `at`, or NULL. The plain case is decided here. */
static inline const uint8_t *json_skip_string_inline(const uint8_t *at, const uint8_t *end, bool *escaped) {
  const uint8_t *stop = json_find_string_stop(at + 1, end);
  if (__builtin_expect(stop < end && *stop == '"', 1)) {
    *escaped = false;
    return stop + 1;
  }
  return json_skip_string(at, end, escaped);
}

/* Past a string, number, true, false or null, or NULL. */
static inline const uint8_t *json_skip_scalar(const uint8_t *at, const uint8_t *end) {
  bool escaped;
  if (at == end) return NULL;
  switch (*at) {
    case '"': return json_skip_string_inline(at, end, &escaped);
    case 't': return end - at >= 4 && memcmp(at, "true", 4) == 0 ? at + 4 : NULL;
    case 'f': return end - at >= 5 && memcmp(at, "false", 5) == 0 ? at + 5 : NULL;
    case 'n': return end - at >= 4 && memcmp(at, "null", 4) == 0 ? at + 4 : NULL;
    default: return json_skip_number(at, end);
  }
}
