/*
 * Where a row is that could not be written. People look for it by what PostgreSQL calls it: the table, the partition,
 * the ctid. Nothing of it is known while rows stream by, so it is asked for afterwards.
 */
#pragma once
#include "export/run.h"

/* A row among those of a statement that was read. Borrowed. */
struct row_place {
  const struct scan *scan;     /* whose splits they are */
  const struct split *split;   /* NULL: a sample, taken here and there */
  uint64_t row;                /* of the split or sample, 1 for the first */
  uint64_t rows_before;        /* of the split, in one stream */
};

/*
 * Puts in front of an error about a row the table or query that it comes from, and which row it is: by its ctid where the
 * server can still be asked, else by counting. Errors that are not about a row stay as they are.
 *
 * Called by the thread that reads before the error is known to anybody else: the snapshot still stands. Uses a
 * connection of its own for a moment, for the reading one is in the middle of its COPY.
 */
void locate_row_at(struct run *run, const struct row_place *place, struct error *err);

/* The same of the row that lane->reader gave last. */
void locate_row(const struct lane *lane, struct error *err);
