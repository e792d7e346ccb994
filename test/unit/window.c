/* The ordered hand-over: what comes out, what stays bounded, and that nobody waits for ever. */
#include "unit.h"

#include "export/window.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define CHUNK_BYTES 64
#define PATIENCE_S 30   /* a test that hangs is killed: alarm's default action */

/* What a test's lanes do: splits are dealt out as the engine does, each yields a known run of chunks. */
struct work {
  struct window *window;
  uint64_t split_count;
  int (*chunks_of)(uint64_t split);
  void (*pace)(struct work *work, int lane, uint64_t split);
  pthread_mutex_t mutex;
  uint64_t next;
  atomic_int refused;     /* calls that returned false */
};

struct hand { struct work *work; int lane; };

static void no_pace(struct work *work, int lane, uint64_t split) {}

static bool put_chunks(struct work *work, int lane, uint64_t split) {
  for (int i = 0; i < work->chunks_of(split); i++) {
    struct chunk *c;
    if (!window_get(work->window, lane, &c)) return false;
    c->split = split;
    c->rows = (uint64_t)i;
    buffer_append(&c->bytes, &split, sizeof split);
    work->pace(work, lane, split);
    if (!window_put(work->window, c)) return false;
  }
  return window_split_done(work->window, lane, split);
}

static void *lane_main(void *argument) {
  const struct hand *hand = argument;
  struct work *work = hand->work;
  for (;;) {
    pthread_mutex_lock(&work->mutex);
    uint64_t split = work->next++;
    pthread_mutex_unlock(&work->mutex);
    if (split >= work->split_count) return NULL;
    work->pace(work, hand->lane, split);
    if (!put_chunks(work, hand->lane, split)) {
      atomic_fetch_add(&work->refused, 1);
      return NULL;
    }
  }
}

static void start(struct work *work, struct hand *hands, pthread_t *threads, int lanes) {
  pthread_mutex_init(&work->mutex, NULL);
  for (int i = 0; i < lanes; i++) {
    hands[i] = (struct hand){work, i};
    assert_int_equal(pthread_create(&threads[i], NULL, lane_main, &hands[i]), 0);
  }
}

static void stop(struct work *work, pthread_t *threads, int lanes) {
  for (int i = 0; i < lanes; i++) pthread_join(threads[i], NULL);
  pthread_mutex_destroy(&work->mutex);
  window_free(work->window, NULL);
}

static struct window *new_window(int lanes, int chunks_per_lane) {
  struct error err;
  struct window *w = window_new(lanes, chunks_per_lane, CHUNK_BYTES, CHUNK_BYTES, 1 << 20, &err);
  assert_non_null(w);
  return w;
}

/* Takes everything and checks that each split's chunks come whole and in order, behind those of the split before. */
static void take_in_order(struct work *work) {
  uint64_t split = 0;
  int seen = 0;
  for (;;) {
    struct chunk *c;
    assert_true(window_take(work->window, work->split_count, &c));
    while (split < work->split_count && seen == work->chunks_of(split)) {
      split++;
      seen = 0;
    }
    if (!c) break;
    assert_int_equal(c->split, split);
    assert_int_equal(c->rows, seen++);
    assert_memory_equal(c->bytes.data, &split, sizeof split);
    window_give_back(work->window, c);
  }
  assert_int_equal(split, work->split_count);
}

static void check_order(int lanes, int chunks_per_lane, uint64_t split_count,
                        int (*chunks_of)(uint64_t split),
                        void (*pace)(struct work *work, int lane, uint64_t split)) {
  struct work work = {new_window(lanes, chunks_per_lane), split_count, chunks_of, pace};
  struct hand hands[WINDOW_LANES_MAX];
  pthread_t threads[WINDOW_LANES_MAX];
  alarm(PATIENCE_S);
  start(&work, hands, threads, lanes);
  take_in_order(&work);
  stop(&work, threads, lanes);
  assert_int_equal(work.refused, 0);
  alarm(0);
}

static uint32_t scramble(uint64_t x) { return (uint32_t)((x + 1) * 0x9E3779B97F4A7C15u >> 40); }

static int one_chunk(uint64_t split) { return 1; }
static int none_to_six(uint64_t split) { return (int)(scramble(split) % 7); }
static int no_chunk(uint64_t split) { return 0; }
static int only_the_last(uint64_t split) { return split == 4999 ? 3 : 0; }

static void random_pace(struct work *work, int lane, uint64_t split) {
  uint32_t r = scramble(split * 64 + (uint64_t)lane);
  if (r % 8 == 0) usleep(r % 300);
}

static void test_chunks_come_in_the_order_of_their_splits_whatever_the_lanes_speed(void **state) {
  check_order(1, 1, 200, none_to_six, no_pace);
  check_order(8, 2, 2000, none_to_six, random_pace);
  check_order(64, 4, 3000, none_to_six, random_pace);
  check_order(5, 1, 1000, one_chunk, random_pace);
}

static void test_more_empty_splits_than_a_queue_holds_pass(void **state) {
  check_order(1, 4, 5000, no_chunk, no_pace);
  check_order(4, 4, 5000, no_chunk, random_pace);
  check_order(4, 2, 5000, only_the_last, no_pace);
  check_order(2, 2, 0, no_chunk, no_pace);
}

/* The lane of split 0 sleeps until the others have run as far ahead as they can. */
static void first_split_is_late(struct work *work, int lane, uint64_t split) {
  if (split == 0) usleep(200000);
}

static void test_lanes_that_are_far_ahead_wait_for_the_late_one_and_nothing_deadlocks(void **state) {
  check_order(4, 3, 800, one_chunk, first_split_is_late);
  check_order(4, 3, 3000, no_chunk, first_split_is_late);
}

static void test_a_lane_gets_no_more_chunks_than_its_share(void **state) {
  struct window *w = new_window(2, 3);
  struct chunk *c[3], *other;
  for (int i = 0; i < 3; i++) assert_true(window_get(w, 0, &c[i]));
  assert_true(window_get(w, 1, &other));   /* another lane's share is its own */
  assert_int_equal(other->lane, 1);
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < i; k++) assert_ptr_not_equal(c[i], c[k]);
  window_free(w, NULL);
}

struct asker {
  struct window *window;
  atomic_bool got;
  bool answer;
};

static void *get_one(void *argument) {
  struct asker *a = argument;
  struct chunk *c;
  a->answer = window_get(a->window, 0, &c);
  atomic_store(&a->got, true);
  return NULL;
}

static struct chunk *put_one(struct window *w, int lane, uint64_t split, size_t bytes) {
  struct chunk *c;
  assert_true(window_get(w, lane, &c));
  c->split = split;
  if (bytes) assert_non_null(buffer_reserve(&c->bytes, bytes));
  memset(c->bytes.data, 'x', bytes);
  c->bytes.len = bytes;
  assert_true(window_put(w, c));
  return c;
}

/* A lane whose share is used up waits until the writer gives a chunk back, and then goes on. */
static void check_waits_for_the_writer(struct window *w) {
  struct asker asker = {.window = w};
  pthread_t thread;
  struct chunk *c;
  alarm(PATIENCE_S);
  assert_int_equal(pthread_create(&thread, NULL, get_one, &asker), 0);
  usleep(50000);
  assert_false(atomic_load(&asker.got));
  assert_true(window_take(w, 1, &c));
  usleep(20000);
  assert_false(atomic_load(&asker.got));   /* taken is not yet written */
  window_give_back(w, c);
  pthread_join(thread, NULL);
  assert_true(asker.answer);
  alarm(0);
  window_free(w, NULL);
}

static void test_a_lane_whose_chunks_are_all_on_their_way_waits_for_the_writer(void **state) {
  struct window *w = new_window(1, 2);
  put_one(w, 0, 0, 8);
  put_one(w, 0, 0, 8);
  check_waits_for_the_writer(w);
}

static void test_a_share_is_bounded_in_bytes_also_where_rows_are_large(void **state) {
  struct window *w = new_window(1, 16);
  put_one(w, 0, 0, 16 * CHUNK_BYTES);
  check_waits_for_the_writer(w);
}

static void test_one_chunk_larger_than_the_share_passes(void **state) {
  struct window *w = new_window(1, 2);
  struct chunk *c;
  alarm(PATIENCE_S);
  for (int i = 0; i < 4; i++) {
    put_one(w, 0, 0, 100 * CHUNK_BYTES);
    assert_true(window_take(w, 1, &c));
    assert_int_equal(c->bytes.len, 100 * CHUNK_BYTES);
    if (i % 2) buffer_deinit(&c->bytes);   /* a writer may free what it has written */
    window_give_back(w, c);
  }
  alarm(0);
  window_free(w, NULL);
}

static void test_a_chunk_comes_back_empty_and_no_larger_than_agreed(void **state) {
  struct window *w = new_window(1, 1);
  struct chunk *c;
  put_one(w, 0, 0, 4096);
  assert_true(window_take(w, 1, &c));
  c->begins_part = true;
  c->rows = 7;
  window_give_back(w, c);
  assert_true(window_get(w, 0, &c));
  assert_int_equal(c->bytes.len, 0);
  assert_true(c->bytes.capacity <= CHUNK_BYTES);
  assert_int_equal(c->rows, 0);
  assert_false(c->begins_part);
  window_free(w, NULL);
}

static void *take_one(void *argument) {
  struct asker *a = argument;
  struct chunk *c;
  a->answer = window_take(a->window, 10, &c);
  return NULL;
}

static void *end_splits(void *argument) {
  struct asker *a = argument;
  for (uint64_t split = 1; (a->answer = window_split_done(a->window, 1, split)); split++) continue;
  return NULL;
}

static void test_abort_wakes_whoever_waits_and_refuses_every_later_call(void **state) {
  struct window *w = new_window(2, 1);
  struct asker getter = {.window = w, .answer = true}, taker = {.window = w, .answer = true}, ender = {.window = w};
  pthread_t threads[3];
  struct chunk *c;
  alarm(PATIENCE_S);
  assert_true(window_get(w, 0, &c));
  c->split = 0;
  assert_int_equal(pthread_create(&threads[0], NULL, get_one, &getter), 0);     /* the share is used up */
  assert_int_equal(pthread_create(&threads[1], NULL, take_one, &taker), 0);     /* nothing is there */
  assert_int_equal(pthread_create(&threads[2], NULL, end_splits, &ender), 0);   /* until the queue is full */
  usleep(50000);
  window_abort(w);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  assert_false(getter.answer);
  assert_false(taker.answer);
  assert_false(ender.answer);
  assert_false(window_put(w, c));
  assert_false(window_get(w, 1, &c));
  assert_false(window_split_done(w, 0, 0));
  assert_false(window_take(w, 10, &c));
  assert_null(c);
  window_free(w, NULL);
  alarm(0);
}

static void test_abort_in_full_flight_ends_every_lane(void **state) {
  struct work work = {new_window(8, 2), UINT64_MAX, none_to_six, random_pace};
  struct hand hands[8];
  pthread_t threads[8];
  struct chunk *c;
  alarm(PATIENCE_S);
  start(&work, hands, threads, 8);
  for (int i = 0; i < 500; i++) {
    assert_true(window_take(work.window, work.split_count, &c));
    window_give_back(work.window, c);
  }
  window_abort(work.window);
  stop(&work, threads, 8);
  assert_int_equal(work.refused, 8);
  alarm(0);
}

static int metas_freed;
static void free_meta(void *meta) {
  metas_freed++;
  free(meta);
}

static void test_what_was_never_written_is_freed_with_the_window(void **state) {
  struct window *w = new_window(2, 2);
  struct chunk *c;
  metas_freed = 0;
  for (int i = 0; i < 2; i++) {
    assert_true(window_get(w, 0, &c));
    c->split = 5;
    c->meta = malloc(8);
    if (i == 0) assert_true(window_put(w, c));   /* one on its way, one still in the lane's hands */
  }
  window_abort(w);
  window_free(w, free_meta);
  assert_int_equal(metas_freed, 2);
}

struct waiter { struct window *window; uint64_t split; atomic_bool came; bool ok; };

static void *wait_for_head(void *context) {
  struct waiter *w = context;
  w->ok = window_wait_head(w->window, w->split);
  atomic_store(&w->came, true);
  return NULL;
}

static void test_a_lane_waits_until_its_split_is_the_one_that_is_written(void **state) {
  struct error err;
  struct chunk *c;
  pthread_t thread;
  struct waiter waiter = {.window = window_new(2, 2, CHUNK_BYTES, CHUNK_BYTES, 1 << 20, &err), .split = 1};
  alarm(PATIENCE_S);
  assert_true(window_wait_head(waiter.window, 0));   /* at once */
  pthread_create(&thread, NULL, wait_for_head, &waiter);
  usleep(20000);
  assert_false(atomic_load(&waiter.came));
  assert_true(window_split_done(waiter.window, 0, 0));
  assert_true(window_split_done(waiter.window, 1, 1));
  assert_true(window_take(waiter.window, 1, &c));
  pthread_join(thread, NULL);
  assert_true(waiter.ok);
  window_free(waiter.window, NULL);
  alarm(0);
}

static void test_abort_ends_the_wait_for_a_turn(void **state) {
  struct error err;
  pthread_t thread;
  struct waiter waiter = {.window = window_new(2, 2, CHUNK_BYTES, CHUNK_BYTES, 1 << 20, &err), .split = 1};
  alarm(PATIENCE_S);
  pthread_create(&thread, NULL, wait_for_head, &waiter);
  usleep(20000);
  window_abort(waiter.window);
  pthread_join(thread, NULL);
  assert_false(waiter.ok);
  window_free(waiter.window, NULL);
  alarm(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunks_come_in_the_order_of_their_splits_whatever_the_lanes_speed),
      cmocka_unit_test(test_more_empty_splits_than_a_queue_holds_pass),
      cmocka_unit_test(test_lanes_that_are_far_ahead_wait_for_the_late_one_and_nothing_deadlocks),
      cmocka_unit_test(test_a_lane_gets_no_more_chunks_than_its_share),
      cmocka_unit_test(test_a_lane_whose_chunks_are_all_on_their_way_waits_for_the_writer),
      cmocka_unit_test(test_a_share_is_bounded_in_bytes_also_where_rows_are_large),
      cmocka_unit_test(test_one_chunk_larger_than_the_share_passes),
      cmocka_unit_test(test_a_chunk_comes_back_empty_and_no_larger_than_agreed),
      cmocka_unit_test(test_abort_wakes_whoever_waits_and_refuses_every_later_call),
      cmocka_unit_test(test_abort_in_full_flight_ends_every_lane),
      cmocka_unit_test(test_what_was_never_written_is_freed_with_the_window),
      cmocka_unit_test(test_a_lane_waits_until_its_split_is_the_one_that_is_written),
      cmocka_unit_test(test_abort_ends_the_wait_for_a_turn),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
