/*
 * Reads a spill log from its start, in pieces that are large whatever is asked for: the footer's parts are many and
 * small, and may lie in the temporary file.
 */
#pragma once
#include "format/parquet/spill.h"

struct replay {
  struct spill *log;
  uint64_t position;           /* in the log, of the next byte that is read into the window */
  struct buffer window;
  size_t used;                 /* bytes of the window that have been taken */
};

void replay_init(struct replay *r, struct spill *log);
void replay_deinit(struct replay *r);

/* The next `len` bytes, which have been appended; valid until the next call. NULL: it failed. */
const uint8_t *replay_take(struct replay *r, size_t len, struct error *err) MUST_CHECK;

/* Appends all of the log to out, letting go of what is there between its pieces (base/buffer.h). */
bool replay_all(struct spill *log, struct buffer *out, struct error *err) MUST_CHECK;
