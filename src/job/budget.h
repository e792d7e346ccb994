/*
 * What a job may use: connections of the database and memory. A job starts when both are free; what is
 * reserved for it is what the engine is told to keep to.
 */
#pragma once
#include "export/request.h"

struct budget {
  int connections_max;      /* shared by all jobs, at least 1 */
  int lanes_per_job;        /* at most connections_max */
  int64_t memory_max;       /* bytes for all jobs; INT64_MAX: no limit */
};

/* The memory that this process may use: its control group's limit (v2 or v1), or 0 where there is none. */
int64_t budget_memory_limit(void);

/*
 * memory_bytes: for the whole process; 0: budget_memory_limit. Of a limit the service keeps a part for itself.
 * ERR_USAGE where not even one job would fit.
 */
bool budget_init(struct budget *b, int connections_max, int64_t memory_bytes, struct error *err) MUST_CHECK;

/*
 * What to reserve for this export, as the engine would plan it for a table of 64 columns; NULL: for any. At most the
 * whole budget.
 */
int64_t budget_job_memory(const struct budget *b, const struct export_request *request);
