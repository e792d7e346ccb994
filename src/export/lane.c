/*
 * A lane: one straight loop in a thread of its own. Takes a split, reads its rows, encodes, compresses, hands
 * chunks on. Blocking is the backpressure.
 */
#include "export/locate.h"
#include "row/flatten.h"

#include <stdio.h>
#include <stdlib.h>

#define PROGRESS_ROWS 1024
/* A statement to be sent while the server sends rows must fit into the socket's buffers, or each waits for the other. */
#define QUEUED_SQL_MAX ((size_t)16 << 10)

/* Handing on failed because the run was stopped: whoever stopped it has said why. */
static bool stopped(struct error *err) { return fail(err, ERR_CANCELLED, "cancelled"); }

static bool need_chunk(struct lane *lane, struct error *err) {
  if (lane->chunk) return true;
  if (!window_get(lane->run->window, lane->index, &lane->chunk)) return stopped(err);
  lane->chunk->split = lane->split;
  lane->chunk->begins_part = !lane->part_begun;
  lane->part_begun = true;
  return true;
}

static bool hand_on(struct lane *lane, struct error *err) {
  struct chunk *chunk = lane->chunk;
  lane->chunk = NULL;
  return window_put(lane->run->window, chunk) || stopped(err);
}

static void count_rows(struct lane *lane) {
  atomic_fetch_add_explicit(&lane->run->progress->rows, lane->rows_uncounted, memory_order_relaxed);
  lane->rows_uncounted = 0;
}

/* Text: what has been encoded so far goes on its way. */
static bool flush_text(struct lane *lane, struct error *err) {
  struct buffer *text = &lane->plain;
  const struct codec *codec = lane->run->codec;
  if (!buffer_check(text, "a row", err)) return false;
  if (text->len == 0) return true;
  if (!need_chunk(lane, err)) return false;
  if (!codec->compresses_in_lane) {
    buffer_swap(text, &lane->chunk->bytes);
  } else {
    if (!codec->compress(lane->codec_lane, text->data, text->len, &lane->chunk->bytes, &lane->chunk->codec, err))
      return false;
    buffer_reset(text);
    buffer_shrink(text, lane->run->budget.chunk_bytes);
  }
  lane->chunk->rows = lane->part_rows;
  lane->part_rows = 0;
  count_rows(lane);   /* wide rows fill a chunk long before there are PROGRESS_ROWS of them */
  return hand_on(lane, err);
}

/* In the middle of a row that holds a long value. The writer does not mind: it counts the row with the rest of it. */
static bool drain_text(void *context, struct buffer *text) {
  struct lane *lane = context;
  return flush_text(lane, &lane->drain_error);
}

/* A large row is received by the lane whose split is being written, and by no other: see docs/architecture.md. */
static bool wait_for_turn(void *context, struct error *err) {
  struct lane *lane = context;
  return window_wait_head(lane->run->window, lane->split) || stopped(err);
}

/* Formats that keep a part until it is whole: its bytes, piece by piece. */
static bool flush_part(struct lane *lane, struct error *err) {
  const struct format *format = lane->run->format;
  void *meta;
  if (lane->part_rows == 0) return true;
  if (!format->part_end(lane->encoder, &meta, err)) return false;
  lane->part_begun = false;
  bool more = true;
  while (more) {
    if (!need_chunk(lane, err)) {
      if (meta) format->meta_free(meta);
      return false;
    }
    if (lane->chunk->begins_part) {
      lane->chunk->meta = meta;
      meta = NULL;
      lane->chunk->rows = lane->part_rows;
    }
    if (!format->part_read(lane->encoder, lane->run->budget.chunk_bytes, &lane->chunk->bytes, &more, err) || !hand_on(lane, err))
      return false;
  }
  lane->part_rows = 0;
  return true;
}

static bool flatten(struct lane *lane, struct error *err) {
  const struct plan *plan = &lane->run->plan;
  return flattener_run(lane->flattener, lane->cells, err) && (!plan->guard_count || plan_check_row(plan, lane->cells, err));
}

static bool encode_row(struct lane *lane, struct error *err) {
  if ((!lane->flattener || flatten(lane, err)) &&
      lane->run->format->encode(lane->encoder, lane->cells, &lane->plain, err))
    return true;
  if (lane->drain_error.code != ERR_NONE) *err = lane->drain_error;   /* that it could not go on is why it does not fit */
  else locate_row(lane, err);
  return false;
}

static bool read_rows(struct lane *lane, struct error *err) {
  const struct format *format = lane->run->format;
  const size_t chunk_bytes = lane->run->budget.chunk_bytes;
  for (;;) {
    bool got;
    if (!reader_next(&lane->reader, lane->cells, &got, err)) return false;
    if (!got) return true;
    if (!encode_row(lane, err)) return false;
    lane->part_rows++;
    if (++lane->rows_uncounted >= PROGRESS_ROWS) count_rows(lane);
    if (format->is_text) {
      if (lane->plain.len >= chunk_bytes && !flush_text(lane, err)) return false;
    } else if (format->part_is_full(lane->encoder) && !flush_part(lane, err)) {
      return false;
    }
  }
}

static char *copy_sql(const struct lane *lane, const struct split *split, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, CHUNK_MAX_BYTES);
  scan_copy_sql(&lane->run->plan.scan, split, &sql);
  char *text = buffer_take_string(&sql);
  if (!text) fail_memory(err, "a statement");
  return text;
}

static bool open_split(struct lane *lane, const struct split *split, struct error *err) {
  if (lane->reader_is_open) return true;   /* it has read ahead, to see what the JSON columns hold */
  size_t wire_count = lane->run->plan.schema.wire_count;
  lane->reader_is_open = true;
  if (lane->has_queued) {
    lane->has_queued = false;
    return reader_open_queued(&lane->reader, lane->pg, wire_count, err);
  }
  char *text = copy_sql(lane, split, err);
  bool ok = text && reader_open(&lane->reader, lane->pg, text, wire_count, err);
  free(text);
  return ok;
}

static bool end_part(struct lane *lane, struct error *err) {
  const struct format *format = lane->run->format;
  if (!format->is_text) return flush_part(lane, err);
  bool any = lane->part_rows > 0 || lane->part_begun;
  if (!flush_text(lane, err)) return false;
  void *meta;
  return !any || format->part_end(lane->encoder, &meta, err);
}

/*
 * The holder has locked every leaf. A lane that read without a lock of its own could wait for somebody's
 * ALTER TABLE, which waits for the holder: so it asks first, without waiting, and leaves if it must.
 */
static bool *lock_of(const struct lane *lane, const struct split *split) {
  return &lane->leaf_locked[split->leaf == SPLIT_WHOLE ? lane->run->plan.source->leaf_count : split->leaf];
}

static bool has_lock(const struct lane *lane, const struct split *split) {
  return lane->index == 0 || *lock_of(lane, split);
}

static bool lock_split(struct lane *lane, const struct split *split, struct error *err) {
  if (has_lock(lane, split)) return true;
  const struct source *source = lane->run->plan.source;
  bool whole = split->leaf == SPLIT_WHOLE;
  struct buffer from;
  buffer_init(&from, 4096);
  buffer_appendf(&from, "%s%s", whole ? "" : "ONLY ", whole ? source->sql_name : source->leaves[split->leaf].sql_name);
  char *text = buffer_take_string(&from);
  bool ok = text ? session_lock_at_once(lane->pg, text, err) : fail_memory(err, "a statement");
  free(text);
  *lock_of(lane, split) = ok;
  return ok;
}

/* A lane that cannot go on is no failure: the others do its work. But somebody will ask why it was slow. */
static void drop_out(struct lane *lane, const struct error *why) {
  struct run *run = lane->run;
  pthread_mutex_lock(&run->mutex);
  if (!*run->lane_lost) snprintf(run->lane_lost, sizeof run->lane_lost, "%.199s", why->message);
  pthread_mutex_unlock(&run->mutex);
}

bool lane_take_split(struct lane *lane, struct scan *scan, struct split *split, bool is_busy) {
  struct run *run = lane->run;
  pthread_mutex_lock(&run->split_mutex);
  bool got = scan_peek(scan, split);
  struct error why;
  if (got && is_busy && !has_lock(lane, split)) {
    got = false;
  } else if (got && !lock_split(lane, split, &why)) {
    drop_out(lane, &why);
    got = false;
  }
  if (got) scan_take(scan);
  pthread_mutex_unlock(&run->split_mutex);
  return got;
}

/*
 * Small splits: the next one is taken, and its COPY sent, while this one is read, so that the server need not
 * wait for us in between. Large ones stay for whichever lane is free first.
 */
static bool may_queue(const struct lane *lane) {
  const struct scan *scan = &lane->run->plan.scan;
  return (scan->by_ctid || scan->keys || scan->has_leaf_keys) && !scan->spec.split_rows && pg_copy_can_queue(lane->pg) &&
         strlen(scan->spec.select_list) + strlen(scan->spec.where) + strlen(scan->spec.order_by) < QUEUED_SQL_MAX;
}

static bool queue_next(struct lane *lane, struct error *err) {
  struct split next;
  if (!may_queue(lane) || !lane_take_split(lane, &lane->run->plan.scan, &next, true)) return true;
  char *text = copy_sql(lane, &next, err);
  bool ok = text && pg_copy_queue(lane->pg, text, err);
  free(text);
  lane->queued = next;
  lane->has_queued = ok;
  return ok;
}

static void begin_split(struct lane *lane, uint64_t index) {
  lane->split = index;
  lane->part_begun = false;
  lane->part_rows = 0;
}

static bool end_split(struct lane *lane, struct error *err) {
  count_rows(lane);
  return end_part(lane, err) && (window_split_done(lane->run->window, lane->index, lane->split) || stopped(err));
}

/* What the reader has proved, at its end. */
static void count_read(struct lane *lane, const struct split *split) {
  struct run *run = lane->run;
  atomic_fetch_add(&run->rows_read, lane->reader.row_count);
  atomic_fetch_add(&run->progress->work_done, scan_split_blocks(&run->plan.scan, split));
}

static bool run_split(struct lane *lane, const struct split *split, struct error *err) {
  begin_split(lane, split->index);
  lane->reading = *split;
  bool ok = open_split(lane, split, err) && queue_next(lane, err) && read_rows(lane, err);
  if (lane->reader_is_open) reader_close(&lane->reader);
  lane->reader_is_open = false;
  if (!ok) return false;
  count_read(lane, split);
  return end_split(lane, err);
}

static bool set_up(struct lane *lane, struct error *err) {
  struct run *run = lane->run;
  const struct schema *schema = &run->plan.schema;
  buffer_init(&lane->plain, CHUNK_MAX_BYTES);
  lane->drain = (struct buffer_drain){drain_text, lane, run->budget.chunk_bytes};
  if (run->format->is_text) lane->plain.drain = &lane->drain;
  if (lane->pg) pg_on_large_row(lane->pg, run->budget.large_row_bytes, wait_for_turn, lane);
  lane->cells = calloc(schema->cell_count, sizeof *lane->cells);
  if (!lane->cells) return fail_memory(err, "a lane");
  if (schema->flatten && !(lane->flattener = flattener_new(schema->flatten, schema, err))) return false;
  if (!run->format->encoder_new(run->format_self, &lane->encoder, err)) return false;
  return run->codec->lane_new(run->codec_self, &lane->codec_lane, err);
}

static void tear_down(struct lane *lane) {
  struct run *run = lane->run;
  if (lane->reader_is_open) reader_close(&lane->reader);
  if (lane->pg) pg_on_large_row(lane->pg, 0, NULL, NULL);
  if (lane->encoder) {
    run_count_specials(run, run->format->counts(lane->encoder));
    run->format->encoder_free(lane->encoder);
  }
  if (lane->codec_lane) run->codec->lane_free(lane->codec_lane);
  flattener_free(lane->flattener);
  buffer_deinit(&lane->plain);
  free(lane->cells);
}

bool lane_connect(struct lane *lane) {
  struct run *run = lane->run;
  if (lane->pg) return true;   /* the holder's, or its own since discovery */
  struct error why;
  struct pg *pg = NULL;
  bool ok = pg_connect_like(run->holder, &run->stop, &pg, &why);
  pthread_mutex_lock(&run->mutex);
  lane->pg = pg;
  pthread_mutex_unlock(&run->mutex);
  if (ok) pg_set_rate(pg, &run->rate);
  ok = ok && session_join(pg, &run->snapshot, &why) && plan_set_zone(&run->plan, pg, &why) &&
       scan_prepare_lane(&run->plan.scan, pg, &why);
  if (!ok) drop_out(lane, &why);
  return ok;
}

void lane_disconnect(struct lane *lane) {
  if (lane->index == 0) return;   /* the holder's connection ends with the run */
  pthread_mutex_lock(&lane->run->mutex);
  struct pg *pg = lane->pg;
  lane->pg = NULL;
  pthread_mutex_unlock(&lane->run->mutex);
  pg_close(pg);
}

static bool run_splits(struct lane *lane, struct error *err) {
  struct run *run = lane->run;
  struct split split;
  bool any = false;
  if (!set_up(lane, err)) return false;
  while (!run_is_failed(run) && (lane->has_queued || lane_take_split(lane, &run->plan.scan, &split, false))) {
    if (lane->has_queued) split = lane->queued;
    any = true;
    if (!cancel_check(run->cancel, err) || !run_split(lane, &split, err)) return false;
  }
  pthread_mutex_lock(&run->mutex);
  run->lanes_taken_part += any;
  pthread_mutex_unlock(&run->mutex);
  return true;
}

/* A batch of text is a split of its own: parts of text can end anywhere. */
static bool encode_batch(struct lane *lane, const struct batch *batch, struct error *err) {
  lane->rows_before = batch->rows_before;
  reader_open_kept(&lane->reader, &batch->rows, batch->row_count, lane->run->plan.schema.wire_count);
  bool ok = read_rows(lane, err);
  reader_close(&lane->reader);
  return ok;
}

/* Formats that keep parts have one split, the whole stream, whose parts are ended when they are full. */
static bool encode_batches(struct lane *lane, struct error *err) {
  struct feed *feed = lane->run->feed;
  const bool is_text = lane->run->format->is_text;
  if (!is_text) begin_split(lane, 0);
  for (;;) {
    struct batch *batch;
    if (!feed_take(feed, &batch)) return stopped(err);
    if (!batch) break;
    if (is_text) begin_split(lane, batch->index);
    bool ok = encode_batch(lane, batch, err) && (!is_text || end_split(lane, err));
    feed_give_back(feed, batch);
    if (!ok) return false;
  }
  return is_text || end_split(lane, err);
}

void *lane_main(void *argument) {
  struct lane *lane = argument;
  struct run *run = lane->run;
  struct error err;
  if (run->feed) {
    if (!set_up(lane, &err) || !encode_batches(lane, &err)) run_fail(run, &err);
    tear_down(lane);
    return NULL;
  }
  if (lane_connect(lane) && !run_splits(lane, &err)) run_fail(run, &err);
  tear_down(lane);
  lane_disconnect(lane);
  return NULL;
}

/* --- The lane that reads one stream for the others ------------------------------------------------------ */

struct feeder {
  struct lane *lane;
  struct batch *batch;   /* being filled */
};

static bool hand_on_batch(struct feeder *f, struct error *err) {
  struct batch *batch = f->batch;
  f->batch = NULL;
  return !batch || feed_put(f->lane->run->feed, batch) || stopped(err);
}

/* All that was read before a large row is encoded before it is received: there is one of them at a time. */
static bool wait_for_others(void *context, struct error *err) {
  struct feeder *f = context;
  return hand_on_batch(f, err) && (feed_drain(f->lane->run->feed) || stopped(err));
}

static bool feed_row(struct feeder *f, struct error *err) {
  struct lane *lane = f->lane;
  if (!f->batch && !feed_get(lane->run->feed, &f->batch)) return stopped(err);
  reader_keep_row(lane->cells, lane->run->plan.schema.wire_count, &f->batch->rows);
  if (!buffer_check(&f->batch->rows, "a row", err)) return false;
  f->batch->row_count++;
  return f->batch->rows.len < FEED_BATCH_BYTES || hand_on_batch(f, err);
}

static bool feed_rows(struct feeder *f, struct error *err) {
  struct lane *lane = f->lane;
  struct run *run = lane->run;
  struct split split;
  if (!lane_take_split(lane, &run->plan.scan, &split, false)) return fail(err, ERR_INTERNAL, "a statement without a split");
  bool got = true, ok = cancel_check(run->cancel, err) && open_split(lane, &split, err);
  while (ok && got) {
    ok = reader_next(&lane->reader, lane->cells, &got, err);
    if (ok && got) ok = feed_row(f, err);
  }
  if (!ok || !hand_on_batch(f, err)) return false;
  count_read(lane, &split);
  return true;
}

void *feeder_main(void *argument) {
  struct lane *lane = argument;
  struct run *run = lane->run;
  struct feeder feeder = {.lane = lane};
  struct error err;
  lane->cells = calloc(run->plan.schema.wire_count, sizeof *lane->cells);
  pg_on_large_row(lane->pg, run->budget.large_row_bytes, wait_for_others, &feeder);
  if (lane->cells ? !feed_rows(&feeder, &err) : !fail_memory(&err, "a lane")) run_fail(run, &err);
  uint64_t batches = feed_end(run->feed);
  window_end(run->window, run->format->is_text ? batches : 1);
  pthread_mutex_lock(&run->mutex);
  run->lanes_taken_part = 1;
  pthread_mutex_unlock(&run->mutex);
  tear_down(lane);
  return NULL;
}
