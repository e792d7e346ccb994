#include "export/window.h"

#include <pthread.h>
#include <stdlib.h>

#define QUEUE_MAX 256   /* entries a lane may be ahead: chunks and ends of (perhaps empty) splits */

struct entry { uint64_t split; struct chunk *chunk; };   /* chunk NULL: the split is done */

struct lane_queue {
  struct entry entries[QUEUE_MAX];   /* a ring */
  size_t first, count;
  struct chunk *free;
  size_t bytes_out;                  /* in chunks handed on and not yet back */
  struct chunk *chunks;              /* the share, for freeing */
  pthread_cond_t may_go_on;          /* a chunk came back, or the queue has room */
};

struct window {
  pthread_mutex_t mutex;             /* guards everything below */
  pthread_cond_t may_write;
  pthread_cond_t head_moved;
  bool aborted;
  uint64_t head;                     /* the split that is written now */
  uint64_t end;                      /* what window_end said */
  size_t kept_bytes, share_bytes;
  int lane_count, chunks_per_lane;
  struct lane_queue *lanes;
};

static bool lane_init(struct window *w, int lane, size_t chunk_max) {
  struct lane_queue *q = &w->lanes[lane];
  pthread_cond_init(&q->may_go_on, NULL);
  q->chunks = calloc((size_t)w->chunks_per_lane, sizeof *q->chunks);
  if (!q->chunks) return false;
  for (int i = 0; i < w->chunks_per_lane; i++) {
    struct chunk *c = &q->chunks[i];
    buffer_init(&c->bytes, chunk_max);
    c->lane = lane;
    c->next = q->free;
    q->free = c;
  }
  return true;
}

struct window *window_new(int lanes, int chunks_per_lane, size_t chunk_bytes, size_t kept_bytes,
                          size_t chunk_max, struct error *err) {
  struct window *w = calloc(1, sizeof *w);
  struct lane_queue *queues = calloc((size_t)lanes, sizeof *queues);
  if (!w || !queues) {
    free(w);
    free(queues);
    fail_memory(err, "the window");
    return NULL;
  }
  pthread_mutex_init(&w->mutex, NULL);
  pthread_cond_init(&w->may_write, NULL);
  pthread_cond_init(&w->head_moved, NULL);
  w->kept_bytes = kept_bytes;
  w->share_bytes = chunk_bytes * (size_t)chunks_per_lane;
  w->lane_count = lanes;
  w->end = UINT64_MAX;
  w->chunks_per_lane = chunks_per_lane;
  w->lanes = queues;
  bool ok = true;
  for (int i = 0; i < lanes; i++) ok = lane_init(w, i, chunk_max) && ok;
  if (ok) return w;
  window_free(w, NULL);
  fail_memory(err, "the window");
  return NULL;
}

void window_free(struct window *w, void (*meta_free)(void *meta)) {
  if (!w) return;
  for (int i = 0; i < w->lane_count; i++) {
    struct lane_queue *q = &w->lanes[i];
    for (int k = 0; q->chunks && k < w->chunks_per_lane; k++) {
      if (q->chunks[k].meta && meta_free) meta_free(q->chunks[k].meta);
      buffer_deinit(&q->chunks[k].bytes);
    }
    free(q->chunks);
    pthread_cond_destroy(&q->may_go_on);
  }
  pthread_mutex_destroy(&w->mutex);
  pthread_cond_destroy(&w->may_write);
  pthread_cond_destroy(&w->head_moved);
  free(w->lanes);
  free(w);
}

/* What is out comes back by itself, so that a lane whose one chunk is larger than its share goes on, too. */
static bool share_is_used_up(const struct window *w, const struct lane_queue *q) {
  return !q->free || q->bytes_out >= w->share_bytes;
}

bool window_get(struct window *w, int lane, struct chunk **chunk) {
  struct lane_queue *q = &w->lanes[lane];
  pthread_mutex_lock(&w->mutex);
  while (share_is_used_up(w, q) && !w->aborted) pthread_cond_wait(&q->may_go_on, &w->mutex);
  bool ok = !w->aborted;
  if (ok) {
    *chunk = q->free;
    q->free = q->free->next;
  }
  pthread_mutex_unlock(&w->mutex);
  return ok;
}

static bool enqueue(struct window *w, int lane, struct entry entry) {
  struct lane_queue *q = &w->lanes[lane];
  pthread_mutex_lock(&w->mutex);
  while (q->count == QUEUE_MAX && !w->aborted) pthread_cond_wait(&q->may_go_on, &w->mutex);
  bool ok = !w->aborted;
  if (ok) {
    q->entries[(q->first + q->count) % QUEUE_MAX] = entry;
    q->count++;
    if (entry.chunk) q->bytes_out += entry.chunk->bytes_out = entry.chunk->bytes.len;
    if (entry.split == w->head) pthread_cond_signal(&w->may_write);
  }
  pthread_mutex_unlock(&w->mutex);
  return ok;
}

bool window_put(struct window *w, struct chunk *chunk) {
  return enqueue(w, chunk->lane, (struct entry){chunk->split, chunk});
}

bool window_split_done(struct window *w, int lane, uint64_t split) {
  return enqueue(w, lane, (struct entry){split, NULL});
}

bool window_wait_head(struct window *w, uint64_t split) {
  pthread_mutex_lock(&w->mutex);
  while (w->head != split && !w->aborted) pthread_cond_wait(&w->head_moved, &w->mutex);
  bool ok = !w->aborted;
  pthread_mutex_unlock(&w->mutex);
  return ok;
}

/* The queue whose front belongs to the head split, or NULL. */
static struct lane_queue *queue_of_head(struct window *w) {
  for (int i = 0; i < w->lane_count; i++) {
    struct lane_queue *q = &w->lanes[i];
    if (q->count && q->entries[q->first].split == w->head) return q;
  }
  return NULL;
}

void window_end(struct window *w, uint64_t split_count) {
  pthread_mutex_lock(&w->mutex);
  w->end = split_count;
  pthread_cond_signal(&w->may_write);
  pthread_mutex_unlock(&w->mutex);
}

bool window_take(struct window *w, uint64_t split_count, struct chunk **chunk) {
  *chunk = NULL;
  pthread_mutex_lock(&w->mutex);
  while (!w->aborted && !*chunk && w->head < split_count && w->head < w->end) {
    struct lane_queue *q = queue_of_head(w);
    if (!q) {
      pthread_cond_wait(&w->may_write, &w->mutex);
      continue;
    }
    *chunk = q->entries[q->first].chunk;
    q->first = (q->first + 1) % QUEUE_MAX;
    if (q->count-- == QUEUE_MAX) pthread_cond_signal(&q->may_go_on);
    if (*chunk) continue;
    w->head++;
    pthread_cond_broadcast(&w->head_moved);
  }
  bool ok = !w->aborted;
  pthread_mutex_unlock(&w->mutex);
  return ok;
}

void window_give_back(struct window *w, struct chunk *chunk) {
  buffer_reset(&chunk->bytes);
  buffer_shrink(&chunk->bytes, w->kept_bytes);
  chunk->rows = 0;
  chunk->begins_part = false;
  chunk->meta = NULL;
  pthread_mutex_lock(&w->mutex);
  struct lane_queue *q = &w->lanes[chunk->lane];
  chunk->next = q->free;
  q->free = chunk;
  q->bytes_out -= chunk->bytes_out;
  pthread_cond_signal(&q->may_go_on);
  pthread_mutex_unlock(&w->mutex);
}

void window_abort(struct window *w) {
  pthread_mutex_lock(&w->mutex);
  w->aborted = true;
  pthread_cond_broadcast(&w->may_write);
  pthread_cond_broadcast(&w->head_moved);
  for (int i = 0; i < w->lane_count; i++) pthread_cond_broadcast(&w->lanes[i].may_go_on);
  pthread_mutex_unlock(&w->mutex);
}
