/* Rows for tests of formats: a schema of a few columns, cells from wire bytes, and what a format makes of them. */
#pragma once
#include "unit.h"

#include "base/bytes.h"
#include "format/format.h"

#include <stdio.h>
#include <unistd.h>

#define ROWS_COLUMNS_MAX 32

struct rows {
  const struct format *format;
  struct format_spec spec;
  struct schema schema;
  struct wire_column wire[ROWS_COLUMNS_MAX];
  struct output_column columns[ROWS_COLUMNS_MAX];
  struct cell cells[ROWS_COLUMNS_MAX];
  _Alignas(16) char options[8192];
  void *self;
  struct encoder *encoder;
  struct buffer out;
  struct error err;
  uint64_t row_count;
};

static inline void rows_init(struct rows *r, const struct format *format, const char *options) {
  *r = (struct rows){.format = format};
  buffer_init(&r->out, 1 << 26);
  if (format->options) {
    options_defaults(format->options, r->options);
    assert_true(options_parse(format->options, r->options, format->name, options, &r->err));
  }
  r->schema = (struct schema){.wire = r->wire, .columns = r->columns};
  r->spec = (struct format_spec){.schema = &r->schema, .options = r->options, .created_by = "decant test",
                                 .source = "test", .snapshot_at = "", .memory_bytes = 1 << 24};
}

static inline void rows_add_column(struct rows *r, const char *name, enum kind kind) {
  size_t i = r->schema.column_count++;
  assert_true(i < ROWS_COLUMNS_MAX);
  r->wire[i] = (struct wire_column){.name = (char *)name, .type_name = (char *)"test", .kind = kind, .typmod = -1};
  r->columns[i] = (struct output_column){.name = (char *)name, .cell = (uint32_t)i, .wire = (uint32_t)i, .kind = kind, .typmod = -1};
  r->schema.wire_count = r->schema.cell_count = r->schema.column_count;
}

/* Opens, begins and makes the encoder; one part. */
static inline void rows_begin(struct rows *r) {
  bool ok = r->format->open(&r->spec, &r->self, &r->err) && r->format->begin(r->self, &r->out, &r->err) &&
            r->format->encoder_new(r->self, &r->encoder, &r->err);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
}

static inline bool rows_try_encode(struct rows *r) {
  if (r->row_count == 0) assert_true(r->format->join(r->self, 0, 0, NULL, &r->out, &r->err));
  r->row_count++;
  return r->format->encode(r->encoder, r->cells, &r->out, &r->err);
}

static inline void rows_encode(struct rows *r) {
  bool ok = rows_try_encode(r);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
}

/* Ends a part that holds rows and joins the next one. */
static inline void rows_next_part(struct rows *r) {
  void *meta;
  assert_true(r->format->part_end(r->encoder, &meta, &r->err));
  assert_null(meta);
  assert_true(r->format->join(r->self, r->row_count, r->out.len, NULL, &r->out, &r->err));
}

/* A row that the encoder keeps: nothing may be written before its part ends. */
static inline void rows_keep(struct rows *r) {
  struct buffer unused;
  buffer_init(&unused, 0);
  bool ok = r->format->encode(r->encoder, r->cells, &unused, &r->err);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
  r->row_count++;
}

/* Ends a part that was kept, joins it and writes it. */
static inline void rows_end_part(struct rows *r) {
  void *meta;
  bool more = true;
  assert_true(r->format->part_end(r->encoder, &meta, &r->err));
  assert_true(r->format->join(r->self, 0, r->out.len, meta, &r->out, &r->err));
  while (more) assert_true(r->format->part_read(r->encoder, 1 << 20, &r->out, &more, &r->err));
}

static inline void rows_end(struct rows *r) {
  assert_true(r->format->end(r->self, r->row_count, r->out.len, &r->out, &r->err));
}

static inline void rows_deinit(struct rows *r) {
  if (r->encoder) r->format->encoder_free(r->encoder);
  if (r->self) r->format->close(r->self);
  buffer_deinit(&r->out);
}

static inline struct cell rows_text(const char *text) {
  return (struct cell){(const uint8_t *)text, (int32_t)strlen(text)};
}
static inline struct cell rows_null(void) { return (struct cell){NULL, -1}; }

static inline void rows_expect(struct rows *r, const char *expected) {
  size_t len = strlen(expected);
  if (r->out.len != len || memcmp(r->out.data, expected, len) != 0)
    print_error("got:      %.*s\nexpected: %s\n", (int)r->out.len, r->out.data, expected);
  assert_int_equal(r->out.len, len);
  assert_memory_equal(r->out.data, expected, len);
}

/* count_rows of some bytes. */
static inline bool rows_count(const struct format *format, const void *bytes, size_t len, uint64_t *rows,
                              struct error *err) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  assert_int_equal(fflush(file), 0);
  assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
  bool ok = format->count_rows(fileno(file), rows, err);
  fclose(file);
  return ok;
}

/*
 * The finished bytes count as so many rows; cut anywhere, they are refused. Except at the borders of
 * records, where a format may have nothing to tell by: there the count must be less.
 */
static inline void rows_expect_count_and_no_cut(struct rows *r, uint64_t expected) {
  uint64_t rows;
  bool ok = rows_count(r->format, r->out.data, r->out.len, &rows, &r->err);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
  assert_int_equal(rows, expected);
  for (size_t len = 0; len < r->out.len; len++) {
    bool whole = rows_count(r->format, r->out.data, len, &rows, &r->err);
    if (whole) {
      bool closes_itself = r->format->name[0] == 'j' || r->format->name[0] == 'x';
      if (closes_itself) assert_int_equal(r->out.len - len, 1);   /* only the last line feed is missing */
      else assert_true(rows < expected && (len == 0 || r->out.data[len - 1] == '\n'));
    }
  }
}
