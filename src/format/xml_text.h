/* Characters and names in XML. Private to src/format. */
#pragma once
#include "base/buffer.h"
#include "base/vector.h"

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
