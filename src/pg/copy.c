/* COPY … TO STDOUT, by decant's own framing of the socket where it is plain, else by libpq. */
#include "pg/internal.h"

#include <stdlib.h>

static bool libpq_copy_start(struct pg *c, const char *sql, struct error *err) {
  PGresult *result = PQexec(c->conn, sql);
  bool ok = PQresultStatus(result) == PGRES_COPY_OUT;
  if (!ok) pg_fail(c, result, "cannot read", err);
  PQclear(result);
  return ok;
}

/* -1 of PQgetCopyData ends the stream for success and failure alike: only CommandComplete proves the end. */
static bool libpq_copy_end(struct pg *c, uint64_t *rows, struct error *err) {
  PGresult *result = PQgetResult(c->conn);
  bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
  if (ok) *rows = strtoull(PQcmdTuples(result), NULL, 10);
  else pg_fail(c, result, "cannot read", err);
  PQclear(result);
  while ((result = PQgetResult(c->conn))) PQclear(result);
  return ok;
}

static bool libpq_copy_next(struct pg *c, const uint8_t **data, size_t *len, uint64_t *rows, struct error *err) {
  PQfreemem(c->copy_message);
  c->copy_message = NULL;
  int got = PQgetCopyData(c->conn, &c->copy_message, 0);
  if (got > 0) {
    *data = (const uint8_t *)c->copy_message;
    *len = (size_t)got;
    return true;
  }
  *data = NULL;
  *len = 0;
  if (got == -2) return pg_fail(c, NULL, "cannot read", err);
  return libpq_copy_end(c, rows, err);
}

bool pg_copy_start(struct pg *c, const char *sql, struct error *err) {
  if (!c->use_stream) return libpq_copy_start(c, sql, err);
  return pg_stream_query(&c->stream, sql, err) && pg_stream_copy_begin(&c->stream, err);
}

bool pg_copy_can_queue(const struct pg *c) { return c->use_stream; }

bool pg_copy_queue(struct pg *c, const char *sql, struct error *err) { return pg_stream_query(&c->stream, sql, err); }

bool pg_copy_start_queued(struct pg *c, struct error *err) { return pg_stream_copy_begin(&c->stream, err); }

bool pg_copy_next(struct pg *c, const uint8_t **data, size_t *len, uint64_t *rows, struct error *err) {
  if (!c->use_stream) return libpq_copy_next(c, data, len, rows, err);
  return pg_stream_copy_next(&c->stream, data, len, rows, err);
}
