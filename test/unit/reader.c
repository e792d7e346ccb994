/* The reader of one COPY, against every way in which a server's answer can be wrong or end too early. */
#include "unit.h"

#include "pg/internal.h"
#include "protocol.h"
#include "source/reader.h"

#include <pthread.h>
#include <unistd.h>

#define COLUMNS 2
#define ROWS 5
#define PATIENCE_S 30

/* A connection whose other end is a socket that the test writes to. */
struct fixture {
  struct pg pg;
  struct reader reader;
  int server;
  struct buffer script;
};

static void open_fixture(struct fixture *f) {
  int fds[2];
  *f = (struct fixture){.pg = {.use_stream = true}};
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  pg_stream_init(&f->pg.stream, fds[0]);
  f->server = fds[1];
  buffer_init(&f->script, 1 << 26);
  alarm(PATIENCE_S);
}

static void close_fixture(struct fixture *f) {
  reader_close(&f->reader);
  close(f->pg.stream.fd);
  if (f->server >= 0) close(f->server);
  pg_stream_deinit(&f->pg.stream);
  buffer_deinit(&f->script);
  alarm(0);
}

/* The server sends its script up to len, and nothing more ever. */
static void send_script(struct fixture *f, size_t len) {
  send_bytes(f->server, f->script.data, len);
  shutdown(f->server, SHUT_WR);
}

/* Row i: its number as int4, and a text of i bytes or NULL. */
static void add_row(struct buffer *b, uint32_t i) {
  add_u16(b, COLUMNS);
  add_u32(b, 4);
  add_u32(b, i);
  add_u32(b, i % 3 == 2 ? UINT32_MAX : i);
  for (uint32_t k = 0; k < i && i % 3 != 2; k++) buffer_append_byte(b, 'x');
}

static void add_row_message(struct buffer *b, uint32_t i) {
  struct buffer row;
  buffer_init(&row, 1 << 20);
  add_row(&row, i);
  add_message(b, 'd', row.data, row.len);
  buffer_deinit(&row);
}

static void add_rows(struct buffer *b, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) add_row_message(b, i);
}

static void add_whole_copy(struct buffer *b) {
  add_copy_response(b);
  add_copy_header(b);
  add_rows(b, ROWS);
  add_copy_trailer(b);
  add_copy_end(b, ROWS);
}

static void check_row(const struct cell *cells, uint64_t i) {
  assert_int_equal(cells[0].len, 4);
  assert_int_equal(load_be32(cells[0].data), i);
  assert_int_equal(cells[1].len, i % 3 == 2 ? -1 : (int)i);
}

/* Reads to the end or to an error. *rows: how many came. */
static bool read_all(struct fixture *f, uint64_t *rows, struct error *err) {
  struct cell cells[COLUMNS];
  bool got = true;
  *rows = 0;
  if (!reader_open(&f->reader, &f->pg, "COPY t", COLUMNS, err)) return false;
  while (reader_next(&f->reader, cells, &got, err)) {
    if (!got) return true;
    check_row(cells, (*rows)++);
  }
  return false;
}

static void assert_reads(struct fixture *f, uint64_t rows) {
  struct error err = {0};
  uint64_t seen;
  send_script(f, f->script.len);
  bool ok = read_all(f, &seen, &err);
  assert_string_equal(err.message, "");
  assert_true(ok);
  assert_int_equal(seen, rows);
}

static void assert_fails(struct fixture *f, enum error_code code, const char *says) {
  struct error err = {0};
  uint64_t seen;
  send_script(f, f->script.len);
  assert_false(read_all(f, &seen, &err));
  assert_int_equal(err.code, code);
  if (!strstr(err.message, says)) assert_string_equal(err.message, says);
}

static void test_the_query_is_sent_and_its_rows_are_read(void **state) {
  struct fixture f;
  uint8_t sent[64];
  open_fixture(&f);
  add_whole_copy(&f.script);
  assert_reads(&f, ROWS);
  assert_int_equal(f.reader.row_count, ROWS);
  assert_int_equal(recv(f.server, sent, sizeof sent, 0), 12);
  assert_memory_equal(sent, "Q\0\0\0\013COPY t\0", 12);
  close_fixture(&f);
}

static void test_an_answer_cut_at_any_byte_is_lost_and_never_an_end(void **state) {
  size_t whole = 1;
  for (size_t len = 0; len < whole; len++) {
    struct fixture f;
    struct error err = {0};
    uint64_t seen;
    open_fixture(&f);
    add_whole_copy(&f.script);
    whole = f.script.len;
    send_script(&f, len);
    assert_false(read_all(&f, &seen, &err));
    assert_int_equal(err.code, ERR_SOURCE_LOST);
    assert_true(seen <= ROWS);
    close_fixture(&f);
  }
}

static void *drip(void *context) {
  struct fixture *f = context;
  for (size_t i = 0; i < f->script.len; i++) {
    send_bytes(f->server, f->script.data + i, 1);
    if (i % 16 == 0) usleep(100);
  }
  return NULL;
}

static void test_an_answer_that_comes_byte_by_byte_is_the_same(void **state) {
  struct fixture f;
  pthread_t thread;
  struct error err;
  uint64_t seen;
  open_fixture(&f);
  add_whole_copy(&f.script);
  assert_int_equal(pthread_create(&thread, NULL, drip, &f), 0);
  assert_true(read_all(&f, &seen, &err));
  assert_int_equal(seen, ROWS);
  pthread_join(thread, NULL);
  close_fixture(&f);
}

/* The messages of a whole COPY, one by one: index 0 is CopyOutResponse. */
#define MESSAGES (3 + ROWS + 3)
static void add_messages(struct buffer *to, int from, int count) {
  struct buffer all;
  buffer_init(&all, 1 << 20);
  add_whole_copy(&all);
  for (size_t at = 0, i = 0; at < all.len; i++) {
    size_t len = load_be32(all.data + at + 1) + 1;
    if ((int)i >= from && (int)i < from + count) buffer_append(to, all.data + at, len);
    at += len;
  }
  buffer_deinit(&all);
}

static void test_an_error_between_any_two_messages_is_the_servers_word(void **state) {
  for (int before = 0; before < MESSAGES - 1; before++) {
    struct fixture f;
    struct error err = {0};
    uint64_t seen;
    open_fixture(&f);
    add_messages(&f.script, 0, before);
    add_report(&f.script, 'E', "57014", "canceling statement\ndue to\tuser request");
    add_message(&f.script, 'Z', "E", 1);
    send_script(&f, f.script.len);
    assert_false(read_all(&f, &seen, &err));
    assert_int_equal(err.code, ERR_SOURCE);
    assert_string_equal(err.sqlstate, "57014");
    assert_string_equal(err.message, "cannot read: canceling statement due to user request");
    assert_int_equal(f.pg.stream.at, f.pg.stream.end);   /* ReadyForQuery is read: the connection can go on */
    close_fixture(&f);
  }
}

static void test_an_error_that_a_new_attempt_may_mend_says_so(void **state) {
  static const char *const lost[] = {"57P01", "40001", "08006", "53300", "25P03"};
  static const char *const final[] = {"53100", "42501", "57014", "40P01", "XX000"};
  for (size_t i = 0; i < 5; i++) {
    struct fixture f;
    open_fixture(&f);
    add_messages(&f.script, 0, 4);
    add_report(&f.script, 'E', lost[i], "gone");
    assert_fails(&f, ERR_SOURCE_LOST, "gone");
    close_fixture(&f);
    open_fixture(&f);
    add_messages(&f.script, 0, 4);
    add_report(&f.script, 'E', final[i], "refused");
    assert_fails(&f, ERR_SOURCE, "refused");
    close_fixture(&f);
  }
}

static void test_an_error_message_that_is_cut_inside_does_no_harm(void **state) {
  static const char body[] = "SERROR\0C57014\0Mno end";
  for (size_t len = 0; len < sizeof body; len++) {
    struct fixture f;
    struct error err = {0};
    uint64_t seen;
    open_fixture(&f);
    add_copy_response(&f.script);
    add_message(&f.script, 'E', body, len);
    send_script(&f, f.script.len);
    assert_false(read_all(&f, &seen, &err));
    assert_int_not_equal(err.code, ERR_NONE);
    close_fixture(&f);
  }
}

static void test_notices_and_settings_between_any_two_messages_mean_nothing(void **state) {
  struct fixture f;
  open_fixture(&f);
  for (int i = 0; i < MESSAGES; i++) {
    add_report(&f.script, 'N', "01000", "a warning");
    add_message(&f.script, 'S', "TimeZone\0UTC", 13);
    add_message(&f.script, 'A', "\0\0\0\1channel\0payload", 20);
    add_messages(&f.script, i, 1);
  }
  assert_reads(&f, ROWS);
  close_fixture(&f);
}

static void test_a_message_that_does_not_belong_there_is_refused(void **state) {
  for (int before = 0; before < MESSAGES - 1; before++) {
    struct fixture f;
    open_fixture(&f);
    add_messages(&f.script, 0, before);
    add_message(&f.script, 'D', "\0\0", 2);
    assert_fails(&f, ERR_SOURCE_LOST, "0x44");
    close_fixture(&f);
  }
}

static void test_lengths_that_no_message_has_are_refused(void **state) {
  static const uint32_t lengths[] = {0, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    struct fixture f;
    open_fixture(&f);
    add_copy_response(&f.script);
    buffer_append_byte(&f.script, 'd');
    add_u32(&f.script, lengths[i]);
    assert_fails(&f, ERR_SOURCE_LOST, "not the PostgreSQL protocol");
    close_fixture(&f);
  }
}

static void test_a_count_that_differs_from_the_rows_is_no_end(void **state) {
  for (int claimed = ROWS - 1; claimed <= ROWS + 1; claimed += 2) {
    struct fixture f;
    open_fixture(&f);
    add_messages(&f.script, 0, MESSAGES - 3);
    add_copy_end(&f.script, claimed);
    assert_fails(&f, ERR_SOURCE_LOST, "5 arrived");
    close_fixture(&f);
  }
}

static void test_an_end_without_the_trailer_or_without_a_count_is_no_end(void **state) {
  struct fixture f;
  open_fixture(&f);
  add_messages(&f.script, 0, 2 + ROWS);
  add_copy_end(&f.script, ROWS);
  assert_fails(&f, ERR_SOURCE_LOST, "without its trailer");
  close_fixture(&f);

  open_fixture(&f);
  add_messages(&f.script, 0, MESSAGES - 2);
  add_message(&f.script, 'Z', "T", 1);
  assert_fails(&f, ERR_SOURCE_LOST, "without saying how many rows");
  close_fixture(&f);

  open_fixture(&f);
  add_messages(&f.script, 0, MESSAGES - 2);
  add_message(&f.script, 'C', "SELECT 5", 9);
  add_message(&f.script, 'Z', "T", 1);
  assert_fails(&f, ERR_SOURCE_LOST, "message type 0x43");
  close_fixture(&f);

  open_fixture(&f);
  add_copy_response(&f.script);
  add_copy_end(&f.script, 0);
  assert_fails(&f, ERR_SOURCE_LOST, "without its trailer");
  close_fixture(&f);
}

static void test_rows_behind_the_trailer_are_refused(void **state) {
  struct fixture f;
  open_fixture(&f);
  add_messages(&f.script, 0, MESSAGES - 3);
  add_row_message(&f.script, ROWS);
  assert_fails(&f, ERR_SOURCE, "behind the trailer");
  close_fixture(&f);
}

static void test_how_rows_fall_into_messages_does_not_matter(void **state) {
  struct fixture f;
  struct buffer data;
  buffer_init(&data, 1 << 20);
  buffer_append(&data, "PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0", 19);
  for (uint32_t i = 0; i < ROWS; i++) add_row(&data, i);
  buffer_append(&data, "\xFF\xFF", 2);
  open_fixture(&f);
  add_copy_response(&f.script);
  add_message(&f.script, 'd', data.data, data.len);   /* all in one */
  add_message(&f.script, 'd', "", 0);
  add_copy_end(&f.script, ROWS);
  assert_reads(&f, ROWS);
  close_fixture(&f);
  buffer_deinit(&data);
}

static void add_copy_of_header(struct buffer *b, const void *header, size_t len) {
  add_copy_response(b);
  add_message(b, 'd', header, len);
  add_copy_trailer(b);
  add_copy_end(b, 0);
}

static void test_headers_are_taken_as_the_format_says(void **state) {
  struct fixture f;
  open_fixture(&f);
  add_copy_of_header(&f.script, "PGCOPY\n\xFF\r\n\0\0\0\0\1\0\0\0\3abc", 22);   /* an extension is skipped */
  assert_reads(&f, 0);
  close_fixture(&f);

  open_fixture(&f);
  add_copy_of_header(&f.script, "PGCOPY\n\xFF\r\n\0\0\1\0\0\0\0\0\0", 19);
  assert_fails(&f, ERR_SOURCE, "flags 0x00010000");
  close_fixture(&f);

  open_fixture(&f);
  add_copy_of_header(&f.script, "PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\4abc", 22);
  assert_fails(&f, ERR_SOURCE, "header is cut");
  close_fixture(&f);

  open_fixture(&f);
  add_copy_of_header(&f.script, "PGCOPY\n\xFF\n\n\0\0\0\0\0\0\0\0\0", 19);
  assert_fails(&f, ERR_SOURCE, "not PostgreSQL's binary COPY");
  close_fixture(&f);
}

static void *send_all(void *context) {
  struct fixture *f = context;
  send_script(f, f->script.len);
  return NULL;
}

static void test_a_huge_row_passes_and_its_memory_is_given_back(void **state) {
  const uint32_t huge = 8u << 20;
  struct fixture f;
  struct buffer row;
  pthread_t thread;
  struct cell cells[COLUMNS];
  struct error err;
  bool got;
  open_fixture(&f);
  buffer_init(&row, 16u << 20);
  add_u16(&row, COLUMNS);
  add_u32(&row, 4);
  add_u32(&row, 0);
  add_u32(&row, huge);
  for (uint32_t i = 0; i < huge; i++) buffer_append_byte(&row, (uint8_t)i);
  add_copy_response(&f.script);
  add_copy_header(&f.script);
  add_message(&f.script, 'd', row.data, row.len);
  add_rows(&f.script, 1000);
  add_copy_trailer(&f.script);
  add_copy_end(&f.script, 1001);
  assert_int_equal(pthread_create(&thread, NULL, send_all, &f), 0);
  assert_true(reader_open(&f.reader, &f.pg, "COPY t", COLUMNS, &err));
  assert_true(reader_next(&f.reader, cells, &got, &err));
  assert_int_equal(cells[1].len, huge);
  assert_memory_equal(cells[1].data, row.data + row.len - huge, huge);
  for (uint64_t i = 0; i < 1000; i++) {
    assert_true(reader_next(&f.reader, cells, &got, &err));
    check_row(cells, i);
  }
  assert_true(f.pg.stream.capacity <= 1 << 20);
  assert_true(reader_next(&f.reader, cells, &got, &err));
  assert_false(got);
  assert_true(reader_next(&f.reader, cells, &got, &err));   /* the end stays the end */
  assert_false(got);
  pthread_join(thread, NULL);
  buffer_deinit(&row);
  close_fixture(&f);
}

struct seen { uint64_t rows; uint64_t refuse_at; };

static bool see(void *context, const struct cell *cells, struct error *err) {
  struct seen *s = context;
  check_row(cells, s->rows++);
  return s->rows != s->refuse_at || fail(err, ERR_CANCELLED, "enough");
}

static void check_peek(uint64_t max_rows, size_t max_bytes, uint64_t expect_seen, bool expect_all) {
  struct fixture f;
  struct cell cells[COLUMNS];
  struct seen seen = {0};
  struct error err;
  bool got = true, all;
  open_fixture(&f);
  add_whole_copy(&f.script);
  send_script(&f, f.script.len);
  assert_true(reader_open(&f.reader, &f.pg, "COPY t", COLUMNS, &err));
  assert_true(reader_peek(&f.reader, max_rows, max_bytes, cells, see, &seen, &all, &err));
  assert_int_equal(seen.rows, expect_seen);
  assert_int_equal(all, expect_all);
  for (uint64_t i = 0;; i++) {
    assert_true(reader_next(&f.reader, cells, &got, &err));
    if (!got) {
      assert_int_equal(i, ROWS);
      break;
    }
    check_row(cells, i);
  }
  assert_int_equal(f.reader.row_count, ROWS);
  close_fixture(&f);
}

static void test_rows_that_were_looked_at_ahead_are_given_all_the_same(void **state) {
  check_peek(0, 1 << 20, 0, false);
  check_peek(3, 1 << 20, 3, false);
  check_peek(ROWS, 1 << 20, ROWS, false);
  check_peek(100, 1 << 20, ROWS, true);
  check_peek(100, 1, 1, false);
}

static void test_what_fails_while_looking_ahead_is_reported(void **state) {
  struct fixture f;
  struct cell cells[COLUMNS];
  struct seen seen = {.refuse_at = 2};
  struct error err;
  bool all;
  open_fixture(&f);
  add_whole_copy(&f.script);
  send_script(&f, f.script.len);
  assert_true(reader_open(&f.reader, &f.pg, "COPY t", COLUMNS, &err));
  assert_false(reader_peek(&f.reader, 100, 1 << 20, cells, see, &seen, &all, &err));
  assert_string_equal(err.message, "enough");
  close_fixture(&f);
}

static void test_a_server_that_is_gone_is_lost_when_the_query_is_sent(void **state) {
  struct fixture f;
  struct error err;
  open_fixture(&f);
  close(f.server);
  f.server = -1;
  assert_false(reader_open(&f.reader, &f.pg, "COPY t", COLUMNS, &err));
  assert_int_equal(err.code, ERR_SOURCE_LOST);
  close_fixture(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_query_is_sent_and_its_rows_are_read),
      cmocka_unit_test(test_an_answer_cut_at_any_byte_is_lost_and_never_an_end),
      cmocka_unit_test(test_an_answer_that_comes_byte_by_byte_is_the_same),
      cmocka_unit_test(test_an_error_between_any_two_messages_is_the_servers_word),
      cmocka_unit_test(test_an_error_that_a_new_attempt_may_mend_says_so),
      cmocka_unit_test(test_an_error_message_that_is_cut_inside_does_no_harm),
      cmocka_unit_test(test_notices_and_settings_between_any_two_messages_mean_nothing),
      cmocka_unit_test(test_a_message_that_does_not_belong_there_is_refused),
      cmocka_unit_test(test_lengths_that_no_message_has_are_refused),
      cmocka_unit_test(test_a_count_that_differs_from_the_rows_is_no_end),
      cmocka_unit_test(test_an_end_without_the_trailer_or_without_a_count_is_no_end),
      cmocka_unit_test(test_rows_behind_the_trailer_are_refused),
      cmocka_unit_test(test_how_rows_fall_into_messages_does_not_matter),
      cmocka_unit_test(test_headers_are_taken_as_the_format_says),
      cmocka_unit_test(test_a_huge_row_passes_and_its_memory_is_given_back),
      cmocka_unit_test(test_rows_that_were_looked_at_ahead_are_given_all_the_same),
      cmocka_unit_test(test_what_fails_while_looking_ahead_is_reported),
      cmocka_unit_test(test_a_server_that_is_gone_is_lost_when_the_query_is_sent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
