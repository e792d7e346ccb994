#include "unit.h"

#include "job/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct state { char folder[64], path[128]; struct store *store; };

static int set_up(void **state) {
  struct state *s = calloc(1, sizeof *s);
  struct error err;
  snprintf(s->folder, sizeof s->folder, "/tmp/decant-store-XXXXXX");
  if (!mkdtemp(s->folder)) return -1;
  snprintf(s->path, sizeof s->path, "%s/decant.db", s->folder);
  *state = s;
  return store_sqlite_open(s->path, &s->store, &err) ? 0 : -1;
}

static int tear_down(void **state) {
  struct state *s = *state;
  if (s->store) s->store->ops->close(s->store);
  unlink(s->path);
  rmdir(s->folder);
  free(s);
  return 0;
}

static struct job_record sample(void) {
  struct job_record r = {.state = JOB_PENDING, .rows_estimated = 10000000, .created_us = 1700000000000000};
  static int count;
  snprintf(r.id, sizeof r.id, "00000000-0000-4000-8000-%012d", ++count);
  strcpy(r.owner, "ops");
  strcpy(r.format, "csv");
  strcpy(r.extension, "csv.gz");
  strcpy(r.source, "public.\"re'cords\"");
  return r;
}

static void test_a_record_comes_back_as_it_was_written_also_after_a_reopen(void **state) {
  struct state *s = *state;
  struct error err;
  struct job_record r = sample(), found;
  assert_true(s->store->ops->insert(s->store, &r, "{\"format\":\"csv\"}", &err));
  r.state = JOB_FAILED;
  r.attempt = 3;
  r.failures = 2;
  r.rows = 7;
  r.bytes = (uint64_t)1 << 40;
  r.error = (struct error){.code = ERR_SOURCE, .sqlstate = "57P01"};
  strcpy(r.error.message, "terminated");
  strcpy(r.snapshot_at, "2026-05-01T12:00:00Z");
  r.finished_us = 1700000001000000;
  r.gentle = true;
  r.rate_limit = 1 << 20;
  r.bytes_read = (uint64_t)5 << 32;
  r.paused_us = 1500000;
  r.memory_budget_bytes = 17 << 20;
  assert_true(s->store->ops->update(s->store, &r, &err));
  s->store->ops->close(s->store);
  s->store = NULL;
  assert_true(store_sqlite_open(s->path, &s->store, &err));
  assert_true(s->store->ops->find(s->store, r.id, &found, &err));
  assert_true(found.sequence > 0);
  r.sequence = found.sequence;
  assert_memory_equal(&r, &found, sizeof r);
  char *text;
  assert_true(s->store->ops->find_request(s->store, r.id, &text, &err));
  assert_string_equal(text, "{\"format\":\"csv\"}");
  free(text);
}

static void test_what_is_not_there_is_not_found(void **state) {
  struct state *s = *state;
  struct error err;
  struct job_record r = sample(), found;
  assert_false(s->store->ops->find(s->store, r.id, &found, &err));
  assert_int_equal(err.code, ERR_NOT_FOUND);
  assert_false(s->store->ops->find(s->store, "' OR 1=1 --", &found, &err));
  assert_int_equal(err.code, ERR_NOT_FOUND);
  assert_false(s->store->ops->update(s->store, &r, &err));
  assert_int_equal(err.code, ERR_NOT_FOUND);
}

struct collected { char ids[16][JOB_ID_SIZE]; int64_t last; size_t count; };
static bool collect(void *context, const struct job_record *r, struct error *err) {
  struct collected *c = context;
  memcpy(c->ids[c->count++], r->id, JOB_ID_SIZE);
  c->last = r->sequence;
  return true;
}

static void test_pages_are_newest_first_and_lose_nothing_between_them(void **state) {
  struct state *s = *state;
  struct error err;
  struct job_record r[5];
  for (int i = 0; i < 5; i++) {
    r[i] = sample();
    assert_true(s->store->ops->insert(s->store, &r[i], "{}", &err));
  }
  struct collected all = {0};
  struct store_filter page = {.max = 2};
  for (size_t expected = 2; expected <= 4; expected += 2) {
    assert_true(s->store->ops->list(s->store, &page, collect, &all, &err));
    assert_int_equal(all.count, expected);
    page.before = all.last;
  }
  assert_true(s->store->ops->list(s->store, &page, collect, &all, &err));
  assert_int_equal(all.count, 5);
  for (int i = 0; i < 5; i++) assert_string_equal(all.ids[i], r[4 - i].id);
}

static void test_a_filter_selects_by_state_owner_and_age(void **state) {
  struct state *s = *state;
  struct error err;
  struct job_record a = sample(), b = sample(), c = sample();
  a.state = JOB_COMPLETED;
  a.finished_us = 100;
  b.state = JOB_COMPLETED;
  b.finished_us = 300;
  strcpy(c.owner, "other");
  assert_true(s->store->ops->insert(s->store, &a, "{}", &err));
  assert_true(s->store->ops->insert(s->store, &b, "{}", &err));
  assert_true(s->store->ops->insert(s->store, &c, "{}", &err));
  struct collected old = {0}, others = {0}, pending = {0};
  struct store_filter filter = {.states = 1u << JOB_COMPLETED, .finished_before_us = 200};
  assert_true(s->store->ops->list(s->store, &filter, collect, &old, &err));
  assert_int_equal(old.count, 1);
  assert_string_equal(old.ids[0], a.id);
  filter = (struct store_filter){.owner = "other"};
  assert_true(s->store->ops->list(s->store, &filter, collect, &others, &err));
  assert_int_equal(others.count, 1);
  filter = (struct store_filter){.states = 1u << JOB_PENDING | 1u << JOB_RUNNING};
  assert_true(s->store->ops->list(s->store, &filter, collect, &pending, &err));
  assert_int_equal(pending.count, 1);
  struct store_count counts[8];
  size_t count;
  assert_true(s->store->ops->count(s->store, counts, 8, &count, &err));
  assert_int_equal(count, 2);
}

static void test_the_file_is_for_its_owner_only_and_a_later_schema_is_refused(void **state) {
  struct state *s = *state;
  struct error err;
  struct stat info;
  assert_int_equal(stat(s->path, &info), 0);
  assert_int_equal(info.st_mode & 0777, 0600);
  assert_true(s->store->ops->check_writable(s->store, &err));
  s->store->ops->close(s->store);
  s->store = NULL;
  FILE *file = fopen(s->path, "r+");
  assert_non_null(file);
  fseek(file, 60, SEEK_SET);   /* the file format's user version, big-endian */
  assert_int_equal(fwrite("\0\0\0\143", 1, 4, file), 4);
  fclose(file);
  assert_false(store_sqlite_open(s->path, &s->store, &err));
  assert_non_null(strstr(err.message, "later version"));
  s->store = NULL;
}

/* Schema 1 had no counts by column, and nothing of how an ended export was read. What it kept is there after the upgrade, and new records are kept whole. */
static void test_a_store_of_the_first_schema_is_upgraded(void **state) {
  struct state *s = *state;
  struct error err;
  struct job_record old = sample(), new = sample(), found;
  strcpy(old.specials_by_column, "");
  assert_true(s->store->ops->insert(s->store, &old, "{}", &err));
  s->store->ops->close(s->store);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(s->path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "ALTER TABLE export DROP COLUMN specials_by_column; ALTER TABLE export DROP "
                                "COLUMN gentle;"
                                "ALTER TABLE export DROP COLUMN rate_limit; ALTER TABLE export DROP COLUMN "
                                "bytes_read;"
                                "ALTER TABLE export DROP COLUMN paused_us;"
                                "ALTER TABLE export DROP COLUMN memory_budget_bytes; PRAGMA user_version = 1",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
  s->store = NULL;
  for (int i = 0; i < 2; i++) {   /* the second time there is nothing to do */
    if (s->store) s->store->ops->close(s->store);
    assert_true(store_sqlite_open(s->path, &s->store, &err));
    assert_true(s->store->ops->find(s->store, old.id, &found, &err));
    old.sequence = found.sequence;
    assert_memory_equal(&old, &found, sizeof old);
  }
  strcpy(new.specials_by_column, "{\"price\":3}");
  assert_true(s->store->ops->insert(s->store, &new, "{}", &err));
  assert_true(s->store->ops->find(s->store, new.id, &found, &err));
  assert_string_equal(found.specials_by_column, "{\"price\":3}");
}

int main(void) {
#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      WITH_STORE(test_a_record_comes_back_as_it_was_written_also_after_a_reopen),
      WITH_STORE(test_what_is_not_there_is_not_found),
      WITH_STORE(test_pages_are_newest_first_and_lose_nothing_between_them),
      WITH_STORE(test_a_filter_selects_by_state_owner_and_age),
      WITH_STORE(test_the_file_is_for_its_owner_only_and_a_later_schema_is_refused),
      WITH_STORE(test_a_store_of_the_first_schema_is_upgraded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
