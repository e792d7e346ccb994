#include "base/thread.h"
#include "pg/internal.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define STACK_BYTES ((size_t)256 << 10)
#define CLOSE_WAIT_MS 2000

struct canceller {
  PGcancel *cancel;
  pthread_mutex_t mutex;       /* guards what follows */
  pthread_cond_t done;         /* monotonic clock */
  bool is_asking;              /* a thread does */
  bool is_left;                /* by its connection: the thread frees it */
};

struct canceller *canceller_new(PGconn *conn) {
  struct canceller *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->cancel = PQgetCancel(conn);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&c->mutex, NULL);
  pthread_cond_init(&c->done, &monotonic);
  pthread_condattr_destroy(&monotonic);
  return c;
}

static void destroy(struct canceller *c) {
  PQfreeCancel(c->cancel);
  pthread_cond_destroy(&c->done);
  pthread_mutex_destroy(&c->mutex);
  free(c);
}

static void *ask(void *argument) {
  struct canceller *c = argument;
  char ignored[256];
  (void)PQcancel(c->cancel, ignored, sizeof ignored);
  pthread_mutex_lock(&c->mutex);
  c->is_asking = false;
  bool is_left = c->is_left;
  pthread_cond_broadcast(&c->done);
  pthread_mutex_unlock(&c->mutex);
  if (is_left) destroy(c);
  return NULL;
}

void canceller_ask(struct canceller *c) {
  if (!c || !c->cancel) return;
  pthread_mutex_lock(&c->mutex);
  if (!c->is_asking) c->is_asking = thread_start_detached(ask, c, STACK_BYTES) == 0;
  pthread_mutex_unlock(&c->mutex);
}

void canceller_free(struct canceller *c) {
  if (!c) return;
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_sec += CLOSE_WAIT_MS / 1000;
  pthread_mutex_lock(&c->mutex);
  while (c->is_asking && pthread_cond_timedwait(&c->done, &c->mutex, &until) == 0) continue;
  bool is_asking = c->is_asking;
  c->is_left = true;
  pthread_mutex_unlock(&c->mutex);
  if (!is_asking) destroy(c);
}
