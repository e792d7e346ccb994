#include "export/budget.h"
#include "export/feed.h"
#include "pg/pg.h"

#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define KIB ((int64_t)1 << 10)
#define MIB ((int64_t)1 << 20)

#define LANE_BYTES (192 * KIB)               /* a thread's stack, a connection's buffers, scratch */
#define CHUNK_BYTES_DEFAULT (256 * KIB)
#define CHUNK_BYTES_MIN (64 * KIB)
#define CHUNK_SLACK_BYTES (16 * KIB)         /* the row that fills a chunk */
#define SHARE_CHUNKS_MIN 4
#define SHARE_CHUNKS_LEAST 2                 /* one is written while the other is filled */
#define SHARE_CHUNKS_MAX 32
#define WINDOW_BYTES_DEFAULT (4 * MIB)       /* of all lanes; 2, 4 and 9 MiB measured the same within the noise */
#define PART_SHARE_CHUNKS 3                  /* row groups come rarely: the window only carries them over */
#define ENCODERS_BYTES_DEFAULT (30 * MIB)    /* of all lanes, where they keep parts */
#define ENCODER_BYTES_MIN (4 * MIB)
#define ENCODER_BYTES_LEAST (1 * MIB)
#define WRITER_BYTES (128 * KIB)
#define PLAN_COLUMN_BYTES 1024               /* names, SQL, catalog */
#define LANE_COLUMN_BYTES 256                /* cells, the encoder's row of functions, keys, a flattener's slots */
#define PART_COLUMN_BYTES (10 * KIB)         /* of a lane: a column's smallest page and its index */
#define PART_CODEC_BYTES (1 * MIB)           /* of an encoder: its compressor's tables (zstd at its usual levels) */
#define LARGE_ROW_BYTES_MAX (16 * MIB)
#define LARGE_ROWS_TEXT (32 * MIB)           /* of all lanes together, so that what is below needs no turns */
#define LARGE_ROWS_PART (8 * MIB)            /* held up to four times over: received, encoded, compressed twice */

#define PART(name) {#name, offsetof(struct memory_budget, name##_bytes)}
const struct memory_part memory_parts[] = {PART(process), PART(receive),  PART(window), PART(encode),
                                           PART(compress), PART(columns), {NULL, 0}};

/* The lane that feeds the others encodes nothing. */
static int64_t encoding_lanes(const struct budget_facts *f, int lanes) {
  return f->is_fed && lanes > 1 ? lanes - 1 : lanes;
}

/* Everything that follows from lanes, chunks, encoders and workers. */
static void add_up(struct memory_budget *b, const struct budget_facts *f) {
  bool is_text = f->format->is_text;
  const struct codec *codec = f->codec;
  int64_t lanes = b->lanes, encoders = encoding_lanes(f, b->lanes),
          chunk = (int64_t)b->chunk_bytes + CHUNK_SLACK_BYTES;
  int64_t columns = (int64_t)f->column_count, cells = (int64_t)f->cell_count;
  b->process_bytes = f->process_bytes;
  b->receive_bytes = lanes * ((int64_t)PG_RECEIVE_BYTES + LANE_BYTES);
  if (f->is_fed)
    b->receive_bytes = PG_RECEIVE_BYTES + lanes * LANE_BYTES +
                       FEED_BATCHES(lanes) * (int64_t)(FEED_BATCH_BYTES + FEED_SLACK_BYTES);
  b->window_bytes = lanes * b->chunks_per_lane * chunk;
  b->encode_bytes = encoders * (is_text ? chunk : (int64_t)b->encoder_bytes);
  b->compress_bytes = WRITER_BYTES + encoders * (int64_t)codec->lane_bytes(f->level) +
                      (int64_t)codec->writer_bytes(f->level, b->workers);
  b->columns_bytes = (cells + columns) * PLAN_COLUMN_BYTES + lanes * (cells + columns) * LANE_COLUMN_BYTES;
  if (!is_text) {
    b->compress_bytes += encoders * PART_CODEC_BYTES;
    b->columns_bytes += encoders * columns * PART_COLUMN_BYTES;
  }
  b->total_bytes = 0;
  for (size_t i = 0; memory_parts[i].name; i++)
    b->total_bytes += memory_part_bytes(b, &memory_parts[i]);
  int64_t large = (is_text ? LARGE_ROWS_TEXT : LARGE_ROWS_PART) / lanes;
  b->large_row_bytes = (size_t)(large < LARGE_ROW_BYTES_MAX ? large : LARGE_ROW_BYTES_MAX);
}

static int64_t clamp(int64_t v, int64_t min, int64_t max) { return v < min ? min : v > max ? max : v; }

static void set_least(struct memory_budget *b, const struct budget_facts *f, int lanes, int workers) {
  *b = (struct memory_budget){
      .lanes = lanes,
      .chunks_per_lane = SHARE_CHUNKS_LEAST,
      .chunk_bytes = (size_t)CHUNK_BYTES_MIN,
      .encoder_bytes = f->format->is_text ? 0 : (size_t)ENCODER_BYTES_LEAST,
      .workers = workers,
  };
  add_up(b, f);
}

/* Text: more bytes for the window; first as chunks of their full size, then more of them. */
static void spend_on_window(struct memory_budget *b, const struct budget_facts *f, int64_t bytes) {
  int64_t each = bytes / b->lanes;
  int64_t chunk = each / (SHARE_CHUNKS_MIN + 1) - CHUNK_SLACK_BYTES;   /* one more is being filled */
  b->chunk_bytes = (size_t)(clamp(chunk, CHUNK_BYTES_MIN, CHUNK_BYTES_DEFAULT) / KIB * KIB);
  int64_t chunks = each / ((int64_t)b->chunk_bytes + CHUNK_SLACK_BYTES) - 1;
  b->chunks_per_lane = (int)clamp(chunks, SHARE_CHUNKS_LEAST, SHARE_CHUNKS_MAX);
  add_up(b, f);
}

/* Formats that keep parts: a small window, the rest for the encoders. */
static void spend_on_encoders(struct memory_budget *b, const struct budget_facts *f, int64_t bytes) {
  int64_t encoders = encoding_lanes(f, b->lanes), each = bytes / b->lanes;
  int64_t window = PART_SHARE_CHUNKS * (CHUNK_BYTES_DEFAULT + CHUNK_SLACK_BYTES);
  bool is_ample = each >= window + ENCODER_BYTES_MIN;
  if (is_ample) {
    b->chunks_per_lane = PART_SHARE_CHUNKS;
    b->chunk_bytes = (size_t)CHUNK_BYTES_DEFAULT;
  } else {
    window = SHARE_CHUNKS_LEAST * (CHUNK_BYTES_MIN + CHUNK_SLACK_BYTES);
  }
  b->encoder_bytes = (size_t)clamp((bytes - window * b->lanes) / encoders, ENCODER_BYTES_LEAST, INT64_MAX);
  add_up(b, f);
}

static void spend(struct memory_budget *b, const struct budget_facts *f, int64_t bytes) {
  if (f->format->is_text) spend_on_window(b, f, bytes);
  else spend_on_encoders(b, f, bytes);
}

static void make_default(struct memory_budget *b, const struct budget_facts *f) {
  set_least(b, f, f->lanes, f->lanes);
  int64_t chunk = CHUNK_BYTES_DEFAULT + CHUNK_SLACK_BYTES, least = f->lanes * (SHARE_CHUNKS_MIN + 1) * chunk;
  int64_t bytes = f->format->is_text ? WINDOW_BYTES_DEFAULT + f->lanes * chunk
                                      : ENCODERS_BYTES_DEFAULT * encoding_lanes(f, f->lanes) / f->lanes;
  if (!f->format->is_text) least = f->lanes * (PART_SHARE_CHUNKS * chunk + ENCODER_BYTES_MIN);
  spend(b, f, bytes < least ? least : bytes);
}

/* What set_least gave to window and encoders can be spent otherwise, with what the limit leaves. */
static bool fits(struct memory_budget *b, const struct budget_facts *f, int lanes, int workers,
                 int64_t limit) {
  set_least(b, f, lanes, workers);
  if (b->total_bytes > limit) return false;
  spend(b, f, limit - b->total_bytes + b->window_bytes + b->encode_bytes);
  return true;
}

bool budget_make(struct memory_budget *b, const struct budget_facts *f, int64_t limit, struct error *err) {
  if (limit <= 0) {
    make_default(b, f);
    return true;
  }
  for (int lanes = f->lanes; lanes > 0; lanes--)
    for (int workers = lanes; workers >= 0; workers--)
      if (fits(b, f, lanes, workers, limit)) return true;
  int64_t least = (b->total_bytes + MIB - 1) / MIB;   /* of one lane without workers, tried last */
  return fail_field(err, "memory",
                    "memory: %.1f MB are too few for this export, which takes at least %lld MB",
                    (double)limit / (double)MIB, (long long)least);
}

int64_t budget_process_bytes(void) {
  long long pages = 0;
  FILE *file = fopen("/proc/self/statm", "re");
  bool known = file && fscanf(file, "%*d %lld", &pages) == 1;
  if (file) fclose(file);
  return known ? pages * sysconf(_SC_PAGESIZE) : 10 * MIB;
}
