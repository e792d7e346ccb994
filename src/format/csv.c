#include "format/csv.h"

#include "format/csv_options.h"
#include "format/text.h"
#include "row/base64.h"

#include <ctype.h>
#include <stdlib.h>

#define SCRATCH_KEEP_BYTES 65536

struct csv {
  const struct schema *schema;
  struct csv_options options;
  struct text_stops stops;   /* what makes a field quoted: delimiter, quote, CR, LF; bytes[1] is the quote */
  uint8_t delimiter, quote;
  uint8_t escape;            /* the quote, unless escapes is set */
  bool escapes;              /* within quotes another sign than the quote escapes it, and itself */
  bool may_be_end_mark;      /* the only column: a field \. would end a COPY that reads the file back */
  size_t null_len;
  bool numbers_are_plain;    /* no number, date or uuid can hold a delimiter or quote, or equal the text for NULL */
  bool *forced;              /* per column: it is always quoted */
};

/* What `write` of a column does beside quoting where it must. */
enum { CARE_FORCE = 1, CARE_GUARD = 2 };

struct encoder {
  const struct csv *csv;
  struct text_column *columns;
  struct format_counts counts;
  struct buffer scratch;     /* the text of a value that may have to be quoted */
};

/* No number, date, uuid, boolean or bytea has this text: of them only bytea begins with a backslash, and an x. */
static bool null_is_foreign_to_numbers(const char *text) {
  return text[0] == '\0' || (text[0] == '\\' && text[1] != 'x');
}

/* A sign that no number, date, uuid, boolean or bytea holds. */
static bool is_foreign_to_numbers(uint8_t sign) { return !isalnum(sign) && !strchr("+-.: \\/=", sign); }

static void csv_close(void *self) {
  struct csv *csv = self;
  free(csv->forced);
  free(csv);
}

static bool csv_open(const struct format_spec *spec, void **self, struct error *err) {
  const struct csv_options *o = spec->options;
  if (!csv_options_check(o, err)) return false;
  struct csv *csv = malloc(sizeof *csv);
  if (!csv) return fail_memory(err, "the CSV format");
  uint8_t delimiter = (uint8_t)o->delimiter[0], quote = (uint8_t)o->quote[0];
  uint8_t escape = *o->escape ? (uint8_t)o->escape[0] : quote;
  *csv = (struct csv){
      .schema = spec->schema,
      .options = *o,
      .stops = TEXT_STOPS(delimiter, quote, '\r', '\n'),
      .delimiter = delimiter,
      .quote = quote,
      .escape = escape,
      .escapes = escape != quote,
      .may_be_end_mark = spec->schema->column_count == 1,
      .null_len = strlen(o->null_text),
      .numbers_are_plain = is_foreign_to_numbers(delimiter) && is_foreign_to_numbers(quote) &&
                           null_is_foreign_to_numbers(o->null_text),
      .forced = calloc(spec->schema->column_count, sizeof *csv->forced),
  };
  bool ok = csv->forced ? csv_options_forced(o, spec->schema, csv->forced, err) : fail_memory(err, "the CSV format");
  if (ok) *self = csv;
  else csv_close(csv);
  return ok;
}

#define QUOTED_SLICE_BYTES 4096
#define COPY_SLACK_BYTES 16   /* copying may write that much too far */

#if HAS_SSE2
/* The quote in all places. */
static inline __m128i quote_vector(const struct csv *csv) {
  return _mm_loadu_si128((const __m128i *)(const void *)csv->stops.bytes[1]);
}
#endif

/* Copies with quotes doubled: to where there is room for twice the bytes and COPY_SLACK_BYTES. */
static uint8_t *copy_doubling(const struct csv *csv, uint8_t *to, const uint8_t *at, const uint8_t *end) {
#if HAS_SSE2
  const __m128i quote = quote_vector(csv);
  for (; end - at >= 32; at += 16) {   /* 32: a copy from within the 16 bytes reads as far as that */
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)), done = 0;
    for (; quotes; quotes &= quotes - 1) {
      unsigned next = (unsigned)__builtin_ctz(quotes) + 1;   /* behind the quote */
      memcpy(to, at + done, 16);
      to += next - done;
      *to++ = csv->quote;
      done = next;
    }
    memcpy(to, at + done, 16);
    to += 16 - done;
  }
#endif
  for (; at < end; at++) {
    to[0] = *at;
    to[1] = csv->quote;
    to += 1 + (*at == csv->quote);
  }
  return to;
}

/* The same where the escape is another sign than the quote: it comes before both. */
static uint8_t *copy_escaping(const struct csv *csv, uint8_t *to, const uint8_t *at, const uint8_t *end) {
  for (; at < end; at++) {
    if (*at == csv->quote || *at == csv->escape) *to++ = csv->escape;
    *to++ = *at;
  }
  return to;
}

#define SHORT_BYTES 32
#define SHORT_QUOTED_ROOM (2 + 2 * SHORT_BYTES + COPY_SLACK_BYTES)

/* "a ""quoted"" field" of at most SHORT_BYTES where text_may_load, to where there is SHORT_QUOTED_ROOM. */
static inline uint8_t *write_short_quoted(const struct csv *csv, uint8_t *to, const uint8_t *text, size_t len) {
  *to++ = csv->quote;
#if HAS_SSE2
  for (size_t i = 0; i < len; i += 16) {
    unsigned count = len - i < 16 ? (unsigned)(len - i) : 16, done = 0;
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
    unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote_vector(csv)));
    for (quotes &= (1u << count) - 1; quotes; quotes &= quotes - 1) {
      unsigned next = (unsigned)__builtin_ctz(quotes) + 1;   /* behind the quote */
      memcpy(to, text + i + done, 16);
      to += next - done;
      *to++ = csv->quote;
      done = next;
    }
    memcpy(to, text + i + done, 16);
    to += count - done;
  }
#endif
  *to++ = csv->quote;
  return to;
}

/* What stands between quotes, in slices: room for a long text is taken as it is needed, not twice its length. */
static void append_within_quotes(const struct csv *csv, struct buffer *out, const uint8_t *text, size_t len) {
  while (len > 0) {
    size_t slice = len < QUOTED_SLICE_BYTES ? len : QUOTED_SLICE_BYTES;
    buffer_let_go(out);
    uint8_t *to = buffer_reserve(out, 2 * slice + COPY_SLACK_BYTES);
    if (!to) return;
    uint8_t *end = csv->escapes ? copy_escaping(csv, to, text, text + slice)
                                : copy_doubling(csv, to, text, text + slice);
    out->len = (size_t)(end - out->data);
    text += slice;
    len -= slice;
  }
}

/* "a ""quoted"" field" */
static void append_quoted(const struct csv *csv, struct buffer *out, const uint8_t *text, size_t len) {
  buffer_append_byte(out, csv->quote);
  append_within_quotes(csv, out, text, len);
  buffer_append_byte(out, csv->quote);
}

/* Text that only looks like something else: NULL's, or the mark of the end of data. */
static inline bool looks_special(const struct csv *csv, const uint8_t *text, size_t len) {
  if (len == csv->null_len && memcmp(text, csv->options.null_text, len) == 0) return true;
  return csv->may_be_end_mark && len == 2 && memcmp(text, "\\.", 2) == 0;
}

/* Looked through before it is copied: both in pieces would not know in time that it must be quoted. */
static void append_long_field(const struct csv *csv, const uint8_t *text, size_t len, struct buffer *out) {
  if (text_find_stop(text, text + len, &csv->stops) == text + len) buffer_append_long(out, text, len);
  else append_quoted(csv, out, text, len);
}

static inline void append_field(const struct csv *csv, const uint8_t *text, size_t len, struct buffer *out) {
  if (len > BUFFER_PIECE_BYTES) {
    append_long_field(csv, text, len, out);
    return;
  }
  uint8_t *to = buffer_reserve(out, len + 2);   /* at least the quotes around nothing */
  if (!to) return;
  if (!looks_special(csv, text, len) && text_copy_unless(to, text, len, &csv->stops)) out->len += len;
  else append_quoted(csv, out, text, len);
}

/* What a spreadsheet would take for the beginning of a formula. A plain number is none. */
static bool is_formula(const uint8_t *text, size_t len) {
  if (len == 0 || !memchr("=+-@\t\r\n", text[0], 7)) return false;
  size_t i = 1, digits;
  if (text[0] != '-') return true;
  for (digits = i; i < len && isdigit(text[i]);) i++;
  if (i == digits) return true;
  if (i < len && text[i] == '.') {
    for (digits = ++i; i < len && isdigit(text[i]);) i++;
    if (i == digits) return true;
  }
  if (i < len && (text[i] | 0x20) == 'e') {
    i++;
    if (i < len && (text[i] == '+' || text[i] == '-')) i++;
    for (digits = i; i < len && isdigit(text[i]);) i++;
    if (i == digits) return true;
  }
  return i < len;
}

/* A field under the rules beyond COPY's default ones: `care` is a set of CARE_…. */
static void append_with_care(const struct csv *csv, unsigned care, const uint8_t *text, size_t len,
                             struct buffer *out) {
  bool guard = (care & CARE_GUARD) && is_formula(text, len);
  if (!guard && !(care & CARE_FORCE)) {
    append_field(csv, text, len, out);
    return;
  }
  buffer_append_byte(out, csv->quote);
  if (guard) append_within_quotes(csv, out, (const uint8_t *)"'", 1);
  append_within_quotes(csv, out, text, len);
  buffer_append_byte(out, csv->quote);
}

/* Text is not written by a function of its column's but in the row's loop: it is most of what there is. */
static bool write_text(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  append_field(e->csv, c->data, (size_t)c->len, out);
  return true;
}

static bool write_text_with_care(struct encoder *e, const struct text_column *column, const struct cell *c,
                                 struct buffer *out, struct error *err) {
  append_with_care(e->csv, column->care, c->data, (size_t)c->len, out);
  return true;
}

static bool write_jsonb(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  const uint8_t *json;
  size_t len;
  if (!text_json_bytes(column, c, &json, &len, err)) return false;
  append_with_care(e->csv, column->care, json, len, out);
  return true;
}

static bool write_fixed(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  return text_append_fixed(column, c, out, err);
}

static bool write_numeric(struct encoder *e, const struct text_column *column, const struct cell *c,
                          struct buffer *out, struct error *err) {
  return text_append_numeric(column, c, out, err);
}

static bool write_hex(struct encoder *e, const struct text_column *column, const struct cell *c,
                      struct buffer *out, struct error *err) {
  return value_append(KIND_BYTEA, c, out);
}

static bool write_base64(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  base64_append(out, c->data, (size_t)c->len);
  return true;
}

/* Unlike \x, base64 of no bytes is no text at all, which unquoted would be NULL. */
static bool write_plain_base64(struct encoder *e, const struct text_column *column, const struct cell *c,
                               struct buffer *out, struct error *err) {
  if (c->len > 0) return write_base64(e, column, c, out, err);
  append_field(e->csv, (const uint8_t *)"", 0, out);
  return true;
}

/* What `inner` writes, where it may or must be quoted. */
static bool write_with_care(struct encoder *e, const struct text_column *column, const struct cell *c,
                            struct buffer *out, struct error *err) {
  buffer_reset(&e->scratch);
  if (!buffer_reserve(&e->scratch, 1)) return buffer_check(&e->scratch, "a value", err);   /* also for no bytes */
  if (!column->inner(e, column, c, &e->scratch, err) || !buffer_check(&e->scratch, "a value", err)) return false;
  append_with_care(e->csv, column->care, e->scratch.data, e->scratch.len, out);
  buffer_reset(&e->scratch);
  buffer_shrink(&e->scratch, SCRATCH_KEEP_BYTES);
  return true;
}

/*
 * Can the value be a text of somebody's choice, which may begin like a formula? Numbers cannot, nor what the server
 * prints of intervals and money, though it may begin with a minus.
 */
static bool may_be_formula(const struct csv *csv, const struct output_column *output) {
  static const uint32_t interval = 1186, money = 790;   /* pg_type.dat's fixed OIDs */
  uint32_t type = csv->schema->wire[output->wire].type_oid;
  bool is_base64 = output->kind == KIND_BYTEA && csv->options.style.bytea == BYTEA_BASE64;   /* +Q== */
  return is_base64 || ((output->kind == KIND_TEXT || output->kind == KIND_JSON) && type != interval && type != money);
}

static void choose_writer(const struct csv *csv, size_t index, struct text_column *column) {
  const struct output_column *output = &csv->schema->columns[index];
  const struct text_style *style = &csv->options.style;
  unsigned care = (csv->forced[index] ? CARE_FORCE : 0) |
                  (csv->options.excel && may_be_formula(csv, output) ? CARE_GUARD : 0);
  *column = (struct text_column){.text = text_style_value(style, output->kind, value_texts), .loop_width = -1,
                                 .cell = output->cell, .output = output, .care = (uint8_t)care};
  switch (output->kind) {
    case KIND_TEXT:
    case KIND_JSON:
      column->write = care ? write_text_with_care : write_text;
      column->is_text = !care && !csv->escapes;
      return;
    case KIND_JSONB: column->write = write_jsonb; return;
    case KIND_NUMERIC: column->write = write_numeric; break;
    case KIND_BYTEA: column->write = style->bytea == BYTEA_BASE64 ? write_base64 : write_hex; break;
    default:
      column->write = write_fixed;
      column->loop_width = column->text.width;
      break;
  }
  if (csv->numbers_are_plain && !care) {
    if (column->write == write_base64) column->write = write_plain_base64;
    return;
  }
  column->inner = column->write;
  column->write = write_with_care;
  column->loop_width = -1;
}

static void csv_encoder_free(struct encoder *e) {
  if (!e) return;
  free(e->columns);
  buffer_deinit(&e->scratch);
  free(e);
}

static bool csv_encoder_new(void *self, struct encoder **encoder, struct error *err) {
  const struct csv *csv = self;
  struct encoder *e = calloc(1, sizeof *e);
  if (!e) return fail_memory(err, "a CSV encoder");
  e->csv = csv;
  buffer_init(&e->scratch, SIZE_MAX / 2);
  e->columns = calloc(csv->schema->column_count, sizeof *e->columns);
  if (!e->columns) {
    csv_encoder_free(e);
    return fail_memory(err, "a CSV encoder");
  }
  for (size_t i = 0; i < csv->schema->column_count; i++)
    choose_writer(csv, i, &e->columns[i]);
  *encoder = e;
  return true;
}

static void append_line_end(const struct csv *csv, struct buffer *out) {
  if (csv->options.newline == NEWLINE_CRLF) buffer_append_byte(out, '\r');
  buffer_append_byte(out, '\n');
}

static bool csv_begin(void *self, struct buffer *out, struct error *err) {
  const struct csv *csv = self;
  if (csv->options.bom || csv->options.excel) buffer_append_string(out, "\xEF\xBB\xBF");
  if (!csv->options.header) return buffer_check(out, "the byte order mark", err);
  /* COPY's FORCE_QUOTE leaves the header alone; a reader that takes what is unquoted for numbers needs its quotes. */
  unsigned care = (csv->options.excel ? CARE_GUARD : 0) |
                  (csv->options.force_quote == FORCE_QUOTE_NON_NUMERIC ? CARE_FORCE : 0);
  for (size_t i = 0; i < csv->schema->column_count; i++) {
    const char *name = csv->schema->columns[i].name;
    if (i) buffer_append_byte(out, csv->delimiter);
    append_with_care(csv, care, (const uint8_t *)name, strlen(name), out);
  }
  append_line_end(csv, out);
  return buffer_check(out, "the header", err);
}

/* A field that is not written in the row's loop: by its column's function, quoted, or where the room is short. */
static bool append_other(struct encoder *e, const struct text_column *column, const struct cell *c,
                         struct buffer *out, struct error *err) {
  const struct csv *csv = e->csv;
  if (cell_is_null(c)) buffer_append(out, csv->options.null_text, csv->null_len);
  else if (!column->write(e, column, c, out, err)) return false;
  buffer_append_byte(out, csv->delimiter);
  return true;
}

/* Text, where it is short or there is room for it: past it, or NULL where nothing is said. */
static inline uint8_t *write_field(const struct csv *csv, uint8_t *to, size_t left, const struct cell *c) {
  size_t len = (size_t)c->len;
  if (looks_special(csv, c->data, len)) return NULL;
  if (len - 1 < SHORT_BYTES && left > SHORT_QUOTED_ROOM && text_may_load(c->data))
    return text_copy_32_unless(to, c->data, len, &csv->stops) ? to + len
                                                                : write_short_quoted(csv, to, c->data, len);
  return len < left && text_copy_unless(to, c->data, len, &csv->stops) ? to + len : NULL;
}

/* What the row's loop writes itself, given `left` bytes, of which it leaves one; NULL for what append_other is for. */
static inline uint8_t *write_cell(const struct csv *csv, const struct text_column *column, const struct cell *c,
                                  uint8_t *to, size_t left) {
  if (cell_is_null(c)) return csv->null_len == 0 && left > 0 ? to : NULL;
  if (column->is_text) return write_field(csv, to, left, c);
  return c->len == column->loop_width && left > VALUE_TEXT_MAX ? column->text.write(to, c->data) : NULL;
}

/* Each field is written with the delimiter behind it; the row's last one gives way to the line's end. */
static bool csv_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  const struct csv *csv = e->csv;
  const size_t count = csv->schema->column_count;
  uint8_t *to = buffer_reserve(out, 1);   /* so that there is memory to point into */
  if (!to) return buffer_check(out, "a row", err);
  uint8_t *limit = out->data + out->capacity;
  for (size_t i = 0; i < count; i++) {
    const struct text_column *column = &e->columns[i];
    const struct cell *c = &cells[column->cell];
    uint8_t *end = write_cell(csv, column, c, to, (size_t)(limit - to));
    if (end) {
      to = end;
      *to++ = csv->delimiter;
      continue;
    }
    out->len = (size_t)(to - out->data);
    if (!append_other(e, column, c, out, err)) return false;
    to = out->data + out->len;
    limit = out->data + out->capacity;
  }
  out->len = (size_t)(to - out->data);
  e->counts.rows++;
  if (!buffer_check(out, "a row", err)) return false;
  out->len--;
  append_line_end(csv, out);
  return buffer_check(out, "a row", err);
}

static bool csv_check_options(const void *options, struct error *err) {
  return csv_options_check(options, err);
}

static const char *csv_zone(const void *options) { return ((const struct csv_options *)options)->style.zone; }

static struct format_counts csv_counts(const struct encoder *e) { return e->counts; }

/* A record ends at a line feed outside quotes; quotes within a field come in pairs, so parity suffices. */
static bool csv_count_rows(int fd, uint64_t *rows, struct error *err) {
  static const struct text_stops stops = TEXT_STOPS('"', '\n', '"', '\n');
  struct text_pieces pieces = {.fd = fd};
  uint64_t records = 0;
  bool quoted = false;
  uint8_t last = 0;
  for (;;) {
    if (!text_next_piece(&pieces, err)) return false;
    if (pieces.len == 0) break;
    const uint8_t *at = pieces.bytes, *end = at + pieces.len;
    while (at < end) {
      at = quoted ? memchr(at, '"', (size_t)(end - at))
                  : text_find_stop(at, end, &stops);
      if (!at || at == end) break;
      if (*at++ == '"') quoted = !quoted;
      else records++;
    }
    last = pieces.bytes[pieces.len - 1];
  }
  if (records == 0) return fail(err, ERR_VALUE, "the CSV file is not whole: its header line is missing or cut");
  if (quoted || last != '\n')
    return fail(err, ERR_VALUE, "the CSV file is not whole: record %llu is cut", (unsigned long long)records);
  *rows = records - 1;
  return true;
}

const struct format format_csv = {
    .name = "csv",
    .extension = "csv",
    .media_type = "text/csv; charset=utf-8",
    .help = "comma-separated values, as the server's own COPY writes them",
    .is_text = true,
    .flattens = true,
    .other_form = WIRE_TEXT,
    .nested_form = text_nested_as_text,
    .path_form = FORMAT_PATH_TEXT,
    .path_types = text_path_types,
    .sent_types = text_sent_types,
    .specials_allowed = 1u << SPECIAL_ERROR | 1u << SPECIAL_NULL | 1u << SPECIAL_STRING | 1u << SPECIAL_REPLACE,
    .group = "csv",
    .options = csv_option_table,
    .options_size = sizeof(struct csv_options),
    .zone = csv_zone,
    .check_options = csv_check_options,
    .open = csv_open,
    .close = csv_close,
    .begin = csv_begin,
    .join = text_join_nothing,
    .end = text_end_nothing,
    .meta_free = text_meta_free,
    .encoder_new = csv_encoder_new,
    .encoder_free = csv_encoder_free,
    .encode = csv_encode,
    .part_rows = text_part_rows,
    .part_is_full = text_part_is_full,
    .part_end = text_part_end,
    .part_read = text_part_read,
    .counts = csv_counts,
    .count_rows = csv_count_rows,
};
