/*
 * The demonstration table, public.records: rows that depend on nothing but their id, made on the server.
 *
 * seed_run works on a table that is missing, empty, or marked by its comment as an unfinished one of its
 * own. Any other it refuses, untouched. It may be killed at any moment: ranges of ids are inserted whole
 * or not at all, and the next run inserts those that are missing. A second seeder waits for the first.
 * The same `rows` give the same rows, whatever the number of connections; their order in the table is
 * nearly that of the ids. The primary key, the sequence, VACUUM and ANALYZE come last, then the mark says
 * that the table is whole.
 */
#pragma once
#include "base/cancel.h"

#include <stdint.h>

#define SEED_TABLE "public.records"
#define SEED_ROWS_DEFAULT 10000000
#define SEED_ROWS_MAX 10000000000

enum seed_outcome { SEED_DONE, SEED_ALREADY };   /* rows were written; the table held them already */

/*
 * Blocks until the table is whole. conninfo: as pg_connect's; the role must own the table, or may create it.
 * rows: 1 to SEED_ROWS_MAX. cancel may be set from anywhere: the server's work is stopped, and a later run
 * goes on from there. progress (NULL is allowed) is called from one thread at a time, not always the same,
 * with the rows that are in the table; once done == total, the primary key is being built.
 */
bool seed_run(const char *conninfo, int64_t rows, const struct cancel *cancel,
              void (*progress)(void *context, int64_t done, int64_t total), void *context,
              enum seed_outcome *outcome, struct error *err) MUST_CHECK;
