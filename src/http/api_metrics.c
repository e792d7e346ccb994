/* GET /metrics: Prometheus's text format, version 0.0.4. */
#include "http/api.h"
#include "http/peers.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void head(struct buffer *out, const char *name, const char *type, const char *help) {
  buffer_appendf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void one(struct buffer *out, const char *name, const char *type, const char *help, uint64_t value) {
  head(out, name, type, help);
  buffer_appendf(out, "%s %" PRIu64 "\n", name, value);
}

static void append_exports(struct buffer *out, const struct scheduler_metrics *m) {
  head(out, "decant_exports", "gauge", "Exports in the job store by state and format.");
  for (size_t i = 0; i < m->count_count; i++)
    buffer_appendf(out, "decant_exports{state=\"%s\",format=\"%s\"} %" PRIu64 "\n",
                   job_state_names[m->counts[i].state], m->counts[i].format, m->counts[i].count);
}

static void append_durations(struct buffer *out, const struct scheduler_metrics *m) {
  static const char name[] = "decant_export_duration_seconds";
  uint64_t total = 0;
  head(out, name, "histogram", "Wall time of attempts that have ended, since the start.");
  for (int i = 0; i < SCHEDULER_DURATION_BUCKETS; i++) {
    total += m->durations[i];
    buffer_appendf(out, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, scheduler_duration_bounds[i], total);
  }
  total += m->durations[SCHEDULER_DURATION_BUCKETS];
  buffer_appendf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.3f\n%s_count %" PRIu64 "\n", name, total,
                 name, m->duration_sum_seconds, name, total);
}

/* A line of /proc/self/status in bytes: "VmRSS:     5120 kB". 0 where there is none. */
static uint64_t read_memory(const char *field) {
  char line[128];
  unsigned long long kb = 0;
  size_t len = strlen(field);
  FILE *file = fopen("/proc/self/status", "re");
  while (file && fgets(line, sizeof line, file))
    if (strncmp(line, field, len) == 0) kb = strtoull(line + len + 1, NULL, 10);
  if (file) fclose(file);
  return (uint64_t)kb * 1024;
}

static void append_metrics(struct exchange *x, const struct scheduler_metrics *m, struct buffer *out) {
  append_exports(out, m);
  one(out, "decant_rows_total", "counter", "Rows encoded since the start.", m->rows);
  one(out, "decant_bytes_total", "counter", "Bytes written to files since the start.", m->bytes);
  one(out, "decant_retries_total", "counter", "Attempts that were put back to be tried again.", m->retries);
  append_durations(out, m);
  one(out, "decant_database_connections", "gauge", "Database connections reserved by running exports.",
      (uint64_t)m->connections_used);
  one(out, "decant_database_connections_max", "gauge", "Their limit.", (uint64_t)m->connections_max);
  one(out, "decant_http_connections", "gauge", "Open HTTP connections.", peers_count(x->service->peers));
  one(out, "decant_http_connections_max", "gauge", "Their limit.", (uint64_t)x->service->connections_max);
  one(out, "decant_spool_bytes", "gauge", "Bytes of exports on disk, finished and running.", m->spool_bytes);
  one(out, "decant_spool_free_bytes", "gauge", "Free bytes where exports are kept.", m->free_bytes);
  one(out, "process_resident_memory_bytes", "gauge", "Resident memory.", read_memory("VmRSS:"));
  one(out, "decant_process_peak_memory_bytes", "gauge", "Highest resident memory so far.",
      read_memory("VmHWM:"));
}

void api_metrics(struct exchange *x) {
  struct scheduler_metrics m;
  struct buffer text;
  struct error err;
  if (!scheduler_metrics(x->service->scheduler, &m, &err)) {
    answer_error(x, &err);
    return;
  }
  buffer_init(&text, 65536);
  append_metrics(x, &m, &text);
  answer_text(x, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", &text);
}
