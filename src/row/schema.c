#include "row/schema.h"

#include "row/flatten.h"

#include <stdlib.h>

#define TYPMOD_OFFSET 4   /* VARHDRSZ: a typmod begins after it */

void schema_deinit(struct schema *s) {
  for (size_t i = 0; s->wire && i < s->wire_count; i++) {
    free(s->wire[i].name);
    free(s->wire[i].type_name);
  }
  for (size_t i = 0; s->columns && i < s->column_count; i++) free(s->columns[i].name);
  flatten_set_free(s->flatten);
  free(s->wire);
  free(s->columns);
  *s = (struct schema){0};
}

bool numeric_typmod(int32_t typmod, int *precision, int *scale) {
  if (typmod < TYPMOD_OFFSET) return false;
  uint32_t packed = (uint32_t)(typmod - TYPMOD_OFFSET);
  *precision = (int)(packed >> 16);
  /* 11 bits of two's complement since PostgreSQL 15; before, scales were 0 to 1000 and read the same. */
  *scale = (int)((packed & 0x7FF) ^ 0x400) - 0x400;
  return *precision >= 1 && *precision <= 1000;
}

int32_t numeric_typmod_make(int precision, int scale) { return (precision << 16 | scale) + TYPMOD_OFFSET; }
