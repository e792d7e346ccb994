/*
 * The connection to PostgreSQL: the only module that includes libpq.
 *
 * A connection belongs to one thread at a time; only pg_cancel may be called from another. Errors carry
 * the server's SQLSTATE and primary message, as one line without control characters; a lost connection, and
 * the SQLSTATEs after which a new attempt may succeed (class 08, 25P03, 40001, 53300, 57P01 to 57P03, 57P05),
 * are ERR_SOURCE_LOST, all others ERR_SOURCE. Messages never hold a password.
 */
#pragma once
#include "base/buffer.h"
#include "base/rate.h"

#define PG_RECEIVE_BYTES (256u << 10)   /* usual size of a connection's receive buffer while a COPY runs */

struct pg;          /* a connection */
struct pg_result;   /* rows of a query, as text */

/*
 * Connects, with keepalives and tcp_user_timeout so that a dead peer is found within 60 s, and sets
 * client_encoding to UTF8. conninfo: URL or key=value; "" for the environment's. A host that does not answer within
 * connect_timeout (15 s where it is not given) is passed over for the next one.
 *
 * What a new attempt cannot mend is ERR_SOURCE: a wrong password, no such role or database. cancel: borrowed for the
 * connection's life, NULL for none; its flag ends connecting (looking up the host's name excepted) and the
 * pauses of a rate limit at once, and waiting for a COPY's bytes after 2 s, in which the server should have stopped.
 */
bool pg_connect(const char *conninfo, const char *application_name, const struct cancel *cancel, struct pg **out,
                struct error *err) MUST_CHECK;
/* A further connection to the very host and port that `like` is connected to. */
bool pg_connect_like(const struct pg *like, const struct cancel *cancel, struct pg **out, struct error *err) MUST_CHECK;
/* Also stops the server's query where a COPY is not at its end; waits 2 s at most for that. NULL is allowed. */
void pg_close(struct pg *c);

/* A statement, or several separated by `;`, whose rows (if any) are thrown away. */
bool pg_exec(struct pg *c, const char *sql, struct error *err) MUST_CHECK;
bool pg_execf(struct pg *c, struct error *err, const char *format, ...) PRINTF_LIKE(3, 4) MUST_CHECK;

/* A query with text parameters ($1, $2 …; NULL entries are SQL NULL). */
bool pg_query(struct pg *c, const char *sql, const char *const *params, int param_count, struct pg_result **out,
              struct error *err) MUST_CHECK;
size_t pg_row_count(const struct pg_result *r);
const char *pg_value(const struct pg_result *r, size_t row, int column);        /* NULL for SQL NULL */
int64_t pg_value_int(const struct pg_result *r, size_t row, int column);        /* 0 for SQL NULL */
bool pg_value_bool(const struct pg_result *r, size_t row, int column);          /* true for "t" */
void pg_result_free(struct pg_result *r);                                       /* NULL is allowed */

/* The columns that one SQL statement would return: parsed and described by the server, not run. */
struct pg_described { char *name; uint32_t type_oid; int32_t typmod; };
bool pg_describe(struct pg *c, const char *sql, struct pg_described **columns, size_t *count, struct error *err) MUST_CHECK;
void pg_described_free(struct pg_described *columns, size_t count);

/*
 * COPY … TO STDOUT. pg_copy_next gives the payload of the next CopyData message, which stays valid until the
 * next call; *len 0 and *data NULL is the proven end: CommandComplete has arrived, and *rows is its count.
 */
bool pg_copy_start(struct pg *c, const char *sql, struct error *err) MUST_CHECK;
/*
 * The next COPY may be sent while the present one is still being read, which saves the server's waiting for it;
 * pg_copy_start_queued then begins it in its turn. At most one ahead; only where pg_copy_can_queue.
 */
bool pg_copy_can_queue(const struct pg *c);
bool pg_copy_queue(struct pg *c, const char *sql, struct error *err) MUST_CHECK;
bool pg_copy_start_queued(struct pg *c, struct error *err) MUST_CHECK;
bool pg_copy_next(struct pg *c, const uint8_t **data, size_t *len, uint64_t *rows, struct error *err) MUST_CHECK;

/*
 * What COPYs receive is booked here from now on, and waits here before more is taken from the socket, so that TCP
 * holds the server back. Borrowed.
 */
void pg_set_rate(struct pg *c, struct rate *rate);

/*
 * Before a COPY's row of `bytes` and more is received, `before` is called, which may wait: nothing large is held
 * meanwhile. False, with its error, ends the COPY. NULL: nobody is asked. Not called where the connection is
 * encrypted: then libpq receives the row before anybody knows how long it is.
 */
void pg_on_large_row(struct pg *c, size_t bytes, bool (*before)(void *context, struct error *err), void *context);

/*
 * A server may be silent for long (a sort, a rare match), and so is one that is gone where the network does not say
 * so. After 60 s without a byte a COPY asks by a second connection whether the backend is still there; if it is
 * missing, or nobody answers, the COPY fails with ERR_SOURCE_LOST. pid: pg_backend_pid(), which behind a pooler is not
 * what libpq was told; 0: unknown, then it is not asked for.
 */
void pg_set_backend(struct pg *c, int pid);

/* Asks the server to stop what the connection is doing. From any thread; does not block. Best effort. */
void pg_cancel(struct pg *c);

int pg_server_version(const struct pg *c);   /* 150018 */
/* An SQL_ASCII database: it holds bytes, and a client that asks for UTF-8 gets an error for those that are none. */
bool pg_is_without_encoding(const struct pg *c);
bool pg_is_superuser(const struct pg *c);    /* as the server said when the connection was made */
/* NOTICE and WARNING messages are dropped, unless a function is set. */
void pg_on_notice(struct pg *c, void (*notice)(void *context, const char *message), void *context);

/* Quoting. Appends. Names: always in double quotes. Literals: '…' or  E'…' where a backslash is in it. */
void pg_quote_name(struct buffer *sql, const char *name);
void pg_quote_literal(struct buffer *sql, const char *text);

/* A connection string without its password, for logs: "host=… port=… dbname=… user=…". */
void pg_show_target(const struct pg *c, struct buffer *out);
