/* decant serve: the HTTP service, until a signal asks it to stop. */
#include "base/log.h"
#include "base/option.h"
#include "cli/command.h"
#include "http/server.h"
#include "source/seed.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define DRAIN_SECONDS 10         /* for downloads, after SIGTERM */
#define DESCRIPTORS_SPARE 128    /* beside HTTP connections: database, files, libraries */
#define SEED_STACK_BYTES (512u << 10)

struct serve_command {
  struct scheduler_settings jobs;
  struct server_settings http;
  char listen[300];
  const char *allowed_hosts;
  bool seed;
  int64_t seed_rows;
  struct service service;
  struct cancel seed_cancel;
  pthread_t seed_thread;
};

/* --- flags ------------------------------------------------------------------------------------------ */

/* "90s", "15m", "24h", "7d"; a bare number is seconds; "never" is 0. */
static bool parse_duration(const char *text, int64_t *seconds) {
  static const struct { char letter; int64_t seconds; } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
  char digits[24];
  size_t len = strspn(text, "0123456789");
  *seconds = 0;
  if (strcmp(text, "never") == 0) return true;
  if (len == 0 || len >= sizeof digits || (text[len] && text[len + 1])) return false;
  memcpy(digits, text, len);
  digits[len] = '\0';
  if (!parse_int64(digits, seconds) || *seconds > INT64_MAX / 1000000 / 86400) return false;
  if (!text[len]) return true;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (units[i].letter != text[len]) continue;
    *seconds *= units[i].seconds;
    return true;
  }
  return false;
}

static bool set_int(const struct flag *f, const char *value, int64_t min, int64_t max, int64_t *to,
                    struct error *err) {
  if (parse_int64(value, to) && *to >= min && *to <= max) return true;
  return fail_field(err, f->name, "--%s: \"%.40s\" is not a whole number from %lld to %lld", f->name, value,
                    (long long)min, (long long)max);
}

static bool set_size(const struct flag *f, const char *value, int64_t *to, struct error *err) {
  return parse_size(value, to) ||
         fail_field(err, f->name, "--%s: \"%.40s\" is no size like 64MB", f->name, value);
}

static bool set_log_level(const char *value, struct error *err) {
  static const char *const names[] = {"debug", "info", "warning", "error"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(names[i], value) != 0) continue;
    log_set_level((enum log_level)i);
    return true;
  }
  return fail_field(err, "log-level", "--log-level: \"%.40s\" is not one of debug, info, warning, error",
                    value);
}

static bool set_duration(const struct flag *f, const char *value, int64_t *to, struct error *err) {
  return parse_duration(value, to) ||
         fail_field(err, f->name, "--%s: \"%.40s\" is no time like 90s, 15m, 24h, 7d or never", f->name,
                    value);
}

static bool set_connections(struct serve_command *c, const struct flag *f, const char *value,
                            struct error *err) {
  int64_t count;
  if (!set_int(f, value, 1, 1000, &count, err)) return false;
  c->jobs.connections_max = (int)count;
  return true;
}

static bool set_listen(struct serve_command *c, const char *prefix, const char *value, struct error *err) {
  int len = snprintf(c->listen, sizeof c->listen, "%s%s", prefix, value);
  return len < (int)sizeof c->listen || fail_field(err, "listen", "--listen: the address is too long");
}

static bool on_flag(void *context, const struct flag *f, const char *value, struct error *err) {
  struct serve_command *c = context;
  const char *name = f->name;
  if (!strcmp(name, "db")) c->jobs.conninfo = value;
  else if (!strcmp(name, "port")) return set_listen(c, "127.0.0.1:", value, err);
  else if (!strcmp(name, "listen")) return set_listen(c, "", value, err);
  else if (!strcmp(name, "insecure-listen")) c->http.insecure_listen = true;
  else if (!strcmp(name, "allow-host")) c->allowed_hosts = value;
  else if (!strcmp(name, "data")) c->jobs.data_folder = value;
  else if (!strcmp(name, "table")) c->jobs.default_table = value;
  else if (!strcmp(name, "max-connections")) return set_connections(c, f, value, err);
  else if (!strcmp(name, "max-http-connections"))
    return set_int(f, value, 1, 100000, &c->http.connections_max, err);
  else if (!strcmp(name, "memory")) return set_size(f, value, &c->jobs.memory_bytes, err);
  else if (!strcmp(name, "min-free")) return set_size(f, value, &c->jobs.free_bytes_floor, err);
  else if (!strcmp(name, "expire-after")) return set_duration(f, value, &c->jobs.expire_after_seconds, err);
  else if (!strcmp(name, "gentle")) c->jobs.gentle = true;
  else if (!strcmp(name, "max-rate")) return request_parse_rate(value, name, &c->jobs.max_rate_bytes, err);
  else if (!strcmp(name, "allow-query")) c->jobs.allow_query = true;
  else if (!strcmp(name, "seed")) c->seed = true;
  else if (!strcmp(name, "seed-rows")) return set_int(f, value, 1, SEED_ROWS_MAX, &c->seed_rows, err);
  else if (!strcmp(name, "log-level")) return set_log_level(value, err);
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  (void)context;
  return fail(err, ERR_USAGE, "serve takes no argument \"%.100s\"", text);
}

/* --- seeding ---------------------------------------------------------------------------------------- */

static void on_seed_progress(void *context, int64_t done, int64_t total) {
  struct seed_progress *seed = context;
  atomic_store(&seed->total, total);
  int64_t before = atomic_exchange(&seed->done, done);
  if (total > 0 && before * 10 / total != done * 10 / total)
    log_line(LOG_INFO, "seeding %s: %lld of %lld rows", SEED_TABLE, (long long)done, (long long)total);
}

static void *seed(void *context) {
  struct serve_command *c = context;
  struct seed_progress *progress = &c->service.seed;
  enum seed_outcome outcome;
  struct error err;
  if (seed_run(c->jobs.conninfo, c->seed_rows, &c->seed_cancel, on_seed_progress, progress, &outcome, &err)) {
    log_line(LOG_INFO, outcome == SEED_ALREADY ? "Database already seeded" : "Database seeded");
    atomic_store(&progress->phase, SEED_FINISHED);
  } else {
    log_line(err.code == ERR_CANCELLED ? LOG_INFO : LOG_ERROR, "seeding ended: %s", err.message);
    atomic_store(&progress->phase, SEED_FAILED);
  }
  return NULL;
}

static bool start_seed(struct serve_command *c, struct error *err) {
  if (!c->seed) return true;
  atomic_store(&c->service.seed.phase, SEED_RUNNING);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, SEED_STACK_BYTES);
  int code = pthread_create(&c->seed_thread, &attributes, seed, c);
  pthread_attr_destroy(&attributes);
  if (code == 0) return true;
  c->seed = false;
  return fail(err, ERR_INTERNAL, "cannot start the seeding: %s", strerror(code));
}

static void stop_seed(struct serve_command *c) {
  if (!c->seed) return;
  cancel_request(&c->seed_cancel);
  pthread_join(c->seed_thread, NULL);
}

/* --- life ------------------------------------------------------------------------------------------- */

/* As many descriptors as the connections may need, or as many connections as there may be descriptors. */
static void fit_descriptors(struct server_settings *http) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  rlim_t wanted = (rlim_t)http->connections_max + DESCRIPTORS_SPARE;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= wanted) return;
  http->connections_max = limit.rlim_cur > 2 * DESCRIPTORS_SPARE ? (int64_t)limit.rlim_cur - DESCRIPTORS_SPARE
                                                                 : DESCRIPTORS_SPARE;
  log_line(LOG_WARNING, "only %lld HTTP connections: the limit of open files is %lld",
           (long long)http->connections_max, (long long)limit.rlim_cur);
}

/* The signals that end the service; blocked in every thread, so that only wait_for_signal gets them. */
static void block_signals(sigset_t *set) {
  sigemptyset(set);
  sigaddset(set, SIGINT);
  sigaddset(set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, set, NULL);
  signal(SIGPIPE, SIG_IGN);
}

static void wait_for_signal(const sigset_t *set) {
  int number = 0;
  while (sigwait(set, &number) != 0) continue;
  log_line(LOG_INFO, "stopping (signal %d); a second one ends at once", number);
  signal(number, SIG_DFL);
  pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

static bool start(struct serve_command *c, struct server **server, struct error *err) {
  char where[64];
  int fd;
  if (!server_bind(&c->http, &fd, where, err)) return false;
  fit_descriptors(&c->http);
  /* temporary files (of Parquet footers and SQLite) belong where the exports lie, not into a small /tmp */
  setenv("TMPDIR", c->jobs.data_folder, 0);
  c->service.allowed_hosts = c->allowed_hosts;
  if (!scheduler_start(&c->jobs, &c->service.scheduler, err)) return false;
  if (!server_start(&c->http, fd, &c->service, server, err) || !start_seed(c, err)) return false;
  log_line(LOG_INFO, "decant " DECANT_VERSION " listens on http://%s, data in %s", where,
           c->jobs.data_folder);
  return true;
}

static void stop(struct serve_command *c, struct server *server) {
  if (server) server_close_door(server);
  if (c->service.scheduler) scheduler_stop(c->service.scheduler);
  stop_seed(c);
  if (server) server_drain(server, DRAIN_SECONDS);
  server_stop(server);
  scheduler_free(c->service.scheduler);
}

static int run(int argc, char **argv) {
  struct serve_command c = {
      .jobs = {.conninfo = "", .data_folder = "decant-data", .default_table = "records", .connections_max = 8,
               .expire_after_seconds = 86400, .free_bytes_floor = -1, .retry_delay_us = 1000000},
      .http = {.connections_max = 1024},
      .listen = "127.0.0.1:8080",
      .seed_rows = SEED_ROWS_DEFAULT,
  };
  struct server *server = NULL;
  struct error err;
  sigset_t signals;
  if (!flags_parse(&command_serve, argc, argv, on_flag, on_argument, &c, &err)) return command_failed(&err);
  c.http.listen = c.listen;
  block_signals(&signals);
  bool ok = start(&c, &server, &err);
  if (ok) wait_for_signal(&signals);
  stop(&c, server);
  if (!ok) return command_failed(&err);
  log_line(LOG_INFO, "stopped");
  return 0;
}

static const struct flag flags[] = {
    {"db", 0, "URL", "DATABASE_URL", "PostgreSQL connection string; default: libpq's own variables"},
    {"port", 0, "N", "PORT", "listens on 127.0.0.1:N"},
    {"listen", 0, "ADDRESS", "DECANT_LISTEN", "address and port; default 127.0.0.1:8080"},
    {"insecure-listen", 0, NULL, "DECANT_INSECURE_LISTEN", "allows an address that others can reach, without any password"},
    {"allow-host", 0, "NAMES", "DECANT_ALLOW_HOST", "further host names, by commas, under which the service is called"},
    {"data", 0, "FOLDER", "DECANT_DATA", "where exports and their records are kept; default decant-data"},
    {"table", 0, "NAME", "DECANT_TABLE", "what is exported when a request names no table; default records"},
    {"max-connections", 0, "N", "DECANT_MAX_CONNECTIONS", "database connections of all exports together; default 8"},
    {"max-http-connections", 0, "N", "DECANT_MAX_HTTP_CONNECTIONS", "HTTP connections; more get 503; default 1024"},
    {"memory", 0, "SIZE", "DECANT_MEMORY", "memory of the whole service; default: the control group's limit"},
    {"min-free", 0, "SIZE", "DECANT_MIN_FREE", "free space below which no export is accepted; default 5 %, at most 256MB"},
    {"expire-after", 0, "TIME", "DECANT_EXPIRE_AFTER", "how long finished files are kept: 90s, 15m, 24h, 7d, never; default 24h"},
    {"gentle", 0, NULL, "DECANT_GENTLE", "exports read gently where they do not say: one connection, plain sequential scans"},
    {"max-rate", 0, "RATE", "DECANT_MAX_RATE", "all exports together read at most so much a second, as 50MB; default no limit"},
    {"allow-query", 0, NULL, "DECANT_ALLOW_QUERY", "clients may export SQL queries of their own, not only tables"},
    {"seed", 0, NULL, "DECANT_SEED", "makes and fills the demonstration table in the background"},
    {"seed-rows", 0, "N", "DECANT_SEED_ROWS", "its rows; default 10000000"},
    {"log-level", 0, "LEVEL", "DECANT_LOG_LEVEL", "debug, info, warning or error; default info"},
    {NULL},
};

const struct command command_serve = {
    .name = "serve",
    .usage = "serve [--db URL] [--listen 127.0.0.1:8080] [--data FOLDER] [--seed] [options]",
    .help = "serves exports over HTTP",
    .flags = flags,
    .run = run,
};
