/*
 * One stream of rows for several lanes. Where a source can only be read by one statement, lane 0 reads it, cuts it
 * into batches, and the other lanes encode and compress them side by side: the server need not wait for either.
 *
 * Batches are numbered in the order of the output. There are a few of them; whoever waits for one is the
 * backpressure. Memory: FEED_BATCH_BYTES and a row each; of batches over twice that, only one at a time holds rows.
 *
 * Internal to src/export. Any thread.
 */
#pragma once
#include "base/buffer.h"

#define FEED_BATCH_BYTES ((size_t)256 << 10)
#define FEED_SLACK_BYTES ((size_t)16 << 10)      /* the row that fills a batch */
#define FEED_BATCHES(lanes) ((lanes) + 1)        /* one is filled, one waits, one a lane is encoded */
#define FEED_ROWS_MIN 5000                       /* of a stream for which threads are worth starting */

struct batch {
  struct buffer rows;          /* u32 length, tuple, … as source/reader.h takes them */
  uint64_t row_count;
  uint64_t index;              /* 0, 1, … */
  uint64_t rows_before;        /* of the whole stream */
  struct batch *next;
};

struct feed *feed_new(int batches, struct error *err) MUST_CHECK;
void feed_free(struct feed *feed);   /* NULL is allowed; nobody may use it any more */

/* An empty batch to be filled, once there is one. False: aborted. */
bool feed_get(struct feed *feed, struct batch **batch) MUST_CHECK;
/* Hands a filled batch on; empty ones are only given back. A large one waits until no other holds rows. */
bool feed_put(struct feed *feed, struct batch *batch) MUST_CHECK;
/* Waits until every batch that was handed on has come back. False: aborted. */
bool feed_drain(struct feed *feed) MUST_CHECK;
uint64_t feed_end(struct feed *feed);   /* nothing more is coming; how many batches came */

/* The next batch; *batch is NULL behind the last one. False: aborted. */
bool feed_take(struct feed *feed, struct batch **batch) MUST_CHECK;
void feed_give_back(struct feed *feed, struct batch *batch);

/* Ends every wait, now and later. */
void feed_abort(struct feed *feed);
