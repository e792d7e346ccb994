#include "job/scheduler.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "job/scheduler_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TICK_US 500000           /* progress to those who watch, while there are jobs */
#define SWEEP_SECONDS_MAX 60     /* between two looks for what has expired */
#define FLOOR_DEFAULT_MAX (UINT64_C(256) << 20)
#define CANCEL_WAIT_US 2000000
#define JOB_STACK_BYTES (512u << 10)

/* --- the list of live jobs -------------------------------------------------------------------------- */

void scheduler_append(struct scheduler *s, struct job *j) {
  struct job **end = &s->jobs;
  while (*end) end = &(*end)->next;
  j->next = NULL;
  *end = j;
  s->job_count++;
}

static bool is_live(enum job_state state) { return state == JOB_PENDING || state == JOB_RUNNING; }

/* Has it ended, and does the store know? */
static bool has_ended(struct job *j) {
  struct job_record record;
  if (j->is_running) return false;
  job_get_record(j, &record);
  return !is_live(record.state) && job_is_saved(j);
}

/* Writes ends that the store did not take (its disk was full). Without the lock: the store's comes before it. */
static void save_ended(struct scheduler *s) {
  bool goes_on = true;
  while (goes_on) {
    struct job *unsaved = NULL;
    pthread_mutex_lock(&s->lock);
    for (struct job *j = s->jobs; j && !unsaved; j = j->next)
      if (!job_is_saved(j)) unsaved = job_hold(j);
    pthread_mutex_unlock(&s->lock);
    goes_on = unsaved && job_save(unsaved);   /* else at the next tick */
    job_release(unsaved);
  }
}

/* Drops jobs that have ended. Under the lock. */
static void drop_ended(struct scheduler *s) {
  for (struct job **at = &s->jobs; *at;) {
    struct job *j = *at;
    if (!has_ended(j)) {
      at = &j->next;
      continue;
    }
    *at = j->next;
    s->job_count--;
    job_release(j);
  }
}

/* Also one that has just ended. */
static struct job *find_any(struct scheduler *s, const char *id) {
  struct job *found = NULL;
  pthread_mutex_lock(&s->lock);
  for (struct job *j = s->jobs; j && !found; j = j->next)
    if (strcmp(j->id, id) == 0) found = job_hold(j);
  pthread_mutex_unlock(&s->lock);
  return found;
}

struct job *scheduler_find(struct scheduler *s, const char *id) {
  struct job *found = find_any(s, id);
  struct job_record record;
  if (!found) return NULL;
  job_get_record(found, &record);
  if (is_live(record.state)) return found;
  job_release(found);
  return NULL;
}

/* --- starting --------------------------------------------------------------------------------------- */

static bool start_thread(struct scheduler *s, struct job *j) {
  struct run_task *task = malloc(sizeof *task);
  if (!task) return false;
  *task = (struct run_task){.scheduler = s, .job = job_hold(j)};
  int code = thread_start_detached(scheduler_run_job, task, JOB_STACK_BYTES);
  if (code == 0) return true;
  log_line(LOG_ERROR, "cannot start a thread for export %s: %s", j->id, strerror(code));
  job_release(j);
  free(task);
  return false;
}

/* Watchers may read it meanwhile. */
static void reset_progress(struct export_progress *p) {
  atomic_store(&p->phase, PHASE_PLANNING);
  atomic_store(&p->rows, 0);
  atomic_store(&p->bytes, 0);
  atomic_store(&p->rows_estimated, 0);
  atomic_store(&p->work_done, 0);
  atomic_store(&p->work_total, 0);
  atomic_store(&p->bytes_read, 0);
  atomic_store(&p->pauses, 0);
  atomic_store(&p->paused_us, 0);
  atomic_store(&p->rate_limit, 0);
  atomic_store(&p->memory_budget_bytes, 0);
  atomic_store(&p->snapshot_us, 0);
}

/* Under the lock. */
static bool fits(const struct scheduler *s, int lanes, int64_t memory) {
  return s->connections_used + lanes <= s->budget.connections_max &&
         s->memory_used <= s->budget.memory_max - memory;
}

bool scheduler_reserve(struct scheduler *s, struct scheduler_share *share, struct error *err) {
  *share = (struct scheduler_share){.lanes = s->budget.lanes_per_job, .memory_bytes = budget_job_memory(&s->budget, NULL)};
  pthread_mutex_lock(&s->lock);
  bool is_free = !s->stopping && fits(s, share->lanes, share->memory_bytes);
  if (is_free) {
    s->connections_used += share->lanes;
    s->memory_used += share->memory_bytes;
  }
  pthread_mutex_unlock(&s->lock);
  return is_free ||
         fail(err, ERR_BUSY, "exports are running that leave no room beside them; try again later");
}

void scheduler_give_back(struct scheduler *s, const struct scheduler_share *share) {
  pthread_mutex_lock(&s->lock);
  s->connections_used -= share->lanes;
  s->memory_used -= share->memory_bytes;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

/* Reserves what the job needs and starts it. False if it does not fit now. Under the lock. */
static bool try_start(struct scheduler *s, struct job *j, uint64_t now_us) {
  int64_t memory = budget_job_memory(&s->budget, j->request);
  int lanes = j->request->gentle == GENTLE_YES ? 1 : s->budget.lanes_per_job;
  if (!fits(s, lanes, memory)) return false;
  j->lanes = lanes;
  j->memory_bytes = memory;
  reset_progress(&j->progress);
  atomic_store(&j->cancel.requested, false);
  j->is_running = true;
  if (!start_thread(s, j)) {
    j->is_running = false;
    j->not_before_us = now_us + s->settings.retry_delay_us;
    return true;   /* later; the next one may go on */
  }
  s->connections_used += lanes;
  s->memory_used += memory;
  s->running_count++;
  return true;
}

/*
 * Starts what fits, strictly in order: a large job at the head is not overtaken for ever. A job that waits for
 * its next attempt holds nobody up. Returns when to look again, on the monotonic clock.
 */
static uint64_t start_jobs(struct scheduler *s) {
  uint64_t now = clock_monotonic_us(), next = UINT64_MAX;
  for (struct job *j = s->jobs; j; j = j->next) {
    if (j->is_running) continue;
    if (j->not_before_us > now) {
      if (j->not_before_us < next) next = j->not_before_us;
    } else if (!try_start(s, j, now)) {
      break;   /* a slot that gets free wakes us */
    }
  }
  return next;
}

static void wait_until(struct scheduler *s, uint64_t until_us) {
  struct timespec t = {.tv_sec = (time_t)(until_us / 1000000), .tv_nsec = (long)(until_us % 1000000 * 1000)};
  pthread_cond_timedwait(&s->changed, &s->lock, &t);
}

/* Often enough that nothing is kept for much longer than was said. */
static uint64_t sweep_period_us(const struct scheduler *s) {
  int64_t seconds = s->settings.expire_after_seconds / 4;
  if (seconds < 1) seconds = 1;
  if (seconds > SWEEP_SECONDS_MAX || s->settings.expire_after_seconds == 0) seconds = SWEEP_SECONDS_MAX;
  return (uint64_t)seconds * 1000000;
}

static void *scheduler_main(void *argument) {
  struct scheduler *s = argument;
  uint64_t next_sweep = 0;
  pthread_mutex_lock(&s->lock);
  while (!s->stopping) {
    uint64_t now = clock_monotonic_us();
    pthread_mutex_unlock(&s->lock);
    save_ended(s);
    if (now >= next_sweep) {
      scheduler_expire_files(s);
      next_sweep = now + sweep_period_us(s);
    }
    pthread_mutex_lock(&s->lock);
    if (s->stopping) break;
    drop_ended(s);
    for (struct job *j = s->jobs; j; j = j->next) job_tick(j);
    uint64_t next = start_jobs(s);
    if (next > next_sweep) next = next_sweep;
    if (s->jobs && next > now + TICK_US) next = now + TICK_US;
    if (!s->stopping) wait_until(s, next);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

static bool start_main_thread(struct scheduler *s, struct error *err) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, JOB_STACK_BYTES);
  int code = pthread_create(&s->thread, &attributes, scheduler_main, s);
  pthread_attr_destroy(&attributes);
  s->has_thread = code == 0;
  return s->has_thread || fail(err, ERR_INTERNAL, "cannot start the scheduler's thread: %s", strerror(code));
}

static void init_locks(struct scheduler *s) {
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&s->changed, &attributes);
  pthread_condattr_destroy(&attributes);
  pthread_mutex_init(&s->lock, NULL);
}

static bool open_data(struct scheduler *s, struct error *err) {
  char path[SPOOL_PATH_SIZE];
  if (!spool_open(&s->spool, s->settings.data_folder, err)) return false;
  snprintf(path, sizeof path, "%s/decant.db", s->settings.data_folder);
  return store_sqlite_open(path, &s->store, err);
}

bool scheduler_start(const struct scheduler_settings *settings, struct scheduler **out, struct error *err) {
  struct scheduler *s = calloc(1, sizeof *s);
  if (!s) return fail_memory(err, "the scheduler");
  s->settings = *settings;
  if (!s->settings.run) s->settings.run = export_run;
  if (!s->settings.check) s->settings.check = export_check;
  s->start_mono_us = clock_monotonic_us();
  s->start_wall_us = clock_wall_us();
  s->spool = (struct spool){.folder_fd = -1, .lock_fd = -1};
  init_locks(s);
  rate_init(&s->rate, (uint64_t)settings->max_rate_bytes, NULL);
  if (!budget_init(&s->budget, settings->connections_max, settings->memory_bytes, err) ||
      !open_data(s, err) || !scheduler_recover(s, err) || !start_main_thread(s, err)) {
    scheduler_free(s);
    return false;
  }
  *out = s;
  return true;
}

/* --- stopping --------------------------------------------------------------------------------------- */

void scheduler_stop(struct scheduler *s) {
  pthread_mutex_lock(&s->lock);
  s->stopping = true;
  for (struct job *j = s->jobs; j; j = j->next) {
    if (!j->is_running) continue;
    j->is_interrupted = true;
    cancel_request(&j->cancel);
  }
  pthread_cond_broadcast(&s->changed);
  while (s->running_count) pthread_cond_wait(&s->changed, &s->lock);
  pthread_mutex_unlock(&s->lock);
  if (s->has_thread) pthread_join(s->thread, NULL);
  s->has_thread = false;
  pthread_mutex_lock(&s->lock);
  for (struct job *j = s->jobs; j; j = j->next) job_close_followers(j);
  pthread_mutex_unlock(&s->lock);
}

void scheduler_free(struct scheduler *s) {
  if (!s) return;
  while (s->jobs) {
    struct job *j = s->jobs;
    s->jobs = j->next;
    job_release(j);
  }
  if (s->store) s->store->ops->close(s->store);
  spool_close(&s->spool);
  rate_deinit(&s->rate);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

/* --- submitting ------------------------------------------------------------------------------------- */

void scheduler_settings_for(struct scheduler *s, const char *application_name,
                            struct export_settings *settings) {
  *settings = (struct export_settings){.conninfo = s->settings.conninfo, .application_name = application_name,
                                       .lanes = s->budget.lanes_per_job, .allow_query = s->settings.allow_query,
                                       .rate = &s->rate};
}

static bool check_space(struct scheduler *s, struct error *err) {
  uint64_t free_bytes, total;
  if (!spool_free_bytes(&s->spool, &free_bytes, &total, err)) return false;
  uint64_t floor = total / 20 < FLOOR_DEFAULT_MAX ? total / 20 : FLOOR_DEFAULT_MAX;
  if (s->settings.free_bytes_floor >= 0) floor = (uint64_t)s->settings.free_bytes_floor;
  if (free_bytes >= floor) return true;
  return fail(err, ERR_NO_SPACE,
              "no room for new exports: %llu MB are free where %llu MB are needed; remove exports, or"
              " lower --min-free",
              (unsigned long long)(free_bytes >> 20), (unsigned long long)(floor >> 20));
}

static bool check_accepts(struct scheduler *s, struct error *err) {
  pthread_mutex_lock(&s->lock);
  bool stopping = s->stopping;
  size_t count = s->job_count;
  pthread_mutex_unlock(&s->lock);
  if (stopping) return fail(err, ERR_BUSY, "the service is stopping; try again in a moment");
  if (count >= SCHEDULER_PENDING_MAX)
    return fail(err, ERR_BUSY, "%zu exports wait already; try again later", count);
  return check_space(s, err);
}

static bool make_record(const struct export_request *request, const struct export_estimate *estimate,
                        const char *owner, struct job_record *r, struct error *err) {
  *r = (struct job_record){.state = JOB_PENDING, .rows_estimated = estimate->rows, .created_us = clock_wall_us()};
  r->gentle = request->gentle == GENTLE_YES;
  r->rate_limit = (uint64_t)request->max_rate_bytes;
  snprintf(r->owner, sizeof r->owner, "%s", owner);
  snprintf(r->format, sizeof r->format, "%s", request->format->name);
  bool is_compressed = request->codec->extension && *request->codec->extension;
  snprintf(r->extension, sizeof r->extension, "%s%s%s", request->format->extension, is_compressed ? "." : "",
           is_compressed ? request->codec->extension : "");
  snprintf(r->source, sizeof r->source, "%s", request->table ? request->table : "query");
  return job_id_new(r->id, err);
}

static bool keep(struct scheduler *s, const struct job_record *r, const struct export_request *request,
                 struct error *err) {
  struct buffer text;
  buffer_init(&text, 4 * REQUEST_JSON_BYTES_MAX);
  request_to_json(request, &text);
  buffer_append_byte(&text, '\0');
  bool ok = buffer_check(&text, "the request", err) &&
            s->store->ops->insert(s->store, r, (const char *)text.data, err);
  buffer_deinit(&text);
  return ok;
}

/* Once: it is the operator's setting, and every export would say the same. */
static void warn_of_superuser(struct scheduler *s) {
  if (atomic_exchange(&s->has_warned, true)) return;
  log_line(LOG_WARNING,
           "THE DATABASE ROLE IS A SUPERUSER: whoever reaches this service can export every table, and row"
           " level security does not hold; give it a role that may only read what is to be exported");
}

bool scheduler_submit(struct scheduler *s, struct export_request *request, const char *owner,
                      char id[JOB_ID_SIZE], struct error *err) {
  struct export_settings settings;
  struct export_estimate estimate = {0};
  struct job_record record;
  struct job *j;
  scheduler_settings_for(s, "decant/check", &settings);
  /* Kept with the request: it is read the same way after a restart with other settings. */
  if (request->gentle == GENTLE_DEFAULT) request->gentle = s->settings.gentle ? GENTLE_YES : GENTLE_NO;
  if (!check_accepts(s, err) || !s->settings.check(request, &settings, &estimate, err) ||
      !make_record(request, &estimate, owner, &record, err) || !keep(s, &record, request, err)) {
    request_free(request);
    return false;
  }
  if (estimate.is_superuser) warn_of_superuser(s);
  if (!job_new(s->store, &record, request, &j, err)) return false;   /* kept: the next start takes it up */
  memcpy(id, record.id, sizeof record.id);
  pthread_mutex_lock(&s->lock);
  scheduler_append(s, j);
  if (s->stopping) job_close_followers(j);   /* kept durably; the next process runs it */
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return true;
}

/* --- asking ----------------------------------------------------------------------------------------- */

bool scheduler_status(struct scheduler *s, const char *id, struct job_status *status, struct error *err) {
  struct job *j = find_any(s, id);
  if (j) {
    job_get_status(j, status);
    job_release(j);
    return true;
  }
  struct job_record record;
  if (!s->store->ops->find(s->store, id, &record, err)) return false;
  job_status_of_record(&record, status);
  return true;
}

struct list_context {
  struct scheduler *scheduler;
  bool (*each)(void *context, const struct job_status *status, struct error *err);
  void *context;
};

static bool list_record(void *context, const struct job_record *r, struct error *err) {
  struct list_context *list = context;
  struct job_status status;
  struct job *j = is_live(r->state) ? find_any(list->scheduler, r->id) : NULL;
  if (j) job_get_status(j, &status);
  else job_status_of_record(r, &status);
  job_release(j);
  status.record.sequence = r->sequence;
  return list->each(list->context, &status, err);
}

bool scheduler_list(struct scheduler *s, const struct store_filter *filter,
                    bool (*each)(void *context, const struct job_status *status, struct error *err),
                    void *context, struct error *err) {
  struct list_context list = {.scheduler = s, .each = each, .context = context};
  return s->store->ops->list(s->store, filter, list_record, &list, err);
}

/* Sets the flag, wakes the scheduler, and gives the engine a moment to end its query and remove its file. */
static void stop_cancelled(struct scheduler *s, struct job *j) {
  uint64_t end = clock_monotonic_us() + CANCEL_WAIT_US;
  log_line(LOG_INFO, "export %s cancelled", j->id);
  cancel_request(&j->cancel);
  pthread_mutex_lock(&s->lock);
  pthread_cond_broadcast(&s->changed);
  while (j->is_running && clock_monotonic_us() < end) wait_until(s, end);
  pthread_mutex_unlock(&s->lock);
}

bool scheduler_delete(struct scheduler *s, const char *id, struct error *err) {
  struct job *j = scheduler_find(s, id);
  if (j) {
    bool ok = job_set_state(j, JOB_CANCELLED, NULL, err);
    if (ok) stop_cancelled(s, j);
    job_release(j);
    if (ok || err->code != ERR_CONFLICT) return ok;   /* else it has just ended by itself */
  }
  struct job_record record;
  if (!s->store->ops->find(s->store, id, &record, err)) return false;
  if (record.state != JOB_COMPLETED) return true;
  return scheduler_expire(s, &record, err);
}

bool scheduler_open_file(struct scheduler *s, const struct job_record *record, int *fd, struct error *err) {
  char name[SPOOL_NAME_SIZE];
  spool_final_name(record, name);
  *fd = spool_open_file(&s->spool, name);
  if (*fd >= 0) return true;
  if (errno == ENOENT) return fail(err, ERR_GONE, "the file of export %s is no longer there", record->id);
  return fail_errno(err, ERR_DESTINATION, "cannot open the file of export %s", record->id);
}

bool scheduler_check(struct scheduler *s, struct error *err) {
  return s->store->ops->check_writable(s->store, err) && check_space(s, err);
}

const struct scheduler_settings *scheduler_settings(const struct scheduler *s) { return &s->settings; }
const char *scheduler_spool_folder(const struct scheduler *s) { return s->spool.folder; }

bool scheduler_metrics(struct scheduler *s, struct scheduler_metrics *m, struct error *err) {
  *m = (struct scheduler_metrics){.connections_max = s->budget.connections_max};
  if (!s->store->ops->count(s->store, m->counts, sizeof m->counts / sizeof *m->counts, &m->count_count,
                            err) ||
      !spool_free_bytes(&s->spool, &m->free_bytes, NULL, err))
    return false;
  for (size_t i = 0; i < m->count_count; i++)
    if (m->counts[i].state == JOB_COMPLETED) m->spool_bytes += m->counts[i].bytes;
  pthread_mutex_lock(&s->lock);
  m->rows = s->rows_done;
  m->bytes = s->bytes_done;
  for (struct job *j = s->jobs; j; j = j->next) {
    if (!j->is_running) continue;
    m->rows += atomic_load(&j->progress.rows);
    m->bytes += atomic_load(&j->progress.bytes);
    m->spool_bytes += atomic_load(&j->progress.bytes);
  }
  m->retries = s->retries;
  memcpy(m->durations, s->durations, sizeof m->durations);
  m->duration_sum_seconds = s->duration_sum_seconds;
  m->connections_used = s->connections_used;
  pthread_mutex_unlock(&s->lock);
  return true;
}
