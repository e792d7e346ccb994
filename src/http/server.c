#include "http/server.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/guard.h"
#include "http/peers.h"
#include "http/router.h"
#include "http/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define IO_THREADS 2
#define IO_STACK_BYTES (256u << 10)
/* URI, headers and what libmicrohttpd keeps of each; more than 32 KiB, it maps the pool and pages come as touched. */
#define POOL_BYTES (64u << 10)
#define IDLE_SECONDS 120          /* without any progress: a reader that has stalled */
#define KEEP_ALIVE_SECONDS 15     /* until the next request's headers are whole */
#define KEEP_ALIVE_CONNECTIONS 64 /* with more open, each is closed after its answer: their memory is bounded */
#define CONNECTIONS_SPARE 64      /* beyond the limit, so that they can be told 503 */
#define STORE_WORKERS 2
#define DATABASE_WORKERS 2
#define QUEUE_MAX 512

struct server {
  struct MHD_Daemon *daemon;
  struct service *service;
  struct peers *peers;
  struct workers *store_workers, *database_workers;
  int listen_fd;                  /* -1 once it is closed */
};

/* --- connections ------------------------------------------------------------------------------------ */

static void on_connection(void *cls, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code) {
  struct server *s = cls;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    *context = info ? peers_add(s->peers, info->connect_fd) : NULL;
  } else if (*context) {
    peers_remove(s->peers, *context);
    *context = NULL;
  }
}

static struct peer *peer_of(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return info ? info->socket_context : NULL;
}

/* The only place where the undecoded URI is to be had. */
static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c) {
  (void)cls;
  struct peer *peer = peer_of(c);
  if (peer) peer->uri_length = strlen(uri);
  return NULL;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **context,
                         enum MHD_RequestTerminationCode code) {
  struct server *s = cls;
  struct exchange *x = *context;
  (void)code;
  if (!x) return;
  peers_set_deadline(s->peers, x->peer, KEEP_ALIVE_SECONDS);
  if (x->response) MHD_destroy_response(x->response);
  buffer_deinit(&x->body);
  free(x);
  *context = NULL;
}

/* --- limits ----------------------------------------------------------------------------------------- */

struct header_sums { size_t bytes; int hosts, lengths; };

static enum MHD_Result sum_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
  struct header_sums *sums = context;
  (void)kind;
  sums->bytes += strlen(name) + (value ? strlen(value) : 0) + 4;
  sums->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
  sums->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
  return MHD_YES;
}

/* True if the answer is a refusal. */
static bool refuse_when(struct exchange *x, bool is_wrong, unsigned status, const char *code,
                        const char *message) {
  if (is_wrong) answer_refusal(x, status, code, message);
  return is_wrong;
}

static bool refuse_headers(struct exchange *x) {
  struct header_sums sums = {0};
  MHD_get_connection_values(x->connection, MHD_HEADER_KIND, sum_header, &sums);
  const char *host = exchange_header(x, MHD_HTTP_HEADER_HOST),
             *origin = exchange_header(x, MHD_HTTP_HEADER_ORIGIN);
  return refuse_when(x, x->peer->uri_length > HTTP_URI_BYTES_MAX, 414, "uri_too_long",
                     "the URI is longer than 8 KiB") ||
         refuse_when(x, sums.bytes > HTTP_HEADERS_BYTES_MAX, 431, "headers_too_large",
                     "the headers are larger than 32 KiB") ||
         refuse_when(x, sums.lengths > 1, 400, "invalid_request", "there is more than one Content-Length") ||
         refuse_when(x, sums.hosts > 1 || (!host && !x->is_http_1_0), 400, "invalid_request",
                     "one Host is needed") ||
         refuse_when(x, host && !guard_host_is_known(host, x->service->allowed_hosts), 403, "forbidden",
                     "this Host is not the service's; name it with --allow-host") ||
         refuse_when(x, origin && !(host && guard_origin_is_own(origin, host)), 403, "forbidden",
                     "pages of another site may not call this service");
}

static bool refuse_body(struct exchange *x) {
  const char *length = exchange_header(x, MHD_HTTP_HEADER_CONTENT_LENGTH);
  int64_t bytes = 0;
  bool has_body = length && strcmp(length, "0") != 0;
  bool takes_body = x->route && x->route->body_schema;
  if (refuse_when(x, exchange_header(x, MHD_HTTP_HEADER_TRANSFER_ENCODING), 411, "length_required",
                  "a request's body needs a Content-Length, not a transfer coding") ||
      refuse_when(x, length && (!parse_int64(length, &bytes) || bytes < 0), 400, "invalid_request",
                  "Content-Length is no number") ||
      refuse_when(x, bytes > HTTP_BODY_BYTES_MAX, 413, "body_too_large", "the body is larger than 1 MiB"))
    return true;
  if (!has_body) return false;
  return refuse_when(x, !takes_body, 400, "invalid_request", "this call takes no body") ||
         refuse_when(x, exchange_header(x, MHD_HTTP_HEADER_CONTENT_ENCODING), 415, "unsupported_encoding",
                     "the body must not be encoded") ||
         refuse_when(x, !guard_content_type_is_json(exchange_header(x, MHD_HTTP_HEADER_CONTENT_TYPE)), 415,
                     "unsupported_media_type", "the body must be application/json: send the header Content-Type: application/json");
}

/* --- requests --------------------------------------------------------------------------------------- */

static struct exchange *exchange_new(struct server *s, struct MHD_Connection *c, const char *method,
                                     const char *version) {
  struct peer *peer = peer_of(c);
  struct exchange *x = peer ? calloc(1, sizeof *x) : NULL;
  if (!x) return NULL;
  x->service = s->service;
  x->connection = c;
  x->peer = peer;
  x->is_http_1_0 = strcmp(version, MHD_HTTP_VERSION_1_1) != 0;
  snprintf(x->method, sizeof x->method, "%s", method);
  buffer_init(&x->body, HTTP_BODY_BYTES_MAX);
  return x;
}

static enum MHD_Result send_answer(struct server *s, struct exchange *x) {
  if (peers_count(s->peers) > KEEP_ALIVE_CONNECTIONS) answer_header(x, MHD_HTTP_HEADER_CONNECTION, "close");
  peers_set_deadline(s->peers, x->peer, 0);
  return MHD_queue_response(x->connection, x->status, x->response);
}

/* The headers are whole: refuses what need not be read further. */
static enum MHD_Result begin(struct server *s, struct exchange *x, const char *path) {
  x->is_begun = true;
  peers_set_deadline(s->peers, x->peer, PEER_BODY_SECONDS);
  bool is_refused =
      refuse_when(x, peers_count(s->peers) > (size_t)s->service->connections_max, 503, "busy",
                  "too many connections are open; try again later") ||
      refuse_headers(x) || !router_find(x, x->method, path) || refuse_body(x);
  return is_refused ? send_answer(s, x) : MHD_YES;
}

static void run_handler(void *context) {
  struct exchange *x = context;
  x->route->handle(x);
  exchange_finished(x);
}

void exchange_finished(struct exchange *x) { MHD_resume_connection(x->connection); }

/* The request is whole. */
static enum MHD_Result dispatch(struct server *s, struct exchange *x) {
  struct error err;
  x->is_dispatched = true;
  peers_set_deadline(s->peers, x->peer, 0);
  if (x->route->where == ROUTE_AT_ONCE) {
    x->route->handle(x);
    return send_answer(s, x);
  }
  MHD_suspend_connection(x->connection);   /* before anybody can resume it */
  if (x->route->where == ROUTE_SUSPENDED) {
    x->route->handle(x);
    return MHD_YES;
  }
  struct workers *w = x->route->where == ROUTE_STORE ? s->store_workers : s->database_workers;
  if (!workers_run(w, run_handler, x, &err)) {
    answer_error(x, &err);
    exchange_finished(x);
  }
  return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *bytes, size_t *len, void **context) {
  struct server *s = cls;
  struct exchange *x = *context;
  if (!x) {
    *context = x = exchange_new(s, c, method, version);
    return x ? begin(s, x, path) : MHD_NO;
  }
  if (*len) {
    buffer_append(&x->body, bytes, *len);
    *len = 0;
    return MHD_YES;
  }
  if (x->status) return send_answer(s, x);
  return x->is_dispatched ? MHD_YES : dispatch(s, x);
}

/* --- life ------------------------------------------------------------------------------------------- */

static void log_daemon(void *cls, const char *format, va_list args) {
  (void)cls;
  char text[512];
  vsnprintf(text, sizeof text, format, args);
  text[strcspn(text, "\n")] = '\0';
  log_line(LOG_DEBUG, "http: %s", text);
}

static bool start_daemon(struct server *s, int64_t connections_max, struct error *err) {
  unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
  s->daemon = MHD_start_daemon(
      flags, 0, NULL, NULL, on_request, s,
      MHD_OPTION_EXTERNAL_LOGGER, log_daemon, NULL,
      MHD_OPTION_LISTEN_SOCKET, s->listen_fd,
      MHD_OPTION_THREAD_POOL_SIZE, (unsigned)IO_THREADS,
      MHD_OPTION_THREAD_STACK_SIZE, (size_t)IO_STACK_BYTES,
      MHD_OPTION_CONNECTION_LIMIT, (unsigned)connections_max + CONNECTIONS_SPARE,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
      MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
      MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
      MHD_OPTION_URI_LOG_CALLBACK, on_uri, s,
      MHD_OPTION_END);
  return s->daemon || fail(err, ERR_INTERNAL, "cannot start the HTTP server");
}

bool server_start(const struct server_settings *settings, int fd, struct service *service,
                  struct server **out, struct error *err) {
  struct server *s = calloc(1, sizeof *s);
  if (!s) {
    close(fd);
    return fail_memory(err, "the HTTP server");
  }
  s->service = service;
  s->listen_fd = fd;
  service->connections_max = settings->connections_max;
  if (!peers_start(&s->peers, err) || !workers_start(STORE_WORKERS, QUEUE_MAX, &s->store_workers, err) ||
      !workers_start(DATABASE_WORKERS, QUEUE_MAX, &s->database_workers, err)) {
    server_stop(s);
    return false;
  }
  service->peers = s->peers;
  if (!start_daemon(s, settings->connections_max, err)) {
    server_stop(s);
    return false;
  }
  *out = s;
  return true;
}

void server_close_door(struct server *s) {
  if (s->listen_fd < 0) return;
  MHD_quiesce_daemon(s->daemon);
  close(s->listen_fd);
  s->listen_fd = -1;
}

void server_drain(struct server *s, unsigned seconds) {
  uint64_t end = clock_monotonic_us() + seconds * UINT64_C(1000000);
  struct timespec pause = {.tv_nsec = 50000000};
  while (peers_busy_count(s->peers) && clock_monotonic_us() < end) nanosleep(&pause, NULL);
}

void server_stop(struct server *s) {
  if (!s) return;
  cancel_request(&s->service->stopping);
  workers_stop(s->store_workers);      /* every exchange that a worker had is resumed */
  workers_stop(s->database_workers);
  struct timespec pause = {.tv_nsec = 20000000};
  while (atomic_load(&s->service->benchmark_runs)) nanosleep(&pause, NULL);
  if (s->daemon) MHD_stop_daemon(s->daemon);
  else if (s->listen_fd >= 0) close(s->listen_fd);
  peers_stop(s->peers);
  free(s);
}
