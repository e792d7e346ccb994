#include "format/text.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool text_specials_init(struct text_specials *s, const struct schema *schema, struct error *err) {
  *s = (struct text_specials){.columns = schema->columns,
                              .by_column = calloc(schema->column_count, sizeof *s->by_column)};
  return s->by_column ? true : fail_memory(err, "the counts of special values");
}

void text_specials_deinit(struct text_specials *s) { free(s->by_column); }

bool text_append_fixed(const struct text_column *column, const struct cell *c, struct buffer *out,
                       struct error *err) {
  uint8_t *end = NULL;
  if (c->len == column->text.width) {
    uint8_t *to = buffer_reserve(out, VALUE_TEXT_MAX);
    if (!to) return true;   /* the row's end reports it */
    end = column->text.write(to, c->data);
  }
  if (!end) {
    text_fail_malformed(column, c, err);
    return false;
  }
  out->len = (size_t)(end - out->data);
  return true;
}

bool text_append_numeric(const struct text_column *column, const struct cell *c, struct buffer *out,
                         struct error *err) {
  uint8_t *end = NULL;
  size_t max = numeric_text_max(c->data, c->len);
  if (max) {
    uint8_t *to = buffer_reserve(out, max);
    if (!to) return true;
    end = numeric_text(to, c->data);
  }
  if (!end) {
    text_fail_malformed(column, c, err);
    return false;
  }
  out->len = (size_t)(end - out->data);
  return true;
}

void text_append_repaired(struct buffer *out, const uint8_t *text, size_t len) {
  while (len > 0) {
    size_t valid = utf8_valid_prefix(text, len);
    buffer_append(out, text, valid);
    if (valid == len) return;
    buffer_append(out, UTF8_REPLACEMENT, UTF8_REPLACEMENT_LEN);
    text += valid + 1;
    len -= valid + 1;
  }
}

bool text_json_bytes(const struct text_column *column, const struct cell *c, const uint8_t **json, size_t *len,
                     struct error *err) {
  size_t version_bytes = column->output->kind == KIND_JSONB;
  if ((size_t)c->len <= version_bytes || (version_bytes && c->data[0] != 1)) {
    text_fail_malformed(column, c, err);
    return false;
  }
  *json = c->data + version_bytes;
  *len = (size_t)c->len - version_bytes;
  return true;
}

void text_fail_malformed(const struct text_column *column, const struct cell *c, struct error *err) {
  static const char *const kinds[KIND_COUNT] = {
      [KIND_BOOL] = "boolean", [KIND_INT2] = "smallint", [KIND_INT4] = "integer", [KIND_INT8] = "bigint",
      [KIND_OID] = "oid", [KIND_FLOAT4] = "real", [KIND_FLOAT8] = "double precision", [KIND_NUMERIC] = "numeric",
      [KIND_TEXT] = "text", [KIND_JSON] = "json", [KIND_JSONB] = "jsonb", [KIND_BYTEA] = "bytea",
      [KIND_DATE] = "date", [KIND_TIME] = "time", [KIND_TIMESTAMP] = "timestamp",
      [KIND_TIMESTAMPTZ] = "timestamp with time zone",
      [KIND_TIMESTAMPTZ_ZONED] = "timestamp with time zone", [KIND_UUID] = "uuid"};
  error_set(err, ERR_SOURCE, "column \"%s\": the server sent %d bytes that are no %s value", column->output->name,
            c->len, kinds[column->output->kind]);
}

void text_fail_special(const struct text_column *column, const char *format, const char *what, struct error *err) {
  error_set(err, ERR_VALUE,
            "column \"%s\": %s cannot be written in %s; the option special (null, string or replace) says what to "
            "write instead",
            column->output->name, what, format);
}

void text_excerpt(const uint8_t *text, size_t len, size_t wrong_at, char excerpt[TEXT_EXCERPT_SIZE]) {
  static const char hex[] = "0123456789ABCDEF";
  enum { BYTES_BEFORE = 8, ESCAPE = 4, DOTS = 3 };
  size_t at = wrong_at > BYTES_BEFORE ? wrong_at - BYTES_BEFORE : 0, to = 0;
  excerpt[to++] = '"';
  for (; at < len && to + ESCAPE + DOTS + 2 < TEXT_EXCERPT_SIZE; at++) {
    uint8_t c = text[at];
    if (c >= 0x20 && c < 0x7F) {
      excerpt[to++] = (char)c;
      continue;
    }
    memcpy(excerpt + to, (const char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, ESCAPE);
    to += ESCAPE;
  }
  snprintf(excerpt + to, TEXT_EXCERPT_SIZE - to, "%s\"", at < len ? "..." : "");
}

bool text_check_names(const struct schema *schema, const char *format, struct error *err) {
  for (size_t i = 0; i < schema->column_count; i++) {
    const char *name = schema->columns[i].name;
    size_t len = strlen(name), valid = utf8_valid_prefix((const uint8_t *)name, len);
    if (valid == len) continue;
    char excerpt[TEXT_EXCERPT_SIZE];
    text_excerpt((const uint8_t *)name, len, valid, excerpt);
    return fail_field(err, "columns", "the column name %s is not UTF-8, which %s must be; give it another name",
                      excerpt, format);
  }
  return true;
}

bool text_check_no_options(const void *options, struct error *err) { return true; }
bool text_begin_nothing(void *self, struct buffer *out, struct error *err) { return true; }
bool text_join_nothing(void *self, uint64_t rows_before, uint64_t offset, void *meta, struct buffer *out,
                       struct error *err) {
  return true;
}
bool text_end_nothing(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err) {
  return true;
}
void text_meta_free(void *meta) {}
uint64_t text_part_rows(const void *options) { return 0; }
enum wire_form text_nested_as_text(const void *options) { return WIRE_TEXT; }
enum wire_form text_nested_as_json(const void *options) { return WIRE_JSON; }
enum path_types text_path_types(const void *options) { return PATH_TYPES_NONE; }
unsigned text_sent_types(const void *options) { return 0; }

bool text_part_is_full(const struct encoder *e) { return false; }
bool text_part_end(struct encoder *e, void **meta, struct error *err) {
  *meta = NULL;
  return true;
}
bool text_part_read(struct encoder *e, size_t max, struct buffer *out, bool *more, struct error *err) {
  *more = false;
  return true;
}

bool text_begins_with(const uint8_t *bytes, size_t len, char c) {
  size_t i = 0;
  while (i < len && (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' || bytes[i] == '\t')) i++;
  return i < len && bytes[i] == (uint8_t)c;
}

const uint8_t *text_skip_plain(const uint8_t *at, const uint8_t *end, char a, char b) {
  const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
  const uint64_t all_a = ones * (uint8_t)a, all_b = ones * (uint8_t)b;
  for (; end - at >= 8; at += 8) {
    uint64_t word = text_load_8(at);
    /* A top bit: of a byte below a space, of one that becomes 0, or of one that has it already. */
    uint64_t hit = (word - ones * ' ') | ((word ^ all_a) - ones) | ((word ^ all_b) - ones) | word;
    if (hit & tops) break;
  }
  while (at < end && *at >= ' ' && *at < 0x80 && *at != (uint8_t)a && *at != (uint8_t)b) at++;
  return at;
}

bool text_next_piece(struct text_pieces *p, struct error *err) {
  p->offset += p->len;
  p->len = 0;
  for (;;) {
    ssize_t got = read(p->fd, p->bytes, sizeof p->bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(err, ERR_DESTINATION, "cannot read the file back");
    p->len = (size_t)got;
    return true;
  }
}

/* By the mark, or by where the zero bytes of two characters of ASCII are; text that agrees with ASCII has none. */
static const char *foreign_encoding(const uint8_t bytes[4]) {
  static const struct { uint8_t mark[4]; int len; const char *name; } marks[] = {
      {{0xFF, 0xFE, 0, 0}, 4, "UTF-32"}, {{0, 0, 0xFE, 0xFF}, 4, "UTF-32"}, {{0xFF, 0xFE}, 2, "UTF-16"},
      {{0xFE, 0xFF}, 2, "UTF-16"}, {{0x4C, 0x6F, 0xA7, 0x94}, 4, "EBCDIC"}};   /* the last: <?xm */
  for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
    if (memcmp(bytes, marks[i].mark, (size_t)marks[i].len) == 0) return marks[i].name;
  unsigned zeros = 0;
  for (unsigned i = 0; i < 4; i++) zeros |= (unsigned)(bytes[i] == 0) << i;
  if (zeros == 0xE || zeros == 0x7) return "UTF-32";
  return zeros == 0xA || zeros == 0x5 ? "UTF-16" : NULL;
}

bool text_check_encoding(const struct text_pieces *p, struct error *err) {
  const char *encoding = p->offset == 0 && p->len >= 4 ? foreign_encoding(p->bytes) : NULL;
  return !encoding || fail(err, ERR_USAGE, "whether it is whole cannot be known: it seems to be %s, and only encodings that "
                           "agree with ASCII are read; convert it to UTF-8 first", encoding);
}

size_t text_mark_len(const struct text_pieces *p) {
  return p->offset == 0 && p->len >= 3 && memcmp(p->bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}
