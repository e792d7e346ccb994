/*
 * The watcher: a thread that carries a cancellation, and a first error, to whoever waits: for the server, in any
 * phase from the first lock on, or for a chunk.
 */
#include "export/run.h"

#include <time.h>

#define INTERVAL_MS 50   /* how often the flag of cancellation is looked at: a signal handler can only set a flag */

/* Under the mutex. */
static void stop_lanes(struct run *run) {
  cancel_request(&run->stop);
  if (run->window) window_abort(run->window);
  if (run->feed) feed_abort(run->feed);
}

void run_fail(struct run *run, const struct error *err) {
  pthread_mutex_lock(&run->mutex);
  if (run->first_error.code == ERR_NONE) run->first_error = *err;
  stop_lanes(run);
  pthread_cond_broadcast(&run->changed);
  pthread_mutex_unlock(&run->mutex);
}

bool run_is_failed(struct run *run) {
  pthread_mutex_lock(&run->mutex);
  bool failed = run->first_error.code != ERR_NONE;
  pthread_mutex_unlock(&run->mutex);
  return failed;
}

void run_show_rate(struct run *run) {
  struct export_progress *p = run->progress;
  atomic_store(&p->rate_limit, rate_limit(&run->rate));
  atomic_store(&p->bytes_read, atomic_load(&run->rate.bytes));
  atomic_store(&p->pauses, atomic_load(&run->rate.pauses));
  atomic_store(&p->paused_us, atomic_load(&run->rate.paused_us));
}

/* Under the mutex, so that no connection is closed meanwhile. */
static void stop_server(struct run *run) {
  if (run->holder) pg_cancel(run->holder);
  for (int i = 1; i < run->lane_count; i++)
    if (run->lanes[i].pg) pg_cancel(run->lanes[i].pg);
}

static void wait_a_while(struct run *run) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += INTERVAL_MS * 1000000L;
  until.tv_sec += until.tv_nsec / 1000000000L;
  until.tv_nsec %= 1000000000L;
  pthread_cond_timedwait(&run->changed, &run->mutex, &until);
}

static void *watcher_main(void *argument) {
  struct run *run = argument;
  pthread_mutex_lock(&run->mutex);
  while (!run->is_over) {
    if (run->first_error.code == ERR_NONE && cancel_requested(run->cancel)) {
      error_set(&run->first_error, ERR_CANCELLED, "cancelled");
      stop_lanes(run);
    }
    /* Again and again: a lane may just be between two statements. */
    if (run->first_error.code != ERR_NONE) stop_server(run);
    run_show_rate(run);
    if (!run->is_over) wait_a_while(run);
  }
  pthread_mutex_unlock(&run->mutex);
  return NULL;
}

bool watch_start(struct run *run, struct error *err) {
  run->is_watched = pthread_create(&run->watcher, NULL, watcher_main, run) == 0;
  return run->is_watched || fail(err, ERR_MEMORY, "cannot start a thread");
}

void watch_stop(struct run *run) {
  if (!run->is_watched) return;
  pthread_mutex_lock(&run->mutex);
  run->is_over = true;
  pthread_cond_broadcast(&run->changed);
  pthread_mutex_unlock(&run->mutex);
  pthread_join(run->watcher, NULL);
  run->is_watched = false;
}
