/* decant bench: the same as GET /exports/benchmark, as a table. */
#include "base/option.h"
#include "cli/command.h"
#include "job/benchmark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CASE_TEXT_MAX 64

struct bench {
  struct benchmark_settings settings;
  struct benchmark_case cases[BENCHMARK_CASES_MAX];
  char case_texts[BENCHMARK_CASES_MAX][CASE_TEXT_MAX];
  bool json;
};

/* ---- the command line ------------------------------------------------------------------------------ */

/* "csv,csv+gzip,parquet+snappy": formats, each with a codec or without. */
static bool set_cases(struct bench *b, const char *text, struct error *err) {
  size_t count = 0;
  for (;;) {
    size_t len = strcspn(text, ",");
    if (count == BENCHMARK_CASES_MAX || len == 0 || len >= CASE_TEXT_MAX)
      return fail_field(err, "formats", "--formats takes 1 to %d names, as in csv,csv+gzip,parquet+snappy",
                        BENCHMARK_CASES_MAX);
    char *name = b->case_texts[count];
    memcpy(name, text, len);
    name[len] = '\0';
    char *plus = strchr(name, '+');
    if (plus) *plus = '\0';
    b->cases[count++] = (struct benchmark_case){.format = name, .codec = plus ? plus + 1 : NULL};
    if (text[len] == '\0') break;
    text += len + 1;
  }
  b->settings.cases = b->cases;
  b->settings.case_count = count;
  return true;
}

static bool set_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *value,
                       struct error *err) {
  if (parse_int64(text, value) && *value >= min && *value <= max) return true;
  return fail_field(err, name, "--%s: \"%.40s\" is not a whole number from %lld to %lld", name, text,
                    (long long)min, (long long)max);
}

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *err) {
  struct bench *b = context;
  int64_t lanes;
  if (!strcmp(flag->name, "db")) b->settings.conninfo = value;
  else if (!strcmp(flag->name, "table")) b->settings.table = value;
  else if (!strcmp(flag->name, "data")) b->settings.directory = value;
  else if (!strcmp(flag->name, "json")) b->json = true;
  else if (!strcmp(flag->name, "formats")) return set_cases(b, value, err);
  else if (!strcmp(flag->name, "rows"))
    return set_number("rows", value, 0, INT64_MAX, &b->settings.limit, err);
  else if (!strcmp(flag->name, "lanes")) {
    if (!set_number("lanes", value, 1, 64, &lanes, err)) return false;
    b->settings.lanes = (int)lanes;
  }
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  (void)context;
  return fail(err, ERR_USAGE, "bench takes no argument \"%.100s\"; the table is given by --table", text);
}

/* ---- progress and output ----------------------------------------------------------------------------- */

static void on_progress(void *context, enum benchmark_phase phase, const struct benchmark_result *result,
                        double seconds) {
  static const char *const doing[] = {"exporting", "reading back", "counted"};
  (void)context;
  fprintf(stderr, "\r\033[K");
  if (phase != BENCHMARK_COUNTED) fprintf(stderr, "%s: %s, %.1f s", result->name, doing[phase], seconds);
  fflush(stderr);
}

static void print_row(const struct benchmark_result *r) {
  double rate = r->duration_seconds > 0 ? (double)r->rows / r->duration_seconds : 0;
  printf("%-14s %9.2f %12.0f %15llu %9.1f %8.2f %9.2f %12llu\n", r->name, r->duration_seconds, rate,
         (unsigned long long)r->file_size_bytes, (double)r->peak_memory_bytes / 1048576.0, r->cpu_seconds,
         r->count_seconds, (unsigned long long)r->rows);
}

static void print_table(const struct bench *b, const struct benchmark_report *report) {
  printf("%-14s %9s %12s %15s %9s %8s %9s %12s\n", "format", "seconds", "rows/s", "bytes", "peak MB", "CPU s",
         "count s", "rows");
  for (size_t i = 0; i < report->result_count; i++) print_row(&report->results[i]);
  if (report->result_count == 0) return;
  printf("\n%llu rows of %s, each output read back and counted",
         (unsigned long long)report->dataset_row_count, b->settings.table);
  printf("; lanes: %d; %s\n", report->results[0].lanes, report->results[0].how);
  if (report->limit >= 0)
    printf("Limited to %lld rows by --rows: a limited export is read by one lane, the whole table by all.\n",
           (long long)report->limit);
  if (!report->rows_agree)
    printf("The table changed between the exports: they do not hold the same number of rows.\n");
}

static bool print_json(const struct benchmark_report *report, struct error *err) {
  char *text = benchmark_report_json(report);
  if (!text) return fail_memory(err, "the report");
  puts(text);
  free(text);
  return true;
}

static bool print_report(const struct bench *b, const struct benchmark_report *report, struct error *err) {
  if (b->json && !print_json(report, err)) return false;
  if (!b->json) print_table(b, report);
  if (fflush(stdout) != 0 || ferror(stdout)) return fail_errno(err, ERR_DESTINATION, "cannot write the report");
  return true;
}

static int run(int argc, char **argv) {
  static struct bench b;
  static struct benchmark_report report;
  struct error err;
  const char *folder = getenv("TMPDIR");
  b.settings = (struct benchmark_settings){
      .conninfo = "", .table = "records", .directory = folder && *folder ? folder : "/var/tmp", .limit = -1};
  if (!flags_parse(&command_bench, argc, argv, on_flag, on_argument, &b, &err)) return command_failed(&err);
  bool on_terminal = isatty(STDERR_FILENO);
  if (on_terminal) b.settings.on_progress = on_progress;
  const struct cancel *cancel = command_catch_signals();
  bool ok = benchmark_run(&b.settings, &report, cancel, &err);
  if (on_terminal) fprintf(stderr, "\r\033[K");
  if (ok) ok = print_report(&b, &report, &err);
  return ok ? 0 : command_failed(&err);
}

static const struct flag flags[] = {
    {"db", 0, "URL", "DATABASE_URL", "PostgreSQL connection string; default: libpq's own variables"},
    {"table", 0, "TABLE", "DECANT_TABLE", "table to export; default records"},
    {"rows", 0, "N", NULL, "export only N rows, by the export's limit (in one lane); default: the whole table"},
    {"formats", 0, "LIST", NULL, "default csv,json,xml,parquet; with codecs as in csv+gzip,parquet+snappy"},
    {"lanes", 0, "N", NULL, "connections that read at once; default min(4, cores)"},
    {"data", 0, "DIR", NULL, "folder for the outputs, one at a time; default TMPDIR, then /var/tmp"},
    {"json", 0, NULL, NULL, "print JSON, as GET /exports/benchmark answers"},
    {NULL},
};

const struct command command_bench = {
    .name = "bench",
    .usage = "bench [--db URL] [--table TABLE] [--rows N] [--formats LIST] [--json]",
    .help = "export the table in every format, each in a process of its own, and measure",
    .flags = flags,
    .run = run,
};
