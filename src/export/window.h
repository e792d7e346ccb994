/*
 * The ordered hand-over between lanes and the writer: chunks come out in the order of their splits, however
 * the lanes overtake each other, and memory stays bounded.
 *
 * Each lane has a share: a fixed number of chunks, of bytes in them, and a queue of what it has handed on. A
 * lane works on splits in increasing order, so only the front of a queue can be what comes next. The lane whose
 * split is next gets its chunks back as fast as the writer writes them; any other waits when its share is used
 * up. That waiting is the backpressure. The next split's lane can always go on, so nothing deadlocks.
 *
 * A chunk that holds one huge row may pass the share by itself: nothing smaller than a row is handed on.
 *
 * All functions are thread-safe. After window_abort every waiting or later call returns false.
 */
#pragma once
#include "codec/codec.h"

#define WINDOW_LANES_MAX 64

struct chunk {
  struct buffer bytes;
  uint64_t split;
  uint64_t rows;                /* that the writer counts when it writes this chunk */
  bool begins_part;             /* format->join comes before it */
  void *meta;                   /* of the part, for join */
  struct codec_chunk codec;
  int lane;
  size_t bytes_out;             /* the window's own: of the lane's share, until it is given back */
  struct chunk *next;           /* in the lane's list of free ones */
};

struct window;

/*
 * A lane's share is chunks_per_lane chunks, and as many times chunk_bytes. A chunk's buffer may grow to chunk_max,
 * and shrinks to kept_bytes when it comes back.
 */
struct window *window_new(int lanes, int chunks_per_lane, size_t chunk_bytes, size_t kept_bytes,
                          size_t chunk_max, struct error *err) MUST_CHECK;
/* Frees every chunk, wherever it is, with its meta. No thread uses the window any more. */
void window_free(struct window *w, void (*meta_free)(void *meta));

/* An empty chunk of the lane's share; waits for one. */
bool window_get(struct window *w, int lane, struct chunk **chunk) MUST_CHECK;
/* Hands a chunk of `split` on. */
bool window_put(struct window *w, struct chunk *chunk) MUST_CHECK;
/* The lane has handed on everything of this split. */
bool window_split_done(struct window *w, int lane, uint64_t split) MUST_CHECK;

/* Waits until everything before `split` is written, so that the caller's chunks are what the writer waits for. */
bool window_wait_head(struct window *w, uint64_t split) MUST_CHECK;

/* How many splits there are, where that is known only now: window_take has been given more. */
void window_end(struct window *w, uint64_t split_count);

/* The writer: the next chunk in order; *chunk NULL when all splits are done, split_count or what window_end says. */
bool window_take(struct window *w, uint64_t split_count, struct chunk **chunk) MUST_CHECK;
/* Written: a chunk that window_take gave, its meta taken over, goes back to its lane. */
void window_give_back(struct window *w, struct chunk *chunk);

void window_abort(struct window *w);
