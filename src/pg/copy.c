/* COPY … TO STDOUT, by decant's own framing of the socket where it is plain, else by libpq. */
#include "pg/internal.h"

#include <poll.h>
#include <stdlib.h>

#define MESSAGE_HEADER_BYTES 5
#define PAY_BYTES ((size_t)4 << 10)   /* rows are booked together: the limit's lock is not for each of them */
#define PATIENCE_MAX_MS 64

/* Only a COPY that was given up before the server ended it, one way or the other, has to be stopped there. */
static bool failed(struct pg *c, const struct error *err) {
  if (*err->sqlstate || err->code == ERR_SOURCE_LOST) c->is_copying = false;
  return false;
}

/*
 * Waits for more of what libpq reads. It may hold bytes back that TLS has already taken off the socket, so that
 * poll() would wait in vain: the first waits are short.
 */
static bool libpq_wait(struct pg *c, struct pg_silence *silence, int *patience_ms, struct error *err) {
  if (*patience_ms > 0) {
    struct pollfd p = {.fd = PQsocket(c->conn), .events = POLLIN};
    int ready = poll(&p, 1, *patience_ms);
    if (ready > 0) *silence = (struct pg_silence){0};
    else if (ready == 0 && !pg_stream_bear(&c->stream, silence, err)) return false;
  }
  *patience_ms = *patience_ms == 0 ? 1 : *patience_ms < PATIENCE_MAX_MS ? 2 * *patience_ms : PATIENCE_MAX_MS;
  return PQconsumeInput(c->conn) || pg_fail(c, NULL, "cannot read", err);
}

static bool libpq_copy_start(struct pg *c, const char *sql, struct error *err) {
  if (!PQsendQuery(c->conn, sql)) return pg_fail(c, NULL, "cannot read", err);
  struct pg_silence silence = {0};
  int patience_ms = 0;
  while (PQisBusy(c->conn))
    if (!libpq_wait(c, &silence, &patience_ms, err)) return false;
  PGresult *result = PQgetResult(c->conn);
  bool ok = PQresultStatus(result) == PGRES_COPY_OUT;
  if (!ok) pg_fail(c, result, "cannot read", err);
  PQclear(result);
  while (!ok && (result = PQgetResult(c->conn))) PQclear(result);
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
  struct pg_silence silence = {0};
  int patience_ms = 0, got;
  PQfreemem(c->copy_message);
  c->copy_message = NULL;
  if (c->stream.unpaid >= PAY_BYTES && !pg_stream_pay(&c->stream, err)) return false;
  while ((got = PQgetCopyData(c->conn, &c->copy_message, true)) == 0)
    if (!libpq_wait(c, &silence, &patience_ms, err)) return false;
  if (got > 0) {
    c->stream.unpaid += (size_t)got + MESSAGE_HEADER_BYTES;
    *data = (const uint8_t *)c->copy_message;
    *len = (size_t)got;
    return true;
  }
  *data = NULL;
  *len = 0;
  if (got == -2) return pg_fail(c, NULL, "cannot read", err);
  return pg_stream_pay(&c->stream, err) && libpq_copy_end(c, rows, err);
}

bool pg_copy_start(struct pg *c, const char *sql, struct error *err) {
  c->is_copying = true;
  bool ok = !c->use_stream ? libpq_copy_start(c, sql, err)
                           : pg_stream_query(&c->stream, sql, err) && pg_stream_copy_begin(&c->stream, err);
  return ok || failed(c, err);
}

bool pg_copy_can_queue(const struct pg *c) { return c->use_stream; }

bool pg_copy_queue(struct pg *c, const char *sql, struct error *err) { return pg_stream_query(&c->stream, sql, err); }

bool pg_copy_start_queued(struct pg *c, struct error *err) {
  c->is_copying = true;
  return pg_stream_copy_begin(&c->stream, err) || failed(c, err);
}

bool pg_copy_next(struct pg *c, const uint8_t **data, size_t *len, uint64_t *rows, struct error *err) {
  bool ok = c->use_stream ? pg_stream_copy_next(&c->stream, data, len, rows, err)
                          : libpq_copy_next(c, data, len, rows, err);
  if (__builtin_expect(!ok, 0)) return failed(c, err);
  if (__builtin_expect(!*data, 0)) c->is_copying = false;
  return true;
}
