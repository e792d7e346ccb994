#include "format/csv.h"

#include "format/text.h"

#include <ctype.h>
#include <stdlib.h>

#define SCRATCH_KEEP_BYTES 65536

struct csv_options {
  bool header;
  bool bom;
  int line_ending;
  char delimiter[OPTION_TEXT_MAX];
  char null_text[OPTION_TEXT_MAX];
};

enum { LINE_ENDING_LF, LINE_ENDING_CRLF };
static const char *const line_endings[] = {"lf", "crlf", NULL};

#define OPTION(field) offsetof(struct csv_options, field)
static const struct option options[] = {
    {"delimiter", OPTION_TEXT, OPTION(delimiter), 1, 1, NULL, ",", "between fields; \\t for a tab"},
    {"header", OPTION_BOOL, OPTION(header), 0, 0, NULL, "true", "a first line with the columns' names"},
    {"null", OPTION_TEXT, OPTION(null_text), 0, OPTION_TEXT_MAX - 1, NULL, "", "what stands, unquoted, for NULL"},
    {"line-ending", OPTION_CHOICE, OPTION(line_ending), 0, 0, line_endings, "lf", "lf or crlf"},
    {"bom", OPTION_BOOL, OPTION(bom), 0, 0, NULL, "false", "begin with a UTF-8 byte order mark"},
    {NULL},
};

struct csv {
  const struct schema *schema;
  struct csv_options options;
  struct text_stops stops;   /* what makes a field quoted: delimiter, quote, CR, LF */
  uint8_t delimiter;
  bool may_be_end_mark;      /* the only column: a field \. would end a COPY that reads the file back */
  size_t null_len;
  bool numbers_are_plain;    /* no number, date or uuid can hold the delimiter or equal the text for NULL */
};

struct encoder {
  const struct csv *csv;
  struct text_column *columns;
  struct format_counts counts;
  struct buffer scratch;     /* the text of a value that may have to be quoted */
};

/* The same rules as the server's for its own COPY. */
static bool check_options(const struct csv_options *o, struct error *err) {
  char delimiter = o->delimiter[0];
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r' || (uint8_t)delimiter >= 0x80)
    return fail_field(err, "csv.delimiter",
                      "the delimiter must be one ASCII character, and no quote or line break");
  if (strpbrk(o->null_text, "\r\n\""))
    return fail_field(err, "csv.null", "the text for NULL must hold no quote or line break");
  if (strchr(o->null_text, delimiter))
    return fail_field(err, "csv.null", "the text for NULL must not hold the delimiter");
  return true;
}

static bool csv_open(const struct format_spec *spec, void **self, struct error *err) {
  const struct csv_options *o = spec->options;
  if (!check_options(o, err)) return false;
  struct csv *csv = malloc(sizeof *csv);
  if (!csv) return fail_memory(err, "the CSV format");
  uint8_t delimiter = (uint8_t)o->delimiter[0];
  *csv = (struct csv){
      .schema = spec->schema,
      .options = *o,
      .stops = TEXT_STOPS(delimiter, '"', '\r', '\n'),
      .delimiter = delimiter,
      .may_be_end_mark = spec->schema->column_count == 1,
      .null_len = strlen(o->null_text),
      .numbers_are_plain = !isalnum(delimiter) && !strchr("+-.: \\", delimiter) && o->null_text[0] == '\0',
  };
  *self = csv;
  return true;
}

static void csv_close(void *self) { free(self); }

#define QUOTED_SLICE_BYTES 4096
#define COPY_SLACK_BYTES 16   /* copying may write that much too far */

/* Copies with quotes doubled: to where there is room for twice the bytes and COPY_SLACK_BYTES. */
static uint8_t *copy_doubling(uint8_t *to, const uint8_t *at, const uint8_t *end) {
#if HAS_SSE2
  const __m128i quote = _mm_set1_epi8('"');
  for (; end - at >= 32; at += 16) {   /* 32: a copy from within the 16 bytes reads as far as that */
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, quote)), done = 0;
    for (; quotes; quotes &= quotes - 1) {
      unsigned next = (unsigned)__builtin_ctz(quotes) + 1;   /* behind the quote */
      memcpy(to, at + done, 16);
      to += next - done;
      *to++ = '"';
      done = next;
    }
    memcpy(to, at + done, 16);
    to += 16 - done;
  }
#endif
  for (; at < end; at++) {
    to[0] = *at;
    to[1] = '"';
    to += 1 + (*at == '"');
  }
  return to;
}

#define SHORT_BYTES 32
#define SHORT_QUOTED_ROOM (2 + 2 * SHORT_BYTES + COPY_SLACK_BYTES)

/* "a ""quoted"" field" of at most SHORT_BYTES where text_may_load, to where there is SHORT_QUOTED_ROOM. */
static inline uint8_t *write_short_quoted(uint8_t *to, const uint8_t *text, size_t len) {
  *to++ = '"';
#if HAS_SSE2
  for (size_t i = 0; i < len; i += 16) {
    unsigned count = len - i < 16 ? (unsigned)(len - i) : 16, done = 0;
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
    unsigned quotes = (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    for (quotes &= (1u << count) - 1; quotes; quotes &= quotes - 1) {
      unsigned next = (unsigned)__builtin_ctz(quotes) + 1;   /* behind the quote */
      memcpy(to, text + i + done, 16);
      to += next - done;
      *to++ = '"';
      done = next;
    }
    memcpy(to, text + i + done, 16);
    to += count - done;
  }
#endif
  *to++ = '"';
  return to;
}

/* "a ""quoted"" field", in slices: room for a long one is taken as it is needed, not twice its length. */
static void append_quoted(struct buffer *out, const uint8_t *text, size_t len) {
  buffer_append_byte(out, '"');
  while (len > 0) {
    size_t slice = len < QUOTED_SLICE_BYTES ? len : QUOTED_SLICE_BYTES;
    buffer_let_go(out);
    uint8_t *to = buffer_reserve(out, 2 * slice + COPY_SLACK_BYTES);
    if (!to) return;
    out->len = (size_t)(copy_doubling(to, text, text + slice) - out->data);
    text += slice;
    len -= slice;
  }
  buffer_append_byte(out, '"');
}

/* Text that only looks like something else: NULL's, or the mark of the end of data. */
static inline bool looks_special(const struct csv *csv, const uint8_t *text, size_t len) {
  if (len == csv->null_len && memcmp(text, csv->options.null_text, len) == 0) return true;
  return csv->may_be_end_mark && len == 2 && memcmp(text, "\\.", 2) == 0;
}

/* Looked through before it is copied: both in pieces would not know in time that it must be quoted. */
static void append_long_field(const struct csv *csv, const uint8_t *text, size_t len, struct buffer *out) {
  if (text_find_stop(text, text + len, &csv->stops) == text + len) buffer_append_long(out, text, len);
  else append_quoted(out, text, len);
}

static inline void append_field(const struct csv *csv, const uint8_t *text, size_t len, struct buffer *out) {
  if (len > BUFFER_PIECE_BYTES) {
    append_long_field(csv, text, len, out);
    return;
  }
  uint8_t *to = buffer_reserve(out, len + 2);   /* at least the quotes around nothing */
  if (!to) return;
  if (!looks_special(csv, text, len) && text_copy_unless(to, text, len, &csv->stops)) out->len += len;
  else append_quoted(out, text, len);
}

/* Text is not written by a function of its column's but in the row's loop: it is most of what there is. */
static bool write_text(struct encoder *e, const struct text_column *column, const struct cell *c,
                       struct buffer *out, struct error *err) {
  append_field(e->csv, c->data, (size_t)c->len, out);
  return true;
}

static bool write_jsonb(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  const uint8_t *json;
  size_t len;
  if (!text_json_bytes(column, c, &json, &len, err)) return false;
  append_field(e->csv, json, len, out);
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

static bool write_bytea(struct encoder *e, const struct text_column *column, const struct cell *c,
                        struct buffer *out, struct error *err) {
  return value_append(KIND_BYTEA, c, out);
}

/* Where an unusual delimiter or text for NULL may make even a number quoted. */
static bool write_checked(struct encoder *e, const struct text_column *column, const struct cell *c,
                          struct buffer *out, struct error *err) {
  buffer_reset(&e->scratch);
  if (!value_append(column->output->kind, c, &e->scratch)) {
    text_fail_malformed(column, c, err);
    return false;
  }
  if (!buffer_check(&e->scratch, "a value", err)) return false;
  append_field(e->csv, e->scratch.data, e->scratch.len, out);
  buffer_reset(&e->scratch);
  buffer_shrink(&e->scratch, SCRATCH_KEEP_BYTES);
  return true;
}

static void choose_writer(const struct csv *csv, const struct output_column *output, struct text_column *column) {
  *column = (struct text_column){.text = value_texts[output->kind], .cell = output->cell, .output = output};
  switch (output->kind) {
    case KIND_TEXT:
    case KIND_JSON:
      column->write = write_text;
      column->is_text = true;
      return;
    case KIND_JSONB: column->write = write_jsonb; return;
    case KIND_NUMERIC: column->write = write_numeric; break;
    case KIND_BYTEA: column->write = write_bytea; break;
    default: column->write = write_fixed; break;
  }
  if (csv->numbers_are_plain) return;
  column->write = write_checked;
  column->text = value_texts[KIND_TEXT];   /* of no fixed width: the row's loop leaves it alone */
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
    choose_writer(csv, &csv->schema->columns[i], &e->columns[i]);
  *encoder = e;
  return true;
}

static void append_line_end(const struct csv *csv, struct buffer *out) {
  if (csv->options.line_ending == LINE_ENDING_CRLF) buffer_append_byte(out, '\r');
  buffer_append_byte(out, '\n');
}

static bool csv_begin(void *self, struct buffer *out, struct error *err) {
  const struct csv *csv = self;
  if (csv->options.bom) buffer_append_string(out, "\xEF\xBB\xBF");
  if (!csv->options.header) return true;
  for (size_t i = 0; i < csv->schema->column_count; i++) {
    const char *name = csv->schema->columns[i].name;
    if (i) buffer_append_byte(out, csv->delimiter);
    append_field(csv, (const uint8_t *)name, strlen(name), out);
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
    return text_copy_32_unless(to, c->data, len, &csv->stops) ? to + len : write_short_quoted(to, c->data, len);
  return len < left && text_copy_unless(to, c->data, len, &csv->stops) ? to + len : NULL;
}

/* What the row's loop writes itself, given `left` bytes, of which it leaves one; NULL for what append_other is for. */
static inline uint8_t *write_cell(const struct csv *csv, const struct text_column *column, const struct cell *c,
                                  uint8_t *to, size_t left) {
  if (cell_is_null(c)) return csv->null_len == 0 && left > 0 ? to : NULL;
  if (column->is_text) return write_field(csv, to, left, c);
  return c->len == column->text.width && left > VALUE_TEXT_MAX ? column->text.write(to, c->data) : NULL;
}

/* Each field is written with the delimiter behind it; the row's last one gives way to the line's end. */
static bool csv_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  const struct csv *csv = e->csv;
  const size_t count = csv->schema->column_count;
  uint8_t *to = out->data + out->len, *limit = out->data + out->capacity;
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
    .types_paths = false,
    .specials_allowed = 1u << SPECIAL_ERROR | 1u << SPECIAL_NULL | 1u << SPECIAL_STRING | 1u << SPECIAL_REPLACE,
    .options = options,
    .options_size = sizeof(struct csv_options),
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
