/* What the threads of one attempt share. Internal to src/export. */
#pragma once
#include "export/export.h"
#include "export/feed.h"
#include "export/plan.h"
#include "export/window.h"
#include "source/reader.h"
#include "source/session.h"

#include <pthread.h>

/* A row's output: 1 GB of bytes, each of them escaped as six characters in JSON. */
#define CHUNK_MAX_BYTES ((size_t)8 << 30)

struct run;

struct lane {
  struct run *run;
  int index;
  pthread_t thread;
  struct pg *pg;                 /* the holder's for lane 0; guarded by run->mutex while it is set or cleared */
  bool *leaf_locked;             /* per leaf, and one more for the source as a whole: this lane holds its lock */
  struct reader reader;
  bool reader_is_open;           /* lane 0: a reader that has read ahead already */
  struct cell *cells;
  struct flattener *flattener;   /* NULL: no paths */
  struct encoder *encoder;
  void *codec_lane;
  struct buffer plain;           /* text: rows that no chunk holds yet */
  struct buffer_drain drain;     /* of plain, in the middle of a row */
  struct error drain_error;      /* why it could not go on; code ERR_NONE: it could */
  struct chunk *chunk;           /* being filled; the window frees it */
  uint64_t split;
  struct split reading;          /* the same as the scan knows it; not where batches are encoded */
  uint64_t rows_before;          /* of the split, in one stream; for messages */
  struct split queued;           /* taken, its COPY sent, while the one before is still being read */
  bool has_queued;
  uint64_t rows_uncounted;       /* encoded since progress was last told */
  uint64_t part_rows;            /* in the current part */
  bool part_begun;               /* a chunk of it has been handed on or is being filled */
};

struct run {
  const struct export_request *request;
  const struct export_settings *settings;
  const struct format *format;
  const struct codec *codec;
  void *format_self, *codec_self;
  struct sink *sink;
  const struct cancel *cancel;
  struct cancel stop;            /* set with the first error, a cancellation included: ends the connections' waits */
  struct export_progress *progress;
  struct rate rate;              /* what all lanes read from the server: counted, and limited where asked for */

  struct plan plan;
  struct memory_budget budget;   /* estimated before the plan, then made of it */
  int64_t process_bytes;         /* before the export began; 0 where they are not its own */
  struct snapshot snapshot;
  bool alone;                    /* the server refused to export a snapshot: one lane, the holder */

  pthread_mutex_t split_mutex;   /* taking a split: the lock on its leaf comes with it */

  pthread_mutex_t mutex;         /* guards what follows, and lanes[].pg */
  pthread_cond_t changed;        /* first_error or is_over */
  struct error first_error;      /* code ERR_NONE: none yet */
  bool is_over;                  /* the watcher may go */
  int lanes_taken_part;
  char lane_lost[200];           /* why a lane dropped out, the first of them; "" if none did */
  uint64_t specials;
  uint64_t *specials_by_column;  /* per output column */
  /* Set once, by the thread that then starts the lanes: only the watcher needs the lock to read them. */
  struct pg *holder;
  struct window *window;
  struct lane *lanes;
  int lane_count;
  int lanes_made;                /* before the budget was settled: lane_count or more */
  struct feed *feed;             /* lane 0 reads one stream for the others; NULL: each lane reads its own splits */

  pthread_t watcher;                /* the starting thread's own */
  bool is_watched;
  atomic_uint_fast64_t rows_read;   /* the sum of what the readers proved */
  uint64_t rows_written;            /* the writer's own */
};

/* Notes the first error and stops everybody. Any thread. */
void run_fail(struct run *run, const struct error *err);
bool run_is_failed(struct run *run);

/*
 * Between the two, cancellation and a first error end every wait: the server's, and for chunks. Stopped before
 * the holder or a lane's place is freed; stopping twice does no harm.
 */
bool watch_start(struct run *run, struct error *err) MUST_CHECK;
void watch_stop(struct run *run);

/* Finds the paths of JSON columns that are flattened, then makes the columns of the output. */
bool discover_columns(struct run *run, struct error *err) MUST_CHECK;

/* Adds what an encoder has counted. Any thread, once per encoder. */
void run_count_specials(struct run *run, struct format_counts counts);
/* A JSON object, as export_result wants it. When the lanes have ended. */
void run_list_specials(struct run *run, char to[EXPORT_SPECIALS_SIZE]);

/* Shows what the lanes have read and how long they paused for it. */
void run_show_rate(struct run *run);

/*
 * A connection of its own in the holder's snapshot; the holder has one already. False where the lane cannot take
 * part, which is no failure: the others do its work. The lane disconnects in either case.
 */
bool lane_connect(struct lane *lane);
void lane_disconnect(struct lane *lane);
/*
 * The next split of a scan of this source. False when there are no more, or the lane cannot go on: it has taken
 * nothing then. is_busy: the connection is reading, so that it could not ask for a lock.
 */
bool lane_take_split(struct lane *lane, struct scan *scan, struct split *split, bool is_busy);

/* Thread functions. */
void *lane_main(void *lane);
void *feeder_main(void *lane);   /* lane 0's, where there is a feed */
void *writer_main(void *run);
