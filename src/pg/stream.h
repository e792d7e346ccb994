/*
 * The server's side of a COPY read straight from the socket: protocol 3.0 messages (PostgreSQL
 * documentation, "Message Formats"), each a type byte and an int32 length that counts itself.
 *
 * libpq connects and authenticates; while it is idle its buffers are empty, so that a query can be sent and
 * its answer read beside it, up to ReadyForQuery, without libpq's allocation and copy of every row. Only on
 * a plain socket: with TLS or GSS encryption libpq's own way is used.
 */
#pragma once
#include "base/buffer.h"

struct pg_stream {
  int fd;                /* non-blocking, libpq's */
  bool low_water;        /* a COPY runs: the kernel holds back short reads */
  uint8_t *data;         /* bytes received and not yet given away: data[at .. end) */
  size_t at, end, capacity;
};

void pg_stream_init(struct pg_stream *s, int fd);
void pg_stream_deinit(struct pg_stream *s);

/* Sends a simple Query message. */
bool pg_stream_query(struct pg_stream *s, const char *sql, struct error *err) MUST_CHECK;
/* Reads up to CopyOutResponse; ERR_SOURCE with the server's words where it refuses. */
bool pg_stream_copy_begin(struct pg_stream *s, struct error *err) MUST_CHECK;
/* As pg_copy_next. */
bool pg_stream_copy_next(struct pg_stream *s, const uint8_t **data, size_t *len, uint64_t *rows,
                         struct error *err) MUST_CHECK;
