/* What scheduler.c, attempt.c and recover.c share. */
#pragma once
#include "job/scheduler.h"

struct scheduler {
  struct scheduler_settings settings;
  struct spool spool;
  struct store *store;
  struct budget budget;
  struct rate rate;                /* of all exports together */
  atomic_bool has_warned;          /* of the role's rights */
  bool has_thread;
  pthread_t thread;
  uint64_t start_mono_us;          /* the start on both clocks: see expire_files */
  int64_t start_wall_us;

  pthread_mutex_t lock;            /* guards all below; after the store's, before a job's */
  pthread_cond_t changed;          /* monotonic clock */
  struct job *jobs;                /* pending and running, oldest first; each with a reference */
  size_t job_count;
  int connections_used;
  int64_t memory_used;
  int running_count;
  bool stopping;
  uint64_t rows_done, bytes_done, retries;
  uint64_t durations[SCHEDULER_DURATION_BUCKETS + 1];
  double duration_sum_seconds;
};

/* Puts a job, with its reference, at the end of the list. Under the lock. */
void scheduler_append(struct scheduler *s, struct job *j);

/* A running export's thread: the argument is a struct run_task. */
struct run_task { struct scheduler *scheduler; struct job *job; };
void *scheduler_run_job(void *task);

/* At the start, before any thread: what a dead process left is taken up again or failed. */
bool scheduler_recover(struct scheduler *s, struct error *err) MUST_CHECK;

/* Files whose time is over lose their place. */
void scheduler_expire_files(struct scheduler *s);

/* Removes a completed export's file; its state becomes expired. ERR_CONFLICT if it is no longer completed. */
bool scheduler_expire(struct scheduler *s, const struct job_record *record, struct error *err) MUST_CHECK;

void scheduler_settings_for(struct scheduler *s, const char *application_name,
                            struct export_settings *settings);
