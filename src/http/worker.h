/*
 * A few threads for what may block (the database, a disk's sync), so that the threads that serve connections
 * never do. Tasks run in the order in which they came.
 */
#pragma once
#include "base/error.h"

struct workers;

/* queue_max: tasks that wait; more are refused. */
bool workers_start(int thread_count, size_t queue_max, struct workers **out, struct error *err) MUST_CHECK;
/* Runs what waits, then ends the threads. NULL is allowed. */
void workers_stop(struct workers *w);
/* ERR_BUSY if too many wait. */
bool workers_run(struct workers *w, void (*run)(void *context), void *context, struct error *err) MUST_CHECK;
