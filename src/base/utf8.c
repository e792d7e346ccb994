#include "base/utf8.h"

#include "base/vector.h"

#include <stdlib.h>
#include <string.h>

/* The first byte from `at` on that is not ASCII, or `end`. From `start` on bytes can be read. */
static const uint8_t *skip_ascii(const uint8_t *start, const uint8_t *at, const uint8_t *end) {
#if HAS_SSE2
  for (; end - at >= 16; at += 16) {
    unsigned high = (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)at));
    if (high) return at + __builtin_ctz(high);
  }
  if (end - start >= 16) {   /* the last 16 bytes, without those that were seen before */
    unsigned high = (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)(end - 16)));
    high >>= 16 - (end - at);
    return high ? at + __builtin_ctz(high) : end;
  }
#endif
  for (; end - at >= 8; at += 8) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    if (word & 0x8080808080808080u) break;
  }
  while (at < end && *at < 0x80) at++;
  return at;
}

size_t utf8_valid_prefix(const uint8_t *text, size_t len) {
  const uint8_t *at = text, *end = text + len;
  for (;;) {
    at = skip_ascii(text, at, end);
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
