#include "pg/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define RECEIVE_BUFFER_MIN (128 << 10)
#define RECEIVE_BUFFER_MAX (4 << 20)

struct pg_result { PGresult *result; };

enum error_code pg_sqlstate_code(const char *sqlstate) {
  static const char *const transient[] = {
      "08",     /* connection exceptions */
      "40001",  /* serialization failure: a standby's recovery conflict */
      "53300",  /* too many connections */
      "57P01",  /* admin shutdown, pg_terminate_backend */
      "57P02", "57P03", "57P05", "25P03",
  };
  if (!sqlstate || !*sqlstate) return ERR_SOURCE;
  for (size_t i = 0; i < sizeof transient / sizeof *transient; i++)
    if (strncmp(sqlstate, transient[i], strlen(transient[i])) == 0) return ERR_SOURCE_LOST;
  return ERR_SOURCE;
}

bool pg_fail(struct pg *c, const PGresult *result, const char *what, struct error *err) {
  const char *sqlstate = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
  const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
  bool lost = PQstatus(c->conn) != CONNECTION_OK;
  enum error_code code = sqlstate ? pg_sqlstate_code(sqlstate) : ERR_SOURCE_LOST;
  if (lost && code == ERR_SOURCE) code = ERR_SOURCE_LOST;
  fail(err, code, "%s: %s%s%s", what, primary ? primary : PQerrorMessage(c->conn), detail ? "; " : "",
       detail ? detail : "");
  if (sqlstate) snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate);
  return false;
}

void pg_close(struct pg *c) {
  if (!c) return;
  /* A server that is between two rows would go on until it next writes. */
  if (c->is_copying) canceller_ask(c->canceller);
  canceller_free(c->canceller);
  PQfreemem(c->copy_message);
  pg_stream_deinit(&c->stream);
  PQfinish(c->conn);
  free(c);
}

bool pg_exec(struct pg *c, const char *sql, struct error *err) {
  PGresult *result = PQexec(c->conn, sql);
  ExecStatusType status = PQresultStatus(result);
  bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
  if (!ok) pg_fail(c, result, "the server refused a statement", err);
  PQclear(result);
  return ok;
}

bool pg_execf(struct pg *c, struct error *err, const char *format, ...) {
  va_list args;
  va_start(args, format);
  char *sql = NULL;
  int len = vasprintf(&sql, format, args);
  va_end(args);
  if (len < 0) return fail_memory(err, "a statement");
  bool ok = pg_exec(c, sql, err);
  free(sql);
  return ok;
}

bool pg_query(struct pg *c, const char *sql, const char *const *params, int param_count, struct pg_result **out,
              struct error *err) {
  PGresult *result = PQexecParams(c->conn, sql, param_count, NULL, params, NULL, NULL, 0);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) {
    pg_fail(c, result, "the server refused a query", err);
    PQclear(result);
    return false;
  }
  *out = malloc(sizeof **out);
  if (!*out) {
    PQclear(result);
    return fail_memory(err, "a query's result");
  }
  (*out)->result = result;
  return true;
}

size_t pg_row_count(const struct pg_result *r) { return (size_t)PQntuples(r->result); }

const char *pg_value(const struct pg_result *r, size_t row, int column) {
  return PQgetisnull(r->result, (int)row, column) ? NULL : PQgetvalue(r->result, (int)row, column);
}

int64_t pg_value_int(const struct pg_result *r, size_t row, int column) {
  const char *text = pg_value(r, row, column);
  return text ? strtoll(text, NULL, 10) : 0;
}

bool pg_value_bool(const struct pg_result *r, size_t row, int column) {
  const char *text = pg_value(r, row, column);
  return text && *text == 't';
}

void pg_result_free(struct pg_result *r) {
  if (!r) return;
  PQclear(r->result);
  free(r);
}

static bool take_described(const PGresult *result, struct pg_described **columns, size_t *count, struct error *err) {
  size_t n = (size_t)PQnfields(result);
  struct pg_described *list = calloc(n ? n : 1, sizeof *list);
  if (!list) return fail_memory(err, "a query's columns");
  for (size_t i = 0; i < n; i++) {
    list[i].name = strdup(PQfname(result, (int)i));
    list[i].type_oid = PQftype(result, (int)i);
    list[i].typmod = PQfmod(result, (int)i);
    if (list[i].name) continue;
    pg_described_free(list, i);
    return fail_memory(err, "a query's columns");
  }
  *columns = list;
  *count = n;
  return true;
}

bool pg_describe(struct pg *c, const char *sql, struct pg_described **columns, size_t *count, struct error *err) {
  PGresult *result = PQprepare(c->conn, "", sql, 0, NULL);
  bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
  if (ok) {
    PQclear(result);
    result = PQdescribePrepared(c->conn, "");
    ok = PQresultStatus(result) == PGRES_COMMAND_OK;
  }
  if (!ok) pg_fail(c, result, "the server refused the query", err);
  else ok = take_described(result, columns, count, err);
  PQclear(result);
  return ok;
}

void pg_described_free(struct pg_described *columns, size_t count) {
  for (size_t i = 0; columns && i < count; i++) free(columns[i].name);
  free(columns);
}

void pg_cancel(struct pg *c) {
  if (c) canceller_ask(c->canceller);
}

/*
 * What lies in the socket's buffers the server has read already: left alone they would take some MB at once. A quarter of
 * a second's bytes are enough to keep a distant server sending at the limit.
 */
static int receive_buffer_bytes(uint64_t limit) {
  uint64_t bytes = limit / 4;
  return bytes < RECEIVE_BUFFER_MIN ? RECEIVE_BUFFER_MIN : bytes > RECEIVE_BUFFER_MAX ? RECEIVE_BUFFER_MAX : (int)bytes;
}

void pg_set_rate(struct pg *c, struct rate *rate) {
  uint64_t limit = rate_limit(rate);
  c->stream.rate = rate;
  if (!limit) return;
  int bytes = receive_buffer_bytes(limit);
  (void)setsockopt(PQsocket(c->conn), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

void pg_on_large_row(struct pg *c, size_t bytes, bool (*before)(void *context, struct error *err), void *context) {
  c->stream.large_bytes = bytes;
  c->stream.before_large = before;
  c->stream.large_context = context;
}

void pg_set_backend(struct pg *c, int pid) { c->backend_pid = pid; }

bool pg_is_superuser(const struct pg *c) {
  const char *value = PQparameterStatus(c->conn, "is_superuser");
  return value && !strcmp(value, "on");
}

bool pg_is_without_encoding(const struct pg *c) {
  const char *value = PQparameterStatus(c->conn, "server_encoding");
  return value && !strcmp(value, "SQL_ASCII");
}

int pg_server_version(const struct pg *c) { return PQserverVersion(c->conn); }

void pg_on_notice(struct pg *c, void (*notice)(void *context, const char *message), void *context) {
  c->notice = notice;
  c->notice_context = context;
}

void pg_quote_name(struct buffer *sql, const char *name) {
  buffer_append_byte(sql, '"');
  for (; *name; name++) {
    if (*name == '"') buffer_append_byte(sql, '"');
    buffer_append_byte(sql, (uint8_t)*name);
  }
  buffer_append_byte(sql, '"');
}

void pg_quote_literal(struct buffer *sql, const char *text) {
  /* E'' so that a backslash means the same whatever standard_conforming_strings says. */
  buffer_append_string(sql, strchr(text, '\\') ? "E'" : "'");
  for (; *text; text++) {
    if (*text == '\'' || *text == '\\') buffer_append_byte(sql, (uint8_t)*text);
    buffer_append_byte(sql, (uint8_t)*text);
  }
  buffer_append_byte(sql, '\'');
}

void pg_show_target(const struct pg *c, struct buffer *out) {
  buffer_appendf(out, "host=%s port=%s dbname=%s user=%s", PQhost(c->conn), PQport(c->conn), PQdb(c->conn),
                 PQuser(c->conn));
}
