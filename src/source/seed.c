#include "source/seed.h"

#include "pg/pg.h"
#include "source/seed_row.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * A range of ids is one transaction: it is in the table whole or not at all, so the table itself says how
 * far an earlier seeder came. The size is part of what an unfinished table means and must not change.
 */
#define RANGE_ROWS 20000
#define CONNECTIONS 4
#define SQL_MAX (64 << 10)
#define ADVISORY_KEY "x'646563616e74'::bigint"   /* "decant": one seeder at a time in a database */

#define MARK_DONE "decant demonstration data: %" PRId64 " rows"
#define MARK_UNFINISHED "decant demonstration data: unfinished, %" PRId64 " rows"
#define MARK_SIZE 160

#define CREATE_TABLE                                                                                     \
  "CREATE TABLE " SEED_TABLE " (id BIGSERIAL, created_at TIMESTAMPTZ NOT NULL DEFAULT now(),"             \
  " name VARCHAR(255) NOT NULL, value DECIMAL(18,4) NOT NULL, metadata JSONB NOT NULL)"
#define COLUMNS                                                                                          \
  "id bigint, created_at timestamp with time zone, name character varying(255), value numeric(18,4),"     \
  " metadata jsonb"

/* What the table is before anything is done to it. */
enum table_state { TABLE_MISSING, TABLE_EMPTY, TABLE_UNFINISHED, TABLE_DONE };

struct seeding {
  /* Set before the threads start. */
  int64_t rows;
  int64_t range_count;
  char mark[MARK_SIZE];        /* the table's comment while this seeder, and no other, may write */
  uint8_t *present;            /* one per range: an earlier seeder has inserted it */
  const struct cancel *cancel;
  void (*progress)(void *context, int64_t done, int64_t total);
  void *context;

  /* Under the lock. */
  pthread_mutex_t lock;
  int64_t next_range;
  int64_t done_rows;
  bool failed;
  struct error err;            /* the first failure; valid if failed */
};

struct writer {
  struct seeding *seeding;
  struct pg *connection;
  struct buffer sql;           /* the statement that inserts the range */
  pthread_t thread;
};

static int64_t range_rows(const struct seeding *s, int64_t range) {
  int64_t left = s->rows - range * RANGE_ROWS;
  return left < RANGE_ROWS ? left : RANGE_ROWS;
}

/* The session's settings: names resolve to the server's own functions, whatever the role's settings say. */
static bool prepare_session(struct pg *c, struct error *err) {
  return pg_exec(c, "SET search_path = pg_catalog; SET standard_conforming_strings = on;"
                    " SET statement_timeout = 0; SET lock_timeout = 0; SET row_security = off; SET jit = off;"
                    " SET synchronous_commit = off; SET maintenance_work_mem = '256MB'", err);
}

/* A question to the server, with one parameter or none (NULL), that it answers by true or false. */
static bool ask(struct pg *c, const char *sql, const char *param, bool *answer, struct error *err) {
  struct pg_result *r;
  if (!pg_query(c, sql, &param, param ? 1 : 0, &r, err)) return false;
  *answer = pg_row_count(r) == 1 && pg_value_bool(r, 0, 0);
  pg_result_free(r);
  return true;
}

/* ---- What is there ---- */

static bool refuse(struct error *err, const char *why) {
  return fail(err, ERR_CONFLICT, "cannot seed table \"" SEED_TABLE "\": %s; decant fills only a table of its"
              " own. Use another database, or rename or drop the table", why);
}

/* The mark of the table's comment, judged: *state for this many rows, or an error. */
static bool judge_mark(const char *comment, bool empty, int64_t rows, enum table_state *state,
                       struct error *err) {
  int64_t marked = 0;
  if (empty) {
    *state = TABLE_EMPTY;
    return true;
  }
  if (sscanf(comment, MARK_UNFINISHED, &marked) == 1) *state = TABLE_UNFINISHED;
  else if (sscanf(comment, MARK_DONE, &marked) == 1) *state = TABLE_DONE;
  else return refuse(err, "it holds rows that decant did not write");
  if (marked == rows) return true;
  return fail(err, ERR_CONFLICT, "cannot seed %" PRId64 " rows: table \"" SEED_TABLE "\" is the demonstration"
              " table with %" PRId64 " rows%s; use --rows %" PRId64 ", or drop it first", rows, marked,
              *state == TABLE_UNFINISHED ? " (unfinished)" : "", marked);
}

static bool read_state(struct pg *c, int64_t rows, enum table_state *state, struct error *err) {
  static const char about[] =
      "SELECT c.relkind = 'r' AND c.relpersistence <> 't', obj_description(c.oid, 'pg_class'),"
      " $1 = (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY attnum)"
      "       FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"
      " FROM pg_class c WHERE c.oid = to_regclass('" SEED_TABLE "')";
  struct pg_result *r;
  if (!pg_query(c, about, (const char *const[]){COLUMNS}, 1, &r, err)) return false;
  if (pg_row_count(r) == 0) {
    pg_result_free(r);
    *state = TABLE_MISSING;
    return true;
  }
  char comment[MARK_SIZE] = "";
  if (pg_value(r, 0, 1)) snprintf(comment, sizeof comment, "%s", pg_value(r, 0, 1));
  bool is_table = pg_value_bool(r, 0, 0), has_columns = pg_value_bool(r, 0, 2), empty;
  pg_result_free(r);
  if (!is_table) return refuse(err, "it is not an ordinary table");
  if (!has_columns) return refuse(err, "it has other columns");
  return ask(c, "SELECT NOT EXISTS (SELECT FROM " SEED_TABLE ")", NULL, &empty, err) &&
         judge_mark(comment, empty, rows, state, err);
}

/* ---- Taking it over ---- */

static bool set_comment(struct pg *c, const char *comment, struct error *err) {
  return pg_execf(c, err, "COMMENT ON TABLE " SEED_TABLE " IS '%s'", comment);
}

/* A mark that no other seeder has: the server's time and this backend's number. */
static bool make_mark(struct pg *c, struct seeding *s, struct error *err) {
  struct pg_result *r;
  if (!pg_query(c, "SELECT pg_backend_pid() || '-' || (extract(epoch FROM clock_timestamp()) * 1e6)::bigint",
                NULL, 0, &r, err))
    return false;
  int len = snprintf(s->mark, sizeof s->mark, MARK_UNFINISHED, s->rows);
  snprintf(s->mark + len, sizeof s->mark - (size_t)len, ", writer %s", pg_value(r, 0, 0));
  pg_result_free(r);
  return true;
}

/*
 * Makes this seeder the only one that may write. A seeder killed a moment ago may have left a backend in
 * the middle of a range: the table's lock waits for it, and from the new mark on the next one stops.
 */
static bool claim_locked(struct pg *c, struct seeding *s, enum table_state *state, struct error *err) {
  if (!pg_exec(c, "BEGIN", err) || !read_state(c, s->rows, state, err)) return false;
  if (*state == TABLE_MISSING) {
    if (!pg_exec(c, CREATE_TABLE, err)) return false;
  } else if (*state != TABLE_DONE) {
    if (!pg_exec(c, "LOCK TABLE " SEED_TABLE " IN SHARE ROW EXCLUSIVE MODE", err)) return false;
    if (!read_state(c, s->rows, state, err)) return false;   /* again, now that nobody else writes */
  }
  if (*state == TABLE_DONE) return pg_exec(c, "COMMIT", err);
  return make_mark(c, s, err) && set_comment(c, s->mark, err) && pg_exec(c, "COMMIT", err);
}

static bool claim(struct pg *c, struct seeding *s, enum table_state *state, struct error *err) {
  /* Held until the session ends, however it ends. */
  if (!pg_exec(c, "SELECT pg_advisory_lock(" ADVISORY_KEY ")", err)) return false;
  if (claim_locked(c, s, state, err)) return true;
  struct error ignored;
  if (!pg_exec(c, "ROLLBACK", &ignored)) return false;   /* the first error is the one to tell */
  return false;
}

/* Which ranges an earlier seeder has inserted. */
static bool find_present(struct pg *c, struct seeding *s, struct error *err) {
  struct pg_result *r;
  char range_rows_text[24];
  snprintf(range_rows_text, sizeof range_rows_text, "%d", RANGE_ROWS);
  if (!pg_query(c, "SELECT (id - 1) / $1::bigint, count(*), min(id), max(id) FROM " SEED_TABLE " GROUP BY 1",
                (const char *const[]){range_rows_text}, 1, &r, err))
    return false;
  bool ok = true;
  for (size_t i = 0; ok && i < pg_row_count(r); i++) {
    int64_t range = pg_value_int(r, i, 0), count = pg_value_int(r, i, 1), first = range * RANGE_ROWS + 1;
    ok = range >= 0 && range < s->range_count && count == range_rows(s, range) &&
         pg_value_int(r, i, 2) == first && pg_value_int(r, i, 3) == first + count - 1;
    if (!ok) break;
    s->present[range] = 1;
    s->done_rows += count;
  }
  pg_result_free(r);
  return ok ? true : refuse(err, "an unfinished seeding holds rows that decant did not write");
}

/* ---- Writing ---- */

static bool insert_range(struct pg *c, const struct seeding *s, int64_t range, struct buffer *sql,
                         struct error *err) {
  bool mine;
  /* Under this lock no other seeder can take over, so the mark stays what it is until the commit. */
  if (!pg_exec(c, "BEGIN; LOCK TABLE " SEED_TABLE " IN ROW EXCLUSIVE MODE", err) ||
      !ask(c, "SELECT obj_description('" SEED_TABLE "'::regclass, 'pg_class') = $1", s->mark, &mine, err))
    return false;
  if (!mine) return fail(err, ERR_CONFLICT, "another seeder has taken table \"" SEED_TABLE "\" over");

  int64_t first = range * RANGE_ROWS + 1;
  buffer_reset(sql);
  buffer_append_string(sql, "INSERT INTO " SEED_TABLE " (id, created_at, name, value, metadata) ");
  seed_row_select(sql, first, first + range_rows(s, range) - 1);
  buffer_append_byte(sql, '\0');
  if (!buffer_check(sql, "the statement that inserts rows", err)) return false;
  return pg_exec(c, (const char *)sql->data, err) && pg_exec(c, "COMMIT", err);
}

/* The next range that is missing, or -1: none is left, or it is time to stop. */
static int64_t take_range(struct seeding *s) {
  pthread_mutex_lock(&s->lock);
  while (s->next_range < s->range_count && s->present[s->next_range]) s->next_range++;
  bool stop = s->failed || cancel_requested(s->cancel) || s->next_range == s->range_count;
  int64_t range = stop ? -1 : s->next_range++;
  pthread_mutex_unlock(&s->lock);
  return range;
}

static void report(struct seeding *s, int64_t more_rows) {
  pthread_mutex_lock(&s->lock);
  s->done_rows += more_rows;
  if (s->progress) s->progress(s->context, s->done_rows, s->rows);
  pthread_mutex_unlock(&s->lock);
}

/* False once there is nothing more to do. A failure is everybody's: it is kept in the seeding. */
static bool write_next(struct writer *w) {
  struct seeding *s = w->seeding;
  struct error err;
  int64_t range = take_range(s);
  if (range < 0) return false;
  if (insert_range(w->connection, s, range, &w->sql, &err)) {
    report(s, range_rows(s, range));
    return true;
  }
  pthread_mutex_lock(&s->lock);
  if (!s->failed) s->err = err;
  s->failed = true;
  pthread_mutex_unlock(&s->lock);
  return false;
}

static void *write_ranges(void *argument) {
  while (write_next(argument)) continue;
  return NULL;
}

/* A further connection is welcome, not needed: where the server refuses it, the others do the work. */
static bool open_writer(struct writer *w, struct seeding *s, const struct pg *like) {
  struct error ignored;
  *w = (struct writer){.seeding = s};
  buffer_init(&w->sql, SQL_MAX);
  if (!pg_connect_like(like, s->cancel, &w->connection, &ignored)) return false;
  if (prepare_session(w->connection, &ignored) && pthread_create(&w->thread, NULL, write_ranges, w) == 0)
    return true;
  pg_close(w->connection);
  return false;
}

static bool write_all(struct pg *holder, struct seeding *s, struct error *err) {
  struct writer first = {.seeding = s, .connection = holder}, others[CONNECTIONS - 1];
  size_t count = 0;
  int64_t missing = s->range_count - s->done_rows / RANGE_ROWS;
  buffer_init(&first.sql, SQL_MAX);
  bool more = write_next(&first);   /* alone, so that the table begins with its first rows */
  while (more && count < CONNECTIONS - 1 && (int64_t)count + 2 < missing && open_writer(&others[count], s, holder))
    count++;
  write_ranges(&first);
  buffer_deinit(&first.sql);
  for (size_t i = 0; i < count; i++) {
    pthread_join(others[i].thread, NULL);
    pg_close(others[i].connection);
    buffer_deinit(&others[i].sql);
  }
  if (s->failed) *err = s->err;
  return !s->failed && cancel_check(s->cancel, err);
}

/* ---- Finishing ---- */

static bool add_primary_key(struct pg *c, struct error *err) {
  bool there;
  if (!ask(c, "SELECT EXISTS (SELECT FROM pg_constraint"
              " WHERE conrelid = '" SEED_TABLE "'::regclass AND contype = 'p')", NULL, &there, err))
    return false;
  return there || pg_exec(c, "ALTER TABLE " SEED_TABLE " ADD PRIMARY KEY (id)", err);
}

/* With the ids unique, these three numbers prove that every row is there once. */
static bool check_whole(struct pg *c, const struct seeding *s, struct error *err) {
  struct pg_result *r;
  if (!pg_query(c, "SELECT count(*), min(id), max(id) FROM " SEED_TABLE, NULL, 0, &r, err)) return false;
  int64_t count = pg_value_int(r, 0, 0), min = pg_value_int(r, 0, 1), max = pg_value_int(r, 0, 2);
  pg_result_free(r);
  if (count == s->rows && min == 1 && max == s->rows) return true;
  return fail(err, ERR_CONFLICT, "table \"" SEED_TABLE "\" holds %" PRId64 " rows with ids %" PRId64 " to %"
              PRId64 " where %" PRId64 " were written: somebody else has changed it. Drop it and seed again",
              count, min, max, s->rows);
}

static bool finish(struct pg *c, struct seeding *s, struct error *err) {
  char done[MARK_SIZE];
  snprintf(done, sizeof done, MARK_DONE, s->rows);
  return add_primary_key(c, err) &&
         pg_execf(c, err, "SELECT setval(pg_get_serial_sequence('" SEED_TABLE "', 'id'), %" PRId64 ")",
                  s->rows) &&
         pg_exec(c, "VACUUM (ANALYZE) " SEED_TABLE, err) &&   /* readers need not set hint bits then */
         check_whole(c, s, err) &&
         pg_exec(c, "SET synchronous_commit = on", err) && set_comment(c, done, err);
}

/* ---- All of it ---- */

static bool seed_connected(struct pg *c, struct seeding *s, enum seed_outcome *outcome, struct error *err) {
  enum table_state state;
  *outcome = SEED_ALREADY;
  if (!prepare_session(c, err) || !read_state(c, s->rows, &state, err)) return false;
  if (state == TABLE_DONE) return true;
  if (!claim(c, s, &state, err)) return false;
  if (state == TABLE_DONE) return true;   /* the seeder that held the lock has just finished */
  *outcome = SEED_DONE;

  s->range_count = (s->rows + RANGE_ROWS - 1) / RANGE_ROWS;
  s->present = calloc((size_t)s->range_count, 1);
  if (!s->present) return fail_memory(err, "the list of ranges");
  if (state == TABLE_UNFINISHED && !find_present(c, s, err)) return false;
  report(s, 0);
  return write_all(c, s, err) && finish(c, s, err);
}

/* Stops what the holder's server process is doing once somebody cancels. */
struct watcher {
  struct pg *connection;
  const struct cancel *cancel;
  atomic_bool over;
};

static void *watch_cancel(void *argument) {
  struct watcher *w = argument;
  for (int64_t waited_ms = 0; !atomic_load(&w->over); waited_ms += 20) {
    nanosleep(&(struct timespec){.tv_nsec = 20 * 1000 * 1000}, NULL);
    if (waited_ms % 200 == 0 && cancel_requested(w->cancel)) pg_cancel(w->connection);
  }
  return NULL;
}

bool seed_run(const char *conninfo, int64_t rows, const struct cancel *cancel,
              void (*progress)(void *context, int64_t done, int64_t total), void *context,
              enum seed_outcome *outcome, struct error *err) {
  if (rows < 1 || rows > SEED_ROWS_MAX)
    return fail_field(err, "rows", "rows: a whole number from 1 to %lld is needed", (long long)SEED_ROWS_MAX);
  struct seeding s = {.rows = rows, .cancel = cancel, .progress = progress, .context = context,
                      .lock = PTHREAD_MUTEX_INITIALIZER};
  struct watcher watcher = {.cancel = cancel};
  pthread_t thread;
  struct pg *c;
  if (!pg_connect(conninfo, "decant/seed", cancel, &c, err)) return false;
  watcher.connection = c;
  bool watched = pthread_create(&thread, NULL, watch_cancel, &watcher) == 0;
  bool ok = seed_connected(c, &s, outcome, err);
  atomic_store(&watcher.over, true);
  if (watched) pthread_join(thread, NULL);
  pg_close(c);
  free(s.present);
  if (ok) return true;
  return cancel_requested(cancel) ? fail(err, ERR_CANCELLED, "cancelled") : false;
}
