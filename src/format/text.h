/*
 * What the text formats share: private to src/format.
 *
 * A text encoder holds one struct text_column per output column, with the function that writes its cells,
 * chosen once by kind. The row loop calls it for cells that are not NULL.
 */
#pragma once
#include "base/vector.h"
#include "format/format.h"
#include "row/value_text.h"

struct text_column {
  bool (*write)(struct encoder *e, const struct text_column *column, const struct cell *c, struct buffer *out,
                struct error *err);
  struct value_text text;               /* of kinds with a fixed width */
  bool is_text;                         /* KIND_TEXT, KIND_JSON: where a format treats it in its loop */
  uint32_t cell;
  const struct output_column *output;
  const uint8_t *before;                /* what stands before the value: a key, a start tag; NULL: nothing */
  uint32_t before_len;
  uint32_t after_len;                   /* XML: of what stands behind the value, and lies behind `before` */
  int32_t loop_width;                   /* CSV: of cells that the row's loop writes by `text`; -1: none */
  uint8_t care;                         /* CSV: how `write` quotes beyond what is needed */
  bool (*inner)(struct encoder *e, const struct text_column *column, const struct cell *c, struct buffer *out,
                struct error *err);     /* makes the text that `write` quotes or escapes; NULL: it needs none */
};

/* What an encoder has written otherwise, by the policy. */
struct text_specials {
  const struct output_column *columns;  /* of the schema */
  uint64_t *by_column;
  uint64_t total;
};
bool text_specials_init(struct text_specials *s, const struct schema *schema, struct error *err) MUST_CHECK;
void text_specials_deinit(struct text_specials *s);
static inline void text_specials_count(struct text_specials *s, const struct text_column *column) {
  s->total++;
  s->by_column[column->output - s->columns]++;
}
/* What was counted since, of one value, is not to stand: it is written again. */
static inline void text_specials_take_back(struct text_specials *s, const struct text_column *column, uint64_t total) {
  s->by_column[column->output - s->columns] -= s->total - total;
  s->total = total;
}

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
bool text_check_no_options(const void *options, struct error *err);
bool text_begin_nothing(void *self, struct buffer *out, struct error *err);
bool text_join_nothing(void *self, uint64_t rows_before, uint64_t offset, void *meta, struct buffer *out,
                       struct error *err);
bool text_end_nothing(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err);
void text_meta_free(void *meta);
uint64_t text_part_rows(const void *options);
enum wire_form text_nested_as_text(const void *options);
enum wire_form text_nested_as_json(const void *options);
enum path_types text_path_types(const void *options);
unsigned text_sent_types(const void *options);
bool text_part_is_full(const struct encoder *e);
bool text_part_end(struct encoder *e, void **meta, struct error *err);
bool text_part_read(struct encoder *e, size_t max, struct buffer *out, bool *more, struct error *err);

/* Is `c` the first byte that is no white space? */
bool text_begins_with(const uint8_t *bytes, size_t len, char c);

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
/*
 * Of the first piece: can text be read byte by byte by those who know ASCII alone? ERR_USAGE where it is UTF-16, UTF-32 or
 * EBCDIC, as a byte order mark or what must begin a JSON or XML file says (XML 1.0, appendix F).
 */
bool text_check_encoding(const struct text_pieces *p, struct error *err) MUST_CHECK;
/* Bytes of a UTF-8 byte order mark, where the piece is the first and begins with one. */
size_t text_mark_len(const struct text_pieces *p);

/*
 * For those who read a file back and pass it byte by byte to a grammar: to the first that is not printable ASCII, or
 * is `a` or `b`.
 */
const uint8_t *text_skip_plain(const uint8_t *at, const uint8_t *end, char a, char b);

/* Four bytes that are looked for; none of them is 0. Each as often as a vector has room for it. */
struct text_stops { uint8_t bytes[4][16]; };
#define TEXT_STOP_16(c) {c, c, c, c, c, c, c, c, c, c, c, c, c, c, c, c}
#define TEXT_STOPS(a, b, c, d) {{TEXT_STOP_16(a), TEXT_STOP_16(b), TEXT_STOP_16(c), TEXT_STOP_16(d)}}

#if HAS_SSE2
/* Bit i: byte i is a stop. */
static inline unsigned text_stop_mask(__m128i bytes, const struct text_stops *stops) {
  const __m128i *s = (const __m128i *)(const void *)stops->bytes;
  __m128i first = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_loadu_si128(s)),
                               _mm_cmpeq_epi8(bytes, _mm_loadu_si128(s + 1)));
  __m128i second = _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_loadu_si128(s + 2)),
                                _mm_cmpeq_epi8(bytes, _mm_loadu_si128(s + 3)));
  return (unsigned)_mm_movemask_epi8(_mm_or_si128(first, second));
}
#endif

/* Do 16 bytes, as two words, hold a stop? Bytes of 0 count as none. */
static inline bool text_has_stop(uint64_t low, uint64_t high, const struct text_stops *stops) {
#if HAS_SSE2
  return text_stop_mask(_mm_set_epi64x((long long)high, (long long)low), stops) != 0;
#else
  const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
  uint64_t hit = 0;
  for (int i = 0; i < 4; i++) {
    uint64_t a = low ^ (ones * stops->bytes[i][0]), b = high ^ (ones * stops->bytes[i][0]);
    hit |= ((a - ones) & ~a) | ((b - ones) & ~b);   /* a zero byte where the word holds the stop */
  }
  return (hit & tops) != 0;
#endif
}

static inline bool text_is_stop(uint8_t c, const struct text_stops *stops) {
  return c == stops->bytes[0][0] || c == stops->bytes[1][0] || c == stops->bytes[2][0] || c == stops->bytes[3][0];
}

static inline uint64_t text_load_8(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

static inline uint32_t text_load_4(const uint8_t *at) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  return word;
}

/* The first stop in at..end, or `end`. */
static inline const uint8_t *text_find_stop(const uint8_t *at, const uint8_t *end,
                                            const struct text_stops *stops) {
#if HAS_SSE2
  for (; end - at >= 16; at += 16) {
    unsigned found = text_stop_mask(_mm_loadu_si128((const __m128i *)(const void *)at), stops);
    if (found) return at + __builtin_ctz(found);
  }
#else
  while (end - at >= 16 && !text_has_stop(text_load_8(at), text_load_8(at + 8), stops)) at += 16;
#endif
  while (at < end && !text_is_stop(*at, stops)) at++;
  return at;
}

/*
 * May 48 bytes be loaded where there are perhaps fewer, but at least one? What lies behind them in the same page
 * cannot fault, and is thrown away. Under a sanitizer, which knows better than the page table: never.
 */
#define TEXT_LOAD_BYTES 48
#if defined __has_feature
#if __has_feature(address_sanitizer) && !defined __SANITIZE_ADDRESS__
#define __SANITIZE_ADDRESS__ 1   /* as gcc says it */
#endif
#endif
#if HAS_SSE2 && !defined __SANITIZE_ADDRESS__
static inline bool text_may_load(const uint8_t *at) { return ((uintptr_t)at & 4095) <= 4096 - TEXT_LOAD_BYTES; }
/* The same behind bytes of which the last is before `end`. */
static inline bool text_may_load_behind(const uint8_t *end, size_t bytes) {
  return ((uintptr_t)(end - 1) & 4095) + bytes < 4096;
}
#else
static inline bool text_may_load(const uint8_t *at) { return false; }
static inline bool text_may_load_behind(const uint8_t *end, size_t bytes) { return false; }
#endif

/*
 * text_copy_unless for at most 32 bytes where text_may_load, to where there is room for 32. Without a
 * branch on the length: the lengths of texts cannot be predicted.
 */
static inline bool text_copy_32_unless(uint8_t *to, const uint8_t *text, size_t len,
                                       const struct text_stops *stops) {
#if HAS_SSE2
  __m128i low = _mm_loadu_si128((const __m128i *)(const void *)text);
  __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(text + 16));
  _mm_storeu_si128((__m128i *)(void *)to, low);
  _mm_storeu_si128((__m128i *)(void *)(to + 16), high);
  uint64_t found = text_stop_mask(low, stops) | (uint64_t)text_stop_mask(high, stops) << 16;
  return (found & (((uint64_t)1 << len) - 1)) == 0;
#else
  return false;
#endif
}

/*
 * Copies text and says whether it is free of stops; where it is not, what lies at `to` is undefined. One pass,
 * and no call for the short texts that most are: their two halves overlap. `to` has room for len bytes.
 */
static inline bool text_copy_unless(uint8_t *to, const uint8_t *text, size_t len,
                                    const struct text_stops *stops) {
  if (len >= 16) {
    for (size_t i = 0;; i += 16) {
      if (len - i < 16) i = len - 16;   /* the last 16 bytes: looking twice is cheaper than looking singly */
      if (text_has_stop(text_load_8(text + i), text_load_8(text + i + 8), stops)) return false;
      memcpy(to + i, text + i, 16);
      if (i + 16 == len) return true;
    }
  }
  if (len >= 8) {
    uint64_t low = text_load_8(text), high = text_load_8(text + len - 8);
    memcpy(to, &low, sizeof low);
    memcpy(to + len - 8, &high, sizeof high);
    return !text_has_stop(low, high, stops);
  }
  if (len >= 4) {
    uint32_t low = text_load_4(text), high = text_load_4(text + len - 4);
    memcpy(to, &low, sizeof low);
    memcpy(to + len - 4, &high, sizeof high);
    return !text_has_stop(low, high, stops);
  }
  if (len == 0) return true;
  to[0] = text[0];
  to[len / 2] = text[len / 2];
  to[len - 1] = text[len - 1];
  return !text_is_stop(text[0], stops) && !text_is_stop(text[len / 2], stops) &&
         !text_is_stop(text[len - 1], stops);
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
