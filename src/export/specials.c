/* Which columns hold values that were written otherwise, by the policy. */
#include "export/run.h"
#include "row/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void run_count_specials(struct run *run, struct format_counts counts) {
  pthread_mutex_lock(&run->mutex);
  run->specials += counts.specials;
  for (size_t i = 0; counts.specials_by_column && i < run->plan.schema.column_count; i++)
    run->specials_by_column[i] += counts.specials_by_column[i];
  pthread_mutex_unlock(&run->mutex);
}

/* Most first; equal ones in the order of the output. */
static int compare_specials(const void *a, const void *b, void *counts) {
  const size_t i = *(const size_t *)a, k = *(const size_t *)b;
  const uint64_t *count = counts;
  if (count[i] != count[k]) return count[i] > count[k] ? -1 : 1;
  return i < k ? -1 : i > k;
}

static void append_counts(struct run *run, const size_t *order, size_t count, struct buffer *json) {
  buffer_append_byte(json, '{');
  for (size_t i = 0; i < count && run->specials_by_column[order[i]]; i++) {
    const char *name = run->plan.schema.columns[order[i]].name;
    size_t before = json->len;
    if (before > 1) buffer_append_byte(json, ',');
    json_append_string(json, name, strlen(name));
    buffer_appendf(json, ":%" PRIu64, run->specials_by_column[order[i]]);
    if (!json->failed && json->len < EXPORT_SPECIALS_SIZE - 1) continue;
    json->len = before;
    break;
  }
  buffer_append_byte(json, '}');
}

void run_list_specials(struct run *run, char to[EXPORT_SPECIALS_SIZE]) {
  size_t count = run->plan.schema.column_count;
  snprintf(to, EXPORT_SPECIALS_SIZE, "{}");
  size_t *order = run->specials ? calloc(count, sizeof *order) : NULL;
  if (!order) return;
  for (size_t i = 0; i < count; i++) order[i] = i;
  qsort_r(order, count, sizeof *order, compare_specials, run->specials_by_column);
  struct buffer json;
  buffer_init(&json, (size_t)16 << 20);
  append_counts(run, order, count, &json);
  if (!json.failed) snprintf(to, EXPORT_SPECIALS_SIZE, "%.*s", (int)json.len, (const char *)json.data);
  buffer_deinit(&json);
  free(order);
}
