#include "format/xml_text.h"

#include "base/utf8.h"
#include "format/text.h"

/* The first byte that is below a blank or not ASCII, or `end`. */
static const uint8_t *skip_plain(const uint8_t *at, const uint8_t *end) {
#if HAS_SSE2
  const __m128i blank = _mm_set1_epi8(0x20);
  for (; end - at >= 16; at += 16) {
    /* Signed: bytes of 0x80 and more are below a blank too. */
    __m128i odd = _mm_cmplt_epi8(_mm_loadu_si128((const __m128i *)(const void *)at), blank);
    unsigned found = (unsigned)_mm_movemask_epi8(odd);
    if (found) return at + __builtin_ctz(found);
  }
#endif
  while (at < end && *at >= 0x20 && *at < 0x80) at++;
  return at;
}

/* Bytes of the valid character at `at`, or 0. */
static inline unsigned character(const uint8_t *at, size_t left) {
  uint8_t c = *at;
  if (c < 0x80) return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
  unsigned bytes = utf8_sequence(at, left);
  bool is_fffe_or_ffff = bytes == 3 && c == 0xEF && at[1] == 0xBF && at[2] >= 0xBE;
  return is_fffe_or_ffff ? 0 : bytes;
}

size_t xml_valid_prefix(const uint8_t *text, size_t len) {
  const uint8_t *at = text, *end = text + len;
  for (;;) {
    at = skip_plain(at, end);
    if (at == end) return len;
    do {
      unsigned bytes = character(at, (size_t)(end - at));
      if (bytes == 0) return (size_t)(at - text);
      at += bytes;
    } while (at < end && *at >= 0x80);
  }
}

static void append_reference(struct buffer *out, uint8_t c) {
  if (c == '&') buffer_append(out, "&amp;", 5);
  else if (c == '<') buffer_append(out, "&lt;", 4);
  else if (c == '>') buffer_append(out, "&gt;", 4);
  else buffer_append(out, "&#x0d;", 6);
}

static void append_piece(struct buffer *out, const uint8_t *text, size_t len) {
  static const struct text_stops stops = TEXT_STOPS('&', '<', '>', '\r');
  const uint8_t *at = text, *end = text + len;
  if (len == 0) return;
  uint8_t *to = buffer_reserve(out, len);
  if (!to) return;
  if (text_copy_unless(to, text, len, &stops)) {
    out->len += len;
    return;
  }
  for (;;) {
    const uint8_t *stop = text_find_stop(at, end, &stops);
    buffer_append(out, at, (size_t)(stop - at));
    if (stop == end) return;
    append_reference(out, *stop);
    at = stop + 1;
  }
}

void xml_append_escaped(struct buffer *out, const uint8_t *text, size_t len) {
  for (; len > BUFFER_PIECE_BYTES; text += BUFFER_PIECE_BYTES, len -= BUFFER_PIECE_BYTES) {
    buffer_let_go(out);
    append_piece(out, text, BUFFER_PIECE_BYTES);
  }
  append_piece(out, text, len);
}

void xml_append_repaired(struct buffer *out, const uint8_t *text, size_t len) {
  while (len > 0) {
    size_t valid = xml_valid_prefix(text, len);
    xml_append_escaped(out, text, valid);
    if (valid == len) return;
    buffer_append(out, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
    size_t bad = text[valid] < 0x80 ? 1 : utf8_sequence(text + valid, len - valid);
    if (bad == 0) bad = 1;
    text += valid + bad;
    len -= valid + bad;
  }
}

static bool begins_with_xml(const uint8_t *text, size_t len) {
  return len >= 3 && (text[0] | 0x20) == 'x' && (text[1] | 0x20) == 'm' && (text[2] | 0x20) == 'l';
}

static bool is_ascii_name_start(uint32_t c) { return (c | 0x20) - 'a' < 26u || c == '_'; }
static bool is_ascii_name_char(uint32_t c) {
  return is_ascii_name_start(c) || c - '0' < 10u || c == '-' || c == '.';
}

static bool may_stand(uint32_t code, bool first) {
  if (code < 0x80) return first ? is_ascii_name_start(code) : is_ascii_name_char(code);
  return first ? xml_is_name_start(code) : xml_is_name_char(code);
}

/* Bytes at the start that a name can take as they are: the plain keys, which nearly all are. */
static size_t plain_name_len(const uint8_t *text, size_t len) {
  if (len == 0 || begins_with_xml(text, len) || !is_ascii_name_start(text[0])) return 0;
  size_t i = 0;
  while (i < len && is_ascii_name_char(text[i]) && !(text[i] == '_' && i + 1 < len && text[i + 1] == 'x')) i++;
  return i;
}

void xml_append_name(struct buffer *out, const uint8_t *text, size_t len) {
  if (len == 0) buffer_append(out, "_x_", 3);
  size_t i = plain_name_len(text, len);
  buffer_append(out, text, i);
  while (i < len) {
    unsigned bytes = text[i] < 0x80 ? 1 : utf8_sequence(text + i, len - i);
    uint32_t code = bytes ? utf8_code(text + i, bytes) : text[i];
    bool literal_escape = code == '_' && i + 1 < len && text[i + 1] == 'x';
    bool reserved = i == 0 && begins_with_xml(text, len);
    if (bytes && may_stand(code, i == 0) && !literal_escape && !reserved) buffer_append(out, text + i, bytes);
    else buffer_appendf(out, "_x%04X_", (unsigned)code);
    i += bytes ? bytes : 1;
  }
}
