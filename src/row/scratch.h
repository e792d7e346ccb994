/*
 * Memory for one row: pieces of it stay where they are until scratch_reset. Private to src/row.
 *
 * In the steady state a row takes its pieces out of one block that is kept. A row that needs more gets
 * further blocks; the next row begins with a block of that size, up to SCRATCH_KEPT_MAX.
 */
#pragma once
#include "base/buffer.h"

#define SCRATCH_KEPT_MAX ((size_t)1 << 20)   /* bytes kept from row to row */

struct scratch_block;

struct scratch {
  struct scratch_block *block;   /* the newest, which pieces are cut from; it links the older ones */
  size_t used;                   /* bytes of the newest */
};

void scratch_deinit(struct scratch *s);
void scratch_reset(struct scratch *s);
/* At least `size` bytes, or NULL without memory. Give back what was not needed with scratch_keep. */
uint8_t *scratch_reserve(struct scratch *s, size_t size);
/* Of the piece reserved last, `size` bytes are in use. */
static inline void scratch_keep(struct scratch *s, size_t size) { s->used += size; }
