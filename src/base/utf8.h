/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#pragma once
#include "base/vector.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD"   /* U+FFFD */
#define UTF8_REPLACEMENT_LEN 3

/* Bytes of the well-formed sequence of 2 to 4 bytes at `at`, whose first byte is 0x80 or more; 0 if there is none. */
static inline unsigned utf8_sequence(const uint8_t *at, size_t left) {
  uint8_t lead = at[0];
  if (lead < 0xC2 || lead > 0xF4 || left < 2) return 0;
  if (lead < 0xE0) return (at[1] & 0xC0) == 0x80 ? 2 : 0;
  uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (at[1] < low || at[1] > high || left < 3 || (at[2] & 0xC0) != 0x80) return 0;
  if (lead < 0xF0) return 3;
  return left >= 4 && (at[3] & 0xC0) == 0x80 ? 4 : 0;
}

/* The code point of a well-formed sequence of `bytes` bytes (1 to 4). */
static inline uint32_t utf8_code(const uint8_t *at, unsigned bytes) {
  uint32_t code = bytes == 1 ? at[0] : at[0] & (0x7Fu >> bytes);
  for (unsigned i = 1; i < bytes; i++) code = code << 6 | (at[i] & 0x3Fu);
  return code;
}

/* A copy with U+FFFD for each byte that is no part of UTF-8; NULL if out of memory. The caller frees it. */
char *utf8_clean(const char *text);

/* How many bytes at the start are well-formed: len, if all are. */
size_t utf8_valid_prefix(const uint8_t *text, size_t len);

#if HAS_SSE2
/* What up to 64 bytes are, bit i for byte i. */
struct utf8_marks {
  uint64_t following;   /* 0x80 to 0xBF */
  uint64_t lead;        /* 0xC0 and more */
  uint64_t lead3;       /* 0xE0 and more */
  uint64_t rare;        /* leads that are wrong or particular about the next byte; and all from 0xED on */
};

static inline struct utf8_marks utf8_mark_16(__m128i bytes) {
  __m128i following = _mm_cmplt_epi8(bytes, _mm_set1_epi8((char)0xC0));   /* signed */
  __m128i lead3 = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8((char)0xE0)), bytes);
  __m128i rare = _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8((char)0xED)), bytes);
  __m128i even = _mm_and_si128(bytes, _mm_set1_epi8((char)0xFE));
  rare = _mm_or_si128(rare, _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)0xE0)));
  rare = _mm_or_si128(rare, _mm_cmpeq_epi8(even, _mm_set1_epi8((char)0xC0)));
  uint64_t follows = (unsigned)_mm_movemask_epi8(following);
  return (struct utf8_marks){.following = follows, .lead = (unsigned)_mm_movemask_epi8(bytes) & ~follows,
                             .lead3 = (unsigned)_mm_movemask_epi8(lead3),
                             .rare = (unsigned)_mm_movemask_epi8(rare)};
}

/*
 * Are the first `len` bytes (below 64) whole characters of one to three bytes? False also where rare ones are among
 * them: whoever wants to know of those asks utf8_valid_prefix.
 */
static inline bool utf8_marks_are_whole(struct utf8_marks m, size_t len) {
  uint64_t keep = ((uint64_t)1 << len) - 1;
  uint64_t expected = (m.lead & keep) << 1 | (m.lead3 & keep) << 2;
  return expected == (m.following & keep) && (m.rare & keep) == 0;
}

/* The same of at most 32 bytes. */
static inline bool utf8_is_whole_32(__m128i low, __m128i high, size_t len) {
  uint64_t not_ascii = (unsigned)_mm_movemask_epi8(low) | (uint64_t)(unsigned)_mm_movemask_epi8(high) << 16;
  if ((not_ascii & (((uint64_t)1 << len) - 1)) == 0) return true;
  struct utf8_marks marks = utf8_mark_16(low), more = utf8_mark_16(high);
  marks.following |= more.following << 16;
  marks.lead |= more.lead << 16;
  marks.lead3 |= more.lead3 << 16;
  marks.rare |= more.rare << 16;
  return utf8_marks_are_whole(marks, len);
}
#endif
