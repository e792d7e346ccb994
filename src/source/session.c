#include "source/session.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

/* docs/types.md rests on these: PostgreSQL's own text is the same wherever the server's defaults point. */
static const char *const settings =
    "SET LOCAL TimeZone = 'UTC';"
    "SET LOCAL DateStyle = 'ISO';"
    "SET LOCAL IntervalStyle = 'postgres';"
    "SET LOCAL extra_float_digits = 1;"
    "SET LOCAL bytea_output = 'hex';"
    "SET LOCAL xmlbinary = 'base64';"
    "SET LOCAL row_security = off;"                       /* an error, not silently fewer rows */
    "SET LOCAL synchronize_seqscans = off;"               /* scans begin at the first block */
    "SET LOCAL max_parallel_workers_per_gather = 0;"      /* lanes are the parallelism */
    "SET LOCAL jit = off;"
    "SET LOCAL idle_in_transaction_session_timeout = 0;"; /* the holder waits for the lanes */

static bool begin(struct pg *c, const char *mode, struct error *err) {
  if (!pg_execf(c, err, "BEGIN TRANSACTION %s READ ONLY; SET LOCAL client_encoding = '%s'", mode,
                pg_is_without_encoding(c) ? "SQL_ASCII" : "UTF8"))
    return false;
  if (!pg_exec(c, settings, err)) return false;
  /* A transaction that reads for an hour must not end at transaction_timeout (PostgreSQL 17). */
  return pg_server_version(c) < 170000 || pg_exec(c, "SET LOCAL transaction_timeout = 0", err);
}

bool session_begin_look(struct pg *c, struct error *err) { return begin(c, "ISOLATION LEVEL READ COMMITTED", err); }

bool session_begin_holder(struct pg *c, struct error *err) { return begin(c, "ISOLATION LEVEL REPEATABLE READ", err); }

bool session_zone_is_utc(const char *zone) {
  return !strcasecmp(zone, "UTC") || !strcasecmp(zone, "Z") || !strcmp(zone, "+00:00");
}

/* One or two digits; past them, or NULL. */
static const char *read_two_digits(const char *at, int *number) {
  if (!isdigit((unsigned char)*at)) return NULL;
  *number = *at++ - '0';
  if (isdigit((unsigned char)*at)) *number = 10 * *number + (*at++ - '0');
  return at;
}

/* ±H, ±HH, ±HH:MM, below 16 hours as the server wants it. */
static bool is_offset(const char *zone) {
  int hours, minutes = 0;
  const char *end = *zone == '+' || *zone == '-' ? read_two_digits(zone + 1, &hours) : NULL;
  if (end && *end == ':') end = read_two_digits(end + 1, &minutes);
  return end && *end == '\0' && hours < 16 && minutes < 60;
}

/*
 * SET TimeZone would also take POSIX's formulas, in which UTC+2 is two hours behind UTC: the opposite of what
 * anybody means. So a name with a digit must be one that the server lists.
 */
static bool check_zone_name(struct pg *c, const char *zone, bool *known, struct error *err) {
  *known = zone[0] != '+' && zone[0] != '-';
  if (!*known || !strpbrk(zone, "0123456789")) return true;
  const char *params[] = {zone};
  struct pg_result *r;
  if (!pg_query(c,
                "SELECT 1 FROM pg_catalog.pg_timezone_names WHERE pg_catalog.lower(name) OPERATOR(pg_catalog.=)"
                " pg_catalog.lower($1::pg_catalog.text)",
                params, 1, &r, err))
    return false;
  *known = pg_row_count(r) > 0;
  pg_result_free(r);
  return true;
}

static bool fail_zone(const char *zone, const char *field, struct error *err) {
  return fail_field(err, field, "option \"%s\": the server knows no time zone \"%.100s\"; write a name as Europe/Berlin, or"
                    " hours and minutes ahead of UTC as +02:00", field, zone);
}

bool session_set_zone(struct pg *c, const char *zone, const char *field, struct error *err) {
  if (session_zone_is_utc(zone)) return pg_exec(c, "SET LOCAL TimeZone = 'UTC'", err);
  bool by_offset = is_offset(zone), known = by_offset;
  if (!by_offset && !check_zone_name(c, zone, &known, err)) return false;
  if (!known) return fail_zone(zone, field, err);
  struct buffer sql;
  buffer_init(&sql, 4096);
  buffer_append_string(&sql, by_offset ? "SET LOCAL TIME ZONE INTERVAL " : "SET LOCAL TimeZone = ");
  char padded[8];   /* the server reads +2 as seconds */
  snprintf(padded, sizeof padded, "%s%s", by_offset ? zone : "", by_offset && !strchr(zone, ':') ? ":00" : "");
  pg_quote_literal(&sql, by_offset ? padded : zone);
  char *text = buffer_take_string(&sql);
  if (!text) return fail_memory(err, "a statement");
  bool ok = pg_exec(c, text, err);
  free(text);
  bool is_unknown = !ok && strncmp(err->sqlstate, "22", 2) == 0;   /* also a formula of its own gone wrong */
  return is_unknown ? fail_zone(zone, field, err) : ok;
}

/* The text as a number, so that both say the same. */
static int64_t wall_us_of(const char *text) {
  struct tm tm = {0};
  const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
  return rest && *rest == '.' ? (int64_t)timegm(&tm) * 1000000 + strtoll(rest + 1, NULL, 10) * 1000 : 0;
}

static bool read_snapshot(struct pg *c, struct snapshot *snapshot, struct error *err) {
  struct pg_result *r;
  if (!pg_query(c,
                "SELECT pg_catalog.txid_current_snapshot()::pg_catalog.text, pg_catalog.to_char("
                "pg_catalog.statement_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
                " pg_catalog.pg_backend_pid()",
                NULL, 0, &r, err))
    return false;
  snprintf(snapshot->identity, sizeof snapshot->identity, "%s", pg_value(r, 0, 0));
  snprintf(snapshot->taken_at, sizeof snapshot->taken_at, "%s", pg_value(r, 0, 1));
  snapshot->taken_us = wall_us_of(snapshot->taken_at);
  pg_set_backend(c, (int)pg_value_int(r, 0, 2));
  pg_result_free(r);
  return true;
}

bool session_take_snapshot(struct pg *c, struct snapshot *snapshot, struct error *err) {
  *snapshot = (struct snapshot){0};
  return read_snapshot(c, snapshot, err);
}

/* No savepoint around it: a snapshot cannot be exported from a subtransaction. */
bool session_export_snapshot(struct pg *c, struct snapshot *snapshot, struct error *err) {
  struct pg_result *r;
  if (!pg_query(c, "SELECT pg_catalog.pg_export_snapshot()", NULL, 0, &r, err)) return false;
  snprintf(snapshot->id, sizeof snapshot->id, "%s", pg_value(r, 0, 0));
  pg_result_free(r);
  return true;
}

bool session_join(struct pg *c, const struct snapshot *snapshot, struct error *err) {
  if (!begin(c, "ISOLATION LEVEL REPEATABLE READ", err)) return false;
  if (!pg_execf(c, err, "SET TRANSACTION SNAPSHOT '%s'", snapshot->id)) return false;
  struct snapshot mine = {0};
  if (!read_snapshot(c, &mine, err)) return false;
  if (strcmp(mine.identity, snapshot->identity) == 0) return true;
  return fail(err, ERR_SOURCE_LOST,
              "a further connection does not see the same snapshot: it reached another server, or the pooler in "
              "between gave it another session");
}

/*
 * LOCK TABLE … NOWAIT would be the plain way, but wants a right to every column, and takes tables only. A statement
 * that is planned keeps its locks, too; the shortest timeout stands for NOWAIT.
 */
bool session_lock_at_once(struct pg *c, const char *from, struct error *err) {
  return pg_execf(c, err, "SET LOCAL lock_timeout = 1; EXPLAIN SELECT FROM %s; SET LOCAL lock_timeout TO DEFAULT",
                  from);
}

void session_end(struct pg *c) {
  struct error ignored;
  if (!pg_exec(c, "ROLLBACK", &ignored)) return;
}
