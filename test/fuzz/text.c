/*
 * Fuzzes the text formats with wire bytes of any kind: what comes out must be a whole file with as many rows as
 * went in, JSON that the scanner accepts, XML of valid characters; or the row is refused with an error.
 *
 * Input: format, policy and kinds of three columns, a byte each, of which the first two choose the format's
 * options, too; then cells, a length byte (255: NULL) and bytes.
 */
#include "base/option.h"
#include "base/utf8.h"
#include "format/csv.h"
#include "format/csv_options.h"
#include "format/json.h"
#include "format/xml.h"
#include "format/xml_text.h"
#include "row/json.h"

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COLUMNS 3
#define HEADER_BYTES (2 + COLUMNS)

struct input {
  const uint8_t *at, *end;
};

static struct cell next_cell(struct input *in) {
  if (in->at == in->end || *in->at == 255) {
    if (in->at < in->end) in->at++;
    return (struct cell){NULL, -1};
  }
  size_t len = *in->at++, left = (size_t)(in->end - in->at);
  if (len > left) len = left;
  struct cell c = {in->at, (int32_t)len};
  in->at += len;
  return c;
}

/* JSON cells are the server's word; only where they are whole JSON can the file be. */
static bool is_json(enum kind kind, const struct cell *c) {
  if ((kind != KIND_JSON && kind != KIND_JSONB) || cell_is_null(c)) return true;
  const uint8_t *at = c->data + (kind == KIND_JSONB), *end = c->data + c->len;
  if (at >= end) return true;   /* refused by itself */
  at = json_skip_value(json_skip_space(at, end), end);
  return at && json_skip_space(at, end) == end;
}

/* --- options ----------------------------------------------------------------------------------- */
struct choice { const char *name, *texts[5]; };   /* the first is the default */

static const struct choice csv_choices[] = {
    {"delimiter", {"\\,", ";", "\\t", "\\.", "a"}}, {"quote", {"\\\"", "'", "\\x01"}}, {"null", {"", "\\\\N", "x"}},
    {"escape", {"", "\\\\", "e", "'"}},           {"header", {"true", "false"}},     {"newline", {"lf", "crlf"}},
    {"force-quote", {"none", "all", "non-numeric"}}, {"timestamps", {"postgresql", "iso"}},
    {"bytea", {"hex", "base64"}},                 {"excel", {"false", "true"}},      {NULL, {NULL}}};
static const struct choice json_choices[] = {
    {"numbers", {"number", "bigint-string", "string"}}, {"nulls", {"keep", "omit"}},
    {"timestamps", {"iso", "postgresql"}}, {"bytea", {"hex", "base64"}}, {NULL, {NULL}}};
static const struct choice xml_choices[] = {
    {"values", {"elements", "attributes"}}, {"null", {"auto", "xsi", "absent", "empty"}},
    {"json", {"auto", "nested", "text"}},   {"indent", {"0", "1", "8"}}, {"declaration", {"true", "false"}},
    {"bytea", {"base64", "hex"}},           {"timestamps", {"iso", "postgresql"}}, {"root", {"records", "r"}},
    {"row", {"record", "x.y"}},             {NULL, {NULL}}};

/* Options by a number, 0 for the defaults alone. */
static void choose_options(const struct choice *choices, uint32_t number, char *text, size_t room) {
  size_t len = 0;
  text[0] = '\0';
  number *= 2654435761u;   /* neighbours choose otherwise */
  for (const struct choice *c = choices; c->name; c++) {
    uint32_t count = 0;
    while (count < 5 && c->texts[count]) count++;
    const char *chosen = c->texts[(number >> 16) % count];
    len += (size_t)snprintf(text + len, room - len, "%s%s=%s", len ? "," : "", c->name, chosen);
    CHECK(len < room);
    number = number * 1664525u + (number ? 1013904223u : 0);
  }
}

/* --- what must have come out ------------------------------------------------------------------- */
/* A field of a CSV, as the rules of COPY read it; the byte behind it in *at. False: none is there. */
static bool skip_csv_field(const struct csv_options *o, const uint8_t **at, const uint8_t *end) {
  uint8_t quote = (uint8_t)o->quote[0], escape = o->escape[0] ? (uint8_t)o->escape[0] : quote;
  bool quoted = false;
  for (; *at < end; ++*at) {
    uint8_t c = **at;
    if (quoted && c == escape && *at + 1 < end && ((*at)[1] == quote || (*at)[1] == escape)) ++*at;
    else if (c == quote) quoted = !quoted;
    else if (!quoted && (c == (uint8_t)o->delimiter[0] || c == '\n' || c == '\r')) return true;
  }
  return false;
}

/* As many lines of COLUMNS fields as rows went in, and the header's. */
static void check_csv(const struct csv_options *o, const struct buffer *out, uint64_t rows) {
  const uint8_t *at = out->data, *end = at + out->len;
  uint64_t lines = 0;
  if (o->bom || o->excel) {
    CHECK(out->len >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0);
    at += 3;
  }
  for (; at < end; lines++) {
    for (int i = 0; i < COLUMNS; i++) {
      CHECK(skip_csv_field(o, &at, end));
      if (i < COLUMNS - 1) CHECK(*at++ == (uint8_t)o->delimiter[0]);
    }
    if (o->newline == NEWLINE_CRLF) CHECK(*at++ == '\r');
    CHECK(at < end && *at++ == '\n');
  }
  CHECK(lines == rows + o->header);
}

/* By the formats' own grammars, whatever the elements are called. */
static void check_grammar(const struct format *format, const struct buffer *out, uint64_t rows) {
  static int fd = -1;
  if (fd < 0) fd = memfd_create("fuzz", 0);
  CHECK(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
  CHECK(write(fd, out->data, out->len) == (ssize_t)out->len && lseek(fd, 0, SEEK_SET) == 0);
  struct file_facts facts = {.rows = 0};
  struct error err;
  CHECK(format->check_whole(fd, &facts, &err) && facts.rows == rows);
}

static void check_file(const struct format *format, const void *options, const struct buffer *out, uint64_t rows) {
  if (format == &format_csv) {
    check_csv(options, out, rows);
    return;
  }
  check_grammar(format, out, rows);
  if (out->len == 0) return;
  CHECK(utf8_valid_prefix(out->data, out->len) == out->len);
  if (format == &format_xml) CHECK(xml_valid_prefix(out->data, out->len) == out->len);
  const uint8_t *at = out->data, *end = at + out->len;
  while (format != &format_xml && at < end) {   /* one array, or an object a line */
    at = json_skip_value(at, end);
    CHECK(at && at < end && *at == '\n');
    at++;
    if (format == &format_json) CHECK(at == end);
  }
}

/* A row twice: what is like something before goes a shorter way, to the same bytes or the same refusal. */
static bool encode_twice(const struct format *format, struct encoder *e, const struct cell *cells,
                         struct buffer *out, struct error *err) {
  size_t begin = out->len;
  bool ok = format->encode(e, cells, out, err);
  size_t middle = out->len;
  CHECK(format->encode(e, cells, out, err) == ok);
  if (!ok || format == &format_json) return ok;   /* the array's first row has no comma before it */
  CHECK(out->len - middle == middle - begin);
  CHECK(memcmp(out->data + begin, out->data + middle, middle - begin) == 0);
  return true;
}

/* Rows into an open format. False where one is refused. */
static bool encode_rows(const struct format *format, void *self, struct encoder *e, const struct schema *schema,
                        struct input *in, struct buffer *out, uint64_t *rows) {
  struct error err;
  bool whole = true;
  for (*rows = 0; in->at < in->end; *rows += 2) {
    struct cell cells[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) {
      cells[i] = next_cell(in);
      whole = whole && is_json(schema->columns[i].kind, &cells[i]);
    }
    if (*rows == 0) CHECK(format->join(self, 0, 0, NULL, out, &err));
    if (!encode_twice(format, e, cells, out, &err)) {
      CHECK(err.code == ERR_SOURCE || err.code == ERR_VALUE);
      return false;
    }
  }
  CHECK(format->end(self, *rows, out->len, out, &err));
  return whole;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const struct format *const tried[] = {&format_csv, &format_json, &format_ndjson, &format_xml};
  static const struct choice *const choices[] = {csv_choices, json_choices, json_choices, xml_choices};
  if (size < HEADER_BYTES) return 0;
  const struct format *format = tried[data[0] % 4];
  struct wire_column wire[COLUMNS] = {{.name = (char *)"a"}, {.name = (char *)"b,\"\n"}, {.name = (char *)"xml <"}};
  struct output_column columns[COLUMNS];
  for (uint32_t i = 0; i < COLUMNS; i++) {
    wire[i].kind = (enum kind)(data[2 + i] % KIND_COUNT);
    columns[i] = (struct output_column){.name = wire[i].name, .cell = i, .wire = i, .kind = wire[i].kind};
  }
  struct schema schema = {.wire = wire, .wire_count = COLUMNS, .columns = columns, .column_count = COLUMNS,
                          .cell_count = COLUMNS};
  _Alignas(16) char options[8192];
  char text[512];
  struct error err;
  options_defaults(format->options, options);
  choose_options(choices[data[0] % 4], data[0] / 4u | data[1] / 4u << 6, text, sizeof text);
  CHECK(options_parse(format->options, options, "fuzz", text, &err));
  if (!format->check_options(options, &err)) return 0;   /* they cannot be together */
  struct format_spec spec = {.schema = &schema, .options = options, .special = (enum special)(data[1] % 4)};
  void *self;
  struct encoder *e;
  struct buffer out;
  buffer_init(&out, 1 << 24);
  CHECK(buffer_reserve(&out, 1));   /* a place to begin at, though no header is written */
  CHECK(format->open(&spec, &self, &err) && format->begin(self, &out, &err));
  CHECK(format->encoder_new(self, &e, &err));
  struct input in = {data + HEADER_BYTES, data + size};
  uint64_t rows;
  if (encode_rows(format, self, e, &schema, &in, &out, &rows)) check_file(format, options, &out, rows);
  format->encoder_free(e);
  format->close(self);
  buffer_deinit(&out);
  return 0;
}
