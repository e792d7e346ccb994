#include "row/schema.h"

#include "row/flatten.h"

#include <stdlib.h>

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
