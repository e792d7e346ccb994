/* What the files of this folder share. Nothing outside src/pg includes it. */
#pragma once
#include "pg/pg.h"

#include <libpq-fe.h>

#include "pg/stream.h"

struct pg {
  PGconn *conn;
  PGcancel *cancel;               /* made at connect, so that any thread may use it */
  void (*notice)(void *context, const char *message);
  void *notice_context;
  char *copy_message;             /* libpq's way: the message that pg_copy_next gave last */
  struct pg_stream stream;        /* decant's own framing of the socket */
  bool use_stream;                /* the socket carries plain protocol messages */
};

/* Fills *err from a failed result (NULL: from the connection) and returns false. */
bool pg_fail(struct pg *c, const PGresult *result, const char *what, struct error *err);
/* The code for an SQLSTATE: ERR_SOURCE_LOST where a new attempt may succeed, else ERR_SOURCE. */
enum error_code pg_sqlstate_code(const char *sqlstate);
