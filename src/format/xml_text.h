/* Characters and names in XML. Private to src/format. */
#pragma once
#include "base/buffer.h"
#include "base/utf8.h"

/*
 * How many bytes at the start are UTF-8 of characters that XML 1.0 can hold (its production Char): len, if
 * all are.
 */
size_t xml_valid_prefix(const uint8_t *text, size_t len);

/* Appends text, which is valid in that sense; &, <, > and CR (which a parser would turn into LF) escaped. */
void xml_append_escaped(struct buffer *out, const uint8_t *text, size_t len);

/* The same with U+FFFD for what is not valid: a character that XML cannot hold, or a byte that is no UTF-8. */
void xml_append_repaired(struct buffer *out, const uint8_t *text, size_t len);

/*
 * Appends an XML name for any UTF-8 text, as SQL/XML (ISO 9075-14, 9.1) maps a fully escaped identifier and
 * map_sql_identifier_to_xml_name does it: _xNNNN_ for a character that cannot stand there, for the x of a
 * leading "xml", and for the _ of a literal "_x". Two texts never get the same name; the empty one is _x_.
 */
void xml_append_name(struct buffer *out, const uint8_t *text, size_t len);

/* Is the character (above ASCII) a letter, which may begin a name; or may it stand further behind? */
bool xml_is_name_start(uint32_t code);
bool xml_is_name_char(uint32_t code);

/*
 * How many of 16 readable bytes of UTF-8, counted from the first, mean nothing in XML or JSON: short texts of such
 * bytes can be copied as they are. Stops too early at some characters: all that begin with 0xEF, as U+FFFE does.
 */
static inline size_t xml_plain_prefix(const uint8_t *text) {
#if HAS_SSE2
  const __m128i control = _mm_set1_epi8(0x1F);
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
  __m128i odd = _mm_cmpeq_epi8(_mm_max_epu8(bytes, control), control);
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('>')));
  odd = _mm_or_si128(odd, _mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)0xEF)));
  return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(odd) | 0x10000);
#else
  size_t len = 0;
  while (len < 16 && text[len] >= 0x20 && text[len] != 0xEF && !strchr("\"\\&<>", text[len])) len++;
  return len;
#endif
}

/*
 * The length of the string whose first of 16 readable bytes is `text`, if its closing quote is among them and all
 * before it can be copied as it is. 16: it is longer, not that plain, or no UTF-8.
 */
static inline size_t xml_plain_string(const uint8_t *text) {
  size_t len = xml_plain_prefix(text);
  if (len == 16 || text[len] != '"') return 16;
#if HAS_SSE2
  __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)text);
  bool is_ascii = ((unsigned)_mm_movemask_epi8(bytes) & ((1u << len) - 1)) == 0;
  return is_ascii || utf8_marks_are_whole(utf8_mark_16(bytes), len) ? len : 16;
#else
  return utf8_valid_prefix(text, len) == len ? len : 16;
#endif
}

#if HAS_SSE2
/* Which of 16 bytes XML cannot hold as they are: controls but tabs and line feeds, &, <, >. */
static inline unsigned xml_stops_16(__m128i bytes) {
  const __m128i control = _mm_set1_epi8(0x1F);
  __m128i breaks = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\n'));
  breaks = _mm_or_si128(breaks, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t')));
  __m128i stops = _mm_andnot_si128(breaks, _mm_cmpeq_epi8(_mm_max_epu8(bytes, control), control));
  stops = _mm_or_si128(stops, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('&')));
  stops = _mm_or_si128(stops, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('<')));
  stops = _mm_or_si128(stops, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('>')));
  return (unsigned)_mm_movemask_epi8(stops);
}
#endif

#define XML_SHORT_BYTES 32

/*
 * Copies a text of at most XML_SHORT_BYTES, of which 48 bytes may be loaded (text_may_load), to where there is room for
 * so many. False where it is not to be copied as it is, or has rare characters; what lies at `to` is then undefined.
 */
static inline bool xml_copy_short(uint8_t *to, const uint8_t *text, size_t len) {
#if HAS_SSE2
  __m128i low = _mm_loadu_si128((const __m128i *)(const void *)text);
  __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(text + 16));
  _mm_storeu_si128((__m128i *)(void *)to, low);
  _mm_storeu_si128((__m128i *)(void *)(to + 16), high);
  uint64_t keep = ((uint64_t)1 << len) - 1;
  if ((xml_stops_16(low) | (uint64_t)xml_stops_16(high) << 16) & keep) return false;
  return utf8_is_whole_32(low, high, len);
#else
  return false;
#endif
}
