/* Connecting: libpq's own steps, with a time limit per host and an ear for cancellation. */
#include "base/clock.h"
#include "pg/internal.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define OPTIONS_MAX 128
#define TIMEOUT_DEFAULT "15"   /* seconds */
#define POLL_MS 50             /* how often the flag of cancellation is looked at */
#define LIST_MAX 4096          /* bytes of a list of hosts */

enum outcome { CONNECTED, REFUSED, TIMED_OUT, STOPPED };

/* A connection's own parameters, all hosts among them, as libpq has put them together. */
struct parameters {
  PQconninfoOption *options;
  const char *keys[OPTIONS_MAX + 1], *values[OPTIONS_MAX + 1];
};

static const char **value_of(struct parameters *p, const char *key) {
  for (int i = 0; p->keys[i]; i++)
    if (!strcmp(p->keys[i], key)) return &p->values[i];
  return NULL;
}

static bool read_parameters(PGconn *conn, struct parameters *p, struct error *err) {
  *p = (struct parameters){.options = PQconninfo(conn)};
  if (!p->options) return fail_memory(err, "a connection");
  int n = 0;
  for (PQconninfoOption *o = p->options; o->keyword && n < OPTIONS_MAX; o++) {
    if (!o->val || !*o->val) continue;
    p->keys[n] = o->keyword;
    p->values[n++] = o->val;
  }
  return true;
}

/* --- one attempt ------------------------------------------------------------------------------------- */

/* As libpq understands connect_timeout: at least 2 s; 0 is for ever. */
static uint64_t timeout_us(PGconn *conn) {
  struct parameters p;
  struct error ignored;
  if (!read_parameters(conn, &p, &ignored)) return 0;
  const char **text = value_of(&p, "connect_timeout");
  long seconds = text ? strtol(*text, NULL, 10) : 0;
  PQconninfoFree(p.options);
  return seconds <= 0 ? 0 : (uint64_t)(seconds < 2 ? 2 : seconds) * 1000000;
}

/* Which of its hosts and addresses libpq is at: the time limit begins anew with each. */
static void show_place(PGconn *conn, char *place, size_t size) {
  const char *host = PQhost(conn), *address = PQhostaddr(conn), *port = PQport(conn);
  snprintf(place, size, "%s %s %s", host ? host : "", address ? address : "", port ? port : "");
}

static enum outcome drive(PGconn *conn, const struct cancel *cancel) {
  uint64_t limit_us = timeout_us(conn), deadline_us = 0;
  char place[512] = "", now_at[512];
  PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;   /* what libpq's manual begins with */
  while (wanted != PGRES_POLLING_OK && wanted != PGRES_POLLING_FAILED) {
    if (cancel && cancel_requested(cancel)) return STOPPED;
    show_place(conn, now_at, sizeof now_at);
    if (!deadline_us || strcmp(place, now_at) != 0) deadline_us = clock_monotonic_us() + limit_us;
    memcpy(place, now_at, sizeof place);
    if (limit_us && clock_monotonic_us() >= deadline_us) return TIMED_OUT;
    struct pollfd p = {.fd = PQsocket(conn), .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    if (poll(&p, 1, POLL_MS) > 0) wanted = PQconnectPoll(conn);
  }
  return wanted == PGRES_POLLING_OK ? CONNECTED : REFUSED;
}

/* --- what went wrong --------------------------------------------------------------------------------- */

/*
 * libpq keeps a refusal as text only. Asked for verbose errors it writes "SEVERITY:  28P01: the message", whatever
 * the language, and further lines. Takes the code out of the text, and the line that says where in its source the
 * server was. The last code counts: it is of the host that was tried last.
 */
static void take_sqlstate(char *text, char sqlstate[6]) {
  for (char *at = text; (at = strstr(at, ":  ")) != NULL; at += 3) {
    size_t len = 0;
    while (len < 6 && (isdigit((unsigned char)at[3 + len]) || isupper((unsigned char)at[3 + len]))) len++;
    if (len != 5 || strncmp(at + 8, ": ", 2) != 0) continue;
    memcpy(sqlstate, at + 3, 5);
    sqlstate[5] = '\0';
    memmove(at + 3, at + 10, strlen(at + 10) + 1);
  }
  char *last_line = strstr(text, "\nLOCATION:  ");
  if (last_line) *last_line = '\0';
}

static bool fail_refused(PGconn *conn, struct error *err) {
  char *text = strdup(PQerrorMessage(conn));
  if (!text) return fail_memory(err, "a connection");
  char sqlstate[6] = "";
  take_sqlstate(text, sqlstate);
  /* Without a word of the server's it may be there again in a moment; without a password it will never let us in. */
  bool hopeless = *sqlstate ? pg_sqlstate_code(sqlstate) == ERR_SOURCE : PQconnectionNeedsPassword(conn);
  fail(err, hopeless ? ERR_SOURCE : ERR_SOURCE_LOST, "cannot connect to the database: %s", text);
  memcpy(err->sqlstate, sqlstate, sizeof sqlstate);
  free(text);
  return false;
}

static bool fail_timed_out(PGconn *conn, struct error *err) {
  const char *host = PQhost(conn), *port = PQport(conn);
  return fail(err, ERR_SOURCE_LOST, "cannot connect to the database: host %s, port %s does not answer within %llu s",
              host ? host : "?", port ? port : "?", (unsigned long long)(timeout_us(conn) / 1000000));
}

/* --- the next host ----------------------------------------------------------------------------------- */

/* An entry of a list by commas. A list of one stands for all. False: there is none so far. */
static bool entry_at(const char *list, size_t index, const char **entry, size_t *len) {
  *entry = list;
  *len = strcspn(list, ",");
  if (!list[*len]) return true;
  for (; index > 0; index--) {
    if (!(*entry)[*len]) return false;
    *entry += *len + 1;
    *len = strcspn(*entry, ",");
  }
  return true;
}

static size_t entry_count(const char *list) {
  size_t count = 1;
  for (; *list; list++) count += *list == ',';
  return count;
}

static bool entry_is(const char *list, size_t index, const char *text) {
  const char *entry;
  size_t len;
  return list && text && entry_at(list, index, &entry, &len) && strlen(text) == len && !memcmp(entry, text, len);
}

/* The list without one entry; a list of one stays as it is. */
static void strike_entry(const char **list, size_t index, char *room) {
  const char *entry;
  size_t len;
  if (!list || !strchr(*list, ',') || strlen(*list) >= LIST_MAX || !entry_at(*list, index, &entry, &len)) return;
  size_t before = (size_t)(entry - *list);
  memcpy(room, *list, before);
  strcpy(room + before, entry[len] ? entry + len + 1 : "");
  if (!entry[len] && before) room[before - 1] = '\0';
  *list = room;
}

/*
 * libpq passes to the next host by itself where one refuses, but only its blocking way knows of time. So the host
 * that did not answer is struck from the list, and the others are tried again. False where it was the last one.
 */
static bool strike_host(PGconn *conn, struct parameters *p, char room[3][LIST_MAX]) {
  const char **hosts = value_of(p, "host"), **addresses = value_of(p, "hostaddr"), **ports = value_of(p, "port");
  size_t count = hosts ? entry_count(*hosts) : addresses ? entry_count(*addresses) : 1;
  for (size_t i = 0; count > 1 && i < count; i++) {
    bool is_it = hosts ? entry_is(*hosts, i, PQhost(conn)) : entry_is(*addresses, i, PQhostaddr(conn));
    if (!is_it || (ports && !entry_is(*ports, i, PQport(conn)))) continue;
    strike_entry(hosts, i, room[0]);
    strike_entry(addresses, i, room[1]);
    strike_entry(ports, i, room[2]);
    return true;
  }
  return false;
}

/* --- connections ------------------------------------------------------------------------------------- */

static void on_libpq_notice(void *context, const char *message) {
  struct pg *c = context;
  if (c->notice) c->notice(c->notice_context, message);
}

static bool finish(PGconn *conn, const struct cancel *cancel, struct pg **out, struct error *err) {
  struct pg *c = calloc(1, sizeof *c);
  if (!c) {
    PQfinish(conn);
    return fail_memory(err, "a connection");
  }
  c->conn = conn;
  c->cancel = cancel;
  c->canceller = canceller_new(conn);
  PQsetErrorVerbosity(conn, PQERRORS_DEFAULT);
  PQsetNoticeProcessor(conn, on_libpq_notice, c);
  c->use_stream = !PQsslInUse(conn) && !PQgssEncInUse(conn) && PQprotocolVersion(conn) == 3;
  pg_stream_init(&c->stream, PQsocket(conn));
  c->stream.cancel = cancel;
  c->stream.on_silence = pg_check_backend;
  c->stream.context = c;
  *out = c;
  return true;
}

static enum outcome attempt(const char *const *keys, const char *const *values, bool expand,
                            const struct cancel *cancel, PGconn **conn) {
  *conn = PQconnectStartParams(keys, values, expand);
  if (!*conn || PQstatus(*conn) == CONNECTION_BAD) return REFUSED;
  PQsetErrorVerbosity(*conn, PQERRORS_VERBOSE);
  return drive(*conn, cancel);
}

bool pg_open(const char *const *keys, const char *const *values, bool expand, const struct cancel *cancel,
             struct pg **out, struct error *err) {
  PGconn *conn;
  enum outcome outcome = attempt(keys, values, expand, cancel, &conn);
  while (outcome == TIMED_OUT) {
    struct parameters p;
    char room[3][LIST_MAX];
    bool again = read_parameters(conn, &p, err) && strike_host(conn, &p, room);
    if (again) {
      PQfinish(conn);
      outcome = attempt(p.keys, p.values, false, cancel, &conn);
    }
    PQconninfoFree(p.options);
    if (!again) break;
  }
  if (outcome == CONNECTED) return finish(conn, cancel, out, err);
  if (!conn) return fail_memory(err, "a connection");
  if (outcome == REFUSED) fail_refused(conn, err);
  else if (outcome == TIMED_OUT) fail_timed_out(conn, err);
  else error_set(err, ERR_CANCELLED, "cancelled");
  PQfinish(conn);
  return false;
}

/* Wrong strings are the user's to mend: their error must come before any attempt, and without the string. */
static bool check_conninfo(const char *conninfo, struct error *err) {
  char *why = NULL;
  PQconninfoOption *options = *conninfo ? PQconninfoParse(conninfo, &why) : PQconndefaults();
  if (options) {
    PQconninfoFree(options);
    return true;
  }
  PQfreemem(why);
  return fail_field(err, "db",
                    "cannot read the connection string given by --db or DATABASE_URL: it is neither a "
                    "postgresql:// URL nor key=value pairs");
}

bool pg_connect(const char *conninfo, const char *application_name, const struct cancel *cancel, struct pg **out,
                struct error *err) {
  if (!check_conninfo(conninfo, err)) return false;
  /* What comes before dbname yields to the user's connection string, what comes after wins over it. */
  const char *keys[] = {"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
                        "tcp_user_timeout", "dbname", "application_name", "client_encoding", NULL};
  const char *values[] = {TIMEOUT_DEFAULT, "15", "15", "3", "60000", conninfo, application_name, "UTF8", NULL};
  return pg_open(keys, values, true, cancel, out, err);
}

bool pg_connect_like(const struct pg *like, const struct cancel *cancel, struct pg **out, struct error *err) {
  struct parameters p;
  if (!read_parameters(like->conn, &p, err)) return false;
  const char *const exact[][2] = {{"host", PQhost(like->conn)}, {"hostaddr", PQhostaddr(like->conn)},
                                  {"port", PQport(like->conn)}, {"password", PQpass(like->conn)},
                                  {"target_session_attrs", "any"}};
  int count = 0;
  while (p.keys[count]) count++;
  for (size_t i = 0; i < sizeof exact / sizeof *exact; i++) {
    const char *value = exact[i][1];
    const char **at = value_of(&p, exact[i][0]);
    if (!at && value && *value && count < OPTIONS_MAX) {
      p.keys[count] = exact[i][0];
      at = &p.values[count++];
    }
    if (at) *at = value ? value : "";
  }
  bool ok = pg_open(p.keys, p.values, false, cancel, out, err);
  PQconninfoFree(p.options);
  return ok;
}
