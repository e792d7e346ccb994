/*
 * Where a row is that could not be written. People look for it by what PostgreSQL calls it: the table, the partition,
 * the ctid. Nothing of it is known while rows stream by, so it is asked for afterwards.
 */
#pragma once
#include "export/run.h"

/*
 * Puts in front of an error about a row the table or query that it comes from, and which row it is: by its ctid where the
 * server can still be asked, else by counting. The row is the one that lane->reader gave last. Errors that are not about
 * a row stay as they are.
 *
 * Called by the lane's thread before the error is known to anybody else: the snapshot still stands. Uses a connection of
 * its own for a moment, for the lane's is in the middle of its COPY.
 */
void locate_row(const struct lane *lane, struct error *err);
