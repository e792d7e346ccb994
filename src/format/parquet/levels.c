#include "format/parquet/levels.h"

#include <stdlib.h>

#define LEVELS_BYTES_MAX ((size_t)INT32_MAX)

bool levels_init(struct levels *l, unsigned max, bool counts, struct error *err) {
  *l = (struct levels){.max = max};
  buffer_init(&l->bytes, LEVELS_BYTES_MAX);
  rle_init(&l->encoder, &l->bytes, rle_width(max));
  if (!counts) return true;
  l->counts = calloc(max + 1u, sizeof *l->counts);
  return l->counts || fail_memory(err, "a column's levels");
}

void levels_deinit(struct levels *l) {
  buffer_deinit(&l->bytes);
  free(l->counts);
  l->counts = NULL;
}

void levels_reset(struct levels *l, size_t keep_bytes) {
  buffer_reset(&l->bytes);
  buffer_shrink(&l->bytes, keep_bytes);
  rle_init(&l->encoder, &l->bytes, rle_width(l->max));
  l->run_length = 0;
  if (l->counts) memset(l->counts, 0, (l->max + 1u) * sizeof *l->counts);
}
