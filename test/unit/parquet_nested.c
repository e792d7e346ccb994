#include "rows.h"

#include "wire_bytes.h"

#include "format/parquet/parquet.h"
#include "format/parquet/rle.h"
#include "format/parquet/thrift_read.h"
#include "format/parquet/verify.h"

/* int4[] */
static struct type_node int_node = NODE_INT4();
static struct type_node ints = {.shape = SHAPE_LIST, .lower_bound = 1, .children = &int_node, .child_count = 1};

/*
 * The paper's Document: links (backward int4[], forward int4[]); name (language (code text, country text)[],
 * url text)[].
 */
static struct type_node links_fields[] = {
    {.shape = SHAPE_LIST, .name = (char *)"backward", .sent_oid = OID_INTS, .lower_bound = 1, .children = &int_node,
     .child_count = 1},
    {.shape = SHAPE_LIST, .name = (char *)"forward", .sent_oid = OID_INTS, .lower_bound = 1, .children = &int_node,
     .child_count = 1}};
static struct type_node links = {.shape = SHAPE_STRUCT, .children = links_fields, .child_count = 2};
static struct type_node language_fields[] = {NODE_TEXT(.name = (char *)"code"), NODE_TEXT(.name = (char *)"country")};
static struct type_node language = {
    .shape = SHAPE_STRUCT, .sent_oid = OID_LANGUAGE, .children = language_fields, .child_count = 2};
static struct type_node name_fields[] = {
    {.shape = SHAPE_LIST, .name = (char *)"language", .sent_oid = OID_LANGUAGES, .lower_bound = 1,
     .children = &language, .child_count = 1},
    NODE_TEXT(.name = (char *)"url")};
static struct type_node name = {.shape = SHAPE_STRUCT, .sent_oid = OID_NAME, .children = name_fields, .child_count = 2};
static struct type_node names = {.shape = SHAPE_LIST, .lower_bound = 1, .children = &name, .child_count = 1};
static struct type_node map = {.shape = SHAPE_MAP};

static void begin(struct rows *r, const char *options, enum special special, struct type_node *const *types,
                  size_t count) {
  static const char *const column_names[] = {"a", "b", "c"};
  char all[256];
  snprintf(all, sizeof all, "compression=none,dictionary=false%s%s", *options ? "," : "", options);
  rows_init(r, &format_parquet, all);
  r->spec.special = special;
  for (size_t i = 0; i < count; i++) {
    rows_add_column(r, column_names[i], KIND_NESTED);
    r->wire[i].tree = types[i];
  }
  rows_begin(r);
}

static void finish(struct rows *r) {
  rows_end_part(r);
  rows_end(r);
}

/* A data page of the file, as a reader sees it. */
struct page_seen {
  size_t end;                  /* where the next one begins */
  uint32_t count;
  uint32_t repetition[512], definition[512];
};

static const uint8_t *decode_levels(const uint8_t *at, unsigned max, uint32_t count, uint32_t *levels) {
  struct rle_decoder d;
  memset(levels, 0, count * sizeof *levels);
  if (!max) return at;
  uint32_t len = at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
  rle_decoder_init(&d, at + 4, len, rle_width(max));
  for (uint32_t i = 0; i < count; i++) assert_true(rle_next(&d, &levels[i]));
  return at + 4 + len;
}

static void read_header(struct thrift_reader *r, int64_t *bytes, int64_t *count) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 2) *bytes = thrift_read_int(r, &f);
    else if (f.id != 5) thrift_skip(r, &f);
    else
      for (struct thrift_field g = thrift_struct_enter(r); thrift_next(r, &g);) {
        if (g.id == 1) *count = thrift_read_int(r, &g);
        else thrift_skip(r, &g);
      }
  }
}

static FILE *file_of(const struct rows *r) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(r->out.data, 1, r->out.len, file), r->out.len);
  assert_int_equal(fflush(file), 0);
  return file;
}

static struct page_seen see_page(struct rows *r, size_t at, unsigned repetition_max, unsigned definition_max) {
  static struct page_seen p;
  static struct thrift_reader header;
  FILE *file = file_of(r);
  int64_t bytes = -1, count = -1;
  thrift_reader_init(&header, fileno(file), at, r->out.len);
  read_header(&header, &bytes, &count);
  assert_true(thrift_reader_check(&header, "a page header", &r->err));
  fclose(file);
  assert_in_range(count, 0, 512);
  p.count = (uint32_t)count;
  size_t body = thrift_reader_offset(&header);
  p.end = body + (size_t)bytes;
  const uint8_t *levels = decode_levels(r->out.data + body, repetition_max, p.count, p.repetition);
  decode_levels(levels, definition_max, p.count, p.definition);
  return p;
}

/* expected: "r.d r.d …". Gives where the next page begins. */
static size_t expect_levels(struct rows *r, size_t at, unsigned repetition_max, unsigned definition_max,
                            const char *expected) {
  char text[1024] = "";
  struct page_seen p = see_page(r, at, repetition_max, definition_max);
  for (uint32_t i = 0, len = 0; i < p.count; i++)
    len += (uint32_t)snprintf(text + len, sizeof text - len, "%s%u.%u", i ? " " : "", p.repetition[i], p.definition[i]);
  assert_string_equal(text, expected);
  return p.end;
}

static struct cell ints_of(struct wire_bytes *b, int count) {
  b->len = 0;
  wire_array(b, OID_INT4, (uint32_t)count);
  for (int i = 0; i < count; i++) wire_int4(b, (uint32_t)i);
  return wire_cell(b);
}

static void test_null_empty_and_null_items_of_an_array_have_levels_of_their_own(void **state) {
  struct rows r;
  struct wire_bytes b = {.len = 0};
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&ints}, 1);
  r.cells[0] = rows_null();
  rows_keep(&r);
  r.cells[0] = ints_of(&b, 0);
  rows_keep(&r);
  b.len = 0;
  wire_array(&b, OID_INT4, 3);
  wire_int4(&b, 7);
  wire_null(&b);
  wire_int4(&b, 8);
  r.cells[0] = wire_cell(&b);
  rows_keep(&r);
  finish(&r);
  expect_levels(&r, 4, 1, 3, "0.0 0.1 0.3 1.2 1.3");
  rows_deinit(&r);
}

static void put_links(struct wire_bytes *b, int backward_count, const uint32_t *backward, int forward_count,
                      const uint32_t *forward) {
  wire_u32(b, 2);
  for (int list = 0; list < 2; list++) {
    int count = list ? forward_count : backward_count;
    const uint32_t *values = list ? forward : backward;
    wire_u32(b, OID_INTS);
    if (count < 0) {
      wire_null(b);
      continue;
    }
    size_t start = wire_open(b);
    wire_array(b, OID_INT4, (uint32_t)count);
    for (int i = 0; i < count; i++) wire_int4(b, values[i]);
    wire_close(b, start);
  }
}

static void put_language(struct wire_bytes *b, const char *code, const char *country) {
  size_t start = wire_open(b);
  wire_u32(b, 2);
  wire_u32(b, OID_TEXT);
  wire_text(b, code);
  wire_u32(b, OID_TEXT);
  if (country) wire_text(b, country);
  else wire_null(b);
  wire_close(b, start);
}

/* pairs: code and country of each language; NULL: no languages. */
static void put_name(struct wire_bytes *b, const char *const (*pairs)[2], uint32_t count, const char *url) {
  size_t start = wire_open(b);
  wire_u32(b, 2);
  wire_u32(b, OID_LANGUAGES);
  if (pairs) {
    size_t list = wire_open(b);
    wire_array(b, OID_LANGUAGE, count);
    for (uint32_t i = 0; i < count; i++) put_language(b, pairs[i][0], pairs[i][1]);
    wire_close(b, list);
  } else {
    wire_null(b);
  }
  wire_u32(b, OID_TEXT);
  if (url) wire_text(b, url);
  else wire_null(b);
  wire_close(b, start);
}

static void put_first_names(struct wire_bytes *b) {
  static const char *const first[][2] = {{"en-us", "us"}, {"en", NULL}}, *const third[][2] = {{"en-gb", "gb"}};
  b->len = 0;
  wire_array(b, OID_NAME, 3);
  put_name(b, first, 2, "http://A");
  put_name(b, NULL, 0, "http://B");
  put_name(b, third, 1, NULL);
}

/* The two records of Melnik et al., "Dremel", figure 2; levels by hand, with a level more for each optional group. */
static void test_the_records_of_the_dremel_paper_have_the_levels_worked_out_by_hand(void **state) {
  struct rows r;
  struct wire_bytes l = {.len = 0}, n = {.len = 0};
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&links, &names}, 2);
  put_links(&l, -1, NULL, 3, (const uint32_t[]){20, 40, 60});
  put_first_names(&n);
  r.cells[0] = wire_cell(&l);
  r.cells[1] = wire_cell(&n);
  rows_keep(&r);
  l.len = n.len = 0;
  put_links(&l, 2, (const uint32_t[]){10, 30}, 1, (const uint32_t[]){80});
  wire_array(&n, OID_NAME, 1);
  put_name(&n, NULL, 0, "http://C");
  r.cells[0] = wire_cell(&l);
  r.cells[1] = wire_cell(&n);
  rows_keep(&r);
  finish(&r);
  size_t at = expect_levels(&r, 4, 1, 4, "0.1 0.4 1.4");              /* links.backward */
  at = expect_levels(&r, at, 1, 4, "0.4 1.4 1.4 0.4");                /* links.forward */
  at = expect_levels(&r, at, 2, 7, "0.7 2.7 1.3 1.7 0.3");            /* name.language.code */
  at = expect_levels(&r, at, 2, 7, "0.7 2.6 1.3 1.7 0.3");            /* name.language.country */
  expect_levels(&r, at, 1, 4, "0.4 1.4 1.3 0.4");                     /* name.url */
  rows_deinit(&r);
}

static void test_a_null_composite_is_null_in_every_leaf_and_one_of_nulls_is_not(void **state) {
  struct rows r;
  struct wire_bytes b = {.len = 0};
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&links}, 1);
  r.cells[0] = rows_null();
  rows_keep(&r);
  put_links(&b, -1, NULL, -1, NULL);
  r.cells[0] = wire_cell(&b);
  rows_keep(&r);
  finish(&r);
  size_t at = expect_levels(&r, 4, 1, 4, "0.0 0.1");
  expect_levels(&r, at, 1, 4, "0.0 0.1");
  rows_deinit(&r);
}

static void test_keys_of_a_map_are_there_where_the_map_has_pairs(void **state) {
  struct rows r;
  struct wire_bytes b = {.len = 0};
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&map}, 1);
  r.cells[0] = rows_null();
  rows_keep(&r);
  wire_u32(&b, 0);
  r.cells[0] = wire_cell(&b);
  rows_keep(&r);
  b.len = 0;
  wire_u32(&b, 2);
  wire_text(&b, "k");
  wire_text(&b, "v");
  wire_text(&b, "n");
  wire_null(&b);
  r.cells[0] = wire_cell(&b);
  rows_keep(&r);
  finish(&r);
  size_t at = expect_levels(&r, 4, 1, 2, "0.0 0.1 0.2 1.2");
  expect_levels(&r, at, 1, 3, "0.0 0.1 0.3 1.2");
  rows_deinit(&r);
}

/* Rows of 5 items in pages of 7 entries: after two rows a page is over its size, and closes. */
static void test_pages_end_between_rows(void **state) {
  struct rows r;
  struct wire_bytes b;
  begin(&r, "page-rows=7", SPECIAL_ERROR, (struct type_node *[]){&ints}, 1);
  for (int i = 0; i < 5; i++) {
    r.cells[0] = ints_of(&b, 5);
    rows_keep(&r);
  }
  finish(&r);
  size_t at = expect_levels(&r, 4, 1, 3, "0.3 1.3 1.3 1.3 1.3 0.3 1.3 1.3 1.3 1.3");
  at = expect_levels(&r, at, 1, 3, "0.3 1.3 1.3 1.3 1.3 0.3 1.3 1.3 1.3 1.3");
  expect_levels(&r, at, 1, 3, "0.3 1.3 1.3 1.3 1.3");
  rows_deinit(&r);
}

/* More levels than their room before the values: mixed, so that they do not shrink to runs. */
static void test_a_row_of_any_length_is_one_page(void **state) {
  struct rows r;
  struct wire_bytes b = {.len = 0};
  begin(&r, "page-rows=1", SPECIAL_ERROR, (struct type_node *[]){&ints}, 1);
  wire_array(&b, OID_INT4, 400);
  for (uint32_t i = 0; i < 400; i++) {
    if (i % 3) wire_int4(&b, i);
    else wire_null(&b);
  }
  r.cells[0] = wire_cell(&b);
  rows_keep(&r);
  finish(&r);
  struct page_seen p = see_page(&r, 4, 1, 3);
  assert_int_equal(p.count, 400);
  for (uint32_t i = 0; i < 400; i++) {
    assert_int_equal(p.repetition[i], i > 0);
    assert_int_equal(p.definition[i], i % 3 ? 3 : 2);
  }
  rows_deinit(&r);
}

static void expect_whole(struct rows *r, uint64_t rows) {
  struct parquet_verification seen;
  FILE *file = file_of(r);
  bool ok = parquet_verify(fileno(file), &seen, &r->err);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
  assert_int_equal(seen.row_count, rows);
  fclose(file);
}

/*
 * A text longer than a page has no place in a dictionary: what the open page holds is written again, its last row
 * complete where the long text is its row's first item, else not.
 */
static void test_pages_know_their_rows_where_a_dictionary_ends_between_or_within_rows(void **state) {
  static struct type_node text_node = NODE_TEXT();
  static struct type_node texts = {.shape = SHAPE_LIST, .lower_bound = 1, .children = &text_node, .child_count = 1};
  char text[2000];
  for (int within = 0; within < 2; within++) {
    struct rows r;
    struct wire_bytes b;
    rows_init(&r, &format_parquet, "page-size=1024");
    rows_add_column(&r, "a", KIND_NESTED);
    r.wire[0].tree = &texts;
    rows_begin(&r);
    for (int i = 0; i < 3000; i++) {
      bool is_long = i % 1000 == 700;
      snprintf(text, sizeof text, "%0*d", is_long ? 1500 : 1, i % 10);
      b.len = 0;
      wire_array(&b, OID_TEXT, within + 1u);
      if (within) wire_text(&b, "first");
      wire_text(&b, text);
      r.cells[0] = wire_cell(&b);
      rows_keep(&r);
    }
    finish(&r);
    expect_whole(&r, 3000);
    rows_deinit(&r);
  }
}

static struct cell other_dimensions(struct wire_bytes *b, uint32_t dimensions, uint32_t lower) {
  b->len = 0;
  wire_u32(b, dimensions);
  wire_u32(b, 0);
  wire_u32(b, OID_INT4);
  for (uint32_t i = 0; i < dimensions; i++) {
    wire_u32(b, 1);
    wire_u32(b, lower);
  }
  wire_int4(b, 5);
  return wire_cell(b);
}

static bool try_encode(struct rows *r) {
  struct buffer unused;
  buffer_init(&unused, 0);
  return r->format->encode(r->encoder, r->cells, &unused, &r->err);
}

static struct cell interval_cell(struct wire_bytes *b, uint64_t micros, uint32_t days, uint32_t months) {
  b->len = 0;
  wire_u32(b, (uint32_t)(micros >> 32));
  wire_u32(b, (uint32_t)micros);
  wire_u32(b, days);
  wire_u32(b, months);
  return wire_cell(b);
}

static void test_an_interval_of_other_bytes_than_sixteen_is_the_server_s_fault(void **state) {
  static struct type_node interval = {.shape = SHAPE_INTERVAL};
  struct rows r;
  struct wire_bytes b;
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&interval}, 1);
  r.cells[0] = interval_cell(&b, 1, 2, 3);
  assert_true(try_encode(&r));
  r.cells[0].len = 15;
  assert_false(try_encode(&r));
  assert_int_equal(r.err.code, ERR_SOURCE);
  rows_deinit(&r);
}

static void test_an_infinite_interval_is_special_where_the_server_knows_any(void **state) {
  struct type_node finite = {.shape = SHAPE_INTERVAL}, infinite = {.shape = SHAPE_INTERVAL, .has_infinity = true};
  static const struct { enum special special; bool is_taken; uint64_t specials; } cases[] = {
      {SPECIAL_ERROR, false, 0}, {SPECIAL_NULL, true, 1}, {SPECIAL_REPLACE, true, 1}};
  for (size_t i = 0; i < 3; i++) {
    for (int knows = 0; knows < 2; knows++) {
      struct rows r;
      struct wire_bytes b;
      begin(&r, "", cases[i].special, (struct type_node *[]){knows ? &infinite : &finite}, 1);
      r.cells[0] = interval_cell(&b, INT64_MAX, INT32_MAX, INT32_MAX);
      assert_int_equal(try_encode(&r), !knows || cases[i].is_taken);
      assert_int_equal(r.format->counts(r.encoder).specials, knows ? cases[i].specials : 0);
      if (knows && !cases[i].is_taken) assert_non_null(strstr(r.err.message, "infinity"));
      r.cells[0] = interval_cell(&b, (uint64_t)INT64_MIN, (uint32_t)INT32_MIN, (uint32_t)INT32_MIN + 1);
      if (cases[i].is_taken) assert_true(try_encode(&r));   /* nearly */
      assert_int_equal(r.format->counts(r.encoder).specials, knows ? cases[i].specials : 0);
      rows_deinit(&r);
    }
  }
}

static void test_an_array_of_other_dimensions_is_an_error_that_names_them(void **state) {
  struct rows r;
  struct wire_bytes b;
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&ints}, 1);
  r.cells[0] = other_dimensions(&b, 2, 1);
  assert_false(try_encode(&r));
  assert_int_equal(r.err.code, ERR_VALUE);
  assert_non_null(strstr(r.err.message, "\"a\""));
  assert_non_null(strstr(r.err.message, "[1:1][1:1]"));
  r.cells[0] = other_dimensions(&b, 1, (uint32_t)-3);
  assert_false(try_encode(&r));
  assert_non_null(strstr(r.err.message, "[-3:-3]"));
  rows_deinit(&r);
}

static void test_an_array_of_other_dimensions_is_null_or_its_items_where_asked_for(void **state) {
  struct rows r;
  struct wire_bytes b;
  begin(&r, "", SPECIAL_NULL, (struct type_node *[]){&ints}, 1);
  r.cells[0] = other_dimensions(&b, 2, 1);
  rows_keep(&r);
  r.cells[0] = other_dimensions(&b, 1, 0);
  rows_keep(&r);
  finish(&r);
  expect_levels(&r, 4, 1, 3, "0.0 0.0");
  assert_int_equal(r.format->counts(r.encoder).specials, 2);
  rows_deinit(&r);

  begin(&r, "", SPECIAL_REPLACE, (struct type_node *[]){&ints}, 1);
  r.cells[0] = other_dimensions(&b, 1, 0);
  rows_keep(&r);
  r.cells[0] = other_dimensions(&b, 2, 1);
  assert_false(try_encode(&r));
  finish(&r);
  expect_levels(&r, 4, 1, 3, "0.3");
  assert_int_equal(r.format->counts(r.encoder).specials, 1);
  rows_deinit(&r);
}

/* Each in a block of its own size: a sanitizer sees any read beyond. */
static void test_wrong_wire_bytes_are_errors(void **state) {
  struct wire_bytes whole = {.len = 0};
  put_first_names(&whole);
  for (size_t len = 0; len < whole.len; len++) {
    struct rows r;
    uint8_t *cut = malloc(len ? len : 1);
    assert_non_null(cut);
    memcpy(cut, whole.data, len);
    begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&names}, 1);
    r.cells[0] = (struct cell){cut, (int32_t)len};
    assert_false(try_encode(&r));
    assert_int_equal(r.err.code, ERR_SOURCE);
    rows_deinit(&r);
    free(cut);
  }
}

static void test_another_type_than_the_one_described_is_an_error(void **state) {
  struct rows r;
  struct wire_bytes b = {.len = 0};
  begin(&r, "", SPECIAL_ERROR, (struct type_node *[]){&ints}, 1);
  wire_array(&b, OID_TEXT, 1);
  wire_text(&b, "four");
  r.cells[0] = wire_cell(&b);
  assert_false(try_encode(&r));
  assert_int_equal(r.err.code, ERR_SOURCE);
  rows_deinit(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_null_empty_and_null_items_of_an_array_have_levels_of_their_own),
      cmocka_unit_test(test_the_records_of_the_dremel_paper_have_the_levels_worked_out_by_hand),
      cmocka_unit_test(test_a_null_composite_is_null_in_every_leaf_and_one_of_nulls_is_not),
      cmocka_unit_test(test_keys_of_a_map_are_there_where_the_map_has_pairs),
      cmocka_unit_test(test_pages_end_between_rows),
      cmocka_unit_test(test_a_row_of_any_length_is_one_page),
      cmocka_unit_test(test_pages_know_their_rows_where_a_dictionary_ends_between_or_within_rows),
      cmocka_unit_test(test_an_interval_of_other_bytes_than_sixteen_is_the_server_s_fault),
      cmocka_unit_test(test_an_infinite_interval_is_special_where_the_server_knows_any),
      cmocka_unit_test(test_an_array_of_other_dimensions_is_an_error_that_names_them),
      cmocka_unit_test(test_an_array_of_other_dimensions_is_null_or_its_items_where_asked_for),
      cmocka_unit_test(test_wrong_wire_bytes_are_errors),
      cmocka_unit_test(test_another_type_than_the_one_described_is_an_error),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
