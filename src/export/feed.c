#include "export/feed.h"

#include <pthread.h>
#include <stdlib.h>

#define ROWS_MAX ((size_t)2 << 30)            /* the largest row there is, and what lay before it */

struct feed {
  pthread_mutex_t mutex;       /* guards everything below */
  pthread_cond_t came_back;    /* a batch is empty again */
  pthread_cond_t came;         /* a batch is there to be taken, or there will be none */
  struct batch *batches, *empty;
  struct batch *first, *last;  /* filled, in order */
  int count, out;              /* all batches; handed on and not yet back */
  uint64_t next_index, rows;
  bool ended, aborted;
};

struct feed *feed_new(int batches, struct error *err) {
  struct feed *f = calloc(1, sizeof *f);
  if (f) f->batches = calloc((size_t)batches, sizeof *f->batches);
  if (!f || !f->batches) {
    free(f);
    fail_memory(err, "the batches of rows");
    return NULL;
  }
  pthread_mutex_init(&f->mutex, NULL);
  pthread_cond_init(&f->came_back, NULL);
  pthread_cond_init(&f->came, NULL);
  f->count = batches;
  for (int i = 0; i < batches; i++) {
    buffer_init(&f->batches[i].rows, ROWS_MAX);
    f->batches[i].next = f->empty;
    f->empty = &f->batches[i];
  }
  return f;
}

void feed_free(struct feed *f) {
  if (!f) return;
  for (int i = 0; i < f->count; i++) buffer_deinit(&f->batches[i].rows);
  pthread_mutex_destroy(&f->mutex);
  pthread_cond_destroy(&f->came_back);
  pthread_cond_destroy(&f->came);
  free(f->batches);
  free(f);
}

bool feed_get(struct feed *f, struct batch **batch) {
  pthread_mutex_lock(&f->mutex);
  while (!f->empty && !f->aborted) pthread_cond_wait(&f->came_back, &f->mutex);
  bool ok = !f->aborted;
  if (ok) {
    *batch = f->empty;
    f->empty = f->empty->next;
  }
  pthread_mutex_unlock(&f->mutex);
  return ok;
}

static void append(struct feed *f, struct batch *b) {
  b->next = NULL;
  if (f->last) f->last->next = b;
  else f->first = b;
  f->last = b;
}

static void make_empty(struct feed *f, struct batch *b) {
  buffer_reset(&b->rows);
  buffer_shrink(&b->rows, FEED_BATCH_BYTES + FEED_SLACK_BYTES);
  b->row_count = 0;
  b->next = f->empty;
  f->empty = b;
}

bool feed_put(struct feed *f, struct batch *b) {
  pthread_mutex_lock(&f->mutex);
  bool large = b->rows.len > 2 * FEED_BATCH_BYTES;
  while (large && f->out > 0 && !f->aborted) pthread_cond_wait(&f->came_back, &f->mutex);
  bool ok = !f->aborted;
  if (!ok || b->row_count == 0) {
    make_empty(f, b);
  } else {
    b->index = f->next_index++;
    b->rows_before = f->rows;
    f->rows += b->row_count;
    f->out++;
    append(f, b);
    pthread_cond_signal(&f->came);
  }
  pthread_mutex_unlock(&f->mutex);
  return ok;
}

bool feed_drain(struct feed *f) {
  pthread_mutex_lock(&f->mutex);
  while (f->out > 0 && !f->aborted) pthread_cond_wait(&f->came_back, &f->mutex);
  bool ok = !f->aborted;
  pthread_mutex_unlock(&f->mutex);
  return ok;
}

uint64_t feed_end(struct feed *f) {
  pthread_mutex_lock(&f->mutex);
  f->ended = true;
  uint64_t count = f->next_index;
  pthread_cond_broadcast(&f->came);
  pthread_mutex_unlock(&f->mutex);
  return count;
}

bool feed_take(struct feed *f, struct batch **batch) {
  pthread_mutex_lock(&f->mutex);
  while (!f->first && !f->ended && !f->aborted) pthread_cond_wait(&f->came, &f->mutex);
  bool ok = !f->aborted;
  *batch = ok ? f->first : NULL;
  if (*batch) {
    f->first = f->first->next;
    if (!f->first) f->last = NULL;
  }
  pthread_mutex_unlock(&f->mutex);
  return ok;
}

void feed_give_back(struct feed *f, struct batch *b) {
  pthread_mutex_lock(&f->mutex);
  make_empty(f, b);
  f->out--;
  pthread_cond_broadcast(&f->came_back);
  pthread_mutex_unlock(&f->mutex);
}

void feed_abort(struct feed *f) {
  pthread_mutex_lock(&f->mutex);
  f->aborted = true;
  pthread_cond_broadcast(&f->came_back);
  pthread_cond_broadcast(&f->came);
  pthread_mutex_unlock(&f->mutex);
}
