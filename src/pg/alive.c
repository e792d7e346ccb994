/* Is the server's process still there that sends nothing? */
#include "base/clock.h"
#include "pg/internal.h"

#include <poll.h>
#include <stdio.h>

#define ANSWER_US 15000000u
#define POLL_MS 50

/* The result of a query that was sent, or NULL where none comes in time. */
static PGresult *result_in_time(struct pg *c) {
  uint64_t end_us = clock_monotonic_us() + ANSWER_US;
  while (PQisBusy(c->conn)) {
    if (clock_monotonic_us() >= end_us || (c->cancel && cancel_requested(c->cancel))) return NULL;
    struct pollfd p = {.fd = PQsocket(c->conn), .events = POLLIN};
    (void)poll(&p, 1, POLL_MS);
    if (!PQconsumeInput(c->conn)) return NULL;
  }
  return PQgetResult(c->conn);
}

enum finding { FOUND, MISSING, NO_ANSWER };

static enum finding find_backend(struct pg *asker, int pid) {
  char sql[160];
  snprintf(sql, sizeof sql, "SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) %d", pid);
  PGresult *result = PQsendQuery(asker->conn, sql) ? result_in_time(asker) : NULL;
  if (!result) return NO_ANSWER;
  bool is_missing = pid > 0 && PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0;
  PQclear(result);
  return is_missing ? MISSING : FOUND;   /* a refusal is an answer, too */
}

bool pg_check_backend(void *context, struct error *err) {
  struct pg *c = context, *asker;
  if (!pg_connect_like(c, c->cancel, &asker, err)) {
    if (err->code == ERR_CANCELLED) return false;
    if (*err->sqlstate) return true;   /* no connection was free for us, but a server that refuses lives */
    error_prefix(err, "the server has long sent nothing, and is not to be reached: ");
    err->code = ERR_SOURCE_LOST;
    return false;
  }
  enum finding finding = find_backend(asker, c->backend_pid);
  pg_close(asker);
  if (finding == FOUND) return true;
  if (c->cancel && cancel_requested(c->cancel)) return fail(err, ERR_CANCELLED, "cancelled");
  return fail(err, ERR_SOURCE_LOST, finding == MISSING
              ? "the server has long sent nothing, and its process %d that worked for us is gone"
              : "the server has long sent nothing, and does not answer a second connection either (process %d)",
              c->backend_pid);
}
