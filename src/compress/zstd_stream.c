#include "compress/zstd_stream.h"

#include <stdlib.h>
#include <zstd.h>

#define OUTPUT_BYTES (128u << 10)
#define WINDOW_LOG_MAX 21        /* 2 MiB, level 3's own window */
#define SMALL_LEVEL_MAX 2        /* up to here a level has a smaller window of its own, and a smaller job does */
#define JOB_BYTES (1 << 20)      /* a worker's piece: small, so that the memory stays small */
#define SMALL_JOB_BYTES (512 << 10)

struct zstd_stream { ZSTD_CCtx *context; };

/*
 * Measured with ZSTD_sizeof_CCtx and VmHWM (zstd 1.5.4) at these windows: tables by level, in tenths of a MiB; a worker
 * has them and the bytes of a job, before and after; the stream the window and the jobs that wait.
 */
static const uint16_t tables[ZSTD_STREAM_LEVEL_MAX + 1] = {0,   7,   9,   14,  26,  36,  36,  66,  66,  126,
                                                           246, 246, 486, 326, 486, 646, 328, 488, 494, 814};

size_t zstd_stream_memory_bytes(int level, int workers) {
  bool is_small = level <= SMALL_LEVEL_MAX;
  size_t each = tables[level], job = is_small ? 5 : 20, stream = is_small ? 25 : 35;
  size_t tenths = workers ? stream + (size_t)workers * (each + job) : 25 + each;
  return tenths * (1u << 20) / 10 + OUTPUT_BYTES;
}

static bool set(ZSTD_CCtx *c, ZSTD_cParameter parameter, int value, struct error *err) {
  size_t status = ZSTD_CCtx_setParameter(c, parameter, value);
  return ZSTD_isError(status)
             ? fail(err, ERR_INTERNAL, "zstd refused a setting: %s", ZSTD_getErrorName(status))
             : true;
}

static bool configure(ZSTD_CCtx *c, int level, int workers, struct error *err) {
  if (!set(c, ZSTD_c_compressionLevel, level, err) || !set(c, ZSTD_c_checksumFlag, 1, err)) return false;
  bool is_small = level <= SMALL_LEVEL_MAX;
  if (!is_small && !set(c, ZSTD_c_windowLog, WINDOW_LOG_MAX, err)) return false;
  if (workers == 0) return true;
  /* A library built without threads compresses here instead: same bytes, less speed. */
  if (ZSTD_isError(ZSTD_CCtx_setParameter(c, ZSTD_c_nbWorkers, workers))) return true;
  return set(c, ZSTD_c_jobSize, is_small ? SMALL_JOB_BYTES : JOB_BYTES, err) &&
         set(c, ZSTD_c_overlapLog, 5, err);
}

struct zstd_stream *zstd_stream_new(int level, int workers, struct error *err) {
  struct zstd_stream *z = calloc(1, sizeof *z);
  if (z) z->context = ZSTD_createCCtx();
  if (!z || !z->context) {
    free(z);
    fail_memory(err, "zstd");
    return NULL;
  }
  if (configure(z->context, level, workers, err)) return z;
  zstd_stream_free(z);
  return NULL;
}

void zstd_stream_free(struct zstd_stream *z) {
  if (!z) return;
  ZSTD_freeCCtx(z->context);
  free(z);
}

bool zstd_stream_write(struct zstd_stream *z, const uint8_t *bytes, size_t len, bool end, struct buffer *out,
                       struct error *err) {
  ZSTD_inBuffer in = {bytes, len, 0};
  size_t left;
  do {
    uint8_t *to = buffer_reserve(out, OUTPUT_BYTES);
    if (!to) return buffer_check(out, "compressed data", err);
    ZSTD_outBuffer o = {to, OUTPUT_BYTES, 0};
    left = ZSTD_compressStream2(z->context, &o, &in, end ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left))
      return fail(err, ERR_MEMORY, "zstd compression failed: %s", ZSTD_getErrorName(left));
    out->len += o.pos;
  } while (end ? left != 0 : in.pos < in.size);
  return true;
}
