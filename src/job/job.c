#include "job/job.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define BIT(state) (1u << (state))

static const unsigned edges[JOB_STATE_COUNT] = {
    [JOB_PENDING] = BIT(JOB_RUNNING) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED),
    [JOB_RUNNING] = BIT(JOB_COMPLETED) | BIT(JOB_FAILED) | BIT(JOB_CANCELLED) | BIT(JOB_PENDING),
    [JOB_COMPLETED] = BIT(JOB_EXPIRED),
};

bool job_edge_exists(enum job_state from, enum job_state to) { return (edges[from] & BIT(to)) != 0; }

bool job_id_new(char id[JOB_ID_SIZE], struct error *err) {
  unsigned char b[16];
  if (getrandom(b, sizeof b, 0) != (ssize_t)sizeof b)
    return fail_errno(err, ERR_INTERNAL, "cannot make a random ID");
  b[6] = (unsigned char)((b[6] & 0x0F) | 0x40);   /* RFC 9562: version 4, variant 10 */
  b[8] = (unsigned char)((b[8] & 0x3F) | 0x80);
  snprintf(id, JOB_ID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
           b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
  return true;
}

bool job_id_is_valid(const char *id) {
  for (int i = 0; i < JOB_ID_SIZE - 1; i++) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool is_hex = (id[i] >= '0' && id[i] <= '9') || (id[i] >= 'a' && id[i] <= 'f');
    if (is_dash ? id[i] != '-' : !is_hex) return false;
  }
  return id[JOB_ID_SIZE - 1] == '\0';
}

/* --- life ------------------------------------------------------------------------------------------- */

struct spool_file {
  int fd;
  atomic_int references;
};

static struct spool_file *file_hold(struct spool_file *f) {
  atomic_fetch_add(&f->references, 1);
  return f;
}

static void file_release(struct spool_file *f) {
  if (!f || atomic_fetch_sub(&f->references, 1) != 1) return;
  close(f->fd);
  free(f);
}

bool job_new(struct store *store, const struct job_record *record, struct export_request *request,
             struct job **out, struct error *err) {
  struct job *j = calloc(1, sizeof *j);
  if (!j) {
    request_free(request);
    return fail_memory(err, "a job");
  }
  j->store = store;
  j->record = *record;
  memcpy(j->id, record->id, sizeof j->id);
  j->request = request;
  atomic_init(&j->references, 1);
  pthread_mutex_init(&j->change_lock, NULL);
  pthread_mutex_init(&j->lock, NULL);
  *out = j;
  return true;
}

struct job *job_hold(struct job *j) {
  atomic_fetch_add(&j->references, 1);
  return j;
}

void job_release(struct job *j) {
  if (!j || atomic_fetch_sub(&j->references, 1) != 1) return;
  file_release(j->file);
  request_free(j->request);
  pthread_mutex_destroy(&j->change_lock);
  pthread_mutex_destroy(&j->lock);
  free(j);
}

/* --- changes ---------------------------------------------------------------------------------------- */

/* Under the lock. */
static void wake_waiters(struct job *j, bool data_only) {
  for (struct job_waiter **at = &j->waiters; *at;) {
    struct job_waiter *w = *at;
    if (data_only && !w->on_data) {
      at = &w->next;
      continue;
    }
    *at = w->next;
    w->is_waiting = false;
    w->wake(w->context);
  }
}

static void begin_attempt(struct job_record *r) {
  r->attempt++;
  r->started_us = clock_wall_us();
  r->error = (struct error){0};
}

static void apply_result(struct job_record *r, const struct export_result *result) {
  r->rows = result->rows;
  r->bytes = result->bytes;
  r->specials = result->specials;
  snprintf(r->specials_by_column, sizeof r->specials_by_column, "%s", result->specials_by_column);
  memcpy(r->snapshot_at, result->snapshot_at, sizeof r->snapshot_at);
  memcpy(r->sha256, result->sha256, sizeof r->sha256);
  snprintf(r->how, sizeof r->how, "%.*s", (int)sizeof r->how - 1, result->how);
  r->error = (struct error){0};
}

/* What the attempt reads from the server, and how. */
static void apply_progress(struct job_record *r, const struct export_progress *p) {
  int64_t snapshot_us = atomic_load(&p->snapshot_us);
  char moment[CLOCK_TEXT_SIZE];
  if (snapshot_us) {
    clock_format(snapshot_us, moment);
    snprintf(r->snapshot_at, sizeof r->snapshot_at, "%s", moment);
  }
  uint64_t limit = atomic_load(&p->rate_limit);
  if (limit) r->rate_limit = limit;
  r->bytes_read = atomic_load(&p->bytes_read);
  r->paused_us = atomic_load(&p->paused_us);
  r->memory_budget_bytes = atomic_load(&p->memory_budget_bytes);
}

/* The record as it will be. */
static void apply_change(struct job_record *r, enum job_state to, const struct job_change *change) {
  r->state = to;
  if (to == JOB_RUNNING) begin_attempt(r);
  else if (to != JOB_PENDING && to != JOB_EXPIRED) r->finished_us = clock_wall_us();
  if (!change) return;
  if (change->result) apply_result(r, change->result);
  if (change->error) r->error = *change->error;
  if (change->counts_as_failure) r->failures++;
}

/* Under the lock. */
static void drop_file(struct job *j) {
  file_release(j->file);
  j->file = NULL;
  j->visible_bytes = 0;
}

static void show_change(struct job *j, const struct job_record *next, bool is_saved) {
  pthread_mutex_lock(&j->lock);
  j->record = *next;
  j->is_unsaved = !is_saved;
  j->started_mono_us = next->state == JOB_RUNNING ? clock_monotonic_us() : 0;
  if (next->state != JOB_COMPLETED) drop_file(j);   /* an attempt begins, or has failed */
  wake_waiters(j, false);
  pthread_mutex_unlock(&j->lock);
}

bool job_set_state(struct job *j, enum job_state to, const struct job_change *change, struct error *err) {
  pthread_mutex_lock(&j->change_lock);
  struct job_record next;
  job_get_record(j, &next);
  enum job_state from = next.state;
  bool ok = job_edge_exists(from, to) ||
            fail(err, ERR_CONFLICT, "the export is %s, so it cannot become %s", job_state_names[from],
                 job_state_names[to]);
  if (ok) {
    if (from == JOB_RUNNING) apply_progress(&next, &j->progress);
    apply_change(&next, to, change);
    bool is_saved = j->store->ops->update(j->store, &next, err);
    ok = is_saved || to == JOB_FAILED || to == JOB_CANCELLED;
    if (ok && !is_saved)
      log_line(LOG_ERROR, "export %s is %s: %s", next.id, job_state_names[to], err->message);
    if (ok) show_change(j, &next, is_saved);
  }
  pthread_mutex_unlock(&j->change_lock);
  return ok;
}

bool job_is_saved(struct job *j) {
  pthread_mutex_lock(&j->lock);
  bool is_saved = !j->is_unsaved;
  pthread_mutex_unlock(&j->lock);
  return is_saved;
}

bool job_save(struct job *j) {
  struct error err;
  struct job_record record;
  pthread_mutex_lock(&j->change_lock);   /* no other change meanwhile */
  pthread_mutex_lock(&j->lock);
  bool is_saved = !j->is_unsaved;
  record = j->record;
  pthread_mutex_unlock(&j->lock);
  if (!is_saved) is_saved = j->store->ops->update(j->store, &record, &err);
  pthread_mutex_lock(&j->lock);
  j->is_unsaved = !is_saved;
  pthread_mutex_unlock(&j->lock);
  pthread_mutex_unlock(&j->change_lock);
  return is_saved;
}

void job_get_record(struct job *j, struct job_record *record) {
  pthread_mutex_lock(&j->lock);
  *record = j->record;
  pthread_mutex_unlock(&j->lock);
}

bool job_set_file(struct job *j, int fd, struct error *err) {
  struct spool_file *file = malloc(sizeof *file);
  if (!file) {
    close(fd);
    return fail_memory(err, "a spool file");
  }
  file->fd = fd;
  atomic_init(&file->references, 1);
  pthread_mutex_lock(&j->lock);
  file_release(j->file);
  j->file = file;
  j->visible_bytes = 0;
  pthread_mutex_unlock(&j->lock);
  return true;
}

void job_drop_file(struct job *j) {
  pthread_mutex_lock(&j->lock);
  drop_file(j);
  wake_waiters(j, false);
  pthread_mutex_unlock(&j->lock);
}

void job_show_bytes(struct job *j, uint64_t bytes) {
  pthread_mutex_lock(&j->lock);
  j->visible_bytes = bytes;
  wake_waiters(j, true);
  pthread_mutex_unlock(&j->lock);
}

void job_tick(struct job *j) {
  pthread_mutex_lock(&j->lock);
  wake_waiters(j, false);
  pthread_mutex_unlock(&j->lock);
}

void job_close_followers(struct job *j) {
  pthread_mutex_lock(&j->lock);
  j->closing = true;
  wake_waiters(j, false);
  pthread_mutex_unlock(&j->lock);
}

/* --- status ----------------------------------------------------------------------------------------- */

void job_status_of_record(const struct job_record *record, struct job_status *status) {
  *status = (struct job_status){.record = *record, .percent = -1, .eta_seconds = -1};
  if (record->finished_us && record->started_us) {
    int64_t taken_us = record->finished_us - record->started_us;
    status->seconds = taken_us > 0 ? (double)taken_us / 1e6 : 0;   /* the wall clock may have jumped back */
  }
  if (record->state == JOB_COMPLETED || record->state == JOB_EXPIRED) {
    status->percent = 100;
    status->eta_seconds = 0;
    if (status->seconds > 0) status->rows_per_second = (double)record->rows / status->seconds;
  } else if (record->state == JOB_PENDING) {
    status->percent = 0;
  }
}

void job_get_status(struct job *j, struct job_status *status) {
  pthread_mutex_lock(&j->lock);
  job_status_of_record(&j->record, status);
  uint64_t started = j->started_mono_us;
  bool is_running = j->record.state == JOB_RUNNING;
  pthread_mutex_unlock(&j->lock);
  struct job_record *r = &status->record;
  if (!is_running) return;
  apply_progress(r, &j->progress);
  r->rows = atomic_load(&j->progress.rows);
  r->bytes = atomic_load(&j->progress.bytes);
  uint64_t estimated = atomic_load(&j->progress.rows_estimated);
  if (estimated) r->rows_estimated = estimated;
  status->percent = export_progress_percent(&j->progress);
  status->seconds = (double)(clock_monotonic_us() - started) / 1e6;
  if (status->seconds > 0) status->rows_per_second = (double)r->rows / status->seconds;
  if (status->percent > 0 && status->percent <= 100)
    status->eta_seconds = status->seconds * (100 - status->percent) / status->percent;
}

/* --- waiting ---------------------------------------------------------------------------------------- */

/* Under the lock. */
static void add_waiter(struct job *j, struct job_waiter *w, void (*sleep)(void *context)) {
  if (!w->is_waiting) {
    w->is_waiting = true;
    w->next = j->waiters;
    j->waiters = w;
  }
  sleep(w->context);
}

bool job_wait(struct job *j, struct job_waiter *w, void (*sleep)(void *context)) {
  pthread_mutex_lock(&j->lock);
  bool waits = !j->closing && edges[j->record.state] != 0 && j->record.state != JOB_COMPLETED;
  if (waits) add_waiter(j, w, sleep);
  pthread_mutex_unlock(&j->lock);
  return waits;
}

void job_unwait(struct job *j, struct job_waiter *w) {
  pthread_mutex_lock(&j->lock);
  for (struct job_waiter **at = &j->waiters; *at; at = &(*at)->next) {
    if (*at != w) continue;
    *at = w->next;
    break;
  }
  w->is_waiting = false;
  pthread_mutex_unlock(&j->lock);
}

void follower_init(struct follower *f, struct job *j, void (*sleep)(void *context),
                   void (*wake)(void *context), void *context) {
  *f = (struct follower){.job = job_hold(j), .sleep = sleep, .waiter = {.wake = wake, .context = context, .on_data = true}};
}

void follower_deinit(struct follower *f) {
  job_unwait(f->job, &f->waiter);
  file_release(f->file);
  job_release(f->job);
  *f = (struct follower){0};
}

/* Under the lock: how many bytes may be read now, or what else there is to do. */
static enum follow_result look(struct follower *f, uint64_t *available) {
  struct job *j = f->job;
  enum job_state state = j->record.state;
  bool is_other_attempt = f->position > 0 && (f->attempt != j->record.attempt || !j->file);
  if (is_other_attempt || state == JOB_FAILED || state == JOB_CANCELLED) return FOLLOW_BROKEN;
  *available = j->visible_bytes - f->position;
  if (*available > 0) {
    if (!f->file) f->file = file_hold(j->file);
    f->attempt = j->record.attempt;
    return FOLLOW_BYTES;
  }
  if (state == JOB_COMPLETED) return f->position == j->record.bytes ? FOLLOW_END : FOLLOW_BROKEN;
  if (j->closing) return FOLLOW_BROKEN;
  add_waiter(j, &f->waiter, f->sleep);
  return FOLLOW_ASLEEP;
}

enum follow_result follower_read(struct follower *f, void *to, size_t max, size_t *len) {
  uint64_t available = 0;
  pthread_mutex_lock(&f->job->lock);
  enum follow_result result = look(f, &available);
  pthread_mutex_unlock(&f->job->lock);
  if (result != FOLLOW_BYTES) return result;
  if (max > available) max = (size_t)available;
  ssize_t got;
  do got = pread(f->file->fd, to, max, (off_t)f->position);
  while (got < 0 && errno == EINTR);
  if (got <= 0) return FOLLOW_BROKEN;   /* the bytes were there: a file that has become shorter, or EIO */
  f->position += (uint64_t)got;
  *len = (size_t)got;
  return FOLLOW_BYTES;
}
