/* What the server's planner thinks of a statement. */
#pragma once
#include "pg/pg.h"

struct explained {
  bool uses_index;       /* a scan of an index, also for a bitmap, is in the plan */
  bool tid_range;        /* a Tid Range Scan is */
  bool is_narrowed;      /* every scan of a table or index has a condition that an index serves */
  uint64_t rows;         /* expected */
  double cost;           /* in the planner's units, without the penalty for ways that are switched off */
};

/* EXPLAIN of one statement, which is not run. Checks names, types and rights, too. */
bool explain(struct pg *c, const char *sql, struct explained *e, struct error *err) MUST_CHECK;
/* The part of it that needs no server: reads what EXPLAIN (FORMAT JSON) wrote. False where it is nothing of that kind. */
bool explain_read(const char *json, size_t len, struct explained *e) MUST_CHECK;
