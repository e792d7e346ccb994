/*
 * What the text formats share: private to src/format.
 *
 * A text encoder holds one struct text_column per output column, with the function that writes its cells,
 * chosen once by kind. The row loop calls it for cells that are not NULL.
 */
#pragma once
#include "format/format.h"
#include "row/value_text.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

struct text_column {
  bool (*write)(struct encoder *e, const struct text_column *column, const struct cell *c, struct buffer *out,
                struct error *err);
  struct value_text text;               /* of kinds with a fixed width */
  uint32_t cell;
  const struct output_column *output;
  const uint8_t *before;                /* what stands before the value: a key, a start tag; NULL: nothing */
  uint32_t before_len;
};

/* The value of a cell of fixed width, at the end of a buffer. NULL is never given as a cell. */
bool text_append_fixed(const struct text_column *column, const struct cell *c, struct buffer *out,
                       struct error *err) MUST_CHECK;
bool text_append_numeric(const struct text_column *column, const struct cell *c, struct buffer *out,
                         struct error *err) MUST_CHECK;
/* Text with U+FFFD for each byte that is no UTF-8. */
void text_append_repaired(struct buffer *out, const uint8_t *text, size_t len);

/* jsonb without its version byte. False where the version is unknown or the JSON empty; KIND_JSON passes. */
bool text_json_bytes(const struct text_column *column, const struct cell *c, const uint8_t **json, size_t *len,
                     struct error *err) MUST_CHECK;

/* ERR_SOURCE: the server sent bytes that are no value of the column's type. */
void text_fail_malformed(const struct text_column *column, const struct cell *c, struct error *err);
/* ERR_VALUE: `what` ("NaN", "the bytes \xFF…") cannot be written in `format`. */
void text_fail_special(const struct text_column *column, const char *format, const char *what, struct error *err);
/* The bytes of a text around the place where it went wrong, for text_fail_special: printable, cut. */
#define TEXT_EXCERPT_SIZE 96
void text_excerpt(const uint8_t *text, size_t len, size_t wrong_at, char excerpt[TEXT_EXCERPT_SIZE]);

/* Names must be UTF-8 in formats that promise it. ERR_USAGE names the column. */
bool text_check_names(const struct schema *schema, const char *format, struct error *err) MUST_CHECK;

/* Slots of struct format that text formats leave empty: a part of theirs is only text. */
bool text_begin_nothing(void *self, struct buffer *out, struct error *err);
bool text_join_nothing(void *self, uint64_t rows_before, uint64_t offset, void *meta, struct buffer *out,
                       struct error *err);
bool text_end_nothing(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err);
void text_meta_free(void *meta);
uint64_t text_part_rows(const void *options);
bool text_part_is_full(const struct encoder *e);
bool text_part_end(struct encoder *e, void **meta, struct error *err);
bool text_part_read(struct encoder *e, size_t max, struct buffer *out, bool *more, struct error *err);

/* Reading a file back in pieces, for count_rows. */
#define TEXT_PIECE_BYTES 65536
struct text_pieces {
  int fd;
  uint64_t offset;                      /* of bytes[0] in the file */
  size_t len;
  uint8_t bytes[TEXT_PIECE_BYTES];
};
/* The next piece; len 0 at the end of the file. */
bool text_next_piece(struct text_pieces *p, struct error *err) MUST_CHECK;

/* The first byte in at..end that is one of four, or `end`. */
static inline const uint8_t *text_find_any(const uint8_t *at, const uint8_t *end, const uint8_t set[4]) {
#ifdef __SSE2__
  if (end - at >= 16) {
    const __m128i a = _mm_set1_epi8((char)set[0]), b = _mm_set1_epi8((char)set[1]);
    const __m128i c = _mm_set1_epi8((char)set[2]), d = _mm_set1_epi8((char)set[3]);
    for (; end - at >= 16; at += 16) {
      __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
      __m128i hits = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, a), _mm_cmpeq_epi8(bytes, b)),
                                  _mm_or_si128(_mm_cmpeq_epi8(bytes, c), _mm_cmpeq_epi8(bytes, d)));
      unsigned found = (unsigned)_mm_movemask_epi8(hits);
      if (found) return at + __builtin_ctz(found);
    }
  }
#endif
  const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
  for (; end - at >= 8; at += 8) {
    uint64_t word, hit = 0;
    memcpy(&word, at, sizeof word);
    for (int i = 0; i < 4; i++) {
      uint64_t zero = word ^ (ones * set[i]);   /* a zero byte where the word holds set[i] */
      hit |= (zero - ones) & ~zero;
    }
    if (hit & high) break;
  }
  while (at < end && *at != set[0] && *at != set[1] && *at != set[2] && *at != set[3]) at++;
  return at;
}

/*
 * Copies text and says whether it is free of all bytes of a set; where it is not, what lies at `to` is
 * undefined. One pass, and no call for the short texts that most are. `to` has room for len bytes.
 */
static inline bool text_copy_unless(uint8_t *to, const uint8_t *text, size_t len, const uint8_t set[4]) {
  const uint8_t *at = text, *end = text + len;
#ifdef __SSE2__
  if (len >= 16) {
    const __m128i a = _mm_set1_epi8((char)set[0]), b = _mm_set1_epi8((char)set[1]);
    const __m128i c = _mm_set1_epi8((char)set[2]), d = _mm_set1_epi8((char)set[3]);
    for (;;) {
      __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
      __m128i hits = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, a), _mm_cmpeq_epi8(bytes, b)),
                                  _mm_or_si128(_mm_cmpeq_epi8(bytes, c), _mm_cmpeq_epi8(bytes, d)));
      if (_mm_movemask_epi8(hits)) return false;
      _mm_storeu_si128((__m128i *)(void *)to, bytes);
      at += 16;
      to += 16;
      if (at == end) return true;
      if (end - at < 16) {   /* the last 16 bytes once more: looking twice is cheaper than looking singly */
        to -= 16 - (end - at);
        at = end - 16;
      }
    }
  }
#endif
  if (text_find_any(at, end, set) < end) return false;
  memcpy(to, at, len);
  return true;
}

#define TEXT_SHORT_BYTES 32   /* what text_append_short reads, whatever the length */

/* Appends a prepared key or tag, behind which as many bytes can be read, without a call where it is short. */
static inline void text_append_short(struct buffer *out, const uint8_t *bytes, size_t len) {
  if (__builtin_expect(len > TEXT_SHORT_BYTES, 0)) {
    buffer_append(out, bytes, len);
    return;
  }
  uint8_t *to = buffer_reserve(out, TEXT_SHORT_BYTES);
  if (!to) return;
  memcpy(to, bytes, TEXT_SHORT_BYTES);
  out->len += len;
}
