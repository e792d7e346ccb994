#include "format/parquet/sort_order.h"

#include <stdlib.h>

static int compare_bytes(const struct sort_value *a, const struct sort_value *b) {
  int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
  return order ? order : (a->len > b->len) - (a->len < b->len);
}

static int compare_fixed(const struct sort_value *a, const struct sort_value *b, const struct leaf *leaf) {
  struct bound x = {.len = (uint8_t)a->len}, y = {.len = (uint8_t)b->len};
  memcpy(x.bytes, a->bytes, a->len);
  memcpy(y.bytes, b->bytes, b->len);
  return bound_compare(&x, &y, leaf);
}

enum sort_step sort_step(const struct sort_value *before, const struct sort_value *now, const struct leaf *leaf,
                         const struct sorting_column *column) {
  if (!before->bytes || !now->bytes) {
    if (before->bytes == now->bytes) return STEP_SAME;
    return !before->bytes == column->nulls_first ? STEP_ON : STEP_BACK;
  }
  bool is_same = before->len == now->len && memcmp(before->bytes, now->bytes, now->len) == 0;
  if (is_same) return STEP_SAME;
  int order = leaf->order == ORDER_BYTES ? compare_bytes(before, now) : compare_fixed(before, now, leaf);
  if (order == 0) return STEP_BACK;
  return (order < 0) != column->is_descending ? STEP_ON : STEP_BACK;
}

bool sort_value_copy(struct sort_value *to, const struct sort_value *from) {
  free((void *)(uintptr_t)to->bytes);
  *to = (struct sort_value){0};
  if (!from->bytes) return true;
  uint8_t *bytes = malloc(from->len ? from->len : 1);
  if (!bytes) return false;
  memcpy(bytes, from->bytes, from->len);
  *to = (struct sort_value){bytes, from->len};
  return true;
}

void sort_edges_deinit(struct sort_edges *e) {
  for (size_t i = 0; i < SORTING_COLUMNS_MAX; i++) {
    free((void *)(uintptr_t)e->first[i].bytes);
    free((void *)(uintptr_t)e->last[i].bytes);
  }
  *e = (struct sort_edges){0};
}

size_t sort_edges_follow(const struct sort_edges *before, size_t count, const struct sort_edges *now,
                         const struct leaf *leaves, const struct sorting_column *columns) {
  if (count > now->count) count = now->count;
  for (size_t i = 0; i < count; i++) {
    enum sort_step step = sort_step(&before->last[i], &now->first[i], &leaves[columns[i].leaf], &columns[i]);
    if (step == STEP_BACK) return i;
    if (step == STEP_ON) break;
  }
  return count;
}
