#include "base/rate.h"

#include <time.h>

#define SECOND_NS UINT64_C(1000000000)
#define BURST_NS (RATE_BURST_MS * UINT64_C(1000000))
#define PIECES_PER_SECOND 40                 /* so many pauses a second, where one thread reads at the limit */
#define PIECE_MIN 4096
#define PAUSE_MIN_NS UINT64_C(1000000)       /* a shorter debt is left standing: it is paid with the next one */
#define PAUSE_SLICE_NS UINT64_C(20000000)    /* how often a waiting thread looks at the flag of cancellation */

void rate_init(struct rate *r, uint64_t bytes_per_second, struct rate *parent) {
  *r = (struct rate){.bytes_per_second = bytes_per_second, .parent = parent};
  pthread_mutex_init(&r->mutex, NULL);
}

void rate_deinit(struct rate *r) { pthread_mutex_destroy(&r->mutex); }

uint64_t rate_limit(const struct rate *r) {
  uint64_t least = 0;
  for (; r; r = r->parent)
    if (r->bytes_per_second && (!least || r->bytes_per_second < least)) least = r->bytes_per_second;
  return least;
}

size_t rate_piece(const struct rate *r) {
  uint64_t limit = rate_limit(r);
  if (!limit) return SIZE_MAX;
  uint64_t piece = limit / PIECES_PER_SECOND;
  return piece < PIECE_MIN ? PIECE_MIN : (size_t)piece;
}

/* By double: exact enough, and without overflow whatever a COPY may bring. */
static uint64_t cost_ns(uint64_t bytes, uint64_t bytes_per_second) {
  return (uint64_t)((double)bytes * (double)SECOND_NS / (double)bytes_per_second);
}

static uint64_t book_here(struct rate *r, uint64_t bytes, uint64_t now_ns) {
  atomic_fetch_add_explicit(&r->bytes, bytes, memory_order_relaxed);
  if (!r->bytes_per_second) return 0;
  pthread_mutex_lock(&r->mutex);
  uint64_t until = r->paid_until_ns;
  if (until == 0) until = now_ns;
  else if (now_ns > BURST_NS && until < now_ns - BURST_NS) until = now_ns - BURST_NS;
  until += cost_ns(bytes, r->bytes_per_second);
  r->paid_until_ns = until;
  pthread_mutex_unlock(&r->mutex);
  return until > now_ns ? until - now_ns : 0;
}

uint64_t rate_book(struct rate *r, uint64_t bytes, uint64_t now_ns) {
  uint64_t longest = 0;
  for (; r; r = r->parent) {
    uint64_t wait = book_here(r, bytes, now_ns);
    if (wait > longest) longest = wait;
  }
  return longest;
}

static uint64_t monotonic_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t until_ns) {
  struct timespec t = {.tv_sec = (time_t)(until_ns / SECOND_NS), .tv_nsec = (long)(until_ns % SECOND_NS)};
  (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);   /* woken early by a signal: the caller looks again */
}

bool rate_pay(struct rate *r, uint64_t bytes, const struct cancel *cancel, struct error *err) {
  uint64_t start_ns = monotonic_ns(), wait_ns = rate_book(r, bytes, start_ns);
  if (wait_ns < PAUSE_MIN_NS) return true;
  uint64_t end_ns = start_ns + wait_ns, now_ns = start_ns;
  bool is_cancelled = false;
  while (now_ns < end_ns && !is_cancelled) {
    sleep_until(end_ns - now_ns > PAUSE_SLICE_NS ? now_ns + PAUSE_SLICE_NS : end_ns);
    is_cancelled = cancel && cancel_requested(cancel);
    now_ns = monotonic_ns();
  }
  atomic_fetch_add_explicit(&r->pauses, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&r->paused_us, (now_ns - start_ns) / 1000, memory_order_relaxed);
  return is_cancelled ? fail(err, ERR_CANCELLED, "cancelled") : true;
}
