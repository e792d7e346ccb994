#include "rows.h"

#include "format/parquet/footer_read.h"
#include "format/parquet/options.h"
#include "format/parquet/parquet.h"
#include "format/parquet/spec.h"

#define CHUNKS_MAX 64

/* What the footer says of each chunk. */
static struct { struct chunk_facts chunks[CHUNKS_MAX]; size_t count; struct footer_facts_read facts; } seen;

static bool see(void *context, const struct chunk_facts *chunk, struct error *err) {
  assert_true(seen.count < CHUNKS_MAX);
  seen.chunks[seen.count++] = *chunk;
  return true;
}

static void look(struct rows *r) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(r->out.data, 1, r->out.len, file), r->out.len);
  assert_int_equal(fflush(file), 0);
  seen.count = 0;
  bool ok = footer_read(fileno(file), see, NULL, &seen.facts, &r->err);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
  fclose(file);
}

static void parquet_init(struct rows *r, const char *options) {
  rows_init(r, &format_parquet, options);
  r->spec.created_by = "decant 1.2.3";
}

static bool try_encode(struct rows *r) {
  struct buffer unused;
  buffer_init(&unused, 0);
  return r->format->encode(r->encoder, r->cells, &unused, &r->err);
}

/* As the engine does: the part's metadata, then its bytes in small pieces. */
static void flush_part(struct rows *r, uint64_t rows_before) {
  void *meta;
  bool more = true;
  assert_true(r->format->part_end(r->encoder, &meta, &r->err));
  assert_true(r->format->join(r->self, rows_before, r->out.len, meta, &r->out, &r->err));
  while (more) {
    size_t before = r->out.len;
    assert_true(r->format->part_read(r->encoder, 1000, &r->out, &more, &r->err));
    assert_true(r->out.len - before <= 1000);
  }
}

static void expect_rows(struct rows *r, uint64_t expected) {
  uint64_t rows = 0;
  bool ok = rows_count(r->format, r->out.data, r->out.len, &rows, &r->err);
  if (!ok) print_error("%s\n", r->err.message);
  assert_true(ok);
  assert_int_equal(rows, expected);
}

static struct cell int_cell(uint8_t *to, uint64_t v, int len) {
  for (int i = len; i-- > 0; v >>= 8) to[i] = (uint8_t)v;
  return (struct cell){to, len};
}

struct sample {
  enum kind kind;
  const char *bytes;
  int32_t len;
};

static const struct sample samples[] = {
    {KIND_BOOL, "\1", 1},
    {KIND_INT2, "\xFF\xFE", 2},
    {KIND_INT4, "\0\0\1\0", 4},
    {KIND_INT8, "\0\0\0\0\0\0\0\7", 8},
    {KIND_OID, "\xF0\0\0\0", 4},
    {KIND_FLOAT4, "\x3F\x80\0\0", 4},
    {KIND_FLOAT8, "\xBF\xF0\0\0\0\0\0\0", 8},
    {KIND_NUMERIC, "\0\1\0\0\0\0\0\0\0\5", 10},
    {KIND_TEXT, "text", 4},
    {KIND_JSON, "{}", 2},
    {KIND_JSONB, "\1[]", 3},
    {KIND_BYTEA, "\xFF\0", 2},
    {KIND_DATE, "\0\0\0\1", 4},
    {KIND_TIME, "\0\0\0\0\0\0\0\1", 8},
    {KIND_TIMESTAMP, "\0\0\0\0\0\0\0\1", 8},
    {KIND_TIMESTAMPTZ, "\0\0\0\0\0\0\0\2", 8},
    {KIND_UUID, "0123456789abcdef", 16},
};
#define SAMPLE_COUNT (sizeof samples / sizeof *samples)

static void make_every_kind(struct rows *r, const char *options) {
  parquet_init(r, options);
  for (size_t i = 0; i < SAMPLE_COUNT; i++) {
    static const char *const names[SAMPLE_COUNT] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                                    "j", "k", "l", "m", "n", "o", "p", "q"};
    rows_add_column(r, names[i], samples[i].kind);
  }
  r->columns[7].typmod = ((30 << 16) | 10) + 4;   /* numeric(30,10) */
  rows_begin(r);
  for (int part = 0; part < 2; part++) {
    for (int row = 0; row < 30; row++) {
      for (size_t i = 0; i < SAMPLE_COUNT; i++)
        r->cells[i] = (row + (int)i) % 3 ? (struct cell){(const uint8_t *)samples[i].bytes, samples[i].len}
                                         : rows_null();
      rows_keep(r);
    }
    flush_part(r, (uint64_t)part * 30);
  }
  rows_end(r);
}

static void test_every_kind_and_null_makes_a_whole_file_that_no_cut_leaves_whole(void **state) {
  struct rows r;
  make_every_kind(&r, "page-rows=7");
  expect_rows(&r, 60);
  look(&r);
  assert_int_equal(seen.facts.group_count, 2);
  assert_int_equal(seen.facts.leaf_count, SAMPLE_COUNT);
  uint64_t rows;
  /* A cut leaves no end mark; near the end, where there might be something like one, each byte. */
  for (size_t len = 0; len < r.out.len; len += r.out.len - len > 300 ? 7 : 1)
    assert_false(rows_count(r.format, r.out.data, len, &rows, &r.err));
  rows_deinit(&r);
}

static void test_a_damaged_page_or_footer_is_found(void **state) {
  struct rows r;
  make_every_kind(&r, "compression=none,page-rows=10");
  look(&r);
  const struct chunk_facts *last = &seen.chunks[seen.count - 1];
  size_t pages_end = (size_t)(last->data_offset + last->stored_bytes), found = 0;
  for (size_t at = 4; at < r.out.len; at += 3) {
    uint64_t rows = 60;
    r.out.data[at] ^= 0x55;
    bool ok = rows_count(r.format, r.out.data, r.out.len, &rows, &r.err);
    r.out.data[at] ^= 0x55;
    assert_true(!ok || rows == 60);   /* a page index or a name may change unseen, the count never */
    if (!ok && at < pages_end) found++;
  }
  /* Of a page only the encodings in its header (three bytes) and list and field heads may change unseen. */
  assert_true(found * 3 * 10 > pages_end * 8);
  rows_deinit(&r);
}

static void test_every_codec_and_option_makes_a_whole_file(void **state) {
  static const char *const options[] = {"compression=none",    "compression=snappy",  "compression=gzip:1",
                                        "compression=zstd:19", "compression=lz4_raw", "dictionary=false",
                                        "statistics=false",    "page-index=false",    "page-rows=1",
                                        "page-size=1k"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    struct rows r;
    make_every_kind(&r, options[i]);
    expect_rows(&r, 60);
    rows_deinit(&r);
  }
}

static void test_no_rows_make_a_file_without_row_groups(void **state) {
  struct rows r;
  parquet_init(&r, "");
  rows_add_column(&r, "a", KIND_INT4);
  rows_begin(&r);
  rows_end(&r);
  expect_rows(&r, 0);
  look(&r);
  assert_int_equal(seen.facts.group_count, 0);
  rows_deinit(&r);
}

/* A thousand rows of: a unique number, a number of few values, noise. */
static void make_columns_of_three_natures(struct rows *r, const char *options) {
  uint8_t unique[8], few[8], noise[1000];
  uint32_t seed = 1;
  parquet_init(r, options);
  rows_add_column(r, "unique", KIND_INT8);
  rows_add_column(r, "few", KIND_INT8);
  rows_add_column(r, "noise", KIND_BYTEA);
  rows_begin(r);
  for (uint32_t i = 0; i < 1000; i++) {
    r->cells[0] = int_cell(unique, (uint64_t)i << 20, 8);
    r->cells[1] = int_cell(few, i % 10 * UINT64_C(0x123456789), 8);
    for (size_t k = 0; k < sizeof noise; k++)
      noise[k] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
    r->cells[2] = (struct cell){noise, sizeof noise};
    rows_keep(r);
  }
  flush_part(r, 0);
  rows_end(r);
  expect_rows(r, 1000);
  look(r);
}

static void test_a_dictionary_stays_only_where_it_pays(void **state) {
  struct rows r;
  make_columns_of_three_natures(&r, "compression=none");
  assert_int_equal(seen.chunks[0].dictionary_offset, 0);
  assert_true(seen.chunks[1].dictionary_offset > 0);
  assert_true(seen.chunks[1].dictionary_offset < seen.chunks[1].data_offset);
  assert_true(seen.chunks[1].plain_bytes < 1000);             /* 8,000 as they came */
  assert_int_equal(seen.chunks[2].dictionary_offset, 0);
  rows_deinit(&r);
}

static void test_a_chunk_that_does_not_shrink_is_not_compressed(void **state) {
  struct rows r;
  make_columns_of_three_natures(&r, "compression=zstd");
  assert_int_equal(seen.chunks[0].codec, CODEC_ZSTD);
  assert_int_equal(seen.chunks[2].codec, CODEC_NONE);
  rows_deinit(&r);
}

static void test_a_row_group_is_full_by_rows_or_by_bytes(void **state) {
  struct rows r;
  uint8_t v[8];
  parquet_init(&r, "row-group-rows=5");
  rows_add_column(&r, "a", KIND_INT8);
  rows_begin(&r);
  for (int i = 0; i < 5; i++) {
    assert_false(r.format->part_is_full(r.encoder));
    r.cells[0] = int_cell(v, (uint64_t)i, 8);
    rows_keep(&r);
  }
  assert_true(r.format->part_is_full(r.encoder));
  flush_part(&r, 0);
  assert_false(r.format->part_is_full(r.encoder));
  rows_deinit(&r);

  static const uint8_t large[100000];
  parquet_init(&r, "row-group-bytes=1MiB,page-size=64k,dictionary=false");
  rows_add_column(&r, "a", KIND_BYTEA);
  rows_begin(&r);
  r.cells[0] = (struct cell){large, sizeof large};
  int rows = 0;
  for (; !r.format->part_is_full(r.encoder); rows++) rows_keep(&r);
  assert_in_range(rows, 10, 13);
  rows_deinit(&r);
}

static void test_an_estimate_of_many_rows_makes_row_groups_larger(void **state) {
  struct rows r;
  parquet_init(&r, "row-group-rows=2");
  rows_add_column(&r, "a", KIND_INT8);
  r.spec.rows_estimated = 50000;                              /* 10,000 row groups of 5 */
  rows_begin(&r);
  r.cells[0] = rows_null();
  for (int i = 0; i < 5; i++) {
    assert_false(r.format->part_is_full(r.encoder));
    rows_keep(&r);
  }
  assert_true(r.format->part_is_full(r.encoder));
  rows_deinit(&r);
}

static void test_row_groups_of_a_file_without_estimate_grow_when_they_are_many(void **state) {
  struct rows r;
  uint8_t v[8];
  parquet_init(&r, "row-group-rows=1,page-index=false");
  rows_add_column(&r, "a", KIND_INT8);
  rows_begin(&r);
  uint64_t rows = 0, groups = 0;
  for (; groups < 6100; groups++) {
    do {
      r.cells[0] = int_cell(v, rows++, 8);
      rows_keep(&r);
    } while (!r.format->part_is_full(r.encoder));
    flush_part(&r, rows);
  }
  assert_int_equal(rows, 5000 + 500 * 2 + 500 * 4 + 100 * 8);
  rows_end(&r);
  expect_rows(&r, rows);   /* the footer has gone through temporary files */
  rows_deinit(&r);
}

static void test_a_part_larger_than_its_memory_comes_back_whole(void **state) {
  struct rows r;
  uint8_t noise[3000], v[8];
  uint32_t seed = 1;
  parquet_init(&r, "compression=none");
  rows_add_column(&r, "a", KIND_INT8);
  rows_add_column(&r, "b", KIND_BYTEA);
  r.spec.memory_bytes = 1 << 20;
  rows_begin(&r);
  for (uint32_t i = 0; i < 5000; i++) {                       /* 15 MB through 1 MB */
    for (size_t k = 0; k < sizeof noise; k += 4) memcpy(noise + k, &(uint32_t){seed = seed * 1664525 + 1}, 4);
    r.cells[0] = int_cell(v, i, 8);
    r.cells[1] = (struct cell){noise, sizeof noise};
    rows_keep(&r);
  }
  flush_part(&r, 0);
  rows_end(&r);
  expect_rows(&r, 5000);
  rows_deinit(&r);
}

static void test_one_value_larger_than_a_page_has_a_page_of_its_own(void **state) {
  struct rows r;
  uint8_t *large = calloc(1, 5 << 20);
  parquet_init(&r, "page-size=4k");
  rows_add_column(&r, "a", KIND_BYTEA);
  rows_begin(&r);
  for (int i = 0; i < 10; i++) {
    r.cells[0] = i == 4 ? (struct cell){large, 5 << 20} : rows_text("small");
    rows_keep(&r);
  }
  flush_part(&r, 0);
  rows_end(&r);
  expect_rows(&r, 10);
  free(large);
  rows_deinit(&r);
}

/* --- what Parquet cannot hold --- */

static void begin_special(struct rows *r, enum kind kind, enum special special) {
  parquet_init(r, "");
  rows_add_column(r, "amount", kind);
  r->columns[0].typmod = ((9 << 16) | 2) + 4;
  r->columns[0].not_null = true;
  r->spec.special = special;
  rows_begin(r);
}

static const struct {
  enum kind kind;
  const char *bytes;
  int32_t len;
  const char *named;
  bool can_replace;
} specials[] = {
    {KIND_NUMERIC, "\0\0\0\0\xC0\0\0\0", 8, "NaN", false},
    {KIND_NUMERIC, "\0\0\0\0\xF0\0\0\0", 8, "-Infinity", true},
    {KIND_DATE, "\x7F\xFF\xFF\xFF", 4, "infinity", true},
    {KIND_TIMESTAMP, "\x80\0\0\0\0\0\0\0", 8, "-infinity", true},
    {KIND_TIMESTAMPTZ, "\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 8, "infinity", true},
    /* PostgreSQL holds it, 64 bits since 1970 do not. */
    {KIND_TIMESTAMP, "\x7F\xFE\0\0\0\0\0\0", 8, "TIMESTAMP", true},
    {KIND_TEXT, "a\xFFz", 3, "0xFF", true},
    {KIND_JSONB, "\1\"\xC0\"", 4, "0xC0", true},
};

static void test_special_values_are_errors_that_name_column_and_value(void **state) {
  for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
    struct rows r;
    begin_special(&r, specials[i].kind, SPECIAL_ERROR);
    r.cells[0] = (struct cell){(const uint8_t *)specials[i].bytes, specials[i].len};
    assert_false(try_encode(&r));
    assert_int_equal(r.err.code, ERR_VALUE);
    assert_non_null(strstr(r.err.message, "\"amount\""));
    assert_non_null(strstr(r.err.message, specials[i].named));
    rows_deinit(&r);
  }
}

static void test_special_values_become_null_or_near_ones_and_are_counted(void **state) {
  for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
    for (enum special special = SPECIAL_NULL; special <= SPECIAL_REPLACE; special++) {
      if (special == SPECIAL_STRING) continue;
      struct rows r;
      begin_special(&r, specials[i].kind, special);
      r.cells[0] = (struct cell){(const uint8_t *)specials[i].bytes, specials[i].len};
      bool ok = special == SPECIAL_NULL || specials[i].can_replace;
      assert_int_equal(try_encode(&r), ok);
      if (ok) {
        flush_part(&r, 0);
        assert_int_equal(r.format->counts(r.encoder).specials, 1);
        assert_int_equal(r.format->counts(r.encoder).rows, 1);
      }
      rows_deinit(&r);
    }
  }
}

static bool opens(enum kind kind, enum special special, struct error *err) {
  struct rows r;
  parquet_init(&r, "");
  rows_add_column(&r, "amount", kind);
  r.columns[0].typmod = ((9 << 16) | 2) + 4;
  r.spec.special = special;
  bool ok = r.format->open(&r.spec, &r.self, err);
  rows_deinit(&r);
  return ok;
}

static void test_special_string_is_refused_where_a_column_holds_no_text(void **state) {
  struct error err;
  assert_true(opens(KIND_TEXT, SPECIAL_STRING, &err));
  assert_true(opens(KIND_FLOAT8, SPECIAL_STRING, &err));
  static const enum kind kinds[] = {KIND_NUMERIC, KIND_DATE, KIND_TIMESTAMP, KIND_TIMESTAMPTZ};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    assert_false(opens(kinds[i], SPECIAL_STRING, &err));
    assert_string_equal(err.field, "special");
    assert_non_null(strstr(err.message, "\"amount\""));
  }
}

static void test_a_null_in_a_not_null_column_is_an_error(void **state) {
  struct rows r;
  begin_special(&r, KIND_INT4, SPECIAL_ERROR);
  r.cells[0] = rows_null();
  assert_false(try_encode(&r));
  assert_non_null(strstr(r.err.message, "\"amount\""));
  assert_non_null(strstr(r.err.message, "NOT NULL"));
  rows_deinit(&r);
}

static void test_bytes_of_a_wrong_length_are_the_servers_fault(void **state) {
  for (size_t i = 0; i < SAMPLE_COUNT; i++) {
    enum kind kind = samples[i].kind;
    if (kind == KIND_TEXT || kind == KIND_JSON || kind == KIND_BYTEA) continue;
    struct rows r;
    begin_special(&r, kind, SPECIAL_ERROR);
    r.cells[0] =
        (struct cell){(const uint8_t *)samples[i].bytes, kind == KIND_JSONB ? 1 : samples[i].len - 1};
    assert_false(try_encode(&r));
    assert_int_equal(r.err.code, ERR_SOURCE);
    rows_deinit(&r);
  }
}

static void test_a_codec_or_level_that_does_not_exist_is_refused_by_name(void **state) {
  static const char *const wrong[] = {"brotli",   "zstd:0", "zstd:20", "zstd:",
                                      "snappy:1", "gzip:9", "zstd:3x", ""};
  struct parquet_codec codec;
  struct error err;
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    assert_false(parquet_codec_parse(wrong[i], &codec, &err));
    assert_string_equal(err.field, "parquet.compression");
  }
  assert_true(parquet_codec_parse("zstd:7", &codec, &err));
  assert_int_equal(codec.level, 7);
  assert_int_equal(codec.id, CODEC_ZSTD);
  assert_true(parquet_codec_parse("gzip", &codec, &err));
  assert_int_equal(codec.level, codec.block->level_default);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_kind_and_null_makes_a_whole_file_that_no_cut_leaves_whole),
      cmocka_unit_test(test_a_damaged_page_or_footer_is_found),
      cmocka_unit_test(test_every_codec_and_option_makes_a_whole_file),
      cmocka_unit_test(test_no_rows_make_a_file_without_row_groups),
      cmocka_unit_test(test_a_dictionary_stays_only_where_it_pays),
      cmocka_unit_test(test_a_chunk_that_does_not_shrink_is_not_compressed),
      cmocka_unit_test(test_a_row_group_is_full_by_rows_or_by_bytes),
      cmocka_unit_test(test_an_estimate_of_many_rows_makes_row_groups_larger),
      cmocka_unit_test(test_row_groups_of_a_file_without_estimate_grow_when_they_are_many),
      cmocka_unit_test(test_a_part_larger_than_its_memory_comes_back_whole),
      cmocka_unit_test(test_one_value_larger_than_a_page_has_a_page_of_its_own),
      cmocka_unit_test(test_special_values_are_errors_that_name_column_and_value),
      cmocka_unit_test(test_special_values_become_null_or_near_ones_and_are_counted),
      cmocka_unit_test(test_special_string_is_refused_where_a_column_holds_no_text),
      cmocka_unit_test(test_a_null_in_a_not_null_column_is_an_error),
      cmocka_unit_test(test_bytes_of_a_wrong_length_are_the_servers_fault),
      cmocka_unit_test(test_a_codec_or_level_that_does_not_exist_is_refused_by_name),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
