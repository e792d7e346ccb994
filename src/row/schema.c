#include "row/schema.h"

#include "row/flatten.h"

#include <stdlib.h>
#include <string.h>

#define TYPMOD_OFFSET 4   /* VARHDRSZ: a typmod begins after it */

void schema_deinit(struct schema *s) {
  for (size_t i = 0; s->wire && i < s->wire_count; i++) {
    free(s->wire[i].name);
    free(s->wire[i].type_name);
  }
  free(s->wire);
  schema_clear_columns(s);
  *s = (struct schema){0};
}

void schema_clear_columns(struct schema *s) {
  for (size_t i = 0; s->columns && i < s->column_count; i++) free(s->columns[i].name);
  free(s->columns);
  flatten_set_free(s->flatten);
  s->columns = NULL;
  s->flatten = NULL;
  s->column_count = s->cell_count = 0;
}

bool schema_awaits_column(const struct schema *s, const char *name) {
  for (const struct output_column *c = s->columns; c < s->columns + s->column_count; c++) {
    size_t len = strlen(c->name);
    if (c->awaits_paths && strncmp(name, c->name, len) == 0 && (name[len] == '.' || !name[len])) return true;
  }
  return false;
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
