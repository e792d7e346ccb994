/*
 * A rate limit that any number of threads share: so many bytes a second over all of them. A token bucket that may
 * run into debt: bytes are booked when they have been taken, and whoever booked them waits until they are paid. So
 * it is exact on average, whatever the sizes. What nobody takes is saved up for RATE_BURST_MS at most.
 *
 * A limit may stand under another one that is shared more widely: bytes are then booked in both, and the longer wait
 * counts. Without a limit nothing waits, and bytes are only counted.
 *
 * All functions but init and deinit may be called from any thread.
 */
#pragma once
#include "base/cancel.h"

#include <pthread.h>
#include <stdint.h>

#define RATE_MIN INT64_C(32768)              /* bytes a second, the least that may be asked for: a pause is never long */
#define RATE_MAX (INT64_C(1) << 40)
#define RATE_BURST_MS 100

struct rate {
  uint64_t bytes_per_second;                 /* 0: no limit */
  struct rate *parent;                       /* borrowed; NULL: none */
  atomic_uint_fast64_t bytes;                /* booked so far */
  atomic_uint_fast64_t pauses, paused_us;    /* rate_pay's, over all threads: two that wait at once count twice */
  pthread_mutex_t mutex;                     /* guards what follows */
  uint64_t paid_until_ns;                    /* when all that was booked is paid; 0: nothing was booked yet */
};

/* bytes_per_second: RATE_MIN to RATE_MAX, or 0. */
void rate_init(struct rate *r, uint64_t bytes_per_second, struct rate *parent);
void rate_deinit(struct rate *r);

/* Does anything here make anybody wait? And the limit that counts, 0 for none. */
uint64_t rate_limit(const struct rate *r);
/* How many bytes to take at once, so that pauses are small; SIZE_MAX without a limit. */
size_t rate_piece(const struct rate *r);

/* Books bytes that were taken at a moment of the monotonic clock. Nanoseconds from then until they are paid. */
uint64_t rate_book(struct rate *r, uint64_t bytes, uint64_t now_ns);
/* Books them now, and waits. ERR_CANCELLED within some milliseconds of the flag; cancel NULL: never. */
bool rate_pay(struct rate *r, uint64_t bytes, const struct cancel *cancel, struct error *err) MUST_CHECK;
