/* What a dead process left, and what has become too old. */
#include "base/clock.h"
#include "base/log.h"
#include "job/scheduler_internal.h"

#include <stdlib.h>
#include <string.h>

struct record_list {
  struct job_record *records;
  size_t count;
};

static bool collect(void *context, const struct job_record *r, struct error *err) {
  struct record_list *list = context;
  struct job_record *records = reallocarray(list->records, list->count + 1, sizeof *records);
  if (!records) return fail_memory(err, "unfinished exports");
  list->records = records;
  records[list->count++] = *r;
  return true;
}

/* The job of a record, with its request read back. */
static bool load_job(struct scheduler *s, const struct job_record *r, struct job **out, struct error *err) {
  char *text;
  struct export_request *request;
  if (!s->store->ops->find_request(s->store, r->id, &text, err)) return false;
  bool ok = request_parse_json(text, strlen(text), NULL, &request, err);
  free(text);
  return ok && job_new(s->store, r, request, out, err);
}

/* A request that cannot be read any more (written by another version): its export has failed. */
static bool fail_record(struct scheduler *s, const struct job_record *r, const struct error *cause,
                        struct error *err) {
  struct job *j;
  if (!job_new(s->store, r, NULL, &j, err)) return false;
  struct job_change change = {.error = cause};
  bool ok = job_set_state(j, JOB_FAILED, &change, err);
  job_release(j);
  return ok;
}

static bool take_up_running(struct job *j, struct error *err) {
  struct error cause;
  error_set(&cause, ERR_SOURCE_LOST, "the service ended while attempt %d ran", j->record.attempt);
  struct job_change change = {.error = &cause, .counts_as_failure = true};
  bool again = j->record.failures + 1 < SCHEDULER_ATTEMPTS_MAX;
  log_line(LOG_INFO, "export %s: %s, %s", j->record.id, cause.message,
           again ? "will be tried again" : "failed");
  return job_set_state(j, again ? JOB_PENDING : JOB_FAILED, &change, err);
}

static bool take_up(struct scheduler *s, const struct job_record *r, struct error *err) {
  struct job *j;
  struct error cause;
  if (!load_job(s, r, &j, &cause)) {
    error_prefix(&cause, "cannot take the export up again: ");
    log_line(LOG_ERROR, "export %s: %s", r->id, cause.message);
    return fail_record(s, r, &cause, err);
  }
  if (j->record.state == JOB_RUNNING && !take_up_running(j, err)) {
    job_release(j);
    return false;
  }
  if (j->record.state == JOB_PENDING) scheduler_append(s, j);
  else job_release(j);
  return true;
}

static bool expire_if_missing(struct scheduler *s, const struct job_record *r, struct error *err) {
  char name[SPOOL_NAME_SIZE];
  spool_final_name(r, name);
  return spool_has_file(&s->spool, name) || scheduler_expire(s, r, err);
}

static bool for_each(struct scheduler *s, unsigned states,
                     bool (*act)(struct scheduler *s, const struct job_record *r, struct error *err),
                     struct error *err) {
  struct record_list list = {0};
  struct store_filter filter = {.states = states, .oldest_first = true};
  bool ok = s->store->ops->list(s->store, &filter, collect, &list, err);
  for (size_t i = 0; ok && i < list.count; i++) ok = act(s, &list.records[i], err);
  free(list.records);
  return ok;
}

bool scheduler_recover(struct scheduler *s, struct error *err) {
  return for_each(s, 1u << JOB_PENDING | 1u << JOB_RUNNING, take_up, err) &&
         for_each(s, 1u << JOB_COMPLETED, expire_if_missing, err) && spool_sweep(&s->spool, s->store, err);
}

/* The file first: who reads "expired" finds the room free. What a crash leaves in between, the next start mends. */
bool scheduler_expire(struct scheduler *s, const struct job_record *record, struct error *err) {
  struct job *j;
  char name[SPOOL_NAME_SIZE];
  spool_final_name(record, name);
  if (!job_new(s->store, record, NULL, &j, err)) return false;
  spool_remove(&s->spool, name);
  bool ok = job_set_state(j, JOB_EXPIRED, NULL, err);
  job_release(j);
  return ok;
}

/*
 * A file expires when both clocks say so: the wall clock, and the start's wall clock advanced by the monotonic
 * one. A jump of the wall clock alone then expires nothing.
 */
void scheduler_expire_files(struct scheduler *s) {
  if (s->settings.expire_after_seconds <= 0) return;
  int64_t steady = s->start_wall_us + (int64_t)(clock_monotonic_us() - s->start_mono_us);
  int64_t wall = clock_wall_us();
  int64_t now = wall < steady ? wall : steady;
  struct store_filter old = {.states = 1u << JOB_COMPLETED, .oldest_first = true, .max = 100,
                             .finished_before_us = now - s->settings.expire_after_seconds * 1000000};
  struct record_list list = {0};
  struct error err;
  bool ok = s->store->ops->list(s->store, &old, collect, &list, &err);
  for (size_t i = 0; ok && i < list.count; i++) {
    ok = scheduler_expire(s, &list.records[i], &err);
    if (ok) log_line(LOG_INFO, "export %s expired", list.records[i].id);
  }
  if (!ok) log_line(LOG_ERROR, "cannot expire old exports: %s", err.message);
  free(list.records);
}
