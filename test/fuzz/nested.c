/*
 * Fuzzes the shredding of arrays, composites and hstore into Parquet: any wire bytes are a value of the type, and then the
 * file is whole and has as many rows as went in, or they are refused with an error.
 *
 * Input: the policy and the options, a byte; then cells of 16-bit length (0xFFFF: NULL) and bytes, two a row.
 */
#include "format/parquet/parquet.h"
#include "format/parquet/verify.h"
#include "row/type_node.h"

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COLUMNS 2

enum { OID_INT4 = 23, OID_TEXT = 25, OID_INTS = 1007, OID_NUMERIC = 1700, OID_HSTORE = 16400, OID_PART = 16401,
       OID_PARTS = 16402 };

/* (numbers int4[], parts (label text, amount numeric(9,2), attributes hstore)[]) and numeric(9,2)[]. */
static struct type_node number = {.sent_oid = OID_INT4, .kind = KIND_INT4, .typmod = -1};
static struct type_node amount = {.sent_oid = OID_NUMERIC, .kind = KIND_NUMERIC, .typmod = ((9 << 16) | 2) + 4};
static struct type_node part_fields[] = {
    {.sent_oid = OID_TEXT, .name = (char *)"label", .kind = KIND_TEXT, .typmod = -1},
    {.sent_oid = OID_NUMERIC, .name = (char *)"amount", .kind = KIND_NUMERIC, .typmod = ((9 << 16) | 2) + 4},
    {.shape = SHAPE_MAP, .sent_oid = OID_HSTORE, .name = (char *)"attributes"}};
static struct type_node part = {.shape = SHAPE_STRUCT, .sent_oid = OID_PART, .children = part_fields, .child_count = 3};
static struct type_node row_fields[] = {
    {.shape = SHAPE_LIST, .sent_oid = OID_INTS, .name = (char *)"numbers", .lower_bound = 1, .children = &number,
     .child_count = 1},
    {.shape = SHAPE_LIST, .sent_oid = OID_PARTS, .name = (char *)"parts", .lower_bound = 1, .children = &part,
     .child_count = 1}};
static struct type_node types[COLUMNS] = {
    {.shape = SHAPE_STRUCT, .children = row_fields, .child_count = 2},
    {.shape = SHAPE_LIST, .lower_bound = 1, .children = &amount, .child_count = 1}};

/* The policy takes byte % 3; the options what is left of it. */
static void choose_options(uint8_t byte, char *text, size_t room) {
  static const char *const profiles[] = {"portable", "modern"};
  static const char *const codecs[] = {"none", "snappy", "zstd:1"};
  static const char *const pages[] = {"page-rows=2", "page-rows=20480"};
  static const char *const others[] = {"", ",dictionary=false", ",statistics=false", ",page-index=false"};
  unsigned n = byte / 3u;
  snprintf(text, room, "page-size=1024,%s,profile=%s,compression=%s%s", pages[n / 24 % 2], profiles[n % 2],
           codecs[n / 2 % 3], others[n / 6 % 4]);
}

static struct cell next_cell(const uint8_t **at, const uint8_t *end) {
  if (end - *at < 2) {
    *at = end;
    return (struct cell){NULL, -1};
  }
  size_t len = (size_t)((*at)[0] << 8 | (*at)[1]);
  *at += 2;
  if (len == 0xFFFF) return (struct cell){NULL, -1};
  if (len > (size_t)(end - *at)) len = (size_t)(end - *at);
  struct cell c = {*at, (int32_t)len};
  *at += len;
  return c;
}

static void expect_whole(const struct buffer *out, uint64_t rows) {
  int fd = memfd_create("nested", MFD_CLOEXEC);
  CHECK(fd >= 0 && write(fd, out->data, out->len) == (ssize_t)out->len);
  struct error err = {.code = ERR_NONE};
  struct parquet_verification seen;
  CHECK(parquet_verify(fd, &seen, &err) && seen.row_count == rows);
  close(fd);
}

static void end_file(void *self, struct encoder *e, uint64_t rows, struct buffer *out) {
  struct error err;
  void *meta;
  bool more = rows > 0;
  if (rows) CHECK(format_parquet.part_end(e, &meta, &err) && format_parquet.join(self, 0, out->len, meta, out, &err));
  while (more) CHECK(format_parquet.part_read(e, 1 << 16, out, &more, &err));
  CHECK(format_parquet.end(self, rows, out->len, out, &err));
  expect_whole(out, rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 1) return 0;
  struct wire_column wire[COLUMNS] = {{.name = (char *)"a", .type_name = (char *)"a[]"},
                                      {.name = (char *)"b", .type_name = (char *)"b[]"}};
  struct output_column columns[COLUMNS];
  for (uint32_t i = 0; i < COLUMNS; i++) {
    wire[i].kind = KIND_NESTED;
    wire[i].tree = &types[i];
    columns[i] = (struct output_column){.name = wire[i].name, .cell = i, .wire = i, .kind = KIND_NESTED, .typmod = -1};
  }
  struct schema schema = {.wire = wire, .wire_count = COLUMNS, .columns = columns, .column_count = COLUMNS,
                          .cell_count = COLUMNS};
  static const enum special policies[] = {SPECIAL_ERROR, SPECIAL_NULL, SPECIAL_REPLACE};
  _Alignas(16) char options[8192];
  options_defaults(format_parquet.options, options);
  struct error err;
  char asked[256];
  choose_options(data[0], asked, sizeof asked);
  CHECK(options_parse(format_parquet.options, options, "parquet", asked, &err));
  struct format_spec spec = {.schema = &schema, .options = options, .special = policies[data[0] % 3],
                             .created_by = "decant fuzz", .source = "fuzz", .snapshot_at = "", .memory_bytes = 1 << 20};
  void *self;
  struct encoder *e;
  struct buffer out;
  buffer_init(&out, 1 << 24);
  CHECK(format_parquet.open(&spec, &self, &err) && format_parquet.begin(self, &out, &err));
  CHECK(format_parquet.encoder_new(self, &e, &err));
  const uint8_t *at = data + 1, *end = data + size;
  bool whole = true;
  uint64_t rows = 0;
  for (; whole && at < end; rows += whole) {
    struct cell cells[COLUMNS];
    for (size_t i = 0; i < COLUMNS; i++) cells[i] = next_cell(&at, end);
    whole = format_parquet.encode(e, cells, &out, &err);
    if (!whole) CHECK(err.code == ERR_SOURCE || err.code == ERR_VALUE);
  }
  if (whole) end_file(self, e, rows, &out);
  format_parquet.encoder_free(e);
  format_parquet.close(self);
  buffer_deinit(&out);
  return 0;
}
