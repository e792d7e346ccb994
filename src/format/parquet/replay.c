#include "format/parquet/replay.h"

#define WINDOW_BYTES ((size_t)64 << 10)
#define WINDOW_BYTES_MAX ((size_t)INT32_MAX)

void replay_init(struct replay *r, struct spill *log) {
  *r = (struct replay){.log = log};
  buffer_init(&r->window, WINDOW_BYTES_MAX);
}

void replay_deinit(struct replay *r) { buffer_deinit(&r->window); }

/* What has not been taken moves to the front. */
static bool refill(struct replay *r, size_t len, struct error *err) {
  size_t kept = r->window.len - r->used, want = len > WINDOW_BYTES ? len : WINDOW_BYTES;
  uint64_t left = spill_end(r->log) - r->position;
  if (kept) memmove(r->window.data, r->window.data + r->used, kept);
  r->window.len = kept;
  r->used = 0;
  want -= kept;
  size_t n = left < want ? (size_t)left : want;
  if (!spill_read(r->log, r->position, n, &r->window, err)) return false;
  r->position += n;
  if (r->window.len >= len) return true;
  return fail(err, ERR_INTERNAL, "a log of the Parquet footer ends too early");
}

const uint8_t *replay_take(struct replay *r, size_t len, struct error *err) {
  if (r->window.len - r->used < len && !refill(r, len, err)) return NULL;
  const uint8_t *bytes = r->window.data + r->used;
  r->used += len;
  return bytes;
}

bool replay_all(struct spill *log, struct buffer *out, struct error *err) {
  uint64_t end = spill_end(log);
  for (uint64_t at = 0; at < end; at += WINDOW_BYTES) {
    size_t n = end - at < WINDOW_BYTES ? (size_t)(end - at) : WINDOW_BYTES;
    if (!spill_read(log, at, n, out, err)) return false;
    buffer_let_go(out);
  }
  return true;
}
