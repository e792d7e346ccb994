#include "row/scratch.h"

#include <stdlib.h>

#define BLOCK_MIN ((size_t)4096)

struct scratch_block {
  struct scratch_block *older;
  size_t size;
  uint8_t data[];
};

static void free_blocks(struct scratch_block *block) {
  while (block) {
    struct scratch_block *older = block->older;
    free(block);
    block = older;
  }
}

void scratch_deinit(struct scratch *s) {
  free_blocks(s->block);
  *s = (struct scratch){0};
}

void scratch_reset(struct scratch *s) {
  s->used = 0;
  if (!s->block) return;
  free_blocks(s->block->older);
  s->block->older = NULL;
  if (s->block->size > SCRATCH_KEPT_MAX) scratch_deinit(s);
}

uint8_t *scratch_reserve(struct scratch *s, size_t size) {
  if (s->block && s->block->size - s->used >= size) return s->block->data + s->used;
  /* Twice the last block, so that the next row fits into one; but no slack beside a huge value. */
  size_t wanted = s->block ? s->block->size * 2 : BLOCK_MIN;
  if (wanted > SCRATCH_KEPT_MAX) wanted = SCRATCH_KEPT_MAX;
  if (wanted < size) wanted = size;
  struct scratch_block *block = malloc(sizeof *block + wanted);
  if (!block) return NULL;
  block->older = s->block;
  block->size = wanted;
  s->block = block;
  s->used = 0;
  return block->data;
}
