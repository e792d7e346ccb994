#include "http/peers.h"

#include "base/clock.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define SCAN_US 500000
#define STACK_BYTES (64u << 10)

struct peers {
  pthread_t thread;
  pthread_mutex_t lock;       /* guards all below, and every peer's deadline and links */
  pthread_cond_t changed;
  struct peer *first;
  size_t count, timed;        /* timed: with a deadline */
  bool stopping;
};

static void cut_late(struct peers *p) {
  uint64_t now = clock_monotonic_us();
  for (struct peer *peer = p->first; peer; peer = peer->next) {
    if (!peer->deadline_us || peer->deadline_us > now) continue;
    shutdown(peer->fd, SHUT_RDWR);   /* the server notices and closes; until then the number stays its own */
    peer->deadline_us = 0;
    p->timed--;
  }
}

static void *watch(void *argument) {
  struct peers *p = argument;
  pthread_mutex_lock(&p->lock);
  while (!p->stopping) {
    cut_late(p);
    if (!p->timed) {
      pthread_cond_wait(&p->changed, &p->lock);   /* nobody to watch: no waking up */
      continue;
    }
    uint64_t until = clock_monotonic_us() + SCAN_US;
    struct timespec t = {.tv_sec = (time_t)(until / 1000000), .tv_nsec = (long)(until % 1000000 * 1000)};
    pthread_cond_timedwait(&p->changed, &p->lock, &t);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

bool peers_start(struct peers **out, struct error *err) {
  struct peers *p = calloc(1, sizeof *p);
  if (!p) return fail_memory(err, "the connections");
  pthread_condattr_t clock;
  pthread_condattr_init(&clock);
  pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
  pthread_cond_init(&p->changed, &clock);
  pthread_condattr_destroy(&clock);
  pthread_mutex_init(&p->lock, NULL);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  int code = pthread_create(&p->thread, &attributes, watch, p);
  pthread_attr_destroy(&attributes);
  if (code == 0) {
    *out = p;
    return true;
  }
  free(p);
  return fail(err, ERR_INTERNAL, "cannot start the thread of the deadlines: %s", strerror(code));
}

void peers_stop(struct peers *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->stopping = true;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  pthread_cond_destroy(&p->changed);
  pthread_mutex_destroy(&p->lock);
  free(p);
}

static void set_deadline(struct peers *p, struct peer *peer, unsigned seconds) {
  p->timed -= peer->deadline_us != 0;
  peer->deadline_us = seconds ? clock_monotonic_us() + seconds * UINT64_C(1000000) : 0;
  p->timed += peer->deadline_us != 0;
  if (p->timed == 1) pthread_cond_signal(&p->changed);
}

struct peer *peers_add(struct peers *p, int fd) {
  struct peer *peer = calloc(1, sizeof *peer);
  if (!peer) return NULL;
  peer->fd = fd;
  pthread_mutex_lock(&p->lock);
  peer->next = p->first;
  if (p->first) p->first->previous = peer;
  p->first = peer;
  p->count++;
  set_deadline(p, peer, PEER_HEADERS_SECONDS);
  pthread_mutex_unlock(&p->lock);
  return peer;
}

void peers_remove(struct peers *p, struct peer *peer) {
  pthread_mutex_lock(&p->lock);
  if (peer->previous) peer->previous->next = peer->next;
  else p->first = peer->next;
  if (peer->next) peer->next->previous = peer->previous;
  p->count--;
  p->timed -= peer->deadline_us != 0;
  pthread_mutex_unlock(&p->lock);
  free(peer);
}

void peers_set_deadline(struct peers *p, struct peer *peer, unsigned seconds) {
  pthread_mutex_lock(&p->lock);
  set_deadline(p, peer, seconds);
  pthread_mutex_unlock(&p->lock);
}

size_t peers_count(struct peers *p) {
  pthread_mutex_lock(&p->lock);
  size_t count = p->count;
  pthread_mutex_unlock(&p->lock);
  return count;
}

size_t peers_busy_count(struct peers *p) {
  pthread_mutex_lock(&p->lock);
  size_t count = p->count - p->timed;
  pthread_mutex_unlock(&p->lock);
  return count;
}

bool peer_is_gone(int fd) {
  struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};
  return poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLRDHUP | POLLERR | POLLHUP)) != 0;
}

void peer_reset_on_close(int fd) {
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
}
