/*
 * A job that is pending or running, or has just ended: its record, its progress, and who waits for it.
 * (Ended jobs live on in the store only.)
 *
 * job_set_state makes every change of a state, and nothing else does: it checks the edge, writes the
 * durable record, then shows the change and wakes the waiters.
 *
 *   pending → running → completed → expired
 *   pending ← running   (a new attempt, or the service stops)
 *   pending, running → failed, cancelled
 *
 * A follower reads an attempt's file while it grows. It ends properly only when the job has completed; once
 * it has handed on a byte of an attempt that then fails, it breaks.
 *
 * Reference-counted: job_hold and job_release, from any thread.
 */
#pragma once
#include "export/export.h"
#include "job/store.h"

#include <pthread.h>

struct spool_file;   /* an attempt's file, open for reading, shared by its followers */

/* Woken under the job's lock, from any thread: the function must neither block nor call the job. */
struct job_waiter {
  void (*wake)(void *context);
  void *context;
  bool on_data;               /* also woken when bytes have arrived; else at changes of state and by job_tick */
  bool is_waiting;            /* under the job's lock */
  struct job_waiter *next;
};

struct job {
  /* Set once. */
  char id[JOB_ID_SIZE];
  struct store *store;
  struct export_request *request;   /* owned */

  atomic_int references;
  struct cancel cancel;             /* of the running attempt */
  struct export_progress progress;  /* of the running attempt */

  pthread_mutex_t change_lock;      /* held over a whole change of state, with its write to the store */
  pthread_mutex_t lock;             /* guards all below; never held over anything that blocks */
  struct job_record record;
  struct spool_file *file;          /* of the running or completed attempt */
  uint64_t visible_bytes;           /* of it that followers may read */
  uint64_t started_mono_us;         /* the running attempt's start; 0 while none runs */
  bool closing;                     /* the service stops: followers break */
  bool is_unsaved;                  /* the store does not hold this state yet: see job_save */
  struct job_waiter *waiters;

  /* The scheduler's, under its lock. */
  struct job *next;
  uint64_t not_before_us;           /* monotonic clock */
  int64_t memory_bytes;             /* reserved */
  int lanes;                        /* reserved */
  bool is_running;                  /* a thread works for it */
  bool is_interrupted;              /* its attempt is ended by the service's stop */
};

/* A random UUID, version 4, in lower case. */
bool job_id_new(char id[JOB_ID_SIZE], struct error *err) MUST_CHECK;
bool job_id_is_valid(const char *id);

/* Takes the request, also when it fails. One reference. */
bool job_new(struct store *store, const struct job_record *record, struct export_request *request,
             struct job **out, struct error *err) MUST_CHECK;
struct job *job_hold(struct job *j);
void job_release(struct job *j);   /* NULL is allowed */

/* What a change of state says beside it; everything NULL or 0 where it does not apply. */
struct job_change {
  const struct export_result *result;   /* of a completed one */
  const struct error *error;            /* why it failed, or why its attempt did */
  bool counts_as_failure;               /* of an attempt */
};

bool job_edge_exists(enum job_state from, enum job_state to);

/*
 * ERR_CONFLICT, and nothing changed, where there is no such edge (the other change was first). Where the
 * store cannot be written: its error, and nothing changed, unless `to` is failed or cancelled: these show
 * all the same, and job_save writes them later.
 */
bool job_set_state(struct job *j, enum job_state to, const struct job_change *change,
                   struct error *err) MUST_CHECK;

/* Writes a state that the store did not take (its disk was full). True if nothing is left to write. */
bool job_save(struct job *j);
bool job_is_saved(struct job *j);

/* A copy of the record as it is now. */
void job_get_record(struct job *j, struct job_record *record);

/* The running attempt's file for its followers; takes the descriptor, also when it fails. */
bool job_set_file(struct job *j, int fd, struct error *err) MUST_CHECK;
/* The attempt has failed: its bytes are nobody's, and their room can be freed. Followers break. */
void job_drop_file(struct job *j);
/* Bytes have arrived in it. */
void job_show_bytes(struct job *j, uint64_t bytes);
/* Wakes all waiters, so that they show progress. */
void job_tick(struct job *j);
/* Breaks all followers: the service stops. */
void job_close_followers(struct job *j);

/* What a waiter sees. */
struct job_status {
  struct job_record record;    /* rows, bytes and what was read: so far */
  double percent;              /* 0 to 100, -1 unknown */
  double rows_per_second;      /* 0 unknown */
  double eta_seconds;          /* -1 unknown */
  double seconds;              /* that the running or last attempt has taken */
};
void job_get_status(struct job *j, struct job_status *status);
/* The same from a record alone. */
void job_status_of_record(const struct job_record *record, struct job_status *status);

/*
 * Registers a waiter for the next wake and calls `sleep` (both under the job's lock, so that no wake can
 * come before sleep has returned). False, and no sleep, if the service stops or the job is in a final state.
 */
bool job_wait(struct job *j, struct job_waiter *w, void (*sleep)(void *context));
void job_unwait(struct job *j, struct job_waiter *w);   /* also if it does not wait */

enum follow_result {
  FOLLOW_BYTES,    /* *len bytes were read */
  FOLLOW_ASLEEP,   /* nothing yet: sleep was called, wake will be */
  FOLLOW_END,      /* the job has completed and every byte was read */
  FOLLOW_BROKEN,   /* the attempt failed, or the service stops: the output must visibly break */
};

struct follower {
  struct job *job;             /* a reference */
  struct spool_file *file;     /* a reference; NULL before the first byte */
  int attempt;                 /* whose bytes were handed on */
  uint64_t position;
  struct job_waiter waiter;
  void (*sleep)(void *context);
};

/* Takes a reference of its own. wake and sleep get `context`. */
void follower_init(struct follower *f, struct job *j, void (*sleep)(void *context),
                   void (*wake)(void *context), void *context);
void follower_deinit(struct follower *f);
enum follow_result follower_read(struct follower *f, void *to, size_t max, size_t *len);
