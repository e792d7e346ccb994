/*
 * The memory of one export, added up at plan time: what lanes, window, encoders and compressors may take, in bytes,
 * from the numbers that the engine is then held to. Rows larger than its buffers come on top of it: up to three times
 * the largest row for text formats, five times for Parquet (docs/operations.md).
 */
#pragma once
#include "codec/codec.h"
#include "format/format.h"

struct memory_budget {
  /* The parts, each for the whole export; total_bytes is their sum. */
  int64_t process_bytes;       /* the program itself, its libraries and connections; 0 in a service's job */
  int64_t receive_bytes;       /* what has come from the server */
  int64_t window_bytes;        /* chunks that wait for their turn to be written */
  int64_t encode_bytes;        /* rows being encoded; Parquet: open pages, dictionaries, finished pages */
  int64_t compress_bytes;      /* what compressors hold, and their output */
  int64_t columns_bytes;       /* what is known of columns: plan, encoders, flattening */
  int64_t total_bytes;

  /* What follows from them. */
  int lanes;
  int chunks_per_lane;         /* of the window */
  size_t chunk_bytes;          /* a chunk is handed on when it holds so much */
  size_t encoder_bytes;        /* format_spec.memory_bytes */
  int workers;                 /* of a codec that compresses in the writer */
  size_t large_row_bytes;      /* lanes take turns for rows from this size on */
};

/* The parts by name, for summaries: "process", "receive", … */
struct memory_part { const char *name; size_t offset; };   /* of an int64_t in struct memory_budget */
extern const struct memory_part memory_parts[];            /* the last one's name is NULL */
static inline int64_t memory_part_bytes(const struct memory_budget *b, const struct memory_part *part) {
  return *(const int64_t *)(const void *)((const char *)b + part->offset);
}

struct budget_facts {
  const struct format *format;
  const void *format_options;  /* parsed; NULL: unknown */
  const struct codec *codec;
  int level;
  int lanes;                   /* wished, at least 1 */
  bool is_fed;                 /* one of the lanes reads for the others (export/feed.h) */
  size_t cell_count, column_count;   /* of a row as it is read, and as it is written */
  int64_t process_bytes;
};

/*
 * limit_bytes: of all parts together; 0: as the format and the codec like it. A limit first makes the chunks fewer and
 * smaller, then the encoders', the codec's workers fewer, and the lanes fewer in the end. ERR_USAGE, naming "memory" and
 * the least value, where not even one lane fits.
 */
bool budget_make(struct memory_budget *b, const struct budget_facts *facts, int64_t limit_bytes,
                 struct error *err) MUST_CHECK;

/* Resident memory of this process now: what it takes before an export begins. */
int64_t budget_process_bytes(void);
