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
#include "base/rate.h"

#define PG_SILENCE_MS 60000
#define PG_CANCEL_GRACE_MS 2000   /* a cancelled COPY waits so long for the server to stop it */

/* One wait for the server: since when it has been silent, and when the cancellation was seen. 0: not yet. */
struct pg_silence { uint64_t since_us, cancelled_us; };

struct pg_stream {
  int fd;                /* non-blocking, libpq's */
  const struct cancel *cancel;   /* borrowed; NULL: none */
  struct rate *rate;             /* borrowed; NULL: none. What is received is booked there */
  size_t unpaid;                 /* received, not yet booked */
  int silence_ms;                /* after so long without a byte on_silence decides whether waiting makes sense … */
  bool (*on_silence)(void *context, struct error *err);   /* … again and again; NULL: it does */
  void *context;
  size_t large_bytes;            /* before room for so large a message is made … */
  bool (*before_large)(void *context, struct error *err);   /* … this is asked, which may wait; NULL: nobody */
  void *large_context;
  bool low_water;        /* a COPY runs: the kernel holds back short reads */
  long pace_us;          /* … and where it cannot, this is slept before a read after a short one; 0: not at all */
  size_t taken;          /* bytes of the last read */
  uint8_t *data;         /* bytes received and not yet given away: data[at .. end) */
  size_t at, end, capacity;
};

void pg_stream_init(struct pg_stream *s, int fd);
/* Books and pays bytes that came another way, or that are still unpaid: see struct rate. */
bool pg_stream_pay(struct pg_stream *s, struct error *err) MUST_CHECK;
/* Called while nothing comes: false where there is no point in waiting longer. Own pauses are no silence. */
bool pg_stream_bear(struct pg_stream *s, struct pg_silence *silence, struct error *err) MUST_CHECK;
void pg_stream_deinit(struct pg_stream *s);

/* Sends a simple Query message. */
bool pg_stream_query(struct pg_stream *s, const char *sql, struct error *err) MUST_CHECK;
/* Reads up to CopyOutResponse; ERR_SOURCE with the server's words where it refuses. */
bool pg_stream_copy_begin(struct pg_stream *s, struct error *err) MUST_CHECK;
/* As pg_copy_next. */
bool pg_stream_copy_next(struct pg_stream *s, const uint8_t **data, size_t *len, uint64_t *rows,
                         struct error *err) MUST_CHECK;
