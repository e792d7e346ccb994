/* The conditions of key ranges, the statement that looks for their bounds, and EXPLAIN's answers. No server is asked. */
#include "unit.h"

#include "source/explain.h"
#include "source/scan.h"

#define LESS "OPERATOR(pg_catalog.<)"
#define AT_LEAST "OPERATOR(pg_catalog.>=)"

static char *bounds[] = {"1", "it's", "\\"};
static struct key_ranges keys;

static void set_up_keys(size_t bound_count, bool nullable, bool descending) {
  static char name[] = "k", sql[] = "\"k\"", type[] = "s.t", array[] = "s._t", less[] = LESS, at_least[] = AT_LEAST;
  static char order[] = "\"k\"", collate[] = " COLLATE c";
  keys = (struct key_ranges){.name = name, .sql = sql, .type_sql = type, .array_sql = array, .less = less,
                             .at_least = at_least, .order_by = order, .collate_sql = collate, .bounds = bounds,
                             .bound_count = bound_count, .nullable = nullable, .descending = descending,
                             .nulls_first = descending};
}

static void check_range(uint64_t index, const char *expect) {
  struct buffer sql;
  buffer_init(&sql, 1 << 16);
  bool any = key_ranges_append(&keys, index, &sql);
  assert_int_equal(any, expect != NULL);
  char *text = buffer_take_string(&sql);
  assert_string_equal(text, expect ? expect : "");
  free(text);
}

#define FIRST "\"k\" " LESS " '1'::s.t"
#define SECOND "\"k\" " AT_LEAST " '1'::s.t AND \"k\" " LESS " 'it''s'::s.t"
#define THIRD "\"k\" " AT_LEAST " 'it''s'::s.t AND \"k\" " LESS " E'\\\\'::s.t"
#define LAST "\"k\" " AT_LEAST " E'\\\\'::s.t"

static void test_the_outer_ranges_are_open_and_each_begins_where_the_one_before_ends(void **state) {
  set_up_keys(3, false, false);
  assert_int_equal(key_ranges_count(&keys), 4);
  check_range(0, FIRST);
  check_range(1, SECOND);
  check_range(2, THIRD);
  check_range(3, LAST);
}

static void test_nulls_are_a_range_at_the_end_where_order_by_puts_them(void **state) {
  set_up_keys(3, true, false);
  assert_int_equal(key_ranges_count(&keys), 5);
  check_range(3, LAST);
  check_range(4, "\"k\" IS NULL");
}

static void test_descending_ranges_come_the_other_way_round_nulls_first(void **state) {
  set_up_keys(3, true, true);
  check_range(0, "\"k\" IS NULL");
  check_range(1, LAST);
  check_range(2, THIRD);
  check_range(3, SECOND);
  check_range(4, FIRST);
}

static void test_without_bounds_there_is_everything_or_the_nulls_apart(void **state) {
  set_up_keys(0, false, false);
  assert_int_equal(key_ranges_count(&keys), 1);
  check_range(0, NULL);
  set_up_keys(0, true, false);
  check_range(0, "\"k\" IS NOT NULL");
  check_range(1, "\"k\" IS NULL");
  set_up_keys(0, true, true);
  check_range(0, "\"k\" IS NULL");
  check_range(1, "\"k\" IS NOT NULL");
}

static char *split_sql(const struct scan *scan, struct split split) {
  struct buffer sql;
  buffer_init(&sql, 1 << 16);
  scan_copy_sql(scan, &split, &sql);
  return buffer_take_string(&sql);
}

static void test_a_split_of_an_ordered_scan_reads_its_range_of_the_whole_in_the_order_asked_for(
    void **state) {
  static char name[] = "s.t";
  struct source source = {.sql_name = name, .relkind = 'r'};
  set_up_keys(1, false, true);
  struct scan scan = {.keys = &keys, .split_count = 2, .blocks_total = 7,
                      .spec = {.source = &source, .select_list = "a", .where = "x OR y", .order_by = "o", .limit = -1}};
  struct split split;
  assert_true(scan_peek(&scan, &split));
  assert_int_equal(split.leaf, SPLIT_WHOLE);
  char *sql = split_sql(&scan, split);
  assert_string_equal(sql,
                      "COPY (SELECT a FROM s.t WHERE \"k\" " AT_LEAST " '1'::s.t AND (x OR y) ORDER BY \"k\")"
                      " TO STDOUT (FORMAT binary)");
  free(sql);
  uint64_t blocks = scan_split_blocks(&scan, &split);
  scan_take(&scan);
  assert_true(scan_peek(&scan, &split));
  assert_int_equal(blocks + scan_split_blocks(&scan, &split), 7);   /* progress ends at all of them */
  scan_take(&scan);
  assert_false(scan_peek(&scan, &split));
}

static void test_leaves_are_cut_by_their_keys_one_after_the_other(void **state) {
  static char names[2][4] = {"l0", "l1"};
  struct source_leaf leaves[] = {{.sql_name = names[0], .blocks = 5, .rows = -1}, {.sql_name = names[1], .blocks = 2}};
  struct source source = {.relkind = 'p', .leaves = leaves, .leaf_count = 2};
  set_up_keys(2, true, false);
  struct leaf_plan plans[2] = {{.keys = &keys}};
  struct scan scan = {.by_leaf = true, .has_leaf_keys = true, .leaves = plans,
                      .spec = {.source = &source, .select_list = "a", .where = "", .order_by = "", .limit = -1}};
  struct error err;
  assert_true(scan_cut(&scan, 1, &err));
  assert_int_equal(scan.split_count, 5);
  uint64_t blocks = 0;
  struct split split;
  for (; scan_peek(&scan, &split); scan_take(&scan)) {
    assert_int_equal(split.leaf, split.index < 4 ? 0 : 1);
    blocks += scan_split_blocks(&scan, &split);
    char *sql = split_sql(&scan, split);
    if (split.index == 3)
      assert_string_equal(sql, "COPY (SELECT a FROM ONLY l0 WHERE \"k\" IS NULL ORDER BY \"k\") TO STDOUT "
                               "(FORMAT binary)");
    if (split.index == 4) assert_string_equal(sql, "COPY (SELECT a FROM ONLY l1) TO STDOUT (FORMAT binary)");
    free(sql);
  }
  assert_int_equal(blocks, 7);
}

static char *sample_of(const struct source_leaf *leaves, size_t count, uint64_t ranges) {
  struct buffer sql;
  buffer_init(&sql, 64 << 20);
  key_sample_sql(&keys, leaves, count, "x OR y", ranges, &sql);
  return buffer_take_string(&sql);
}

static void test_bounds_are_looked_for_in_blocks_at_even_distances_with_the_filter(void **state) {
  static char name[] = "l0";
  const struct source_leaf leaf = {.sql_name = name, .blocks = 1000000, .by_ctid = true};
  set_up_keys(0, true, false);
  char *sql = sample_of(&leaf, 1, 1000);
  assert_non_null(strstr(sql, "FROM ONLY l0 WHERE ctid "));
  assert_non_null(
      strstr(sql, "generate_series(125::pg_catalog.int8, 999999::pg_catalog.int8, 250::pg_catalog.int8)"));
  assert_non_null(strstr(sql, " AND (x OR y)"));
  assert_non_null(strstr(sql, "u.v COLLATE c FROM"));   /* sorted as the column is */
  free(sql);
}

static void test_the_parser_of_the_server_does_not_meet_a_chain_of_thousands_of_leaves(void **state) {
  enum { LEAVES = 5000 };
  struct source_leaf *leaves = calloc(LEAVES, sizeof *leaves);
  assert_non_null(leaves);
  static char name[] = "l";
  for (int i = 0; i < LEAVES; i++) leaves[i] = (struct source_leaf){.sql_name = name, .blocks = 10, .by_ctid = true};
  char *sql = sample_of(leaves, LEAVES, 100);
  size_t groups = 1;
  for (const char *at = sql; (at = strstr(at, ") UNION ALL (")); at++) groups++;
  assert_true(groups >= LEAVES / 100);
  free(sql);
  free(leaves);
}

/* --- EXPLAIN ---------------------------------------------------------------------------------------- */

static struct explained read_plan(const char *json) {
  struct explained e;
  assert_true(explain_read(json, strlen(json), &e));
  return e;
}

static void test_the_numbers_of_a_plan_are_those_of_its_first_node(void **state) {
  struct explained e = read_plan(
      "[ { \"Plan\": { \"Node Type\": \"Sort\", \"Total Cost\": 99.25, \"Plan Rows\": 12,"
      " \"Plans\": [ { \"Node Type\": \"Seq Scan\", \"Total Cost\": 7, \"Plan Rows\": 3 } ] } } ]");
  assert_true(e.rows == 12 && e.cost == 99.25);
  assert_false(e.uses_index || e.tid_range || e.is_narrowed);
}

static void test_a_way_that_is_switched_off_costs_what_it_would_cost(void **state) {
  struct explained e = read_plan(
      "[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Total Cost\": 20000000450.50, \"Plan Rows\": 1}}]");
  assert_true(e.cost > 450.4 && e.cost < 450.6);
}

static void test_names_are_not_taken_for_node_types(void **state) {
  struct explained e = read_plan(
      "[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"Index Scan\", \"Alias\":"
      " \"\\\"Node Type\\\": \\\"Tid Range Scan\\\"\", \"Filter\": \"(\\\"Index Cond\\\" > 3)\","
      " \"Output\": [\"Node Type\", \"Index Scan\"], \"Total Cost\": 1.5, \"Plan Rows\": 1}}]");
  assert_false(e.uses_index || e.tid_range || e.is_narrowed);
}

static void test_an_index_leads_to_rows_where_every_scan_has_its_condition(void **state) {
  struct explained e = read_plan(
      "[{\"Plan\": {\"Node Type\": \"Merge Append\", \"Total Cost\": 9, \"Plan Rows\": 1, \"Plans\": ["
      "{\"Node Type\": \"Index Scan\", \"Index Cond\": \"(k >= 1)\"},"
      "{\"Node Type\": \"Sort\", \"Plans\": [{\"Node Type\": \"Bitmap Heap Scan\", \"Recheck Cond\": \"(k >= 1)\","
      " \"Plans\": [{\"Node Type\": \"Bitmap Index Scan\", \"Index Cond\": \"(k >= 1)\"}]}]}]}}]");
  assert_true(e.uses_index && e.is_narrowed);
  e = read_plan("[{\"Plan\": {\"Node Type\": \"Index Scan\", \"Total Cost\": 9, \"Plan Rows\": 1, "
                "\"Filter\": \"(k >= 1)\"}}]");
  assert_true(e.uses_index && !e.is_narrowed);
}

static void test_what_is_no_plan_is_refused(void **state) {
  static const char *const texts[] = {"", "[", "{}", "[]", "[{\"Plan\": {}}]", "Seq Scan on t", "[{\"Plan Rows\": 1, \"Total",
                                      "[{\"Plan\": {\"Plan Rows\": 1}}]"};
  struct explained e;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_false(explain_read(texts[i], strlen(texts[i]), &e));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_outer_ranges_are_open_and_each_begins_where_the_one_before_ends),
      cmocka_unit_test(test_nulls_are_a_range_at_the_end_where_order_by_puts_them),
      cmocka_unit_test(test_descending_ranges_come_the_other_way_round_nulls_first),
      cmocka_unit_test(test_without_bounds_there_is_everything_or_the_nulls_apart),
      cmocka_unit_test(test_a_split_of_an_ordered_scan_reads_its_range_of_the_whole_in_the_order_asked_for),
      cmocka_unit_test(test_leaves_are_cut_by_their_keys_one_after_the_other),
      cmocka_unit_test(test_bounds_are_looked_for_in_blocks_at_even_distances_with_the_filter),
      cmocka_unit_test(test_the_parser_of_the_server_does_not_meet_a_chain_of_thousands_of_leaves),
      cmocka_unit_test(test_the_numbers_of_a_plan_are_those_of_its_first_node),
      cmocka_unit_test(test_a_way_that_is_switched_off_costs_what_it_would_cost),
      cmocka_unit_test(test_names_are_not_taken_for_node_types),
      cmocka_unit_test(test_an_index_leads_to_rows_where_every_scan_has_its_condition),
      cmocka_unit_test(test_what_is_no_plan_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
