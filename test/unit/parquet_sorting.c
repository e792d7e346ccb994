#include "rows.h"

#include "format/parquet/footer_read.h"
#include "format/parquet/parquet.h"
#include "format/parquet/sorting.h"

/* What each row group is said to be sorted by: "0", "0 1 desc nulls-first", "" for nothing; groups are parted by "/". */
struct claims { char text[512]; size_t len; };

static bool see_group(void *context, const struct group_facts *g, struct error *err) {
  struct claims *c = context;
  if (g->group) c->len += (size_t)snprintf(c->text + c->len, sizeof c->text - c->len, "/");
  for (size_t i = 0; i < g->sorting_count; i++)
    c->len += (size_t)snprintf(c->text + c->len, sizeof c->text - c->len, "%s%lld%s%s", i ? " " : "",
                               (long long)g->sorting[i].leaf, g->sorting[i].is_descending ? " desc" : "",
                               g->sorting[i].nulls_first ? " nulls-first" : "");
  return true;
}

static void begin(struct rows *r, const char *options, const enum kind *kinds, size_t count,
                  const struct format_order *order, size_t order_count) {
  static const char *const names[] = {"a", "b", "c"};
  rows_init(r, &format_parquet, options);
  for (size_t i = 0; i < count; i++) rows_add_column(r, names[i], kinds[i]);
  r->spec.order = order;
  r->spec.order_count = order_count;
  rows_begin(r);
}

/* Ends the file, too. */
static void expect_claims(struct rows *r, const char *expected) {
  struct claims claims = {.len = 0};
  const struct footer_visitor visitor = {.context = &claims, .group = see_group};
  struct footer_facts_read facts;
  FILE *file = tmpfile();
  assert_non_null(file);
  rows_end(r);
  assert_int_equal(fwrite(r->out.data, 1, r->out.len, file), r->out.len);
  assert_int_equal(fflush(file), 0);
  assert_true(footer_visit(fileno(file), &visitor, &facts, &r->err));
  fclose(file);
  assert_string_equal(claims.text, expected);
  rows_deinit(r);
}

#define VALUES_MAX 8
#define NONE INT64_MIN   /* a NULL */
static const struct format_order up[] = {{0, false, false}, {1, false, false}, {2, false, false}};
static const struct format_order down[] = {{0, true, true}, {1, true, true}, {2, true, true}};

static struct cell big_endian(uint8_t *to, uint64_t v, int len) {
  for (int i = 0; i < len; i++) to[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
  return (struct cell){to, len};
}

static void test_numbers_are_sorted_as_their_type_says_and_nulls_stand_at_one_end(void **state) {
  static const struct {
    enum kind kind;
    int width;
    bool descending;
    size_t count;
    int64_t values[VALUES_MAX];
    bool sorted;
  } cases[] = {
      {KIND_INT8, 8, false, 5, {-5, 1, 1, 2, NONE}, true},
      {KIND_INT8, 8, false, 4, {-5, 1, 0, 2}, false},
      {KIND_INT8, 8, false, 3, {NONE, 1, 2}, false},
      {KIND_INT8, 8, false, 4, {1, NONE, NONE, 2}, false},
      {KIND_INT8, 8, true, 5, {NONE, NONE, 2, 2, -1}, true},
      {KIND_INT8, 8, true, 3, {2, 1, NONE}, false},
      {KIND_INT8, 8, true, 3, {2, 1, 3}, false},
      {KIND_INT4, 4, false, 3, {-2, -1, 7}, true},
      {KIND_INT4, 4, true, 3, {-2, -1, 7}, false},
      {KIND_INT2, 2, false, 3, {-300, 2, 300}, true},
      {KIND_OID, 4, false, 2, {7, 0xF0000000}, true},
      {KIND_OID, 4, false, 2, {0xF0000000, 7}, false},
      {KIND_DATE, 4, false, 2, {-400, 400}, true},
      {KIND_TIMESTAMP, 8, true, 3, {100, 1, -100}, true},
      {KIND_BOOL, 1, false, 4, {0, 0, 1, NONE}, true},
      {KIND_BOOL, 1, false, 3, {0, 1, 0}, false},
      {KIND_FLOAT8, 8, false, 3, {(int64_t)0xBFF0000000000000, 0, 0x3FF0000000000000}, true},   /* -1, 0, 1 */
      {KIND_FLOAT8, 8, true, 2, {(int64_t)0xBFF0000000000000, 0x3FF0000000000000}, false},
      {KIND_FLOAT8, 8, false, 2, {0x3FF0000000000000, 0x7FF8000000000000}, false},              /* 1, NaN */
      {KIND_FLOAT8, 8, false, 1, {0x7FF8000000000000}, false},
      {KIND_FLOAT4, 4, false, 2, {0x3F800000, 0x7FC00000}, false},
      {KIND_FLOAT4, 4, false, 2, {0x3F800000, 0x40000000}, true},
      {KIND_FLOAT4, 4, false, 2, {0, 0x80000000}, false},                                       /* 0, -0 */
  };
  static const char *const options[] = {"dictionary=true", "dictionary=false", "profile=modern"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t o = 0; o < 3; o++) {
      struct rows r;
      uint8_t bytes[8];
      const char *claim = cases[i].descending ? "0 desc nulls-first" : "0";
      begin(&r, options[o], &cases[i].kind, 1, cases[i].descending ? down : up, 1);
      for (size_t k = 0; k < cases[i].count; k++) {
        bool is_null = cases[i].values[k] == NONE;
        r.cells[0] = is_null ? rows_null() : big_endian(bytes, (uint64_t)cases[i].values[k], cases[i].width);
        rows_keep(&r);
      }
      rows_end_part(&r);
      expect_claims(&r, cases[i].sorted ? claim : "");
    }
}

static void test_text_is_sorted_by_its_bytes(void **state) {
  static const struct { const char *values[VALUES_MAX]; bool sorted; } cases[] = {
      {{"", "A", "B", "Ba", "a", "\xC3\xA4"}, true},
      {{"a", "B"}, false},               /* as most collations have it */
      {{"\xC3\xA4", "b"}, false},
      {{"ab", "a"}, false},
  };
  static const char *const options[] = {"dictionary=true", "dictionary=false"};
  static const enum kind kind = KIND_TEXT;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t o = 0; o < 2; o++) {
      struct rows r;
      begin(&r, options[o], &kind, 1, up, 1);
      for (size_t k = 0; k < VALUES_MAX && cases[i].values[k]; k++) {
        r.cells[0] = rows_text(cases[i].values[k]);
        rows_keep(&r);
      }
      rows_end_part(&r);
      expect_claims(&r, cases[i].sorted ? "0" : "");
    }
}

static void test_a_text_beyond_the_limit_gives_the_claim_up(void **state) {
  static const enum kind kind = KIND_TEXT;
  static const size_t lengths[] = {SORT_KEY_BYTES_MAX, SORT_KEY_BYTES_MAX + 1, 5 << 20};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct rows r;
    char *text = calloc(1, lengths[i]);
    assert_non_null(text);
    memset(text, 'b', lengths[i]);
    begin(&r, "", &kind, 1, up, 1);
    r.cells[0] = rows_text("a");
    rows_keep(&r);
    r.cells[0] = (struct cell){(uint8_t *)text, (int32_t)lengths[i]};
    rows_keep(&r);
    rows_end_part(&r);
    expect_claims(&r, i == 0 ? "0" : "");
    free(text);
  }
}

static void put(struct rows *r, const char *values) {
  static char one[3][2];
  for (size_t i = 0; i < strlen(values); i++) {
    one[i][0] = values[i];
    r->cells[i] = rows_text(one[i]);
  }
  rows_keep(r);
}

static void test_several_columns_are_sorted_one_within_the_other(void **state) {
  static const struct { const char *rows[VALUES_MAX]; const char *claim; } cases[] = {
      {{"aaa", "abb", "abc", "baa"}, "0 1 2"},
      {{"aab", "aaa", "aba"}, "0 1"},
      {{"abb", "aab", "bbb"}, "0"},
      {{"baa", "aaa"}, ""},
      {{"aaa", "aaa"}, "0 1 2"},
  };
  static const enum kind kinds[] = {KIND_TEXT, KIND_TEXT, KIND_TEXT};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct rows r;
    begin(&r, "", kinds, 3, up, 3);
    for (size_t k = 0; k < VALUES_MAX && cases[i].rows[k]; k++) put(&r, cases[i].rows[k]);
    rows_end_part(&r);
    expect_claims(&r, cases[i].claim);
  }
}

static void test_all_row_groups_say_what_is_true_of_the_whole_file(void **state) {
  static const struct { const char *groups[3][2]; const char *claims; } cases[] = {
      {{{"aa", "ab"}, {"ab", "ba"}, {"bb", "cc"}}, "0 1/0 1/0 1"},
      {{{"aa", "ab"}, {"bb", "ba"}, {"bb", "cc"}}, "0/0/0"},   /* within a group */
      {{{"aa", "ac"}, {"ab", "ba"}, {"bb", "cc"}}, "0/0/0"},   /* from one to the next */
      {{{"ba", "bb"}, {"aa", "ab"}, {"bb", "cc"}}, "//"},
      {{{"aa", "ab"}, {"ba", "bb"}, {"aa", "ab"}}, "//"},
  };
  static const enum kind kinds[] = {KIND_TEXT, KIND_TEXT};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct rows r;
    begin(&r, "", kinds, 2, up, 2);
    for (size_t g = 0; g < 3; g++) {
      put(&r, cases[i].groups[g][0]);
      put(&r, cases[i].groups[g][1]);
      rows_end_part(&r);
    }
    expect_claims(&r, cases[i].claims);
  }
}

static void test_nulls_follow_each_other_from_group_to_group(void **state) {
  static const enum kind kind = KIND_TEXT;
  for (int null_first = 0; null_first < 2; null_first++) {
    struct rows r;
    begin(&r, "", &kind, 1, up, 1);
    for (int g = 0; g < 3; g++) {
      if (g == (null_first ? 0 : 2)) r.cells[0] = rows_null(), rows_keep(&r);
      else put(&r, "a");
      rows_end_part(&r);
    }
    expect_claims(&r, null_first ? "//" : "0/0/0");
  }
}

static void test_without_an_order_nothing_is_claimed(void **state) {
  static const enum kind kind = KIND_TEXT;
  struct rows r;
  begin(&r, "", &kind, 1, NULL, 0);
  put(&r, "a"), put(&r, "b");
  rows_end_part(&r);
  expect_claims(&r, "");
}

/* Pages close, a dictionary is left and a page is written again without it: the rows before are not forgotten. */
static void test_the_order_is_watched_across_pages_and_encodings(void **state) {
  static const enum kind kinds[] = {KIND_INT8, KIND_TEXT};
  static const char *const options[] = {"page-rows=100", "page-rows=100,profile=modern", "page-rows=100,dictionary=false"};
  for (size_t o = 0; o < 3; o++)
    for (int64_t broken_at = 0; broken_at < 1000; broken_at += 100) {
      struct rows r;
      uint8_t number[8];
      char text[32];
      begin(&r, options[o], kinds, 2, up, 2);
      for (int64_t i = 0; i < 1000; i++) {
        bool is_broken = broken_at && i == broken_at;
        r.cells[0] = big_endian(number, 7, 8);
        snprintf(text, sizeof text, "%s%06lld", is_broken ? "!" : "k", (long long)(i < 500 ? i / 10 : i));
        r.cells[1] = rows_text(text);
        rows_keep(&r);
      }
      rows_end_part(&r);
      expect_claims(&r, broken_at ? "0" : "0 1");
    }
}

static void test_an_infinity_that_is_written_as_null_breaks_the_order(void **state) {
  static const enum kind kind = KIND_DATE;
  struct rows r;
  uint8_t bytes[4];
  rows_init(&r, &format_parquet, "");
  rows_add_column(&r, "a", kind);
  r.spec.order = up;
  r.spec.order_count = 1;
  r.spec.special = SPECIAL_NULL;
  rows_begin(&r);
  r.cells[0] = big_endian(bytes, (uint32_t)INT32_MIN, 4);
  rows_keep(&r);
  r.cells[0] = big_endian(bytes, 1, 4);
  rows_keep(&r);
  rows_end_part(&r);
  expect_claims(&r, "");
}

/* Appending to a page fails late: its bytes may not be there. */
static void test_a_page_that_is_out_of_memory_has_no_last_entry(void **state) {
  static const struct leaf leaf = {.physical = PHYSICAL_INT64, .width = 8};
  struct chunk c = {.leaf = &leaf, .mode = CHUNK_PLAIN, .entry_count = 1, .value_count = 1, .values.failed = true};
  struct sort_value last;
  assert_false(chunk_last_entry(&c, &last));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_numbers_are_sorted_as_their_type_says_and_nulls_stand_at_one_end),
      cmocka_unit_test(test_text_is_sorted_by_its_bytes),
      cmocka_unit_test(test_a_text_beyond_the_limit_gives_the_claim_up),
      cmocka_unit_test(test_several_columns_are_sorted_one_within_the_other),
      cmocka_unit_test(test_all_row_groups_say_what_is_true_of_the_whole_file),
      cmocka_unit_test(test_nulls_follow_each_other_from_group_to_group),
      cmocka_unit_test(test_without_an_order_nothing_is_claimed),
      cmocka_unit_test(test_the_order_is_watched_across_pages_and_encodings),
      cmocka_unit_test(test_an_infinity_that_is_written_as_null_breaks_the_order),
      cmocka_unit_test(test_a_page_that_is_out_of_memory_has_no_last_entry),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
