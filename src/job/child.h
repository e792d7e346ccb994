/*
 * A child process that runs a program to its end while this thread waits: what it wrote to standard error,
 * how it ended, and what it cost.
 *
 * The child gets nothing but standard error from us: standard input and output are /dev/null, every other
 * descriptor is closed, signals are at their defaults, and it gets SIGTERM when the calling thread dies. So a
 * service with open sockets and databases may start one.
 */
#pragma once
#include "base/buffer.h"
#include "base/cancel.h"

#define CHILD_STDERR_MAX (64u << 10)   /* of a longer text the last part is kept */
#define CHILD_GRACE_MS 5000            /* from SIGTERM to SIGKILL */

struct child_settings {
  const char *executable;                 /* a path; not searched for */
  const char *const *argv;                /* NULL-terminated */
  const char *variable_name;              /* set in its environment, beside our own; NULL: none */
  const char *variable_value;
  void (*on_tick)(void *context, double seconds);   /* about five times a second; may be NULL */
  void *context;
};

struct child_outcome {
  int exit_code;        /* 128 + the signal if one ended it */
  double seconds;       /* wall time from start to end */
  double cpu_seconds;   /* user + system */
};

/*
 * Blocks until the child has ended. Appends its standard error to `text`, whose maximum must be at least
 * CHILD_STDERR_MAX. True whatever its exit code; false where it could not be started (ERR_INTERNAL, ERR_MEMORY)
 * or was stopped because of `cancel` (ERR_CANCELLED). It is reaped in every case.
 */
bool child_run(const struct child_settings *settings, const struct cancel *cancel, struct buffer *text,
               struct child_outcome *outcome, struct error *err) MUST_CHECK;
