/*
 * The scheduler: accepts exports, starts each when connections and memory are free, in the order in which
 * they came, tries again what was lost on the way, expires old files, and takes up after a restart what a
 * dead process left.
 *
 * One thread of its own, and one per running export. All functions may be called from any thread.
 */
#pragma once
#include "job/budget.h"
#include "job/job.h"
#include "job/spool.h"

#define SCHEDULER_ATTEMPTS_MAX 3
#define SCHEDULER_PENDING_MAX 1000       /* waiting exports; more are refused with ERR_BUSY */

struct scheduler_settings {
  const char *conninfo;
  const char *data_folder;
  const char *default_table;             /* of requests without table and query */
  int connections_max;
  int64_t memory_bytes;                  /* see budget_init */
  int64_t expire_after_seconds;          /* from the end of an export to the removal of its file; 0: never */
  int64_t free_bytes_floor;              /* no new export is accepted below this free space; -1: a twentieth of
                                            the file system, at most 256 MB */
  uint64_t retry_delay_us;               /* before the second attempt; four times as long before the third */
  bool allow_query;
  bool gentle;                           /* of requests that do not say */
  int64_t max_rate_bytes;                /* of all exports together, from the server in a second; 0: no limit */
  /* The engine; tests put a small one of their own here. NULL: export_run, export_check. */
  bool (*run)(const struct export_request *request, const struct export_settings *settings, struct sink *sink,
              const struct cancel *cancel, struct export_progress *progress, struct export_result *result,
              struct error *err);
  bool (*check)(const struct export_request *request, const struct export_settings *settings,
                struct export_estimate *estimate, struct error *err);
};

struct scheduler;

/*
 * Opens the data folder and the store in it, cleans up behind a dead process, and starts. The texts of the
 * settings are borrowed for the scheduler's life.
 */
bool scheduler_start(const struct scheduler_settings *settings, struct scheduler **out,
                     struct error *err) MUST_CHECK;

/*
 * No new work; running exports are stopped and become pending again; returns when their threads have ended.
 * Followers break. What is finished may still be downloaded until scheduler_free.
 */
void scheduler_stop(struct scheduler *s);
void scheduler_free(struct scheduler *s);   /* after scheduler_stop; NULL is allowed */

/*
 * Checks the request against the catalog (blocking: asks the server) and keeps it durably. Takes the request,
 * also when it fails. ERR_BUSY: too many wait; ERR_NO_SPACE.
 */
bool scheduler_submit(struct scheduler *s, struct export_request *request, const char *owner,
                      char id[JOB_ID_SIZE], struct error *err) MUST_CHECK;

/* The job if it is pending or running, with a reference of the caller's; else NULL. */
struct job *scheduler_find(struct scheduler *s, const char *id);

/* ERR_NOT_FOUND. */
bool scheduler_status(struct scheduler *s, const char *id, struct job_status *status,
                      struct error *err) MUST_CHECK;

/* Newest first: see store_ops.list. `each` gets what is pending or running with its progress. */
bool scheduler_list(struct scheduler *s, const struct store_filter *filter,
                    bool (*each)(void *context, const struct job_status *status, struct error *err),
                    void *context, struct error *err) MUST_CHECK;

/*
 * Cancels what is pending or running, and waits up to two seconds for its query and file to be gone; removes
 * the file of what is completed, which becomes expired. True also where neither is left to do. ERR_NOT_FOUND.
 */
bool scheduler_delete(struct scheduler *s, const char *id, struct error *err) MUST_CHECK;

/* The whole file of a completed export, for reading: a descriptor of the caller's. ERR_GONE if it is not there. */
bool scheduler_open_file(struct scheduler *s, const struct job_record *record, int *fd,
                         struct error *err) MUST_CHECK;

/*
 * What one export of any format takes, for work beside the exports (the benchmark's). ERR_BUSY where it is not
 * free now. Given back with scheduler_give_back.
 */
struct scheduler_share { int lanes; int64_t memory_bytes; };
bool scheduler_reserve(struct scheduler *s, struct scheduler_share *share, struct error *err) MUST_CHECK;
void scheduler_give_back(struct scheduler *s, const struct scheduler_share *share);

/* Is the store writable, and is there room? */
bool scheduler_check(struct scheduler *s, struct error *err) MUST_CHECK;

const struct scheduler_settings *scheduler_settings(const struct scheduler *s);
const char *scheduler_spool_folder(const struct scheduler *s);

#define SCHEDULER_DURATION_BUCKETS 9
extern const double scheduler_duration_bounds[SCHEDULER_DURATION_BUCKETS];   /* seconds, rising */

struct scheduler_metrics {
  struct store_count counts[64];      /* by state and format, of all kept records */
  size_t count_count;
  uint64_t rows, bytes;               /* encoded and written since the start, running ones included */
  uint64_t retries;                   /* since the start */
  uint64_t durations[SCHEDULER_DURATION_BUCKETS + 1];   /* ended runs by duration, the last without a bound */
  double duration_sum_seconds;
  uint64_t spool_bytes;               /* of completed files and of what runs */
  uint64_t free_bytes;
  int connections_used, connections_max;
};
bool scheduler_metrics(struct scheduler *s, struct scheduler_metrics *metrics, struct error *err) MUST_CHECK;
