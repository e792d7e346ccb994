#include "base/utf8.h"

#include "base/vector.h"

#include <stdlib.h>
#include <string.h>

/* The first byte that is not ASCII, or `end`. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end) {
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    if (word & 0x8080808080808080u) break;
  }
  while (at < end && *at < 0x80) at++;
  return at;
}

#if HAS_SSE2
/*
 * How many of 16 bytes, counted from the first, are whole characters; a last one that goes on behind them is the next
 * look's. At least 14; fewer, and ASCII alone, where a rare character, or what is none, is among them.
 */
static inline size_t whole_of_16(const uint8_t *at) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
  unsigned high = (unsigned)_mm_movemask_epi8(bytes);
  if (!high) return 16;
  struct utf8_marks marks = utf8_mark_16(bytes);
  size_t len = marks.lead3 >> 14 & 1 ? 14 : 16 - (marks.lead >> 15 & 1);
  if (utf8_marks_are_whole(marks, len)) return len;
  size_t ascii = (size_t)__builtin_ctz(high);
  return ascii < 14 ? ascii : 13;
}

/* Are the bytes from `at` on, fewer than 16, and behind others of the same text, whole characters? */
static inline bool is_plain_end(const uint8_t *at, const uint8_t *end) {
  struct utf8_marks m = utf8_mark_16(_mm_loadu_si128((const __m128i *)(const void *)(end - 16)));
  unsigned before = (unsigned)(16 - (end - at));
  m = (struct utf8_marks){m.following >> before, m.lead >> before, m.lead3 >> before, m.rare >> before};
  return utf8_marks_are_whole(m, (size_t)(end - at));
}
#endif

/* Past characters, as far as 16 bytes at a time tell: `end`, or nearer to it. */
static inline const uint8_t *skip_common(const uint8_t *text, const uint8_t *at, const uint8_t *end) {
#if HAS_SSE2
  while (end - at >= 16) {
    size_t len = whole_of_16(at);
    at += len;
    if (len < 14) return at;
  }
  if (end - text >= 16 && is_plain_end(at, end)) return end;
#endif
  return at;
}

size_t utf8_valid_prefix(const uint8_t *text, size_t len) {
  const uint8_t *at = text, *end = text + len;
  for (;;) {
    at = skip_ascii(skip_common(text, at, end), end);
    if (at == end) return len;
    while (at < end && *at >= 0x80) {
      unsigned bytes = utf8_sequence(at, (size_t)(end - at));
      if (bytes == 0) return (size_t)(at - text);
      at += bytes;
    }
  }
}

char *utf8_clean(const char *text) {
  size_t left = strlen(text);
  char *copy = malloc(left * UTF8_REPLACEMENT_LEN + 1), *to = copy;
  if (!copy) return NULL;
  for (;;) {
    size_t good = utf8_valid_prefix((const uint8_t *)text, left);
    memcpy(to, text, good);
    to += good;
    if (good == left) break;
    memcpy(to, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
    to += UTF8_REPLACEMENT_LEN;
    text += good + 1;
    left -= good + 1;
  }
  *to = '\0';
  return copy;
}
