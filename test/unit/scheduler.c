/* The scheduler with an engine of the test's own: it writes what the test tells it to, and fails as told. */
#include "unit.h"

#include "fake_formats.h"
#include "job/scheduler.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* One run: "hello " is written, then the gate decides how it goes on. */
enum outcome { GO_ON, LOSE_CONNECTION, REFUSE };
static sem_t written;           /* posted when the first bytes are visible */
static sem_t gate;              /* waited for before the second half */
static _Atomic enum outcome outcome;
static atomic_int runs;

bool export_run(const struct export_request *request, const struct export_settings *settings,
                struct sink *sink, const struct cancel *cancel, struct export_progress *progress,
                struct export_result *result, struct error *err) {
  atomic_fetch_add(&runs, 1);
  if (!sink_write(sink, (const uint8_t *)"hello ", 6, err)) return false;
  atomic_store(&progress->rows, 1);
  sem_post(&written);
  struct timespec pause = {.tv_nsec = 1000000};
  while (sem_trywait(&gate) != 0) {
    if (!cancel_check(cancel, err)) return false;
    nanosleep(&pause, NULL);
  }
  if (outcome == LOSE_CONNECTION) return fail(err, ERR_SOURCE_LOST, "connection lost");
  if (outcome == REFUSE) return fail(err, ERR_SOURCE, "permission denied");
  if (!sink_write(sink, (const uint8_t *)"world", 5, err)) return false;
  *result = (struct export_result){.rows = 2, .seconds = 0.1};
  return sink_commit(sink, err);
}

bool export_check(const struct export_request *request, const struct export_settings *settings,
                  struct export_estimate *estimate, struct error *err) {
  if (request->table && strcmp(request->table, "missing") == 0)
    return fail(err, ERR_NOT_FOUND, "no such table");
  estimate->rows = 2;
  return true;
}

double export_progress_percent(const struct export_progress *p) { return atomic_load(&p->rows) ? 50 : -1; }

struct state { char folder[64]; struct scheduler *scheduler; struct scheduler_settings settings; };

static struct scheduler *start(struct state *s) {
  struct error err;
  s->scheduler = NULL;
  if (!scheduler_start(&s->settings, &s->scheduler, &err)) print_error("%s\n", err.message);
  assert_non_null(s->scheduler);
  return s->scheduler;
}

static void stop(struct state *s) {
  if (!s->scheduler) return;
  scheduler_stop(s->scheduler);
  scheduler_free(s->scheduler);
  s->scheduler = NULL;
}

static int set_up(void **state) {
  struct state *s = calloc(1, sizeof *s);
  snprintf(s->folder, sizeof s->folder, "/tmp/decant-jobs-XXXXXX");
  if (!mkdtemp(s->folder)) return -1;
  s->settings = (struct scheduler_settings){.conninfo = "", .data_folder = s->folder, .default_table = "records",
                                            .connections_max = 1, .memory_bytes = 1 << 30, .retry_delay_us = 1000};
  sem_init(&written, 0, 0);
  sem_init(&gate, 0, 0);
  outcome = GO_ON;
  runs = 0;
  start(s);
  *state = s;
  return 0;
}

static void empty_folder(const char *path) {
  DIR *folder = opendir(path);
  for (struct dirent *e; folder && (e = readdir(folder));) unlinkat(dirfd(folder), e->d_name, 0);
  if (folder) closedir(folder);
  rmdir(path);
}

static int tear_down(void **state) {
  struct state *s = *state;
  stop(s);
  char path[128];
  snprintf(path, sizeof path, "%s/spool", s->folder);
  empty_folder(path);
  empty_folder(s->folder);
  free(s);
  return 0;
}

static void submit(struct state *s, char id[JOB_ID_SIZE]) {
  struct export_request *request;
  struct error err;
  const char *text = "{\"format\":\"csv\",\"compression\":\"zstd\"}";
  assert_true(request_parse_json(text, strlen(text), "records", &request, &err));
  assert_true(scheduler_submit(s->scheduler, request, "", id, &err));
}

static struct job_status wait_for(struct state *s, const char *id, enum job_state wanted) {
  struct job_status status;
  struct error err;
  struct timespec pause = {.tv_nsec = 1000000};
  for (int i = 0; i < 5000; i++) {
    assert_true(scheduler_status(s->scheduler, id, &status, &err));
    if (status.record.state == wanted) return status;
    nanosleep(&pause, NULL);
  }
  print_error("is %s instead of %s\n", job_state_names[status.record.state], job_state_names[wanted]);
  assert_true(status.record.state == wanted);
  return status;
}

static int count_files(struct state *s) {
  char path[128];
  snprintf(path, sizeof path, "%s/spool", s->folder);
  DIR *folder = opendir(path);
  assert_non_null(folder);
  int count = 0;
  for (struct dirent *e; (e = readdir(folder));) count += e->d_name[0] != '.';
  closedir(folder);
  return count;
}

static sem_t woken;
static void sleep_now(void *context) { *(bool *)context = true; }
static void wake_now(void *context) { sem_post(&woken); }

/* Reads until `count` bytes are there, or what ends it. */
static enum follow_result follow(struct follower *f, bool *asleep, char *to, size_t count) {
  size_t have = 0;
  while (have < count) {
    size_t len = 0;
    *asleep = false;
    enum follow_result result = follower_read(f, to + have, count - have, &len);
    if (result == FOLLOW_ASLEEP) {
      assert_true(*asleep);
      sem_wait(&woken);
    } else if (result != FOLLOW_BYTES) {
      to[have] = '\0';
      return result;
    }
    have += len;
  }
  to[have] = '\0';
  return FOLLOW_BYTES;
}

static void test_only_the_edges_of_the_diagram_exist(void **state) {
  int count = 0;
  for (int from = 0; from < JOB_STATE_COUNT; from++)
    for (int to = 0; to < JOB_STATE_COUNT; to++) count += job_edge_exists(from, to);
  assert_int_equal(count, 8);
  assert_true(job_edge_exists(JOB_PENDING, JOB_RUNNING));
  assert_true(job_edge_exists(JOB_RUNNING, JOB_PENDING));
  assert_true(job_edge_exists(JOB_COMPLETED, JOB_EXPIRED));
  assert_false(job_edge_exists(JOB_PENDING, JOB_COMPLETED));
  assert_false(job_edge_exists(JOB_CANCELLED, JOB_COMPLETED));
  assert_false(job_edge_exists(JOB_COMPLETED, JOB_CANCELLED));
}

static void test_ids_are_random_uuids_of_version_4(void **state) {
  char a[JOB_ID_SIZE], b[JOB_ID_SIZE];
  struct error err;
  assert_true(job_id_new(a, &err) && job_id_new(b, &err));
  assert_string_not_equal(a, b);
  assert_true(job_id_is_valid(a));
  assert_int_equal(a[14], '4');
  assert_non_null(strchr("89ab", a[19]));
  assert_false(job_id_is_valid("../../etc/passwd"));
  assert_false(job_id_is_valid(""));
  assert_false(job_id_is_valid("123e4567-e89b-42d3-a456-42661417400/"));
}

static void test_a_job_completes_and_its_follower_gets_every_byte_and_a_proper_end(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE], text[32];
  bool asleep = false;
  struct follower f;
  submit(s, id);
  struct job *j = scheduler_find(s->scheduler, id);
  assert_non_null(j);
  follower_init(&f, j, sleep_now, wake_now, &asleep);
  job_release(j);
  assert_int_equal(follow(&f, &asleep, text, 6), FOLLOW_BYTES);
  assert_string_equal(text, "hello ");
  sem_post(&gate);
  assert_int_equal(follow(&f, &asleep, text, 30), FOLLOW_END);
  assert_string_equal(text, "world");
  follower_deinit(&f);
  struct job_status status = wait_for(s, id, JOB_COMPLETED);
  assert_int_equal(status.record.rows, 2);
  assert_int_equal(status.record.bytes, 11);
  assert_int_equal(status.record.attempt, 1);
  assert_string_equal(status.record.extension, "csv.zst");
  assert_string_equal(status.record.sha256,
                      "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
  assert_int_equal(count_files(s), 1);
}

static void test_a_lost_attempt_breaks_its_follower_and_is_tried_again_on_a_new_one(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE], text[32];
  bool asleep = false;
  struct follower f;
  submit(s, id);
  struct job *j = scheduler_find(s->scheduler, id);
  follower_init(&f, j, sleep_now, wake_now, &asleep);
  job_release(j);
  assert_int_equal(follow(&f, &asleep, text, 6), FOLLOW_BYTES);
  outcome = LOSE_CONNECTION;
  sem_post(&gate);
  assert_int_equal(follow(&f, &asleep, text, 1), FOLLOW_BROKEN);
  follower_deinit(&f);
  sem_wait(&written);
  sem_wait(&written);
  outcome = GO_ON;
  sem_post(&gate);
  struct job_status status = wait_for(s, id, JOB_COMPLETED);
  assert_int_equal(status.record.attempt, 2);
  assert_int_equal(status.record.failures, 1);
  assert_int_equal(count_files(s), 1);
}

static void test_three_lost_attempts_are_enough(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE];
  outcome = LOSE_CONNECTION;
  for (int i = 0; i < 3; i++) sem_post(&gate);
  submit(s, id);
  struct job_status status = wait_for(s, id, JOB_FAILED);
  assert_int_equal(status.record.attempt, 3);
  assert_string_equal(status.record.error.message, "connection lost");
  assert_int_equal(runs, 3);
  assert_int_equal(count_files(s), 0);
}

static void test_what_would_fail_again_is_not_tried_again(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE];
  outcome = REFUSE;
  sem_post(&gate);
  submit(s, id);
  wait_for(s, id, JOB_FAILED);
  assert_int_equal(runs, 1);
}

static void test_cancelling_ends_a_running_job_and_keeps_no_file(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE], waiting[JOB_ID_SIZE];
  struct error err;
  submit(s, id);
  submit(s, waiting);
  sem_wait(&written);
  assert_int_equal(wait_for(s, waiting, JOB_PENDING).record.attempt, 0);   /* one connection: one at a time */
  assert_true(scheduler_delete(s->scheduler, waiting, &err));
  assert_true(scheduler_delete(s->scheduler, id, &err));
  wait_for(s, id, JOB_CANCELLED);
  wait_for(s, waiting, JOB_CANCELLED);
  stop(s);
  assert_int_equal(count_files(s), 0);
  assert_int_equal(runs, 1);
}

static void test_deleting_a_completed_export_removes_its_file_but_not_its_record(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE];
  struct error err;
  int fd;
  sem_post(&gate);
  submit(s, id);
  struct job_status status = wait_for(s, id, JOB_COMPLETED);
  assert_true(scheduler_open_file(s->scheduler, &status.record, &fd, &err));
  assert_true(scheduler_delete(s->scheduler, id, &err));
  char text[11];
  assert_int_equal(read(fd, text, sizeof text), 11);   /* an open download ends well */
  close(fd);
  assert_int_equal(count_files(s), 0);
  wait_for(s, id, JOB_EXPIRED);
  assert_false(scheduler_open_file(s->scheduler, &status.record, &fd, &err));
  assert_int_equal(err.code, ERR_GONE);
  assert_true(scheduler_delete(s->scheduler, id, &err));
  assert_false(scheduler_delete(s->scheduler, "123e4567-e89b-42d3-a456-426614174000", &err));
  assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_stopping_puts_running_jobs_back_and_the_next_start_runs_them(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE], text[32];
  bool asleep = false;
  struct follower f;
  submit(s, id);
  struct job *j = scheduler_find(s->scheduler, id);
  follower_init(&f, j, sleep_now, wake_now, &asleep);
  job_release(j);
  assert_int_equal(follow(&f, &asleep, text, 6), FOLLOW_BYTES);
  scheduler_stop(s->scheduler);
  assert_int_equal(follow(&f, &asleep, text, 1), FOLLOW_BROKEN);
  follower_deinit(&f);
  scheduler_free(s->scheduler);
  sem_post(&gate);
  start(s);
  struct job_status status = wait_for(s, id, JOB_COMPLETED);
  assert_int_equal(status.record.attempt, 2);
  assert_int_equal(status.record.failures, 0);
}

static void test_a_start_takes_up_what_a_killed_process_left(void **state) {
  struct state *s = *state;
  char path[192], id[JOB_ID_SIZE];
  struct error err;
  stop(s);
  struct store *store;
  snprintf(path, sizeof path, "%s/decant.db", s->folder);
  assert_true(store_sqlite_open(path, &store, &err));
  struct job_record again = {.state = JOB_RUNNING, .attempt = 1}, spent = {.state = JOB_RUNNING, .attempt = 3, .failures = 2};
  assert_true(job_id_new(again.id, &err) && job_id_new(spent.id, &err) && job_id_new(id, &err));
  strcpy(again.extension, "csv");
  strcpy(spent.extension, "csv");
  assert_true(store->ops->insert(store, &again, "{\"format\":\"csv\",\"table\":\"t\"}", &err));
  assert_true(store->ops->insert(store, &spent, "{\"format\":\"csv\",\"table\":\"t\"}", &err));
  store->ops->close(store);
  const char *const orphans[] = {"%s/spool/%s.1.partial", "%s/spool/%s.csv"};
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, orphans[i], s->folder, i ? id : again.id);
    fclose(fopen(path, "w"));
  }
  snprintf(path, sizeof path, "%s/spool/notes.txt", s->folder);
  fclose(fopen(path, "w"));
  sem_post(&gate);
  start(s);
  assert_int_equal(wait_for(s, again.id, JOB_COMPLETED).record.attempt, 2);
  assert_int_equal(wait_for(s, spent.id, JOB_FAILED).record.failures, 3);
  assert_int_equal(count_files(s), 2);   /* the completed one, and what is not decant's */
}

static void test_files_expire_after_their_time(void **state) {
  struct state *s = *state;
  char id[JOB_ID_SIZE];
  sem_post(&gate);
  submit(s, id);
  wait_for(s, id, JOB_COMPLETED);
  stop(s);
  s->settings.expire_after_seconds = 3600;
  start(s);
  wait_for(s, id, JOB_COMPLETED);
  stop(s);
  s->settings.expire_after_seconds = 1;
  sleep(2);
  start(s);
  wait_for(s, id, JOB_EXPIRED);
  assert_int_equal(count_files(s), 0);
}

static bool disk_is_full;
static int updates;
static bool update_unless_full(struct store *s, const struct job_record *r, struct error *err) {
  updates++;
  return disk_is_full ? fail(err, ERR_NO_SPACE, "disk is full") : true;
}

static void test_a_store_that_is_full_refuses_a_good_end_and_gets_a_bad_one_later(void **state) {
  static const struct store_ops ops = {.update = update_unless_full};
  struct store store = {&ops};
  struct job_record record = {.state = JOB_PENDING};
  struct error err;
  struct job *j;
  assert_true(job_new(&store, &record, NULL, &j, &err));
  assert_true(job_set_state(j, JOB_RUNNING, NULL, &err));
  disk_is_full = true;
  assert_false(job_set_state(j, JOB_COMPLETED, NULL, &err));
  assert_int_equal(err.code, ERR_NO_SPACE);
  job_get_record(j, &record);
  assert_int_equal(record.state, JOB_RUNNING);
  assert_true(job_set_state(j, JOB_FAILED, NULL, &err));
  job_get_record(j, &record);
  assert_int_equal(record.state, JOB_FAILED);
  assert_false(job_is_saved(j));
  assert_false(job_save(j));
  disk_is_full = false;
  assert_true(job_save(j));
  assert_true(job_is_saved(j));
  int before = updates;
  assert_true(job_save(j));
  assert_int_equal(updates, before);
  job_release(j);
}

static void test_a_second_service_on_the_same_folder_is_refused(void **state) {
  struct state *s = *state;
  struct scheduler *second;
  struct error err;
  assert_false(scheduler_start(&s->settings, &second, &err));
  assert_int_equal(err.code, ERR_CONFLICT);
}

static void test_no_export_is_accepted_without_room_or_for_what_is_missing(void **state) {
  struct state *s = *state;
  struct export_request *request;
  struct error err;
  char id[JOB_ID_SIZE];
  const char *text = "{\"format\":\"csv\",\"table\":\"missing\"}";
  assert_true(request_parse_json(text, strlen(text), NULL, &request, &err));
  assert_false(scheduler_submit(s->scheduler, request, "", id, &err));
  assert_int_equal(err.code, ERR_NOT_FOUND);
  stop(s);
  s->settings.free_bytes_floor = INT64_MAX;
  start(s);
  assert_true(request_parse_json(text, strlen(text), NULL, &request, &err));
  assert_false(scheduler_submit(s->scheduler, request, "", id, &err));
  assert_int_equal(err.code, ERR_NO_SPACE);
  assert_false(scheduler_check(s->scheduler, &err));
}

int main(void) {
#define WITH_SCHEDULER(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
  sem_init(&woken, 0, 0);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_only_the_edges_of_the_diagram_exist),
      cmocka_unit_test(test_ids_are_random_uuids_of_version_4),
      WITH_SCHEDULER(test_a_job_completes_and_its_follower_gets_every_byte_and_a_proper_end),
      WITH_SCHEDULER(test_a_lost_attempt_breaks_its_follower_and_is_tried_again_on_a_new_one),
      WITH_SCHEDULER(test_three_lost_attempts_are_enough),
      WITH_SCHEDULER(test_what_would_fail_again_is_not_tried_again),
      WITH_SCHEDULER(test_cancelling_ends_a_running_job_and_keeps_no_file),
      WITH_SCHEDULER(test_deleting_a_completed_export_removes_its_file_but_not_its_record),
      WITH_SCHEDULER(test_stopping_puts_running_jobs_back_and_the_next_start_runs_them),
      WITH_SCHEDULER(test_a_start_takes_up_what_a_killed_process_left),
      WITH_SCHEDULER(test_files_expire_after_their_time),
      cmocka_unit_test(test_a_store_that_is_full_refuses_a_good_end_and_gets_a_bad_one_later),
      WITH_SCHEDULER(test_a_second_service_on_the_same_folder_is_refused),
      WITH_SCHEDULER(test_no_export_is_accepted_without_room_or_for_what_is_missing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
