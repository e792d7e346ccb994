/* What the files of this folder share. Nothing outside src/pg includes it. */
#pragma once
#include "pg/pg.h"

#include <libpq-fe.h>

#include "pg/stream.h"

struct canceller;

struct pg {
  PGconn *conn;
  struct canceller *canceller;    /* made at connect, so that any thread may use it */
  const struct cancel *cancel;    /* NULL: none */
  int backend_pid;                /* 0: unknown */
  bool is_copying;                /* the server sends rows, or is about to */
  void (*notice)(void *context, const char *message);
  void *notice_context;
  char *copy_message;             /* libpq's way: the message that pg_copy_next gave last */
  struct pg_stream stream;        /* decant's own framing of the socket */
  bool use_stream;                /* the socket carries plain protocol messages */
};

/* Connects by lists of parameters that end with NULL. expand: dbname may be a connection string. */
bool pg_open(const char *const *keys, const char *const *values, bool expand, const struct cancel *cancel,
             struct pg **out, struct error *err) MUST_CHECK;

/*
 * cancel.c: asks the server to stop what a connection does, from a thread of its own, since PQcancel blocks for as
 * long as the network likes. One request at a time: asking again meanwhile does nothing.
 */
struct canceller *canceller_new(PGconn *conn);       /* NULL without memory: nothing can be cancelled then */
void canceller_ask(struct canceller *c);
void canceller_free(struct canceller *c);            /* waits 2 s at most for a request that is on its way */

/* alive.c: struct pg_stream's on_silence. */
bool pg_check_backend(void *c, struct error *err) MUST_CHECK;

/* Fills *err from a failed result (NULL: from the connection) and returns false. */
bool pg_fail(struct pg *c, const PGresult *result, const char *what, struct error *err);
/* The code for an SQLSTATE: ERR_SOURCE_LOST where a new attempt may succeed, else ERR_SOURCE. */
enum error_code pg_sqlstate_code(const char *sqlstate);
