#include "http/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 8
#define STACK_BYTES (512u << 10)   /* libpq and the resolver want some */

struct task {
  void (*run)(void *context);
  void *context;
};

struct workers {
  pthread_t threads[THREADS_MAX];
  int thread_count;
  pthread_mutex_t lock;           /* guards all below */
  pthread_cond_t changed;
  struct task *ring;
  size_t capacity, first, count;
  bool stopping;
};

static void *work(void *argument) {
  struct workers *w = argument;
  pthread_mutex_lock(&w->lock);
  for (;;) {
    while (!w->count && !w->stopping) pthread_cond_wait(&w->changed, &w->lock);
    if (!w->count) break;
    struct task task = w->ring[w->first];
    w->first = (w->first + 1) % w->capacity;
    w->count--;
    pthread_mutex_unlock(&w->lock);
    task.run(task.context);
    pthread_mutex_lock(&w->lock);
  }
  pthread_mutex_unlock(&w->lock);
  return NULL;
}

bool workers_start(int thread_count, size_t queue_max, struct workers **out, struct error *err) {
  struct workers *w = calloc(1, sizeof *w);
  struct task *ring = calloc(queue_max, sizeof *ring);
  if (!w || !ring) {
    free(w);
    free(ring);
    return fail_memory(err, "worker threads");
  }
  w->ring = ring;
  w->capacity = queue_max;
  pthread_mutex_init(&w->lock, NULL);
  pthread_cond_init(&w->changed, NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int code = 0;
  while (code == 0 && w->thread_count < thread_count && w->thread_count < THREADS_MAX) {
    code = pthread_create(&w->threads[w->thread_count], &attributes, work, w);
    if (code == 0) w->thread_count++;
  }
  pthread_attr_destroy(&attributes);
  if (code != 0) {
    workers_stop(w);
    return fail(err, ERR_INTERNAL, "cannot start worker threads: %s", strerror(code));
  }
  *out = w;
  return true;
}

void workers_stop(struct workers *w) {
  if (!w) return;
  pthread_mutex_lock(&w->lock);
  w->stopping = true;
  pthread_cond_broadcast(&w->changed);
  pthread_mutex_unlock(&w->lock);
  for (int i = 0; i < w->thread_count; i++) pthread_join(w->threads[i], NULL);
  pthread_cond_destroy(&w->changed);
  pthread_mutex_destroy(&w->lock);
  free(w->ring);
  free(w);
}

bool workers_run(struct workers *w, void (*run)(void *context), void *context, struct error *err) {
  pthread_mutex_lock(&w->lock);
  bool fits = w->count < w->capacity && !w->stopping;
  if (fits) {
    w->ring[(w->first + w->count++) % w->capacity] = (struct task){run, context};
    pthread_cond_signal(&w->changed);
  }
  pthread_mutex_unlock(&w->lock);
  return fits || fail(err, ERR_BUSY, "the service is busy; try again in a moment");
}
