/* The protocol's framing, against a server that this test plays over TCP. */
#include "unit.h"

#include "pg/stream.h"
#include "protocol.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#define ROW_BYTES 100

struct server {
  int fd;
  struct buffer script;      /* what it sends */
  useconds_t pause_us;       /* in the middle of it */
  pthread_t thread;
};

/* A connected pair over TCP: the low-water mark means nothing to a Unix socket. */
static void connect_pair(int *client, int *server) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(listener, (struct sockaddr *)&at, len), 0);
  assert_int_equal(listen(listener, 1), 0);
  assert_int_equal(getsockname(listener, (struct sockaddr *)&at, &len), 0);
  *client = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(*client, (struct sockaddr *)&at, len), 0);
  *server = accept(listener, NULL, NULL);
  close(listener);
  fcntl(*client, F_SETFL, O_NONBLOCK);
}

static void add_rows(struct buffer *b, int count) {
  uint8_t row[ROW_BYTES];
  for (int i = 0; i < count; i++) {
    memset(row, i, sizeof row);
    add_message(b, 'd', row, sizeof row);
  }
}

static void *serve(void *context) {
  struct server *s = context;
  size_t half = s->script.len / 2;
  send_bytes(s->fd, s->script.data, half);
  if (s->pause_us) usleep(s->pause_us);
  send_bytes(s->fd, s->script.data + half, s->script.len - half);
  return NULL;
}

static void start(struct server *s, struct pg_stream *stream) {
  int client;
  connect_pair(&client, &s->fd);
  pg_stream_init(stream, client);
  assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void stop(struct server *s, struct pg_stream *stream) {
  close(stream->fd);   /* first: the server may still be sending */
  pthread_join(s->thread, NULL);
  close(s->fd);
  pg_stream_deinit(stream);
  buffer_deinit(&s->script);
}

static int low_water(const struct pg_stream *s) {
  int bytes = 0;
  socklen_t len = sizeof bytes;
  assert_int_equal(getsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, &len), 0);
  return bytes;
}

static uint64_t read_all(struct pg_stream *stream, uint64_t *rows) {
  struct error err;
  const uint8_t *data;
  size_t len;
  uint64_t seen = 0;
  assert_true(pg_stream_copy_begin(stream, &err));
  for (;;) {
    assert_true(pg_stream_copy_next(stream, &data, &len, rows, &err));
    if (!data) return seen;
    assert_int_equal(len, ROW_BYTES);
    assert_int_equal(data[ROW_BYTES - 1], seen % 256);
    seen++;
  }
}

static void check_copy(int count, useconds_t pause_us) {
  struct server s = {.pause_us = pause_us};
  struct pg_stream stream;
  uint64_t rows = 0;
  buffer_init(&s.script, 1 << 24);
  add_copy_response(&s.script);
  add_rows(&s.script, count);
  add_copy_end(&s.script, count);
  start(&s, &stream);
  assert_int_equal(read_all(&stream, &rows), count);
  assert_int_equal(rows, count);
  assert_int_equal(low_water(&stream), 1);   /* libpq, which shares the socket, would wait for more for ever */
  stop(&s, &stream);
}

static void test_a_copy_shorter_than_the_low_water_mark_arrives_whole(void **state) {
  alarm(20);
  check_copy(0, 0);
  check_copy(3, 0);
  check_copy(3, 50000);
  alarm(0);
}

static void test_a_copy_of_many_buffers_arrives_whole_also_after_a_silence(void **state) {
  alarm(20);
  check_copy(50000, 0);
  check_copy(50000, 300000);
  alarm(0);
}

#define LARGE_ROW_BYTES ((size_t)5 << 20)

struct turns { int times; size_t held_most; struct pg_stream *stream; bool refuses; };

static bool before_large(void *context, struct error *err) {
  struct turns *t = context;
  t->times++;
  if (t->stream->capacity > t->held_most) t->held_most = t->stream->capacity;
  return !t->refuses || fail(err, ERR_CANCELLED, "cancelled");
}

/* Rows: small, large, large, small; turns are taken for rows of 4 MiB and more. */
static void read_large(struct turns *turns, uint64_t *seen, struct error *err) {
  struct server s = {0};
  struct pg_stream stream;
  uint8_t *row = calloc(1, LARGE_ROW_BYTES);
  const size_t lengths[] = {ROW_BYTES, LARGE_ROW_BYTES, LARGE_ROW_BYTES - 7, ROW_BYTES};
  buffer_init(&s.script, 1 << 26);
  add_copy_response(&s.script);
  for (size_t i = 0; i < 4; i++) add_message(&s.script, 'd', row, lengths[i]);
  add_copy_end(&s.script, 4);
  free(row);
  start(&s, &stream);
  turns->stream = &stream;
  stream.large_bytes = 4 << 20;
  stream.before_large = before_large;
  stream.large_context = turns;
  const uint8_t *data = NULL;
  size_t len;
  uint64_t rows;
  assert_true(pg_stream_copy_begin(&stream, err));
  for (*seen = 0; pg_stream_copy_next(&stream, &data, &len, &rows, err) && data; (*seen)++)
    assert_int_equal(len, lengths[*seen]);
  if (*seen == 4) assert_true(stream.capacity <= 1 << 20);   /* given back */
  stop(&s, &stream);
}

static void test_before_each_large_row_leave_is_asked_for_while_nothing_large_is_held(void **state) {
  struct turns turns = {0};
  struct error err;
  uint64_t seen;
  alarm(20);
  read_large(&turns, &seen, &err);
  assert_int_equal(seen, 4);
  assert_int_equal(turns.times, 2);
  assert_true(turns.held_most <= 1 << 20);
  alarm(0);
}

static void test_a_large_row_that_may_not_be_received_ends_the_copy(void **state) {
  struct turns turns = {.refuses = true};
  struct error err;
  uint64_t seen;
  alarm(20);
  read_large(&turns, &seen, &err);
  assert_int_equal(seen, 1);
  assert_int_equal(err.code, ERR_CANCELLED);
  alarm(0);
}

struct asked { int times; bool is_alive; };

static bool on_silence(void *context, struct error *err) {
  struct asked *asked = context;
  asked->times++;
  return asked->is_alive || fail(err, ERR_SOURCE_LOST, "its process is gone");
}

/* A server that sends a COPY of `count` rows, half of them after a pause. */
static void start_copy(struct server *s, struct pg_stream *stream, int count, struct asked *asked,
                       int silence_ms) {
  buffer_init(&s->script, 1 << 24);
  add_copy_response(&s->script);
  add_rows(&s->script, count);
  add_copy_end(&s->script, count);
  start(s, stream);
  stream->silence_ms = silence_ms;
  stream->on_silence = on_silence;
  stream->context = asked;
}

static void test_a_server_that_is_silent_but_alive_is_waited_for(void **state) {
  struct server s = {.pause_us = 600000};
  struct pg_stream stream;
  struct asked asked = {.is_alive = true};
  uint64_t rows;
  alarm(20);
  start_copy(&s, &stream, 1000, &asked, 50);
  assert_int_equal(read_all(&stream, &rows), 1000);
  assert_true(asked.times >= 2);
  alarm(0);
  stop(&s, &stream);
}

static void test_a_silent_server_whose_process_is_gone_is_lost(void **state) {
  struct server s = {.pause_us = 600000};
  struct pg_stream stream;
  struct asked asked = {0};
  struct error err;
  const uint8_t *data;
  size_t len;
  uint64_t rows;
  alarm(20);
  start_copy(&s, &stream, 1000, &asked, 50);
  assert_true(pg_stream_copy_begin(&stream, &err));
  while (pg_stream_copy_next(&stream, &data, &len, &rows, &err)) assert_non_null(data);
  assert_int_equal(err.code, ERR_SOURCE_LOST);
  assert_string_equal(err.message, "its process is gone");
  assert_int_equal(asked.times, 1);
  alarm(0);
  stop(&s, &stream);
}

static void test_own_pauses_for_a_rate_limit_are_no_silence_and_all_bytes_are_booked(void **state) {
  struct server s = {0};
  struct pg_stream stream;
  struct asked asked = {0};
  struct rate rate;
  uint64_t rows;
  alarm(20);
  rate_init(&rate, RATE_MIN, NULL);
  start_copy(&s, &stream, 300, &asked, 30);
  stream.rate = &rate;
  assert_int_equal(read_all(&stream, &rows), 300);
  assert_int_equal(asked.times, 0);
  assert_true(atomic_load(&rate.pauses) >= 5);   /* of 4096 bytes each */
  assert_int_equal(atomic_load(&rate.bytes) + stream.unpaid, s.script.len);
  alarm(0);
  stop(&s, &stream);
  rate_deinit(&rate);
}

static void test_a_cancelled_copy_does_not_wait_for_ever_for_the_server_to_stop(void **state) {
  struct server s = {.pause_us = 6000000};
  struct pg_stream stream;
  struct cancel cancel = {true};
  struct error err;
  const uint8_t *data;
  size_t len;
  uint64_t rows;
  alarm(20);
  start_copy(&s, &stream, 1000, NULL, PG_SILENCE_MS);
  stream.cancel = &cancel;
  assert_true(pg_stream_copy_begin(&stream, &err));
  while (pg_stream_copy_next(&stream, &data, &len, &rows, &err)) assert_non_null(data);
  assert_int_equal(err.code, ERR_CANCELLED);
  alarm(0);
  stop(&s, &stream);
}

static void test_an_error_in_the_middle_lets_the_connection_be_used_again(void **state) {
  struct server s = {0};
  struct pg_stream stream;
  struct error err;
  const uint8_t *data;
  size_t len;
  uint64_t rows;
  buffer_init(&s.script, 1 << 20);
  add_copy_response(&s.script);
  add_rows(&s.script, 1);
  add_report(&s.script, 'E', "57014", "canceling statement");
  add_message(&s.script, 'Z', "E", 1);
  start(&s, &stream);
  alarm(20);
  assert_true(pg_stream_copy_begin(&stream, &err));
  assert_true(pg_stream_copy_next(&stream, &data, &len, &rows, &err));
  assert_true(low_water(&stream) > 1);
  assert_false(pg_stream_copy_next(&stream, &data, &len, &rows, &err));
  assert_string_equal(err.sqlstate, "57014");
  assert_int_equal(low_water(&stream), 1);
  alarm(0);
  stop(&s, &stream);
}

static void test_a_stream_that_ends_before_its_count_is_lost(void **state) {
  struct server s = {0};
  struct pg_stream stream;
  struct error err;
  const uint8_t *data;
  size_t len;
  uint64_t rows;
  buffer_init(&s.script, 1 << 20);
  add_copy_response(&s.script);
  add_rows(&s.script, 2);
  start(&s, &stream);
  assert_true(pg_stream_copy_begin(&stream, &err));
  assert_true(pg_stream_copy_next(&stream, &data, &len, &rows, &err));
  assert_true(pg_stream_copy_next(&stream, &data, &len, &rows, &err));
  pthread_join(s.thread, NULL);
  shutdown(s.fd, SHUT_WR);
  assert_false(pg_stream_copy_next(&stream, &data, &len, &rows, &err));
  assert_int_equal(err.code, ERR_SOURCE_LOST);
  close(stream.fd);
  close(s.fd);
  pg_stream_deinit(&stream);
  buffer_deinit(&s.script);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_copy_shorter_than_the_low_water_mark_arrives_whole),
      cmocka_unit_test(test_a_copy_of_many_buffers_arrives_whole_also_after_a_silence),
      cmocka_unit_test(test_before_each_large_row_leave_is_asked_for_while_nothing_large_is_held),
      cmocka_unit_test(test_a_large_row_that_may_not_be_received_ends_the_copy),
      cmocka_unit_test(test_a_server_that_is_silent_but_alive_is_waited_for),
      cmocka_unit_test(test_a_silent_server_whose_process_is_gone_is_lost),
      cmocka_unit_test(test_own_pauses_for_a_rate_limit_are_no_silence_and_all_bytes_are_booked),
      cmocka_unit_test(test_a_cancelled_copy_does_not_wait_for_ever_for_the_server_to_stop),
      cmocka_unit_test(test_an_error_in_the_middle_lets_the_connection_be_used_again),
      cmocka_unit_test(test_a_stream_that_ends_before_its_count_is_lost),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
