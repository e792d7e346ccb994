#include "http/disposition.h"

#define NAME_MAX_BYTES 200   /* file systems take 255, the extension included */

/* The last part of a qualified name, where a dot inside double quotes separates nothing. */
static const char *last_part(const char *source) {
  const char *part = source;
  bool quoted = false;
  for (const char *c = source; *c; c++) {
    if (*c == '"') quoted = !quoted;
    else if (*c == '.' && !quoted) part = c + 1;
  }
  return part;
}

/*
 * U+200E, U+200F, U+202A to U+202E and U+2066 to U+2069 turn the direction of what follows, U+2028 and U+2029
 * break the line: a name could show another extension than it has. In UTF-8 they are E2 80 8E …, E2 81 A6 ….
 */
static bool is_format_mark(const unsigned char *c) {
  if (c[0] != 0xE2) return false;
  if (c[1] == 0x80) return c[2] == 0x8E || c[2] == 0x8F || (c[2] >= 0xA8 && c[2] <= 0xAE);
  return c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9;
}

/* Where to cut a name that is too long: before a character that would not fit. */
static size_t fitting_length(const struct buffer *name, size_t max) {
  if (name->len <= max) return name->len;
  size_t len = max;
  while (len > 0 && (name->data[len] & 0xC0) == 0x80) len--;
  return len;
}

static void append_clean(const char *text, struct buffer *out) {
  bool is_quoted = *text == '"';
  for (const unsigned char *c = (const unsigned char *)text + is_quoted; *c; c++) {
    if (is_quoted && *c == '"') {
      if (c[1] != '"') break;
      c++;
    }
    if (is_format_mark(c)) {
      c += 2;
      continue;
    }
    bool is_unfit = *c < 0x20 || *c == 0x7F || strchr("/\\:*?\"<>|;%", *c);
    /* U+0080 to U+009F are control characters too: C2 80 to C2 9F */
    if (*c == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F) {
      c++;
      is_unfit = true;
    }
    buffer_append_byte(out, is_unfit ? '_' : *c);
  }
}

void download_name(const char *source, const char *extension, struct buffer *out) {
  struct buffer name;
  buffer_init(&name, 4096);
  append_clean(last_part(source), &name);
  size_t len = name.failed ? 0 : fitting_length(&name, NAME_MAX_BYTES);
  size_t skip = 0;
  while (skip < len && (name.data[skip] == '.' || name.data[skip] == ' ')) skip++;   /* no hidden file, no ".." */
  if (len > skip) buffer_append(out, name.data + skip, len - skip);
  else buffer_append_string(out, "export");
  buffer_appendf(out, ".%s", extension);
  buffer_deinit(&name);
}

void disposition_append(const char *name, struct buffer *out) {
  buffer_append_string(out, "attachment; filename=\"");
  for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
    bool is_plain = *c >= 0x20 && *c < 0x7F && *c != '"' && *c != '\\' && *c != '%';
    if ((*c & 0xC0) != 0x80) buffer_append_byte(out, is_plain ? *c : '_');   /* one for each character */
  }
  buffer_append_string(out, "\"; filename*=UTF-8''");
  for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
    bool is_attr_char = (*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z') ||
                        strchr("!#$&+-.^_`|~", *c);   /* RFC 8187 */
    if (is_attr_char) buffer_append_byte(out, *c);
    else buffer_appendf(out, "%%%02X", *c);
  }
}
