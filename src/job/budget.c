#include "job/budget.h"

#include "export/budget.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB (INT64_C(1) << 20)
#define SERVICE_MEMORY (12 * MIB)        /* the service itself: libraries, connections, the job store */
#define COLUMNS_ASSUMED 64               /* of a job that is not planned yet */
#define TEXT_JOB_MEMORY (16 * MIB)       /* at least, so that thousands of columns find room as well */
#define COLUMNAR_JOB_MEMORY (40 * MIB)
#define JOB_MEMORY_MIN (8 * MIB)
#define LANES_DEFAULT_MAX 4

static bool read_limit(const char *path, int64_t *bytes) {
  char text[32] = "";
  FILE *file = fopen(path, "re");
  if (!file) return false;
  bool ok = fgets(text, sizeof text, file) != NULL;
  fclose(file);
  text[strcspn(text, "\n")] = '\0';
  /* v2 says "max", v1 a number near INT64_MAX, where there is none */
  return ok && parse_int64(text, bytes) && *bytes > 0 && *bytes < INT64_MAX / 2;
}

int64_t budget_memory_limit(void) {
  int64_t bytes;
  if (read_limit("/sys/fs/cgroup/memory.max", &bytes)) return bytes;
  if (read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes", &bytes)) return bytes;
  return 0;
}

bool budget_init(struct budget *b, int connections_max, int64_t memory_bytes, struct error *err) {
  if (memory_bytes == 0) memory_bytes = budget_memory_limit();
  if (memory_bytes != 0 && memory_bytes < SERVICE_MEMORY + JOB_MEMORY_MIN)
    return fail_field(err, "memory", "--memory: the service needs at least %lld MB",
                      (long long)((SERVICE_MEMORY + JOB_MEMORY_MIN) / MIB));
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  int lanes = cores < 1 ? 1 : cores < LANES_DEFAULT_MAX ? (int)cores : LANES_DEFAULT_MAX;
  *b = (struct budget){
      .connections_max = connections_max,
      .lanes_per_job = lanes < connections_max ? lanes : connections_max,
      .memory_max = memory_bytes ? memory_bytes - SERVICE_MEMORY : INT64_MAX,
  };
  return true;
}

static int64_t job_memory(const struct budget *b, const struct format *format, const struct codec *codec,
                          int level) {
  const struct budget_facts facts = {.format = format, .codec = codec, .level = level, .lanes = b->lanes_per_job,
                                     .cell_count = COLUMNS_ASSUMED, .column_count = COLUMNS_ASSUMED};
  struct memory_budget planned;
  struct error ignored;   /* without a limit there is nothing that could be too little */
  int64_t bytes = budget_make(&planned, &facts, 0, &ignored) ? planned.total_bytes : 0;
  int64_t least = format->is_text ? TEXT_JOB_MEMORY : COLUMNAR_JOB_MEMORY;
  return bytes > least ? bytes : least;
}

/* Of formats[] and codecs[] the one that takes most. */
static int64_t most_memory(const struct budget *b) {
  int64_t most = 0;
  for (size_t i = 0; formats[i]; i++) {
    for (size_t k = 0; codecs[k] && (formats[i]->is_text || k == 0); k++) {
      int64_t bytes = job_memory(b, formats[i], codecs[k], codecs[k]->level_default);
      if (bytes > most) most = bytes;
    }
  }
  return most;
}

int64_t budget_job_memory(const struct budget *b, const struct export_request *request) {
  int64_t wanted = request ? job_memory(b, request->format, request->codec, request->level) : most_memory(b);
  return wanted < b->memory_max ? wanted : b->memory_max;
}
