/* One attempt of one export, from a free slot to its end. */
#include "base/clock.h"
#include "base/log.h"
#include "job/scheduler_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const double scheduler_duration_bounds[SCHEDULER_DURATION_BUCKETS] = {0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800};

static void show_bytes(void *context, uint64_t bytes) { job_show_bytes(context, bytes); }

/* The sink, and the same file open for those who follow it. */
static bool open_output(struct scheduler *s, struct job *j, struct sink **sink, struct error *err) {
  char name[SPOOL_NAME_SIZE], path[SPOOL_PATH_SIZE], partial[SPOOL_NAME_SIZE], partial_path[SPOOL_PATH_SIZE];
  struct job_record record;
  job_get_record(j, &record);
  spool_final_name(&record, name);
  spool_partial_name(&record, partial);
  spool_path(&s->spool, name, path);
  spool_path(&s->spool, partial, partial_path);
  struct sink_file_options options = {.temporary_path = partial_path, .fsync = true, .digest = true,
                                      .on_progress = show_bytes, .context = j};
  *sink = sink_file_open(path, &options, err);
  if (!*sink) return false;
  int fd = spool_open_file(&s->spool, partial);
  if (fd >= 0) return job_set_file(j, fd, err);
  return fail_errno(err, ERR_DESTINATION, "cannot read \"%s\" back", partial_path);
}

static bool run_attempt(struct scheduler *s, struct job *j, struct export_result *result, struct error *err) {
  char application_name[64];
  snprintf(application_name, sizeof application_name, "decant/%s", j->id);
  struct export_settings settings;
  scheduler_settings_for(s, application_name, &settings);
  settings.lanes = j->lanes;
  settings.memory_bytes = s->budget.memory_max == INT64_MAX ? 0 : j->memory_bytes;
  struct sink *sink = NULL;
  bool ok = open_output(s, j, &sink, err) &&
            s->settings.run(j->request, &settings, sink, &j->cancel, &j->progress, result, err);
  if (ok && !sink->committed)
    ok = fail(err, ERR_INTERNAL, "the export ended well, but its file was not completed");
  if (ok) {
    memcpy(result->sha256, sink->sha256, sizeof result->sha256);
    result->bytes = sink->bytes_written;
  }
  sink_close(sink);
  return ok;
}

static void complete(struct scheduler *s, struct job *j, const struct export_result *result) {
  struct error err;
  struct job_change change = {.result = result};
  if (job_set_state(j, JOB_COMPLETED, &change, &err)) {
    log_line(LOG_INFO, "export %s completed: %llu rows, %llu bytes, %.1f s (%s)", j->id,
             (unsigned long long)result->rows, (unsigned long long)result->bytes, result->seconds,
             result->how);
    return;
  }
  /* Cancelled a moment before, or the store does not take it: then there must be no file either. */
  char name[SPOOL_NAME_SIZE];
  struct job_record record;
  job_get_record(j, &record);
  spool_final_name(&record, name);
  spool_remove(&s->spool, name);
  if (err.code == ERR_CONFLICT) return;
  struct error again;
  change = (struct job_change){.error = &err, .counts_as_failure = true};
  if (!job_set_state(j, JOB_FAILED, &change, &again))
    log_line(LOG_DEBUG, "export %s: %s", j->id, again.message);
}

/* After a failed attempt: again later, or failed for good. Whoever cancelled has set the state already. */
static void give_up_or_retry(struct scheduler *s, struct job *j, const struct error *cause) {
  job_drop_file(j);   /* on a full disk, the store needs the room */
  struct job_record record;
  job_get_record(j, &record);
  pthread_mutex_lock(&s->lock);
  bool is_interrupted = j->is_interrupted;
  pthread_mutex_unlock(&s->lock);
  int failures = record.failures + 1;
  bool again = is_interrupted || (error_is_retryable(cause) && failures < SCHEDULER_ATTEMPTS_MAX);
  uint64_t delay_us = failures > 1 ? 4 * s->settings.retry_delay_us : s->settings.retry_delay_us;
  pthread_mutex_lock(&s->lock);
  j->not_before_us = clock_monotonic_us() + delay_us;
  pthread_mutex_unlock(&s->lock);
  struct error err;
  struct job_change change = {.error = is_interrupted ? NULL : cause, .counts_as_failure = !is_interrupted};
  if (!job_set_state(j, again ? JOB_PENDING : JOB_FAILED, &change, &err)) {
    if (err.code == ERR_CONFLICT) return;
    /* not even the store: failed in memory, and tried again after a restart */
    change = (struct job_change){.error = cause, .counts_as_failure = true};
    if (!job_set_state(j, JOB_FAILED, &change, &err)) return;
    again = false;
  }
  log_line(is_interrupted ? LOG_INFO : LOG_WARNING, "export %s, attempt %d, %s: %s", j->id, record.attempt,
           is_interrupted ? "interrupted" : again ? "will be tried again" : "failed", cause->message);
}

static void count_run(struct scheduler *s, struct job *j, double seconds) {
  size_t bucket = 0;
  while (bucket < SCHEDULER_DURATION_BUCKETS && seconds > scheduler_duration_bounds[bucket]) bucket++;
  s->durations[bucket]++;
  s->duration_sum_seconds += seconds;
  s->rows_done += atomic_load(&j->progress.rows);
  s->bytes_done += atomic_load(&j->progress.bytes);
}

static void free_slot(struct scheduler *s, struct job *j, double seconds) {
  struct job_record record;
  job_get_record(j, &record);
  pthread_mutex_lock(&s->lock);
  count_run(s, j, seconds);
  if (record.state == JOB_PENDING) s->retries++;
  s->connections_used -= j->lanes;
  s->memory_used -= j->memory_bytes;
  s->running_count--;
  j->is_running = false;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
}

void *scheduler_run_job(void *argument) {
  struct run_task task = *(struct run_task *)argument;
  free(argument);
  struct scheduler *s = task.scheduler;
  struct job *j = task.job;
  uint64_t start_us = clock_monotonic_us();
  struct export_result result = {0};
  struct error err;
  if (!job_set_state(j, JOB_RUNNING, NULL, &err)) {
    if (err.code != ERR_CONFLICT) give_up_or_retry(s, j, &err);
  } else if (run_attempt(s, j, &result, &err)) {
    complete(s, j, &result);
  } else {
    give_up_or_retry(s, j, &err);
  }
  free_slot(s, j, (double)(clock_monotonic_us() - start_us) / 1e6);
  job_release(j);
  return NULL;
}
