/* What the handlers of all calls share. Read-only for them, except where said. */
#pragma once
#include "job/scheduler.h"

#include <stdatomic.h>

enum seed_phase { SEED_NONE, SEED_RUNNING, SEED_FINISHED, SEED_FAILED };

/* Written by the thread that seeds, read by /ready. */
struct seed_progress {
  _Atomic enum seed_phase phase;
  atomic_int_fast64_t done, total;
};

struct peers;

struct service {
  struct scheduler *scheduler;
  struct peers *peers;
  struct seed_progress seed;
  int64_t connections_max;            /* HTTP connections */
  atomic_bool benchmark_runs;         /* one at a time */
  struct cancel stopping;             /* ends a benchmark */
  const char *allowed_hosts;          /* NULL or a list: see guard.h */
};
