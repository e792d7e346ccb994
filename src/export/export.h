/*
 * The engine: request → plan → lanes → writer → sink. Knows formats, codecs and sinks only by their
 * interfaces.
 *
 * export_run makes one attempt: one snapshot, N lanes, one output. It commits the sink only after every
 * row has arrived (CommandComplete with the count of rows that were read, for every COPY), the encoder
 * has ended and every byte is written. Where it fails the sink is left uncommitted.
 */
#pragma once
#include "base/rate.h"
#include "export/budget.h"
#include "export/request.h"
#include "sink/sink.h"

#include <stdatomic.h>


#define LANES_MAX 64
#define EXPORT_SPECIALS_SIZE 512   /* of a list of columns */

struct export_settings {
  const char *conninfo;          /* libpq connection string or URL; "" for libpq's own variables */
  const char *application_name;  /* "decant/<job>", "decant/cli" */
  int lanes;                     /* 1 to LANES_MAX; 0: min(4, cores) */
  int64_t memory_bytes;          /* limit of this export's budget; 0: none, the format's default */
  bool counts_process;           /* the process serves this export alone: its own memory is part of the budget */
  bool allow_query;              /* query in the request is allowed */
  struct rate *rate;             /* borrowed: a limit of all exports together, above the request's own; NULL: none */
};

enum export_phase { PHASE_PLANNING, PHASE_DISCOVERING, PHASE_RUNNING, PHASE_FINISHING };

/* All zero at the start; written by the engine while it runs; read by anybody at any time. */
struct export_progress {
  _Atomic enum export_phase phase;
  atomic_uint_fast64_t rows;             /* encoded so far */
  atomic_uint_fast64_t bytes;            /* written to the sink so far */
  atomic_uint_fast64_t rows_estimated;   /* 0: unknown */
  atomic_uint_fast64_t work_done, work_total;   /* heap blocks, for percent; work_total 0: unknown */
  atomic_uint_fast64_t bytes_read;       /* from the server so far, by all lanes; some 50 ms old */
  atomic_uint_fast64_t pauses, paused_us;   /* of the lanes, for the rate limit; some 50 ms old */
  atomic_uint_fast64_t rate_limit;       /* bytes a second, the service's or the request's; 0: none */
  atomic_int_fast64_t memory_budget_bytes;   /* memory_budget.total_bytes; 0: not planned yet */
  atomic_int_fast64_t snapshot_us;       /* when the snapshot was taken, by the server's wall clock; 0: not yet */
};
/* 0 to 100, or -1 where it is not known. */
double export_progress_percent(const struct export_progress *p);

struct export_result {
  uint64_t rows, bytes, specials;
  /* Of these by column, most first: {"price":3,"day":1}. "{}" for none; columns that do not fit are left out. */
  char specials_by_column[EXPORT_SPECIALS_SIZE];
  uint64_t bytes_read;            /* from the server */
  double seconds_paused;          /* for the rate limit, added up over the lanes */
  double seconds;
  int lanes;                      /* that took part */
  char snapshot_at[32];           /* RFC 3339 */
  char sha256[SHA256_HEX_SIZE];   /* "" unless the sink digests */
  struct memory_budget memory;
  char how[400];                  /* the way the rows were read: "ctid ranges of 2 leaves, 848 splits", "one lane: orderBy" */
};

/* Blocks until done. The sink is committed exactly if it returns true; closing it stays the caller's. */
bool export_run(const struct export_request *request, const struct export_settings *settings,
                struct sink *sink, const struct cancel *cancel, struct export_progress *progress,
                struct export_result *result, struct error *err) MUST_CHECK;

/*
 * Everything that export_run checks before the first byte, in a short transaction. For POST /exports. ERR_BUSY where
 * the table is locked for more than 5 s.
 */
struct export_estimate {
  uint64_t rows, bytes;           /* 0: unknown */
  bool is_superuser;              /* the role that reads */
};
bool export_check(const struct export_request *request, const struct export_settings *settings,
                  struct export_estimate *estimate, struct error *err) MUST_CHECK;
