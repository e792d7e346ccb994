/*
 * The open connections and their absolute deadlines. libmicrohttpd limits only idle time: a client that sends
 * one byte a second would stay for ever. Here each connection has a moment by which its headers, then its body,
 * must be whole; past it, its socket is shut down.
 *
 * All functions may be called from any thread.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>

#define PEER_HEADERS_SECONDS 10
#define PEER_BODY_SECONDS 30

struct peer {
  int fd;
  size_t uri_length;          /* of the request that is being read; the connection's own thread only */
  uint64_t deadline_us;       /* monotonic clock; 0: none. Under the list's lock */
  struct peer *next, *previous;
};

struct peers;

bool peers_start(struct peers **out, struct error *err) MUST_CHECK;
void peers_stop(struct peers *p);   /* after every peer has been removed; NULL is allowed */

/* A new connection; its headers' deadline begins. NULL without memory. */
struct peer *peers_add(struct peers *p, int fd);
void peers_remove(struct peers *p, struct peer *peer);   /* before its socket is closed; frees */

void peers_set_deadline(struct peers *p, struct peer *peer, unsigned seconds);   /* 0: none */
size_t peers_count(struct peers *p);
size_t peers_busy_count(struct peers *p);   /* those without a deadline: an answer is being made or sent */

/* Has the other side gone? Asks the kernel, reads nothing. */
bool peer_is_gone(int fd);
/* Closing the socket will now send a reset: what was sent is not to be taken as whole. */
void peer_reset_on_close(int fd);
