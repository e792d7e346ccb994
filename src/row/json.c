#include "row/json.h"

#include "row/json_scan.h"

const uint8_t *json_skip_space(const uint8_t *at, const uint8_t *end) {
  return json_skip_space_inline(at, end);
}

enum json_type json_type_at(const uint8_t *at, const uint8_t *end) {
  if (at == end) return JSON_INVALID;
  switch (*at) {
    case '{': return JSON_OBJECT;
    case '[': return JSON_ARRAY;
    case '"': return JSON_STRING;
    case 't': return JSON_TRUE;
    case 'f': return JSON_FALSE;
    case 'n': return JSON_NULL;
    default: return *at == '-' || json_is_digit(*at) ? JSON_NUMBER : JSON_INVALID;
  }
}

static int hex_digit(uint8_t c) {
  if (json_is_digit(c)) return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX, or -1. */
static int32_t read_hex4(const uint8_t *at, const uint8_t *end) {
  if (end - at < 4) return -1;
  int32_t code = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(at[i]);
    if (digit < 0) return -1;
    code = code * 16 + digit;
  }
  return code;
}

/* Past the escape whose backslash is at `at`, or NULL. */
static const uint8_t *skip_escape(const uint8_t *at, const uint8_t *end) {
  if (end - at < 2) return NULL;
  switch (at[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': return at + 2;
    case 'u': return read_hex4(at + 2, end) < 0 ? NULL : at + 6;
    default: return NULL;
  }
}

const uint8_t *json_skip_string(const uint8_t *at, const uint8_t *end, bool *escaped) {
  *escaped = false;
  if (at == end || *at != '"') return NULL;
  at++;
  for (;;) {
    at = json_find_string_stop(at, end);
    if (at == end) return NULL;
    if (*at == '"') return at + 1;
    if (*at != '\\') return NULL;   /* a control character */
    *escaped = true;
    at = skip_escape(at, end);
    if (!at) return NULL;
  }
}

/* Past `"key" :` and the white space around, or NULL. */
static const uint8_t *skip_key(const uint8_t *at, const uint8_t *end) {
  bool escaped;
  if (at == end || *at != '"') return NULL;
  at = json_skip_string_inline(at, end, &escaped);
  if (!at) return NULL;
  at = json_skip_space_inline(at, end);
  if (at == end || *at != ':') return NULL;
  return json_skip_space_inline(at + 1, end);
}

/* The containers around the place where the scanner is: one bit each, 800 bytes for the deepest text. */
struct nesting {
  size_t depth;
  uint64_t is_object[(JSON_DEPTH_MAX + 63) / 64];   /* bit i of the whole: level i; set up below depth only */
};

static inline bool nesting_enter(struct nesting *n, bool object) {
  if (n->depth == JSON_DEPTH_MAX) return false;
  uint64_t bit = (uint64_t)1 << (n->depth % 64);
  uint64_t *word = &n->is_object[n->depth / 64];
  if (n->depth % 64 == 0) *word = 0;
  *word = object ? *word | bit : *word & ~bit;
  n->depth++;
  return true;
}

static inline bool nesting_in_object(const struct nesting *n) {
  return n->is_object[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1;
}

/* Behind a value: closes what closes here, and goes to the next value. depth 0: nothing is left open. */
static const uint8_t *skip_to_next(const uint8_t *at, const uint8_t *end, struct nesting *n) {
  while (n->depth > 0) {
    bool object = nesting_in_object(n);
    at = json_skip_space_inline(at, end);
    if (at == end) return NULL;
    if (*at == ',') {
      at = json_skip_space_inline(at + 1, end);
      return object ? skip_key(at, end) : at;
    }
    if (*at != (object ? '}' : ']')) return NULL;
    at++;
    n->depth--;
  }
  return at;
}

const uint8_t *json_skip_value(const uint8_t *at, const uint8_t *end) {
  struct nesting n;
  n.depth = 0;
  do {
    if (at < end && (*at == '{' || *at == '[')) {
      bool object = *at == '{';
      at = json_skip_space_inline(at + 1, end);
      if (at == end) return NULL;
      if (*at != (object ? '}' : ']')) {
        if (!nesting_enter(&n, object)) return NULL;
        if (object) at = skip_key(at, end);
        if (!at) return NULL;
        continue;   /* at the first value inside */
      }
      at++;
    } else {
      at = json_skip_scalar(at, end);
      if (!at) return NULL;
    }
    at = skip_to_next(at, end, &n);
    if (!at) return NULL;
  } while (n.depth > 0);
  return at;
}

/* code: a Unicode scalar value. */
static uint8_t *write_utf8(uint8_t *to, uint32_t code) {
  if (code < 0x80) {
    *to++ = (uint8_t)code;
  } else if (code < 0x800) {
    *to++ = (uint8_t)(0xC0 | code >> 6);
    *to++ = (uint8_t)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *to++ = (uint8_t)(0xE0 | code >> 12);
    *to++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    *to++ = (uint8_t)(0x80 | (code & 0x3F));
  } else {
    *to++ = (uint8_t)(0xF0 | code >> 18);
    *to++ = (uint8_t)(0x80 | (code >> 12 & 0x3F));
    *to++ = (uint8_t)(0x80 | (code >> 6 & 0x3F));
    *to++ = (uint8_t)(0x80 | (code & 0x3F));
  }
  return to;
}

/* \uXXXX at *at, with a second one where the two are a surrogate pair. Moves *at behind what it used. */
static uint8_t *unescape_unicode(const uint8_t **at, const uint8_t *end, uint8_t *to) {
  int32_t code = read_hex4(*at + 2, end);
  if (code < 0) return NULL;
  *at += 6;
  if (code < 0xD800 || code > 0xDFFF) return write_utf8(to, (uint32_t)code);
  if (code < 0xDC00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u') {
    int32_t low = read_hex4(*at + 2, end);
    if (low >= 0xDC00 && low <= 0xDFFF) {
      *at += 6;
      return write_utf8(to, 0x10000 + ((uint32_t)(code - 0xD800) << 10) + (uint32_t)(low - 0xDC00));
    }
  }
  return write_utf8(to, 0xFFFD);
}

/* One escape, whose backslash is at *at. */
static uint8_t *unescape_one(const uint8_t **at, const uint8_t *end, uint8_t *to) {
  if (end - *at < 2) return NULL;
  switch ((*at)[1]) {
    case '"': *to++ = '"'; break;
    case '\\': *to++ = '\\'; break;
    case '/': *to++ = '/'; break;
    case 'b': *to++ = '\b'; break;
    case 'f': *to++ = '\f'; break;
    case 'n': *to++ = '\n'; break;
    case 'r': *to++ = '\r'; break;
    case 't': *to++ = '\t'; break;
    case 'u': return unescape_unicode(at, end, to);
    default: return NULL;
  }
  *at += 2;
  return to;
}

uint8_t *json_unescape_to(const uint8_t *at, const uint8_t *end, uint8_t *to) {
  if (end - at < 2 || *at != '"' || end[-1] != '"') return NULL;
  at++;
  end--;
  while (at < end) {
    const uint8_t *stop = json_find_string_stop(at, end);
    memcpy(to, at, (size_t)(stop - at));
    to += stop - at;
    at = stop;
    if (at == end) break;
    if (*at != '\\') return NULL;   /* a quote or control character inside */
    to = unescape_one(&at, end, to);
    if (!to) return NULL;
  }
  return to;
}

bool json_unescape(const uint8_t *at, const uint8_t *end, struct buffer *out) {
  if (end - at < 2) return false;
  uint8_t *to = buffer_reserve(out, (size_t)(end - at));
  if (!to) return true;
  uint8_t *stop = json_unescape_to(at, end, to);
  if (!stop) return false;
  out->len += (size_t)(stop - to);
  return true;
}

const uint8_t *json_find_half_pair(const uint8_t *at, const uint8_t *end) {
  while (at < end && (at = memchr(at, '\\', (size_t)(end - at)))) {
    const uint8_t *escape = at;
    int32_t code = end - at >= 6 && at[1] == 'u' ? read_hex4(at + 2, end) : -1;
    if (code < 0) {
      at += 2;
      continue;
    }
    uint8_t character[4];
    (void)unescape_unicode(&at, end, character);
    if (code >= 0xD800 && code <= 0xDFFF && at - escape == 6) return escape;   /* not joined with another */
  }
  return NULL;
}

static void append_escape(struct buffer *out, uint8_t c) {
  static const char hex[] = "0123456789abcdef";
  static const char letters[0x20] = {['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
  char letter = c >= 0x20 ? (char)c : letters[c];   /* a quote or backslash stands for itself */
  if (letter) buffer_append(out, (const char[]){'\\', letter}, 2);
  else buffer_append(out, (const char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

static void append_escaped(struct buffer *out, const uint8_t *at, const uint8_t *end) {
  while (at < end) {
    const uint8_t *stop = json_find_string_stop(at, end);
    buffer_append(out, at, (size_t)(stop - at));
    if (stop == end) break;
    append_escape(out, *stop);
    at = stop + 1;
  }
}

void json_append_string(struct buffer *out, const void *text, size_t len) {
  const uint8_t *at = text, *end = at + len;
  size_t room = len < BUFFER_PIECE_BYTES ? len : BUFFER_PIECE_BYTES;
  if (!buffer_reserve(out, room + 2)) return;   /* grows once where nothing is to be escaped */
  buffer_append_byte(out, '"');
  for (; (size_t)(end - at) > BUFFER_PIECE_BYTES; at += BUFFER_PIECE_BYTES) {
    buffer_let_go(out);
    append_escaped(out, at, at + BUFFER_PIECE_BYTES);
  }
  append_escaped(out, at, end);
  buffer_append_byte(out, '"');
}

void json_append_one_line(struct buffer *out, const uint8_t *text, size_t len) {
  const uint8_t *at = text, *end = text + len;
  if (!len) return;
  /* Each kind of break is looked for from where the last of its kind was: no byte is searched twice. */
  const uint8_t *lf = memchr(at, '\n', len), *cr = memchr(at, '\r', len);
  while (lf || cr) {
    const uint8_t *stop = !cr || (lf && lf < cr) ? lf : cr;
    buffer_append_long(out, at, (size_t)(stop - at));
    at = stop + 1;
    if (stop == lf) lf = memchr(at, '\n', (size_t)(end - at));
    else cr = memchr(at, '\r', (size_t)(end - at));
  }
  buffer_append_long(out, at, (size_t)(end - at));
}
