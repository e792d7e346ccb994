/*
 * The benchmark: exports the whole table once per format, each in a child process of its own, so that
 * time and peak memory are that format's alone; reads every output back and counts its rows. Every figure
 * is measured in this run.
 *
 * Blocking: minutes for ten million rows. Any thread may call it; one run at a time is the caller's
 * concern (two runs would only slow each other down). The child is this very program (`decant export`).
 * It gets the connection string by its environment, never as an argument, and dies with the calling
 * thread. Children are waited for by their process ID, so SIGCHLD must not be ignored.
 *
 * Outputs lie in a folder of the run's own, BENCHMARK_FOLDER_PREFIX…, made in the given one. Each is removed as
 * soon as it is counted, the folder at the end, also after a failure. Only a run that is killed leaves its
 * folder behind, with at most one output in it.
 */
#pragma once
#include "base/cancel.h"

#include <stdint.h>

#define BENCHMARK_CASES_MAX 16
#define BENCHMARK_FOLDER_PREFIX "benchmark-"

struct benchmark_case {
  const char *format;   /* a name of formats[] */
  const char *codec;    /* NULL for none; text formats: "gzip", "zstd:3"; Parquet: its own codec, "snappy" */
};

enum benchmark_phase { BENCHMARK_EXPORTING, BENCHMARK_COUNTING, BENCHMARK_COUNTED };

struct benchmark_result;

struct benchmark_settings {
  const char *conninfo;     /* libpq connection string or URL; "" for libpq's own variables */
  const char *table;        /* catalog spelling, "public.records" */
  const char *directory;    /* exists, writable, with room for the largest output */
  int64_t limit;            /* rows per export; -1: the whole table. A limit is read in one lane */
  int lanes;                /* 0: the export's default */
  bool gentle;              /* as export_request.gentle … */
  int64_t max_rate_bytes;   /* … and .max_rate_bytes; 0: no limit */
  const struct benchmark_case *cases;   /* NULL: csv, json, xml, parquet, in this order */
  size_t case_count;                    /* at most BENCHMARK_CASES_MAX; 0 with NULL */
  const char *executable;   /* NULL: /proc/self/exe */
  /*
   * Called from benchmark_run's thread at every change of phase and some times a second while exporting.
   * result is filled (with BENCHMARK_COUNTED) or holds only its name. May be NULL.
   */
  void (*on_progress)(void *context, enum benchmark_phase phase, const struct benchmark_result *result,
                      double phase_seconds);
  void *context;
};

struct benchmark_result {
  char name[40];               /* "csv", "csv+gzip" */
  uint64_t rows;               /* read back from the output, equal to what the export said */
  uint64_t file_size_bytes;
  uint64_t peak_memory_bytes;  /* of the child: its VmHWM */
  uint64_t memory_budget_bytes;   /* what it planned to keep to */
  double duration_seconds;     /* wall time of the child, from its start to its end */
  double cpu_seconds;          /* user + system of the child */
  double count_seconds;        /* wall time of reading the output back */
  uint64_t specials;           /* values written otherwise by policy */
  int lanes;
  char snapshot_at[32];        /* RFC 3339 */
  char how[160];               /* as struct export_result says it */
};

struct benchmark_report {
  uint64_t dataset_row_count;  /* rows of the first output */
  bool rows_agree;             /* every output had as many; false: the table changed between the exports */
  int64_t limit;               /* as asked for; -1: none */
  struct benchmark_result results[BENCHMARK_CASES_MAX];
  size_t result_count;
};

/*
 * Runs all cases one after the other. False leaves *report with the cases done so far. ERR_USAGE: an unknown
 * format; ERR_CANCELLED; otherwise the child's own code and message, with the case's name in front.
 * ERR_INTERNAL where an output, read back, does not hold the rows that its export said. Cancelling stops the
 * child (SIGTERM, 5 s later SIGKILL); reading back is not interrupted, only skipped.
 */
bool benchmark_run(const struct benchmark_settings *settings, struct benchmark_report *report,
                   const struct cancel *cancel, struct error *err) MUST_CHECK;

/*
 * The answer of GET /exports/benchmark: {"datasetRowCount": …, "results": [{"format": …, "durationSeconds": …,
 * "fileSizeBytes": …, "peakMemoryMB": …, …}]}. A MB is 1,048,576 bytes. Zero-terminated, the caller frees it;
 * NULL without memory.
 */
char *benchmark_report_json(const struct benchmark_report *report);
