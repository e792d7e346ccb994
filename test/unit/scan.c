/* The cutting of a source into splits, and their SQL. The leaves are made up: no server is asked. */
#include "unit.h"

#include "source/scan.h"

#define LEAVES_MAX 8

static struct source_leaf leaves[LEAVES_MAX];
static struct source source;
static struct scan scan;

static void add_leaf(char *name, int64_t blocks, int64_t bytes, double rows) {
  leaves[source.leaf_count++] = (struct source_leaf){
      .sql_name = name, .blocks = blocks, .bytes = bytes, .rows = rows, .by_ctid = true, .may_read = true};
}

static void set_up_source(void) {
  memset(leaves, 0, sizeof leaves);
  static char name[] = "s.t";
  source = (struct source){.sql_name = name, .relkind = 'p', .leaves = leaves};
}

static struct scan_spec spec_of(uint64_t split_bytes, uint64_t split_rows) {
  return (struct scan_spec){.source = &source, .select_list = "a, b", .where = "", .order_by = "", .limit = -1,
                            .split_bytes = split_bytes, .split_rows = split_rows, .lanes = 1};
}

static void cut(struct scan_spec spec, bool by_ctid, double selectivity) {
  struct error err;
  scan = (struct scan){.spec = spec, .by_leaf = true, .by_ctid = by_ctid};
  for (size_t i = 0; i < source.leaf_count; i++) {
    scan.blocks_total += (uint64_t)leaves[i].blocks;
    scan.rows_estimated += (uint64_t)leaves[i].rows;
  }
  assert_true(scan_cut(&scan, selectivity, &err));
}

/* Takes every split and checks that each leaf's blocks come once, in order, the last range open. */
static void check_cover(void) {
  struct split split;
  uint64_t expect = 0, blocks = 0;
  size_t leaf = 0;
  int64_t next_block = 0;
  bool first = true;
  while (scan_peek(&scan, &split)) {
    assert_int_equal(split.index, expect++);
    if (!first && split.leaf != leaf) {
      assert_int_equal(split.leaf, leaf + 1);   /* none is left out */
      assert_int_equal(next_block, -1);         /* the leaf before was read to its end */
      next_block = 0;
    }
    first = false;
    leaf = split.leaf;
    assert_int_equal(split.first_block, next_block);
    assert_true(split.end_block == -1 || split.end_block > split.first_block);
    assert_true(split.end_block < leaves[leaf].blocks || split.end_block == -1);
    next_block = split.end_block;
    blocks += scan_split_blocks(&scan, &split);
    scan_take(&scan);
  }
  assert_int_equal(expect, scan.split_count);
  assert_int_equal(leaf + 1, source.leaf_count);
  assert_int_equal(next_block, -1);
  assert_int_equal(blocks, scan.blocks_total);
  scan_deinit(&scan);
}

static void test_splits_cover_every_block_of_every_leaf_once_and_in_order(void **state) {
  static const int64_t sizes[] = {0, 1, 2, 3, 7, 64, 1000, 100003};
  for (size_t i = 0; i < 8; i++)
    for (size_t k = 0; k < 8; k++)
      for (uint64_t split_bytes = 1; split_bytes < 1 << 26; split_bytes = split_bytes * 7 + 1) {
        set_up_source();
        add_leaf("l0", sizes[i], sizes[i] * 8192, (double)sizes[i] * 50);
        add_leaf("l1", 5, 5 * 8192, 250);
        add_leaf("l2", sizes[k], sizes[k] * 8192, (double)sizes[k] * 50);
        cut(spec_of(split_bytes, 0), true, 1);
        check_cover();
        cut(spec_of(split_bytes, 1000), true, 0.5);
        check_cover();
      }
}

static void test_a_split_holds_about_the_bytes_that_were_asked_for_with_toast(void **state) {
  set_up_source();
  add_leaf("l0", 1000, 8192000, 10);
  cut(spec_of(819200, 0), true, 1);
  assert_int_equal(scan.split_count, 10);
  scan_deinit(&scan);
  leaves[0].bytes *= 100;   /* what lies beside the heap counts */
  cut(spec_of(819200, 0), true, 1);
  assert_int_equal(scan.split_count, 1000);
  scan_deinit(&scan);
}

static void test_a_split_holds_about_the_rows_that_were_asked_for_after_the_filter(void **state) {
  set_up_source();
  add_leaf("l0", 10000, 81920000, 1000000);
  cut(spec_of(1 << 20, 100000), true, 1);
  assert_int_equal(scan.split_count, 10);
  scan_deinit(&scan);
  cut(spec_of(1 << 20, 100000), true, 0.2);
  assert_int_equal(scan.split_count, 2);
  scan_deinit(&scan);
  struct scan_spec spec = spec_of(1 << 20, 300000);   /* 4 pieces, but 6 for three lanes alike */
  spec.lanes = 3;
  cut(spec, true, 1);
  assert_int_equal(scan.split_count, 6);
  scan_deinit(&scan);
}

static void test_rows_that_fit_one_split_are_still_shared_unless_they_are_few(void **state) {
  set_up_source();
  add_leaf("l0", 10000, 81920000, 1000000);
  struct scan_spec spec = spec_of(1 << 20, 1000000);
  spec.lanes = 2;
  cut(spec, true, 1);
  assert_int_equal(scan.split_count, 2);
  scan_deinit(&scan);
  cut(spec, true, 0.1);
  assert_int_equal(scan.split_count, 1);
  scan_deinit(&scan);
}

static void test_a_leaf_that_cannot_be_read_by_ranges_is_one_split(void **state) {
  set_up_source();
  add_leaf("l0", 1000, 8192000, 10000);
  add_leaf("l1", 0, 0, -1);
  leaves[1].by_ctid = false;
  add_leaf("l2", 1000, 8192000, 10000);
  cut(spec_of(8192 * 100, 0), true, 1);
  assert_int_equal(scan.split_count, 21);
  check_cover();
  cut(spec_of(8192 * 100, 0), false, 1);
  assert_int_equal(scan.split_count, 3);
  check_cover();
}

static void test_a_gentle_scan_reads_each_leaf_at_once_but_samples_as_any_other(void **state) {
  set_up_source();
  add_leaf("l0", 100000, 819200000, 1000000);
  add_leaf("l1", 100000, 819200000, 1000000);
  struct scan_spec spec = spec_of(8192 * 100, 0);
  struct buffer plain, gentle;
  bool all;
  buffer_init(&plain, 1 << 20);
  buffer_init(&gentle, 1 << 20);
  cut(spec, true, 1);
  scan_sample_sql(&scan, 1000, &plain, &all);
  scan_deinit(&scan);
  spec.gentle = true;
  cut(spec, true, 1);
  assert_int_equal(scan.split_count, 2);
  scan_sample_sql(&scan, 1000, &gentle, &all);
  assert_int_equal(gentle.len, plain.len);   /* the same columns are found */
  assert_memory_equal(gentle.data, plain.data, plain.len);
  struct split split;
  assert_true(scan_peek(&scan, &split));
  buffer_reset(&gentle);
  scan_copy_sql(&scan, &split, &gentle);
  char *text = buffer_take_string(&gentle);
  assert_string_equal(text, "COPY (SELECT a, b FROM ONLY l0) TO STDOUT (FORMAT binary)");
  free(text);
  buffer_deinit(&plain);
  check_cover();
}

static void test_a_table_of_any_size_is_cut(void **state) {
  set_up_source();
  add_leaf("l0", 4294967294, (int64_t)4294967294 * 8192, 1e12);   /* 32 TB, the most a table can have */
  cut(spec_of(4 << 20, 0), true, 1);
  assert_int_equal(scan.split_count, 8388608);
  scan_deinit(&scan);
  cut(spec_of(4 << 20, 1000000), true, 1);
  assert_true(scan.split_count <= 10000);   /* row groups of a file */
  check_cover();
}

/* The SQL of one split. */
static char *sql_of(uint64_t index) {
  struct split split;
  struct buffer sql;
  buffer_init(&sql, 1 << 20);
  scan.next = index;
  assert_true(scan_peek(&scan, &split));
  scan_copy_sql(&scan, &split, &sql);
  return buffer_take_string(&sql);
}

static void check_sql(uint64_t index, const char *expect) {
  char *sql = sql_of(index);
  assert_string_equal(sql, expect);
  free(sql);
}

#define CTID_FROM(n) "ctid OPERATOR(pg_catalog.>=) '(" n ",0)'::pg_catalog.tid"
#define CTID_TO(n) "ctid OPERATOR(pg_catalog.<) '(" n ",0)'::pg_catalog.tid"

static void test_the_sql_of_a_split_reads_its_blocks_of_its_leaf_only(void **state) {
  set_up_source();
  add_leaf("l0", 10, 81920, 100);
  cut(spec_of(40960, 0), true, 1);
  check_sql(0, "COPY (SELECT a, b FROM ONLY l0 WHERE " CTID_FROM("0") " AND " CTID_TO("5")
               ") TO STDOUT (FORMAT binary)");
  check_sql(1, "COPY (SELECT a, b FROM ONLY l0 WHERE " CTID_FROM("5") ") TO STDOUT (FORMAT binary)");
  scan.spec.where = "x OR y";
  check_sql(1, "COPY (SELECT a, b FROM ONLY l0 WHERE " CTID_FROM(
                   "5") " AND (x OR y)) TO STDOUT (FORMAT binary)");
  scan_deinit(&scan);
  cut(spec_of(1 << 30, 0), true, 1);
  check_sql(0, "COPY (SELECT a, b FROM ONLY l0) TO STDOUT (FORMAT binary)");
  scan.spec.where = "x OR y";
  check_sql(0, "COPY (SELECT a, b FROM ONLY l0 WHERE (x OR y)) TO STDOUT (FORMAT binary)");
  scan_deinit(&scan);
}

static void test_a_statement_that_is_one_stream_is_one_split(void **state) {
  set_up_source();
  scan = (struct scan){.spec = spec_of(1, 0), .split_count = 1};
  scan.spec.where = "x";
  scan.spec.order_by = "a DESC";
  scan.spec.limit = 7;
  check_sql(0, "COPY (SELECT a, b FROM s.t WHERE x ORDER BY a DESC LIMIT 7) TO STDOUT (FORMAT binary)");
  struct split split;
  scan.next = 1;
  assert_false(scan_peek(&scan, &split));
}

/* The SQL of a sample of `rows` rows. */
static char *sample_of(uint64_t rows, bool *all) {
  struct buffer sql;
  buffer_init(&sql, 1 << 20);
  scan_sample_sql(&scan, rows, &sql, all);
  return buffer_take_string(&sql);
}

static size_t count(const char *text, const char *word) {
  size_t n = 0;
  for (; (text = strstr(text, word)); text++) n++;
  return n;
}

static void test_a_sample_of_a_small_source_is_all_of_it(void **state) {
  bool all;
  set_up_source();
  add_leaf("l0", 10, 81920, 1000);
  add_leaf("l1", 0, 0, 0);
  cut(spec_of(8192, 0), true, 1);
  char *sql = sample_of(1000, &all);
  assert_true(all);
  assert_string_equal(sql, "(SELECT a, b FROM ONLY l0) UNION ALL (SELECT a, b FROM ONLY l1)");
  free(sql);
  scan_deinit(&scan);
}

static void test_a_sample_of_a_large_source_is_ranges_spaced_over_it(void **state) {
  bool all;
  set_up_source();
  add_leaf("l0", 75000, 75000 * (int64_t)8192, 7500000);
  add_leaf("l1", 25000, 25000 * (int64_t)8192, 2500000);
  cut(spec_of(1 << 20, 0), true, 1);
  scan.spec.where = "x";
  char *sql = sample_of(10000, &all);
  assert_false(all);
  assert_int_equal(count(sql, "FROM ONLY l0 WHERE"), 48);
  assert_int_equal(count(sql, "FROM ONLY l1 WHERE"), 16);
  assert_int_equal(count(sql, CTID_FROM("0") " AND " CTID_TO("2") " AND (x)"), 2);
  assert_int_equal(count(sql, CTID_FROM("37500") " AND "), 1);   /* the middle of the first */
  free(sql);
  scan_deinit(&scan);
}

static void test_a_sample_without_ranges_does_not_read_a_whole_large_table(void **state) {
  bool all;
  set_up_source();
  add_leaf("l0", 100000, 100000 * (int64_t)8192, 10000000);
  add_leaf("f", 0, 0, -1);
  leaves[1].by_ctid = false;   /* foreign */
  scan = (struct scan){.spec = spec_of(1, 0), .by_leaf = true, .blocks_total = 100000, .rows_estimated = 10000000};
  char *sql = sample_of(10000, &all);
  assert_false(all);
  assert_string_equal(sql, "(SELECT a, b FROM ONLY l0 TABLESAMPLE pg_catalog.system(0.100000) REPEATABLE (0))"
                           " UNION ALL (SELECT a, b FROM ONLY f LIMIT 10000)");
  free(sql);
}

static void test_a_sample_of_a_table_without_leaves_is_the_statement(void **state) {
  bool all;
  set_up_source();
  scan = (struct scan){.spec = spec_of(1, 0), .by_leaf = true};
  char *sql = sample_of(10000, &all);
  assert_true(all);
  assert_string_equal(sql, "SELECT a, b FROM s.t");
  free(sql);
}

/* The statement that finds a row's ctid; NULL where there is none. */
static char *ctid_sql_of(uint64_t index, uint64_t row) {
  struct split split;
  struct buffer sql;
  buffer_init(&sql, 1 << 20);
  scan.next = index;
  assert_true(scan_peek(&scan, &split));
  if (scan_ctid_sql(&scan, &split, row, &sql)) return buffer_take_string(&sql);
  assert_int_equal(sql.len, 0);
  return NULL;
}

static void test_a_row_s_ctid_is_asked_for_where_its_leaf_is_read_in_a_fixed_order(void **state) {
  set_up_source();
  add_leaf("l0", 100, 100 * 8192, 1000);
  struct scan_spec spec = spec_of(50 * 8192, 0);
  spec.where = "a > 1";
  cut(spec, true, 1);
  char *sql = ctid_sql_of(1, 7);
  assert_string_equal(sql, "SELECT ctid FROM ONLY l0 WHERE " CTID_FROM("50") " AND (a > 1) LIMIT 1 OFFSET 6");
  free(sql);
  leaves[0].is_foreign = true;   /* the rows of another server are not of the snapshot */
  assert_null(ctid_sql_of(1, 7));
  scan_deinit(&scan);
  scan = (struct scan){.spec = spec, .split_count = 1};   /* a statement is the server's to plan */
  assert_null(ctid_sql_of(0, 7));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_splits_cover_every_block_of_every_leaf_once_and_in_order),
      cmocka_unit_test(test_a_split_holds_about_the_bytes_that_were_asked_for_with_toast),
      cmocka_unit_test(test_a_split_holds_about_the_rows_that_were_asked_for_after_the_filter),
      cmocka_unit_test(test_rows_that_fit_one_split_are_still_shared_unless_they_are_few),
      cmocka_unit_test(test_a_leaf_that_cannot_be_read_by_ranges_is_one_split),
      cmocka_unit_test(test_a_gentle_scan_reads_each_leaf_at_once_but_samples_as_any_other),
      cmocka_unit_test(test_a_table_of_any_size_is_cut),
      cmocka_unit_test(test_the_sql_of_a_split_reads_its_blocks_of_its_leaf_only),
      cmocka_unit_test(test_a_statement_that_is_one_stream_is_one_split),
      cmocka_unit_test(test_a_sample_of_a_small_source_is_all_of_it),
      cmocka_unit_test(test_a_sample_of_a_large_source_is_ranges_spaced_over_it),
      cmocka_unit_test(test_a_sample_without_ranges_does_not_read_a_whole_large_table),
      cmocka_unit_test(test_a_sample_of_a_table_without_leaves_is_the_statement),
      cmocka_unit_test(test_a_row_s_ctid_is_asked_for_where_its_leaf_is_read_in_a_fixed_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
