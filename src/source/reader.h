/*
 * Reads the rows of one COPY … (FORMAT binary): header, tuples, trailer, and the proof at the end that the
 * server sent as many rows as were read. One thread; the connection is borrowed.
 */
#pragma once
#include "pg/pg.h"
#include "row/schema.h"

struct reader {
  struct pg *pg;
  size_t wire_count;
  const uint8_t *at, *end;     /* what is left of the current message */
  bool header_read, trailer_read, ended;
  uint64_t row_count;          /* given so far */
  struct buffer peeked;        /* rows read ahead: u32 length, tuple, … */
  const uint8_t *kept;         /* the next of the rows that are kept: in peeked, or in somebody's batch */
  uint64_t kept_rows;
};

/* sql is a whole COPY statement of wire_count columns. reader_close after success and failure alike. */
bool reader_open(struct reader *r, struct pg *pg, const char *sql, size_t wire_count, struct error *err) MUST_CHECK;
/* The same for a COPY that pg_copy_queue has sent already. */
bool reader_open_queued(struct reader *r, struct pg *pg, size_t wire_count, struct error *err) MUST_CHECK;
void reader_close(struct reader *r);

/*
 * The next row: *got false at the proven end. The cells point into the message and are valid until the next
 * call.
 */
bool reader_next(struct reader *r, struct cell *cells, bool *got, struct error *err) MUST_CHECK;

/*
 * Reads ahead, before the first reader_next, up to max_rows rows or about max_bytes, and keeps them: each is
 * shown to `see` now and given by reader_next later, so that a query need not run twice. *all: the rows that
 * were seen are all there are.
 */
bool reader_peek(struct reader *r, uint64_t max_rows, size_t max_bytes, struct cell *cells,
                 bool (*see)(void *context, const struct cell *cells, struct error *err), void *context, bool *all,
                 struct error *err) MUST_CHECK;

/* Appends the row whose cells reader_next has just given, for reader_open_kept. */
void reader_keep_row(const struct cell *cells, size_t wire_count, struct buffer *rows);
/* Reads rows that reader_keep_row has kept; `rows` is borrowed until the last one is given. No connection. */
void reader_open_kept(struct reader *r, const struct buffer *rows, uint64_t row_count, size_t wire_count);
