/* What an export plans to take, and how a limit is kept to. */
#include "unit.h"

#include "export/budget.h"

#define MIB ((int64_t)1 << 20)

static struct budget_facts facts(const char *format, const char *codec, int lanes) {
  const struct codec *c = codec_find(codec);
  return (struct budget_facts){.format = format_find(format), .codec = c, .level = c->level_default, .lanes = lanes,
                               .cell_count = 5, .column_count = 5, .process_bytes = 11 * MIB};
}

static struct memory_budget make(const struct budget_facts *f, int64_t limit) {
  struct memory_budget b;
  struct error err = {0};
  bool ok = budget_make(&b, f, limit, &err);
  assert_string_equal(err.message, "");
  assert_true(ok);
  return b;
}

static void test_the_total_is_the_sum_of_the_parts(void **state) {
  struct budget_facts f = facts("csv", "gzip", 2);
  struct memory_budget b = make(&f, 0);
  int64_t sum = 0;
  for (const struct memory_part *p = memory_parts; p->name; p++) {
    assert_true(memory_part_bytes(&b, p) > 0);
    sum += memory_part_bytes(&b, p);
  }
  assert_int_equal(b.total_bytes, sum);
}

static void test_the_window_holds_what_its_part_says(void **state) {
  struct budget_facts f = facts("json", "none", 3);
  struct memory_budget b = make(&f, 0);
  assert_true(b.window_bytes >= (int64_t)b.chunk_bytes * b.chunks_per_lane * b.lanes);
}

/* Down to the least: never more than the limit, and never a number that the engine could not work with. */
static void walk_down(const char *format, const char *codec, bool is_fed) {
  struct budget_facts f = facts(format, codec, 4);
  f.is_fed = is_fed;
  struct memory_budget b = make(&f, 0);
  int64_t limit = b.total_bytes;
  int lanes = b.lanes;
  struct error err = {0};
  for (; limit > 0 && budget_make(&b, &f, limit, &err); limit -= MIB / 8) {
    assert_true(b.total_bytes <= limit);
    assert_true(b.lanes >= 1 && b.lanes <= lanes);
    assert_true(b.chunks_per_lane >= 2);
    assert_true(b.chunk_bytes >= 65536);
    assert_true(b.workers >= 0 && b.workers <= b.lanes);
    if (!f.format->is_text) assert_true(b.encoder_bytes >= (size_t)MIB);
    lanes = b.lanes;
  }
  assert_int_equal(lanes, 1);
  assert_int_equal(err.code, ERR_USAGE);
  assert_string_equal(err.field, "memory");
}

static void test_a_limit_is_kept_down_to_the_least_that_is_possible(void **state) {
  walk_down("csv", "none", false);
  walk_down("xml", "gzip", false);
  walk_down("csv", "zstd", true);
  walk_down("parquet", "none", false);
  walk_down("parquet", "none", true);
}

static void test_the_error_names_a_value_that_suffices(void **state) {
  struct budget_facts f = facts("csv", "none", 2);
  struct memory_budget b;
  struct error err;
  assert_false(budget_make(&b, &f, MIB, &err));
  const char *least = strstr(err.message, "at least ");
  assert_non_null(least);
  assert_true(budget_make(&b, &f, atoll(least + 9) * MIB, &err));
}

static void test_workers_go_before_lanes(void **state) {
  struct budget_facts f = facts("csv", "zstd", 2);
  f.level = 9;
  struct memory_budget all = make(&f, 0), few = make(&f, all.total_bytes - 20 * MIB);
  assert_int_equal(all.workers, 2);
  assert_int_equal(few.lanes, 2);
  assert_true(few.workers < 2);
}

static void test_a_higher_limit_gives_parquet_more_for_its_row_groups(void **state) {
  struct budget_facts f = facts("parquet", "none", 2);
  assert_true(make(&f, 200 * MIB).encoder_bytes > 4 * make(&f, 0).encoder_bytes);
}

static void test_the_lane_that_feeds_the_others_gets_no_encoder(void **state) {
  struct budget_facts f = facts("parquet", "none", 2);
  struct memory_budget cut = make(&f, 0);
  assert_int_equal(cut.encode_bytes, 2 * (int64_t)cut.encoder_bytes);
  f.is_fed = true;
  struct memory_budget fed = make(&f, 0), more = make(&f, 100 * MIB);
  assert_int_equal(fed.encode_bytes, (int64_t)fed.encoder_bytes);
  assert_true(fed.encode_bytes < cut.encode_bytes);
  assert_true(more.total_bytes > 99 * MIB);   /* what a limit leaves goes to the one that encodes */
}

static void test_columns_count(void **state) {
  struct budget_facts f = facts("parquet", "none", 2);
  int64_t few = make(&f, 0).total_bytes;
  f.cell_count = f.column_count = 1600;
  assert_true(make(&f, 0).total_bytes > few + 1600 * 10240);
}

static void test_more_lanes_take_turns_for_smaller_rows(void **state) {
  struct budget_facts two = facts("csv", "none", 2), eight = facts("csv", "none", 8);
  assert_int_equal(make(&two, 0).large_row_bytes, 16 * MIB);
  assert_int_equal(make(&eight, 0).large_row_bytes, 4 * MIB);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_total_is_the_sum_of_the_parts),
      cmocka_unit_test(test_the_window_holds_what_its_part_says),
      cmocka_unit_test(test_a_limit_is_kept_down_to_the_least_that_is_possible),
      cmocka_unit_test(test_the_error_names_a_value_that_suffices),
      cmocka_unit_test(test_workers_go_before_lanes),
      cmocka_unit_test(test_a_higher_limit_gives_parquet_more_for_its_row_groups),
      cmocka_unit_test(test_the_lane_that_feeds_the_others_gets_no_encoder),
      cmocka_unit_test(test_columns_count),
      cmocka_unit_test(test_more_lanes_take_turns_for_smaller_rows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
