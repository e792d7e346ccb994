/*
 * Cancellation: one atomic flag, set from any thread or a signal handler, read at the guard functions
 * of the engine (before a split, between chunks, at every write).
 */
#pragma once
#include "base/error.h"

#include <stdatomic.h>

struct cancel {
  atomic_bool requested;
};

static inline void cancel_request(struct cancel *c) { atomic_store(&c->requested, true); }
static inline bool cancel_requested(const struct cancel *c) {
  return atomic_load_explicit(&c->requested, memory_order_relaxed);
}
/* False with ERR_CANCELLED once the flag is set. */
static inline bool cancel_check(const struct cancel *c, struct error *err) {
  return cancel_requested(c) ? fail(err, ERR_CANCELLED, "cancelled") : true;
}
