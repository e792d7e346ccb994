#include "job/store.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define SCHEMA_VERSION 2

const char *const job_state_names[] = {"pending", "running", "completed", "failed", "cancelled", "expired", NULL};

/* The columns in the order in which read_record reads and bind_record writes them. */
#define COLUMNS \
  "id, owner, state, attempt, failures, format, extension, source, rows, bytes, specials, rows_estimated, " \
  "snapshot_at, sha256, how, error_code, error_field, error_message, sqlstate, created_us, started_us, finished_us, " \
  "specials_by_column, gentle, rate_limit, bytes_read, paused_us, memory_budget_bytes"

static const char schema_sql[] =
    "CREATE TABLE export ("
    "  sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  id TEXT NOT NULL UNIQUE,"
    "  owner TEXT NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  attempt INTEGER NOT NULL,"
    "  failures INTEGER NOT NULL,"
    "  format TEXT NOT NULL,"
    "  extension TEXT NOT NULL,"
    "  source TEXT NOT NULL,"
    "  rows INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  specials INTEGER NOT NULL,"
    "  rows_estimated INTEGER NOT NULL,"
    "  snapshot_at TEXT NOT NULL,"
    "  sha256 TEXT NOT NULL,"
    "  how TEXT NOT NULL,"
    "  error_code INTEGER NOT NULL,"
    "  error_field TEXT NOT NULL,"
    "  error_message TEXT NOT NULL,"
    "  sqlstate TEXT NOT NULL,"
    "  created_us INTEGER NOT NULL,"
    "  started_us INTEGER NOT NULL,"
    "  finished_us INTEGER NOT NULL,"
    "  request TEXT NOT NULL,"
    "  specials_by_column TEXT NOT NULL DEFAULT '',"
    "  gentle INTEGER NOT NULL DEFAULT 0,"
    "  rate_limit INTEGER NOT NULL DEFAULT 0,"
    "  bytes_read INTEGER NOT NULL DEFAULT 0,"
    "  paused_us INTEGER NOT NULL DEFAULT 0,"
    "  memory_budget_bytes INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX export_by_state ON export (state, format);"
    "PRAGMA user_version = 2;";

/* From each schema to the next. */
static const char *const upgrades[SCHEMA_VERSION] = {
    [1] = "ALTER TABLE export ADD COLUMN specials_by_column TEXT NOT NULL DEFAULT '';"
          "ALTER TABLE export ADD COLUMN gentle INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE export ADD COLUMN rate_limit INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE export ADD COLUMN bytes_read INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE export ADD COLUMN paused_us INTEGER NOT NULL DEFAULT 0;"
          "ALTER TABLE export ADD COLUMN memory_budget_bytes INTEGER NOT NULL DEFAULT 0;"
          "PRAGMA user_version = 2;",
};

enum statement { STMT_INSERT, STMT_UPDATE, STMT_FIND, STMT_REQUEST, STMT_COUNT, STMT_TOUCH, STMT_TOTAL };

static const char *const statements[STMT_TOTAL] = {
    [STMT_INSERT] = "INSERT INTO export (" COLUMNS ", request)"
                    " VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22,?23,"
                    "?24,?25,?26,?27,?28,?29)",
    [STMT_UPDATE] = "UPDATE export SET state=?3, attempt=?4, failures=?5, format=?6, extension=?7, source=?8, rows=?9,"
                    " bytes=?10, specials=?11, rows_estimated=?12, snapshot_at=?13, sha256=?14, how=?15,"
                    " error_code=?16, error_field=?17, error_message=?18, sqlstate=?19, created_us=?20,"
                    " started_us=?21, finished_us=?22, specials_by_column=?23, gentle=?24, rate_limit=?25,"
                    " bytes_read=?26, paused_us=?27, memory_budget_bytes=?28 WHERE id=?1 AND owner=?2",
    [STMT_FIND] = "SELECT sequence, " COLUMNS " FROM export WHERE id=?1",
    [STMT_REQUEST] = "SELECT request FROM export WHERE id=?1",
    [STMT_COUNT] = "SELECT state, format, count(*), sum(bytes) FROM export GROUP BY state, format",
    [STMT_TOUCH] = "PRAGMA user_version = 2",   /* takes the write lock and syncs, changes nothing */
};

struct sqlite_store {
  struct store base;
  pthread_mutex_t lock;            /* guards all below: one connection, one user at a time */
  sqlite3 *db;
  sqlite3_stmt *prepared[STMT_TOTAL];
};

static bool fail_sqlite(struct sqlite_store *s, const char *what, struct error *err) {
  int code = s->db ? sqlite3_errcode(s->db) : SQLITE_NOMEM;
  enum error_code kind = code == SQLITE_FULL    ? ERR_NO_SPACE
                         : code == SQLITE_NOMEM ? ERR_MEMORY
                                                : ERR_DESTINATION;
  return fail(err, kind, "cannot %s the job store: %s", what,
              s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static void bind_text(sqlite3_stmt *q, int index, const char *text) {
  sqlite3_bind_text(q, index, text, -1, SQLITE_STATIC);
}

static void bind_record(sqlite3_stmt *q, const struct job_record *r) {
  bind_text(q, 1, r->id);
  bind_text(q, 2, r->owner);
  sqlite3_bind_int(q, 3, (int)r->state);
  sqlite3_bind_int(q, 4, r->attempt);
  sqlite3_bind_int(q, 5, r->failures);
  bind_text(q, 6, r->format);
  bind_text(q, 7, r->extension);
  bind_text(q, 8, r->source);
  sqlite3_bind_int64(q, 9, (int64_t)r->rows);
  sqlite3_bind_int64(q, 10, (int64_t)r->bytes);
  sqlite3_bind_int64(q, 11, (int64_t)r->specials);
  sqlite3_bind_int64(q, 12, (int64_t)r->rows_estimated);
  bind_text(q, 13, r->snapshot_at);
  bind_text(q, 14, r->sha256);
  bind_text(q, 15, r->how);
  sqlite3_bind_int(q, 16, (int)r->error.code);
  bind_text(q, 17, r->error.field);
  bind_text(q, 18, r->error.message);
  bind_text(q, 19, r->error.sqlstate);
  sqlite3_bind_int64(q, 20, r->created_us);
  sqlite3_bind_int64(q, 21, r->started_us);
  sqlite3_bind_int64(q, 22, r->finished_us);
  bind_text(q, 23, r->specials_by_column);
  sqlite3_bind_int(q, 24, r->gentle);
  sqlite3_bind_int64(q, 25, (int64_t)r->rate_limit);
  sqlite3_bind_int64(q, 26, (int64_t)r->bytes_read);
  sqlite3_bind_int64(q, 27, (int64_t)r->paused_us);
  sqlite3_bind_int64(q, 28, r->memory_budget_bytes);
}

static void read_text(sqlite3_stmt *q, int column, char *to, size_t size) {
  const char *text = (const char *)sqlite3_column_text(q, column);
  snprintf(to, size, "%s", text ? text : "");
}

/* A number that this program gives a meaning to; anything else in the file must not become an index. */
static int read_bounded(sqlite3_stmt *q, int column, int count, int otherwise) {
  int value = sqlite3_column_int(q, column);
  return value >= 0 && value < count ? value : otherwise;
}

static void read_record(sqlite3_stmt *q, struct job_record *r) {
  *r = (struct job_record){.sequence = sqlite3_column_int64(q, 0)};
  read_text(q, 1, r->id, sizeof r->id);
  read_text(q, 2, r->owner, sizeof r->owner);
  r->state = (enum job_state)read_bounded(q, 3, JOB_STATE_COUNT, JOB_FAILED);
  r->attempt = sqlite3_column_int(q, 4);
  r->failures = sqlite3_column_int(q, 5);
  read_text(q, 6, r->format, sizeof r->format);
  read_text(q, 7, r->extension, sizeof r->extension);
  read_text(q, 8, r->source, sizeof r->source);
  r->rows = (uint64_t)sqlite3_column_int64(q, 9);
  r->bytes = (uint64_t)sqlite3_column_int64(q, 10);
  r->specials = (uint64_t)sqlite3_column_int64(q, 11);
  r->rows_estimated = (uint64_t)sqlite3_column_int64(q, 12);
  read_text(q, 13, r->snapshot_at, sizeof r->snapshot_at);
  read_text(q, 14, r->sha256, sizeof r->sha256);
  read_text(q, 15, r->how, sizeof r->how);
  r->error.code = (enum error_code)read_bounded(q, 16, ERR_COUNT, ERR_INTERNAL);
  read_text(q, 17, r->error.field, sizeof r->error.field);
  read_text(q, 18, r->error.message, sizeof r->error.message);
  read_text(q, 19, r->error.sqlstate, sizeof r->error.sqlstate);
  r->created_us = sqlite3_column_int64(q, 20);
  r->started_us = sqlite3_column_int64(q, 21);
  r->finished_us = sqlite3_column_int64(q, 22);
  read_text(q, 23, r->specials_by_column, sizeof r->specials_by_column);
  r->gentle = sqlite3_column_int(q, 24) != 0;
  r->rate_limit = (uint64_t)sqlite3_column_int64(q, 25);
  r->bytes_read = (uint64_t)sqlite3_column_int64(q, 26);
  r->paused_us = (uint64_t)sqlite3_column_int64(q, 27);
  r->memory_budget_bytes = sqlite3_column_int64(q, 28);
}

/* Runs a statement that gives no rows, and makes it ready for the next time. */
static bool step_done(struct sqlite_store *s, sqlite3_stmt *q, const char *what, struct error *err) {
  int code = sqlite3_step(q);
  while (code == SQLITE_ROW) code = sqlite3_step(q);
  bool ok = code == SQLITE_DONE || fail_sqlite(s, what, err);
  sqlite3_reset(q);
  sqlite3_clear_bindings(q);
  return ok;
}

static bool sqlite_insert(struct store *base, const struct job_record *r, const char *request,
                          struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  pthread_mutex_lock(&s->lock);
  sqlite3_stmt *q = s->prepared[STMT_INSERT];
  bind_record(q, r);
  bind_text(q, 29, request);
  bool ok = step_done(s, q, "write a new export into", err);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

static bool sqlite_update(struct store *base, const struct job_record *r, struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  pthread_mutex_lock(&s->lock);
  sqlite3_stmt *q = s->prepared[STMT_UPDATE];
  bind_record(q, r);
  bool ok = step_done(s, q, "write an export's state into", err);
  if (ok && sqlite3_changes(s->db) != 1)
    ok = fail(err, ERR_NOT_FOUND, "the job store does not hold the export %s", r->id);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

/* Steps to the one row of an id. The caller holds the lock and resets the statement. */
static bool step_to(struct sqlite_store *s, sqlite3_stmt *q, const char *id, struct error *err) {
  bind_text(q, 1, id);
  int code = sqlite3_step(q);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) return fail_sqlite(s, "read", err);
  return fail(err, ERR_NOT_FOUND, "there is no export \"%.64s\"", id);
}

static bool sqlite_find(struct store *base, const char *id, struct job_record *r, struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  pthread_mutex_lock(&s->lock);
  sqlite3_stmt *q = s->prepared[STMT_FIND];
  bool ok = step_to(s, q, id, err);
  if (ok) read_record(q, r);
  sqlite3_reset(q);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

static bool sqlite_find_request(struct store *base, const char *id, char **text, struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  pthread_mutex_lock(&s->lock);
  sqlite3_stmt *q = s->prepared[STMT_REQUEST];
  bool ok = step_to(s, q, id, err);
  if (ok) {
    const char *stored = (const char *)sqlite3_column_text(q, 0);
    *text = strdup(stored ? stored : "");
    if (!*text) ok = fail_memory(err, "an export's request");
  }
  sqlite3_reset(q);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

static sqlite3_stmt *prepare_list(struct sqlite_store *s, const struct store_filter *f) {
  char sql[1024];
  snprintf(sql, sizeof sql,
           "SELECT sequence, " COLUMNS " FROM export WHERE (?1 = 0 OR (1 << state) & ?1) AND (?2 IS NULL OR owner = ?2)"
           " AND (?3 = 0 OR sequence < ?3) AND (?4 = 0 OR finished_us < ?4) ORDER BY sequence %s LIMIT ?5",
           f->oldest_first ? "ASC" : "DESC");
  sqlite3_stmt *q = NULL;
  if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK) return NULL;
  sqlite3_bind_int(q, 1, (int)f->states);
  if (f->owner) bind_text(q, 2, f->owner);
  sqlite3_bind_int64(q, 3, f->before);
  sqlite3_bind_int64(q, 4, f->finished_before_us);
  sqlite3_bind_int64(q, 5, f->max ? (int64_t)f->max : -1);
  return q;
}

static bool sqlite_list(struct store *base, const struct store_filter *filter,
                        bool (*each)(void *context, const struct job_record *r, struct error *err),
                        void *context, struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  pthread_mutex_lock(&s->lock);
  sqlite3_stmt *q = prepare_list(s, filter);
  bool ok = q || fail_sqlite(s, "read", err);
  int code = SQLITE_DONE;
  while (ok && (code = sqlite3_step(q)) == SQLITE_ROW) {
    struct job_record r;
    read_record(q, &r);
    ok = each(context, &r, err);
  }
  if (ok && code != SQLITE_DONE) ok = fail_sqlite(s, "read", err);
  sqlite3_finalize(q);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

static bool sqlite_count(struct store *base, struct store_count *counts, size_t max, size_t *count,
                         struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  *count = 0;
  pthread_mutex_lock(&s->lock);
  sqlite3_stmt *q = s->prepared[STMT_COUNT];
  int code;
  while ((code = sqlite3_step(q)) == SQLITE_ROW && *count < max) {
    struct store_count *c = &counts[(*count)++];
    c->state = (enum job_state)read_bounded(q, 0, JOB_STATE_COUNT, JOB_FAILED);
    read_text(q, 1, c->format, sizeof c->format);
    c->count = (uint64_t)sqlite3_column_int64(q, 2);
    c->bytes = (uint64_t)sqlite3_column_int64(q, 3);
  }
  bool ok = code == SQLITE_DONE || code == SQLITE_ROW || fail_sqlite(s, "read", err);
  sqlite3_reset(q);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

static bool sqlite_check_writable(struct store *base, struct error *err) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  pthread_mutex_lock(&s->lock);
  bool ok = step_done(s, s->prepared[STMT_TOUCH], "write", err);
  pthread_mutex_unlock(&s->lock);
  return ok;
}

static void sqlite_close(struct store *base) {
  struct sqlite_store *s = (struct sqlite_store *)base;
  for (int i = 0; i < STMT_TOTAL; i++) sqlite3_finalize(s->prepared[i]);
  sqlite3_close(s->db);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static const struct store_ops sqlite_ops = {
    .insert = sqlite_insert,
    .update = sqlite_update,
    .find = sqlite_find,
    .find_request = sqlite_find_request,
    .list = sqlite_list,
    .count = sqlite_count,
    .check_writable = sqlite_check_writable,
    .close = sqlite_close,
};

/* Makes the file with the mode that it is to have, and looks at what it lies on. */
static bool check_file(const char *path, struct error *err) {
  /* NFS, SMB (three of them), AFS, 9P: linux/magic.h */
  static const long network[] = {0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0x5346414F, 0x01021997};
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail_errno(err, ERR_DESTINATION, "cannot open the job store \"%s\"", path);
  struct statfs fs;
  bool ok = fstatfs(fd, &fs) == 0 || fail_errno(err, ERR_DESTINATION, "cannot look at the job store \"%s\"", path);
  close(fd);
  for (size_t i = 0; ok && i < sizeof network / sizeof *network; i++)
    if ((uint32_t)fs.f_type == (uint32_t)network[i])
      ok = fail(err, ERR_DESTINATION,
                "the job store \"%s\" lies on a network file system; SQLite's locks do not hold"
                " there: choose a local folder with --data",
                path);
  return ok;
}

static bool exec_sql(struct sqlite_store *s, const char *sql, struct error *err) {
  return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail_sqlite(s, "set up", err);
}

static bool read_version(struct sqlite_store *s, int *version, struct error *err) {
  sqlite3_stmt *q = NULL;
  bool ok = sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK &&
            sqlite3_step(q) == SQLITE_ROW;
  if (!ok) ok = fail_sqlite(s, "read", err);
  else *version = sqlite3_column_int(q, 0);
  sqlite3_finalize(q);
  return ok;
}

static bool set_up(struct sqlite_store *s, struct error *err) {
  int version = 0;
  if (!exec_sql(s, "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA cache_size=-256;"
                   "PRAGMA temp_store=MEMORY; PRAGMA trusted_schema=OFF; PRAGMA busy_timeout=5000",
                err) ||
      !read_version(s, &version, err))
    return false;
  if (version > SCHEMA_VERSION)
    return fail(err, ERR_DESTINATION,
                "the job store was written by a later version of decant (schema %d, known is %d)", version,
                SCHEMA_VERSION);
  for (; version < SCHEMA_VERSION; version = version ? version + 1 : SCHEMA_VERSION) {
    char sql[sizeof schema_sql + 64];
    snprintf(sql, sizeof sql, "BEGIN IMMEDIATE; %s COMMIT;", version ? upgrades[version] : schema_sql);
    if (!exec_sql(s, sql, err)) return false;
  }
  for (int i = 0; i < STMT_TOTAL; i++)
    if (sqlite3_prepare_v3(s->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &s->prepared[i], NULL) != SQLITE_OK)
      return fail_sqlite(s, "read", err);
  return true;
}

bool store_sqlite_open(const char *path, struct store **out, struct error *err) {
  if (!check_file(path, err)) return false;
  struct sqlite_store *s = calloc(1, sizeof *s);
  if (!s) return fail_memory(err, "the job store");
  s->base.ops = &sqlite_ops;
  pthread_mutex_init(&s->lock, NULL);
  int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
  bool ok = sqlite3_open_v2(path, &s->db, flags, NULL) == SQLITE_OK || fail_sqlite(s, "open", err);
  if (!ok || !set_up(s, err)) {
    sqlite_close(&s->base);
    return false;
  }
  *out = &s->base;
  return true;
}
