/*
 * The floor: what it costs to get a table out of PostgreSQL at all. N connections in one exported snapshot
 * read it by COPY (SELECT … FROM ONLY table WHERE ctid …) TO STDOUT (FORMAT binary), count the rows and throw
 * them away. decant is measured as a multiple of this (bench/run.py), so it should be as fast as a reader that
 * does nothing can be: see docs/performance.md for what was tried.
 *
 * For measuring only: errors end the program.
 */
#include "base/clock.h"
#include "base/option.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define HEADER_BYTES 5
#define SQL_MAX 65536
#define LOW_WATER_WAIT_MS 1

static const char session[] =
    "SET LOCAL synchronize_seqscans = off; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL jit = off";

struct plan {
  const char *conninfo;
  const char *table;          /* catalog spelling */
  const char *query;          /* read by one connection instead; NULL: the table */
  int64_t connections;
  int64_t split_blocks;       /* heap blocks a COPY; 0: one range per connection */
  bool use_libpq;             /* PQgetCopyData instead of our own framing */
  bool pipelined;             /* the next COPY is sent before the present one has ended */
  int64_t pause_us;           /* sleep before a read that would find little; 0: none */
  int64_t low_water_bytes;    /* SO_RCVLOWAT: wake for no less; 0: 1 byte */
  int64_t buffer_bytes;
  bool json;

  char columns[SQL_MAX / 2];
  char snapshot[128];
  int64_t blocks;
  int64_t split_count;
  atomic_int_fast64_t next_split;
};

struct lane {
  struct plan *plan;
  pthread_t thread;
  PGconn *conn;
  uint64_t rows, bytes, reads;
  uint8_t *buffer;
  size_t at, end;             /* unread part of the buffer */
  bool ran_dry;               /* the last read found less than half a buffer */
};

static _Noreturn void die(const char *what, const char *why) {
  fprintf(stderr, "floor: %s: %s\n", what, why);
  exit(1);
}

/* ---- the plan -------------------------------------------------------------------------------------- */

static void run_sql(PGconn *c, const char *sql) {
  PGresult *r = PQexec(c, sql);
  if (PQresultStatus(r) != PGRES_COMMAND_OK && PQresultStatus(r) != PGRES_TUPLES_OK) die(sql, PQerrorMessage(c));
  PQclear(r);
}

static void query_text(PGconn *c, const char *sql, const char *param, char *to, size_t size) {
  PGresult *r = PQexecParams(c, sql, param ? 1 : 0, NULL, &param, NULL, NULL, 0);
  if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1 || PQgetisnull(r, 0, 0)) die(sql, PQerrorMessage(c));
  snprintf(to, size, "%s", PQgetvalue(r, 0, 0));
  PQclear(r);
}

static PGconn *connect_to(const struct plan *p) {
  PGconn *c = PQconnectdb(p->conninfo);
  if (PQstatus(c) != CONNECTION_OK) die("cannot connect", PQerrorMessage(c));
  return c;
}

/* The holder's transaction stays open, and with it the snapshot, until every lane has ended. */
static PGconn *describe(struct plan *p) {
  char number[32];
  PGconn *c = connect_to(p);
  run_sql(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  query_text(c, "SELECT pg_export_snapshot()", NULL, p->snapshot, sizeof p->snapshot);
  if (p->query) {
    p->connections = p->split_count = 1;
    return c;
  }
  query_text(c, "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
                "WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
             p->table, p->columns, sizeof p->columns);
  query_text(c, "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::int", p->table, number,
             sizeof number);
  p->blocks = strtoll(number, NULL, 10);
  int64_t size = p->split_blocks ? p->split_blocks : (p->blocks + p->connections - 1) / p->connections;
  if (size < 1) size = 1;
  p->split_blocks = size;
  p->split_count = p->blocks <= size ? 1 : (p->blocks + size - 1) / size;
  return c;
}

/* Blocks [first, last) of a split; the last one is open-ended, as the engine's is. */
static void make_copy(const struct plan *p, int64_t split, char *sql, size_t size) {
  int n = snprintf(sql, size, "COPY (SELECT %s FROM ONLY %s WHERE ctid >= '(%lld,0)'", p->columns, p->table,
                   (long long)(split * p->split_blocks));
  if (split + 1 < p->split_count)
    n += snprintf(sql + n, size - (size_t)n, " AND ctid < '(%lld,0)'", (long long)((split + 1) * p->split_blocks));
  snprintf(sql + n, size - (size_t)n, ") TO STDOUT (FORMAT binary)");
}

/* False when there is no split left. */
static bool take_split(struct plan *p, char *sql, size_t size) {
  int64_t split = atomic_fetch_add(&p->next_split, 1);
  if (split >= p->split_count) return false;
  if (p->query) snprintf(sql, size, "COPY (%s) TO STDOUT (FORMAT binary)", p->query);
  else make_copy(p, split, sql, size);
  return true;
}

/* ---- reading by libpq ------------------------------------------------------------------------------- */

/* The stream's header comes with the first row, its trailer (two bytes, -1) as a message of its own. */
static void read_by_libpq(struct lane *l) {
  char sql[SQL_MAX];
  while (take_split(l->plan, sql, sizeof sql)) {
    PGresult *r = PQexec(l->conn, sql);
    if (PQresultStatus(r) != PGRES_COPY_OUT) die(sql, PQerrorMessage(l->conn));
    PQclear(r);
    char *message;
    uint64_t messages = 0;
    for (int len; (len = PQgetCopyData(l->conn, &message, 0)) > 0; PQfreemem(message)) {
      messages++;
      l->bytes += (uint64_t)len;
    }
    r = PQgetResult(l->conn);
    if (PQresultStatus(r) != PGRES_COMMAND_OK) die(sql, PQerrorMessage(l->conn));
    uint64_t rows = strtoull(PQcmdTuples(r), NULL, 10);
    /* An empty COPY's header and trailer come as one or two messages, depending on the server's version. */
    if (rows > 0 && messages != rows + 1 && messages != rows + 2) die(sql, "messages and rows do not agree");
    l->rows += rows;
    PQclear(r);
    while ((r = PQgetResult(l->conn))) PQclear(r);
  }
}

/* ---- reading by our own framing of the socket ------------------------------------------------------- */

static void sleep_us(int64_t us) {
  struct timespec t = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};
  nanosleep(&t, NULL);
}

/*
 * A server flushes every 8 KB, and each flush would wake a reader that waits. So the kernel is asked to wake us
 * for no less than the low-water mark: a tenth of the wake-ups, a third of our CPU time.
 */
static void receive(struct lane *l) {
  const struct plan *p = l->plan;
  size_t capacity = (size_t)p->buffer_bytes;
  if (l->at > 0) memmove(l->buffer, l->buffer + l->at, l->end - l->at);
  l->end -= l->at;
  l->at = 0;
  if (p->pause_us && l->ran_dry) sleep_us(p->pause_us);
  if (p->low_water_bytes) {
    /* The end of a COPY may be shorter than the low-water mark: then the time limit wakes us. */
    struct pollfd f = {.fd = PQsocket(l->conn), .events = POLLIN};
    poll(&f, 1, LOW_WATER_WAIT_MS);
  }
  for (;;) {
    ssize_t n = recv(PQsocket(l->conn), l->buffer + l->end, capacity - l->end, p->low_water_bytes ? MSG_DONTWAIT : 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      struct pollfd f = {.fd = PQsocket(l->conn), .events = POLLIN};
      poll(&f, 1, LOW_WATER_WAIT_MS);
      continue;
    }
    if (n <= 0) die("the connection is lost", n < 0 ? strerror(errno) : "end of file");
    l->reads++;
    l->bytes += (uint64_t)n;
    l->end += (size_t)n;
    l->ran_dry = (size_t)n < capacity / 2;
    return;
  }
}

static uint32_t read_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void send_query(struct lane *l, const char *sql) {
  uint8_t message[SQL_MAX + HEADER_BYTES];
  size_t text_len = strlen(sql) + 1, len = text_len + HEADER_BYTES;
  uint32_t framed = (uint32_t)text_len + 4;
  const uint8_t header[HEADER_BYTES] = {'Q', (uint8_t)(framed >> 24), (uint8_t)(framed >> 16),
                                        (uint8_t)(framed >> 8), (uint8_t)framed};
  memcpy(message, header, sizeof header);
  memcpy(message + HEADER_BYTES, sql, text_len);
  if (send(PQsocket(l->conn), message, len, MSG_NOSIGNAL) != (ssize_t)len) die("cannot send", strerror(errno));
}

/* One message behind the other. Skips what is longer than the buffer: nothing of it is looked at. */
static uint8_t next_message(struct lane *l, char *body, size_t size) {
  while (l->end - l->at < HEADER_BYTES) receive(l);
  uint8_t type = l->buffer[l->at];
  size_t left = (size_t)read_u32(l->buffer + l->at + 1) + 1;
  if (type != 'd') {
    while (l->end - l->at < left && left <= (size_t)l->plan->buffer_bytes) receive(l);
    if (left > (size_t)l->plan->buffer_bytes) die("unexpected message", "too long");
    snprintf(body, size, "%.*s", (int)(left - HEADER_BYTES), (const char *)l->buffer + l->at + HEADER_BYTES);
  }
  for (;;) {
    size_t here = l->end - l->at < left ? l->end - l->at : left;
    l->at += here;
    left -= here;
    if (left == 0) return type;
    receive(l);
  }
}

static void read_one_copy(struct lane *l) {
  char body[256];
  uint64_t messages = 0;
  for (;;) {
    uint8_t type = next_message(l, body, sizeof body);
    if (type == 'd') messages++;
    else if (type == 'E') die("the server failed", body);
    else if (type == 'Z') return;
    else if (type == 'C') {
      uint64_t rows = strtoull(body + strlen("COPY "), NULL, 10);
      if (rows > 0 && messages != rows + 1 && messages != rows + 2) die("a COPY", "messages and rows do not agree");
      l->rows += rows;
    }
  }
}

static void prepare_socket(const struct lane *l) {
  int fd = PQsocket(l->conn), low = (int)l->plan->low_water_bytes;
  if (PQsslInUse(l->conn)) die("our own framing", "the connection is encrypted; use --reader libpq");
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
  if (low && setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) != 0) die("SO_RCVLOWAT", strerror(errno));
}

static void read_by_socket(struct lane *l) {
  char sql[SQL_MAX];
  prepare_socket(l);
  bool more = take_split(l->plan, sql, sizeof sql);
  if (more) send_query(l, sql);
  while (more) {
    bool sent = l->plan->pipelined && take_split(l->plan, sql, sizeof sql);
    if (sent) send_query(l, sql);
    read_one_copy(l);
    more = sent;
    if (!l->plan->pipelined && (more = take_split(l->plan, sql, sizeof sql))) send_query(l, sql);
  }
  fcntl(PQsocket(l->conn), F_SETFL, fcntl(PQsocket(l->conn), F_GETFL) | O_NONBLOCK);
}

/* ---- lanes ------------------------------------------------------------------------------------------ */

static void *run_lane(void *context) {
  struct lane *l = context;
  char sql[512];
  prctl(PR_SET_TIMERSLACK, 1);   /* else every pause is 50 microseconds longer */
  l->buffer = malloc((size_t)l->plan->buffer_bytes);
  if (!l->buffer) die("a lane", "out of memory");
  l->conn = connect_to(l->plan);
  snprintf(sql, sizeof sql, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '%s'; %s",
           l->plan->snapshot, session);
  run_sql(l->conn, sql);
  if (l->plan->use_libpq) read_by_libpq(l);
  else read_by_socket(l);
  PQfinish(l->conn);
  free(l->buffer);
  return NULL;
}

static void report(const struct plan *p, const struct lane *lanes, double seconds) {
  uint64_t rows = 0, bytes = 0, reads = 0;
  struct rusage used;
  for (int64_t i = 0; i < p->connections; i++) {
    rows += lanes[i].rows;
    bytes += lanes[i].bytes;
    reads += lanes[i].reads;
  }
  getrusage(RUSAGE_SELF, &used);
  double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  if (p->json) printf("{\"rows\": %llu, \"bytes\": %llu, \"seconds\": %.3f, \"cpuSeconds\": %.3f}\n",
                      (unsigned long long)rows, (unsigned long long)bytes, seconds, cpu);
  else printf("%llu rows, %llu bytes, %.3f s, %.3f s of own CPU, %lld copies, %llu reads, %ld waits\n",
              (unsigned long long)rows, (unsigned long long)bytes, seconds, cpu, (long long)p->split_count,
              (unsigned long long)reads, used.ru_nvcsw);
}

/* ---- the command line -------------------------------------------------------------------------------- */

static const struct { const char *name, *value, *help; } options_help[] = {
    {"db", "URL", "connection string; default DATABASE_URL, then libpq's own variables"},
    {"table", "T", "table to read, as SQL spells it; default records"},
    {"query", "SQL", "a query to read by one connection instead"},
    {"connections", "N", "connections that read at once; default 2"},
    {"split-blocks", "N", "heap blocks a COPY; 0: one COPY per connection; default 512"},
    {"reader", "socket|libpq", "our own framing of the socket, or PQgetCopyData; default socket"},
    {"pipeline", "0|1", "send the next COPY before the present one ends (socket); default 1"},
    {"pause", "US", "microseconds to sleep before a read after one that found little (socket); default 0"},
    {"low-water", "BYTES", "SO_RCVLOWAT, at most half the buffer (socket); default 131072, 0: off"},
    {"buffer", "BYTES", "receive buffer (socket); default 262144"},
    {"json", NULL, "print JSON"},
};

static _Noreturn void usage(void) {
  fprintf(stderr, "usage: floor [options]\n");
  for (size_t i = 0; i < sizeof options_help / sizeof *options_help; i++)
    fprintf(stderr, "  --%s %s\n        %s\n", options_help[i].name, options_help[i].value ? options_help[i].value : "",
            options_help[i].help);
  exit(2);
}

static int64_t number(const char *text, int64_t min, int64_t max) {
  int64_t v;
  if (!parse_int64(text, &v) || v < min || v > max) usage();
  return v;
}

static void set_option(struct plan *p, const char *name, const char *value) {
  if (!strcmp(name, "db")) p->conninfo = value;
  else if (!strcmp(name, "table")) p->table = value;
  else if (!strcmp(name, "query")) p->query = value;
  else if (!strcmp(name, "connections")) p->connections = number(value, 1, CONNECTIONS_MAX);
  else if (!strcmp(name, "split-blocks")) p->split_blocks = number(value, 0, INT32_MAX);
  else if (!strcmp(name, "reader")) p->use_libpq = strcmp(value, "libpq") == 0;
  else if (!strcmp(name, "pipeline")) p->pipelined = number(value, 0, 1);
  else if (!strcmp(name, "pause")) p->pause_us = number(value, 0, 1000000);
  else if (!strcmp(name, "low-water")) p->low_water_bytes = number(value, 0, 1 << 24);
  else if (!strcmp(name, "buffer")) p->buffer_bytes = number(value, 1024, 1 << 28);
  else usage();
}

static void parse_arguments(struct plan *p, int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0) {
      p->json = true;
      continue;
    }
    if (strncmp(argv[i], "--", 2) != 0 || i + 1 == argc) usage();
    set_option(p, argv[i] + 2, argv[i + 1]);
    i++;
  }
}

int main(int argc, char **argv) {
  uint64_t started_us = clock_monotonic_us();
  static struct plan plan = {.table = "records", .connections = 2, .split_blocks = 512, .pipelined = true,
                             .low_water_bytes = 128 << 10, .buffer_bytes = 256 << 10};
  static struct lane lanes[CONNECTIONS_MAX];
  plan.conninfo = getenv("DATABASE_URL") ? getenv("DATABASE_URL") : "";
  parse_arguments(&plan, argc, argv);
  PGconn *holder = describe(&plan);
  for (int64_t i = 0; i < plan.connections; i++) {
    lanes[i].plan = &plan;
    if (pthread_create(&lanes[i].thread, NULL, run_lane, &lanes[i]) != 0) die("a lane", "cannot start a thread");
  }
  for (int64_t i = 0; i < plan.connections; i++) pthread_join(lanes[i].thread, NULL);
  report(&plan, lanes, (double)(clock_monotonic_us() - started_us) / 1e6);
  PQfinish(holder);
  return 0;
}
