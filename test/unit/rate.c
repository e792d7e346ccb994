/* The rate limit, by a clock that the test drives. */
#include "unit.h"

#include "base/rate.h"

#include <unistd.h>

#define SECOND UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define MB UINT64_C(1000000)

/* One reader that takes `pieces` of rising size and works on each for work_ns. Gives the bytes; *now moves on. */
static uint64_t read_at_limit(struct rate *r, int pieces, uint64_t work_ns, uint64_t *now) {
  uint64_t bytes = 0;
  for (int i = 0; i < pieces; i++) {
    uint64_t piece = 1000 + 317 * (uint64_t)(i % 100);
    bytes += piece;
    *now += rate_book(r, piece, *now);
    *now += work_ns;
  }
  return bytes;
}

static void assert_about(double got, double wanted, double tolerance) {
  if (got < wanted * (1 - tolerance) || got > wanted * (1 + tolerance))
    print_error("%g, not %g\n", got, wanted);
  assert_true(got >= wanted * (1 - tolerance) && got <= wanted * (1 + tolerance));
}

static void test_the_average_is_exact_whatever_the_sizes(void **state) {
  static const uint64_t rates[] = {RATE_MIN, 1 * MB, 7654321, 1000 * MB};
  for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
    struct rate r;
    uint64_t start = 5 * SECOND, now = start;
    rate_init(&r, rates[i], NULL);
    uint64_t bytes = read_at_limit(&r, 10000, 0, &now);
    assert_about((double)bytes * 1e9 / (double)(now - start), (double)rates[i], 0.001);
    assert_int_equal(atomic_load(&r.bytes), bytes);
    rate_deinit(&r);
  }
}

static void test_work_between_two_pieces_counts_as_waiting(void **state) {
  struct rate r;
  uint64_t start = 5 * SECOND, now = start;
  rate_init(&r, 1 * MB, NULL);
  uint64_t bytes = read_at_limit(&r, 10000, 1 * MS / 2, &now);   /* a piece of 17 KB is worth 17 ms */
  assert_about((double)bytes * 1e9 / (double)(now - start), 1e6, 0.001);
  rate_deinit(&r);
}

static void test_what_nobody_took_is_saved_up_for_a_tenth_of_a_second_only(void **state) {
  struct rate r;
  rate_init(&r, 10 * MB, NULL);
  (void)rate_book(&r, 1, 5 * SECOND);
  /* an hour later: of one second's bytes, a tenth is free */
  assert_int_equal(rate_book(&r, 10 * MB, 3605 * SECOND) / MS, 900);
  rate_deinit(&r);
}

static void test_the_first_bytes_wait_like_all_others(void **state) {
  struct rate r;
  rate_init(&r, 10 * MB, NULL);
  assert_int_equal(rate_book(&r, 10 * MB, 5 * SECOND), SECOND);
  rate_deinit(&r);
}

static void test_readers_share_a_limit_and_each_waits_for_the_bytes_of_all(void **state) {
  struct rate r;
  rate_init(&r, 4 * MB, NULL);
  for (uint64_t reader = 1; reader <= 4; reader++)
    assert_int_equal(rate_book(&r, 1 * MB, 5 * SECOND), reader * SECOND / 4);
  rate_deinit(&r);
}

static void test_of_two_limits_the_lower_one_counts_and_the_upper_one_is_shared(void **state) {
  struct rate service, slow, fast;
  rate_init(&service, 10 * MB, NULL);
  rate_init(&slow, 1 * MB, &service);
  rate_init(&fast, 0, &service);
  assert_int_equal(rate_limit(&slow), 1 * MB);
  assert_int_equal(rate_limit(&fast), 10 * MB);
  assert_int_equal(rate_book(&slow, 1 * MB, 5 * SECOND), SECOND);
  /* what the slow one took is missing here: 10 MB are free only after its 1 MB */
  assert_int_equal(rate_book(&fast, 10 * MB, 5 * SECOND), SECOND + SECOND / 10);
  rate_deinit(&fast);
  rate_deinit(&slow);
  rate_deinit(&service);
}

static void test_without_a_limit_nothing_waits_and_everything_is_counted(void **state) {
  struct rate r;
  struct error err;
  struct cancel cancel = {true};   /* nobody would look at it */
  rate_init(&r, 0, NULL);
  assert_true(rate_limit(&r) == 0 && rate_piece(&r) == SIZE_MAX);
  assert_int_equal(rate_book(&r, 1000 * MB, SECOND), 0);
  assert_true(rate_pay(&r, 1000 * MB, &cancel, &err));
  assert_int_equal(atomic_load(&r.bytes), 2000 * MB);
  assert_int_equal(atomic_load(&r.pauses), 0);
  rate_deinit(&r);
}

static void test_pieces_are_so_small_that_no_pause_is_long(void **state) {
  for (uint64_t rate = RATE_MIN; rate <= RATE_MAX; rate *= 3) {
    struct rate r;
    rate_init(&r, rate, NULL);
    size_t piece = rate_piece(&r);
    assert_true(piece > 0);
    assert_true(rate_book(&r, piece, 5 * SECOND) <= 125 * MS);
    rate_deinit(&r);
  }
}

static void *cancel_soon(void *cancel) {
  usleep(20000);
  cancel_request(cancel);
  return NULL;
}

static void test_a_pause_ends_with_a_cancellation(void **state) {
  struct rate r;
  struct error err;
  struct cancel cancel = {false};
  pthread_t thread;
  rate_init(&r, RATE_MIN, NULL);
  alarm(20);
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
  assert_false(rate_pay(&r, 3600 * RATE_MIN, &cancel, &err));   /* an hour's */
  assert_int_equal(err.code, ERR_CANCELLED);
  assert_int_equal(atomic_load(&r.pauses), 1);
  pthread_join(thread, NULL);
  alarm(0);
  rate_deinit(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_average_is_exact_whatever_the_sizes),
      cmocka_unit_test(test_work_between_two_pieces_counts_as_waiting),
      cmocka_unit_test(test_what_nobody_took_is_saved_up_for_a_tenth_of_a_second_only),
      cmocka_unit_test(test_the_first_bytes_wait_like_all_others),
      cmocka_unit_test(test_readers_share_a_limit_and_each_waits_for_the_bytes_of_all),
      cmocka_unit_test(test_of_two_limits_the_lower_one_counts_and_the_upper_one_is_shared),
      cmocka_unit_test(test_without_a_limit_nothing_waits_and_everything_is_counted),
      cmocka_unit_test(test_pieces_are_so_small_that_no_pause_is_long),
      cmocka_unit_test(test_a_pause_ends_with_a_cancellation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
