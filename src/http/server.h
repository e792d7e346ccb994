/*
 * The HTTP server: libmicrohttpd with epoll and a few threads. Reads requests within their limits, finds the
 * route, runs its handler where it may run, and sends the answer.
 */
#pragma once
#include "http/service.h"

#define HTTP_URI_BYTES_MAX 8192
#define HTTP_HEADERS_BYTES_MAX 32768
#define HTTP_BODY_BYTES_MAX REQUEST_JSON_BYTES_MAX

struct server;

struct server_settings {
  const char *listen;          /* "127.0.0.1:8080", "[::1]:8080", "localhost:0"; port 0: any free one */
  bool insecure_listen;        /* other addresses than loopback are allowed, though there are no tokens */
  int64_t connections_max;     /* open HTTP connections; more get 503 */
};

/*
 * Binds the address; nothing is served yet. ERR_USAGE for an address that is malformed or not loopback (without
 * insecure_listen), ERR_DESTINATION for one that cannot be bound. `where` gets "127.0.0.1:8080" with the real
 * port.
 */
bool server_bind(const struct server_settings *settings, int *fd, char where[64],
                 struct error *err) MUST_CHECK;

/* Serves on a bound socket, which is taken. The service outlives the server. */
bool server_start(const struct server_settings *settings, int fd, struct service *service,
                  struct server **out, struct error *err) MUST_CHECK;

/* No new connections; open ones go on. */
void server_close_door(struct server *s);
/* Waits for answers that are being made or sent, at most `seconds`. */
void server_drain(struct server *s, unsigned seconds);
/* Ends all. The scheduler must have been stopped (its followers sleep on connections). */
void server_stop(struct server *s);
