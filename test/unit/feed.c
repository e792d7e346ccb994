#include "unit.h"

#include "export/feed.h"

#include <pthread.h>

static struct batch *get(struct feed *f) {
  struct batch *b;
  assert_true(feed_get(f, &b));
  return b;
}

static void fill(struct batch *b, size_t bytes, uint64_t rows) {
  for (size_t i = 0; i < bytes; i++) buffer_append_byte(&b->rows, (uint8_t)rows);
  b->row_count = rows;
}

static void test_batches_come_in_order_and_know_how_many_rows_were_before(void **state) {
  struct error err;
  struct feed *f = feed_new(3, &err);
  assert_non_null(f);
  for (uint64_t i = 0; i < 10; i++) {
    struct batch *b = get(f), *taken;
    fill(b, 10, i + 1);
    assert_true(feed_put(f, b));
    assert_true(feed_take(f, &taken));
    assert_int_equal(taken->index, i);
    assert_int_equal(taken->row_count, i + 1);
    assert_int_equal(taken->rows_before, i * (i + 1) / 2);
    feed_give_back(f, taken);
  }
  struct batch *end;
  assert_int_equal(feed_end(f), 10);
  assert_true(feed_take(f, &end));
  assert_null(end);
  feed_free(f);
}

static void test_a_batch_without_rows_is_none(void **state) {
  struct error err;
  struct feed *f = feed_new(2, &err);
  assert_true(feed_put(f, get(f)));
  assert_int_equal(feed_end(f), 0);
  struct batch *b;
  assert_true(feed_take(f, &b));
  assert_null(b);
  feed_free(f);
}

struct other { struct feed *feed; struct batch *batch; bool ok; bool done; };

static void *put_in_thread(void *argument) {
  struct other *o = argument;
  o->ok = feed_put(o->feed, o->batch);
  __atomic_store_n(&o->done, true, __ATOMIC_SEQ_CST);
  return NULL;
}

static void test_a_large_batch_waits_until_it_is_the_only_one(void **state) {
  struct error err;
  struct feed *f = feed_new(3, &err);
  struct batch *small = get(f), *large = get(f), *taken;
  fill(small, 10, 1);
  fill(large, 2 * FEED_BATCH_BYTES + 1, 1);
  assert_true(feed_put(f, small));
  struct other o = {.feed = f, .batch = large};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, put_in_thread, &o), 0);
  assert_true(feed_take(f, &taken));
  assert_ptr_equal(taken, small);
  assert_false(__atomic_load_n(&o.done, __ATOMIC_SEQ_CST));
  feed_give_back(f, taken);
  assert_true(feed_take(f, &taken));
  assert_ptr_equal(taken, large);
  pthread_join(thread, NULL);
  assert_true(o.ok);
  feed_give_back(f, taken);
  assert_true(large->rows.capacity <= FEED_BATCH_BYTES + FEED_SLACK_BYTES);
  assert_true(feed_drain(f));
  feed_free(f);
}

static void *drain_in_thread(void *argument) {
  struct other *o = argument;
  o->ok = feed_drain(o->feed);
  return NULL;
}

static void test_an_abort_ends_every_wait(void **state) {
  struct error err;
  struct feed *f = feed_new(1, &err);
  struct batch *b = get(f), *none;
  fill(b, 10, 1);
  assert_true(feed_put(f, b));
  struct other o = {.feed = f, .ok = true};
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, drain_in_thread, &o), 0);
  feed_abort(f);
  pthread_join(thread, NULL);
  assert_false(o.ok);
  assert_false(feed_get(f, &none));
  assert_false(feed_take(f, &none));
  assert_false(feed_drain(f));
  feed_free(f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_batches_come_in_order_and_know_how_many_rows_were_before),
      cmocka_unit_test(test_a_batch_without_rows_is_none),
      cmocka_unit_test(test_a_large_batch_waits_until_it_is_the_only_one),
      cmocka_unit_test(test_an_abort_ends_every_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
