/* The writer: takes chunks in the order of the output, joins them as format and codec want it, and writes. */
#include "export/run.h"

struct writer {
  struct run *run;
  struct buffer plain;        /* what the format puts between parts */
  struct buffer out;          /* what the codec makes */
  struct error drain_error;   /* why `plain` could not be sent on while the format wrote */
};

static bool emit(struct writer *w, const uint8_t *bytes, size_t len, struct error *err) {
  struct run *run = w->run;
  if (!cancel_check(run->cancel, err) || !sink_write(run->sink, bytes, len, err)) return false;
  atomic_store_explicit(&run->progress->bytes, run->sink->bytes_written, memory_order_relaxed);
  return true;
}

/* Sends on and empties the codec's output. */
static bool emit_out(struct writer *w, struct error *err) {
  if (!buffer_check(&w->out, "output", err) || !emit(w, w->out.data, w->out.len, err)) return false;
  buffer_reset(&w->out);
  buffer_shrink(&w->out, w->run->budget.chunk_bytes);
  return true;
}

/* Sends on and empties what the format wrote between parts. */
static bool emit_plain(struct writer *w, struct error *err) {
  if (!buffer_check(&w->plain, "output", err)) return false;
  if (w->plain.len > 0 &&
      !w->run->codec->write_plain(w->run->codec_self, w->plain.data, w->plain.len, &w->out, err))
    return false;
  buffer_reset(&w->plain);
  return emit_out(w, err);
}

/* What a format writes at once may be large: Parquet's footer of a large file. */
static bool drain_plain(void *context, struct buffer *plain) {
  struct writer *w = context;
  return emit_plain(w, &w->drain_error);
}

static bool write_chunk(struct writer *w, struct chunk *chunk, struct error *err) {
  struct run *run = w->run;
  if (chunk->begins_part) {
    void *meta = chunk->meta;
    chunk->meta = NULL;   /* join takes it over */
    if (!run->format->join(run->format_self, run->rows_written, run->sink->bytes_written, meta, &w->plain,
                           err) ||
        !emit_plain(w, err))
      return false;
  }
  run->rows_written += chunk->rows;
  const struct buffer *b = &chunk->bytes;
  if (!run->codec->write(run->codec_self, b->data, b->len, &chunk->codec, &w->out, err)) return false;
  return run->codec->final_in_lane ? emit(w, b->data, b->len, err) : emit_out(w, err);
}

static bool write_all_chunks(struct writer *w, struct error *err) {
  struct run *run = w->run;
  for (;;) {
    struct chunk *chunk;
    if (!window_take(run->window, run->feed ? UINT64_MAX : run->plan.scan.split_count, &chunk))
      return fail(err, ERR_CANCELLED, "cancelled");
    if (!chunk) return true;
    bool ok = write_chunk(w, chunk, err);
    window_give_back(run->window, chunk);
    if (!ok) return false;
  }
}

static bool write_output(struct writer *w, struct error *err) {
  struct run *run = w->run;
  if (!run->codec->begin(run->codec_self, &w->out, err) || !emit_out(w, err)) return false;
  if (!run->format->begin(run->format_self, &w->plain, err) || !emit_plain(w, err)) return false;
  if (!write_all_chunks(w, err)) return false;
  atomic_store(&run->progress->phase, PHASE_FINISHING);
  if (!run->format->end(run->format_self, run->rows_written, run->sink->bytes_written, &w->plain, err)) {
    if (w->drain_error.code != ERR_NONE) *err = w->drain_error;   /* why it could not go on */
    return false;
  }
  if (!emit_plain(w, err)) return false;
  return run->codec->end(run->codec_self, &w->out, err) && emit_out(w, err);
}

void *writer_main(void *argument) {
  struct run *run = argument;
  struct writer w = {.run = run};
  struct error err;
  buffer_init(&w.plain, CHUNK_MAX_BYTES);
  struct buffer_drain drain = {drain_plain, &w, run->budget.chunk_bytes};
  w.plain.drain = &drain;
  buffer_init(&w.out, CHUNK_MAX_BYTES);
  bool ok = write_output(&w, &err);
  buffer_deinit(&w.plain);
  buffer_deinit(&w.out);
  if (!ok) run_fail(run, &err);
  return NULL;
}
