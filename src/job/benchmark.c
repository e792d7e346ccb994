#include "job/benchmark.h"

#include "base/clock.h"
#include "compress/expand.h"
#include "format/format.h"
#include "job/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BYTES_PER_MB 1048576.0
#define ARGUMENTS_MAX 24

static const struct benchmark_case default_cases[] = {{"csv", NULL}, {"json", NULL}, {"xml", NULL}, {"parquet", NULL}};

/* One run. Paths are as long as the folder's name asks for. */
struct run {
  const struct benchmark_settings *settings;
  const struct cancel *cancel;
  char *folder;
  char *path;                       /* of the present output */
  struct benchmark_result *result;  /* of the present case */
};

static void report_progress(const struct run *r, enum benchmark_phase phase, double seconds) {
  if (r->settings->on_progress) r->settings->on_progress(r->settings->context, phase, r->result, seconds);
}

static void on_child_tick(void *context, double seconds) {
  report_progress(context, BENCHMARK_EXPORTING, seconds);
}

/* The command line of one export. Texts are borrowed, except numbers, which lie in `numbers`. */
struct command_line {
  const char *argv[ARGUMENTS_MAX];
  size_t count;
  char limit[24], lanes[16], max_rate[24], parquet_options[64];
};

static void add_argument(struct command_line *c, const char *name, const char *value) {
  c->argv[c->count++] = name;
  if (value) c->argv[c->count++] = value;
}

static void make_command_line(const struct run *r, const struct benchmark_case *b,
                              const struct format *format, struct command_line *c) {
  const struct benchmark_settings *s = r->settings;
  *c = (struct command_line){0};
  add_argument(c, "decant", "export");
  add_argument(c, "--table", s->table);
  add_argument(c, "--format", b->format);
  if (b->codec && format->is_text) add_argument(c, "--compress", b->codec);
  if (b->codec && !format->is_text) {
    snprintf(c->parquet_options, sizeof c->parquet_options, "compression=%s", b->codec);
    add_argument(c, "--parquet", c->parquet_options);
  }
  if (s->limit >= 0) {
    snprintf(c->limit, sizeof c->limit, "%lld", (long long)s->limit);
    add_argument(c, "--limit", c->limit);
  }
  if (s->lanes > 0) {
    snprintf(c->lanes, sizeof c->lanes, "%d", s->lanes);
    add_argument(c, "--lanes", c->lanes);
  }
  if (s->gentle) add_argument(c, "--gentle", NULL);
  if (s->max_rate_bytes > 0) {
    snprintf(c->max_rate, sizeof c->max_rate, "%lld", (long long)s->max_rate_bytes);
    add_argument(c, "--max-rate", c->max_rate);
  }
  add_argument(c, "--json", NULL);
  add_argument(c, "-o", r->path);
}

/* ---- what the child said --------------------------------------------------------------------------- */

/* The last line that begins a JSON object with this member, a number or a text. The text is zero-terminated. */
static json_t *find_object(const char *text, const char *member, json_type type) {
  json_t *found = NULL;
  for (const char *line = text; line; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (*line != '{') continue;
    json_t *object = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
    const json_t *value = json_object_get(object, member);
    if (!value || json_typeof(value) != type) {
      json_decref(object);
      continue;
    }
    json_decref(found);
    found = object;
  }
  return found;
}

static uint64_t get_count(const json_t *summary, const char *name) {
  json_int_t value = json_integer_value(json_object_get(summary, name));
  return value > 0 ? (uint64_t)value : 0;
}

static void get_text(const json_t *summary, const char *name, char *to, size_t size) {
  const char *value = json_string_value(json_object_get(summary, name));
  snprintf(to, size, "%s", value ? value : "");
}

static bool take_summary(const char *text, struct benchmark_result *result, struct error *err) {
  json_t *summary = find_object(text, "rows", JSON_INTEGER);
  if (!summary) return fail(err, ERR_INTERNAL, "the export gave no summary");
  result->rows = get_count(summary, "rows");
  result->peak_memory_bytes = get_count(summary, "peakMemoryBytes");
  result->memory_budget_bytes = get_count(summary, "memoryBudgetBytes");
  result->specials = get_count(summary, "specials");
  result->lanes = (int)get_count(summary, "lanes");
  get_text(summary, "snapshotAt", result->snapshot_at, sizeof result->snapshot_at);
  get_text(summary, "how", result->how, sizeof result->how);
  json_decref(summary);
  return true;
}

/* The code whose exit code the child gave, so that a failed benchmark is answered as the export would be. */
static enum error_code code_of_exit(int exit_code) {
  static const enum error_code codes[] = {ERR_USAGE, ERR_SOURCE, ERR_DESTINATION, ERR_CANCELLED};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (error_exit_code(codes[i]) == exit_code) return codes[i];
  return ERR_INTERNAL;
}

/* What the child said for machines: the code itself, where its exit code stands for several. */
static bool take_error(const char *text, struct error *err) {
  json_t *object = find_object(text, "code", JSON_STRING);
  const char *name = json_string_value(json_object_get(object, "code"));
  const char *message = json_string_value(json_object_get(object, "error"));
  enum error_code code = ERR_NONE;
  for (enum error_code c = ERR_NONE + 1; name && message && c < ERR_COUNT; c++)
    if (!strcmp(error_name(c), name)) code = c;
  if (code != ERR_NONE) error_set(err, code, "%s", message);
  json_decref(object);
  return code != ERR_NONE;
}

static bool fail_export(int exit_code, char *text, struct error *err) {
  if (take_error(text, err)) return false;
  size_t len = strlen(text);
  while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) text[--len] = '\0';
  const char *last = strrchr(text, '\n');
  last = last ? last + 1 : text;
  if (strncmp(last, "decant: ", 8) == 0) last += 8;
  if (exit_code >= 128 && exit_code != error_exit_code(ERR_CANCELLED))
    return fail(err, ERR_INTERNAL, "the export was ended by signal %d", exit_code - 128);
  if (*last == '\0')
    return fail(err, ERR_INTERNAL, "the export ended with code %d and said nothing", exit_code);
  return fail(err, code_of_exit(exit_code), "%s", last);
}

/* ---- one case --------------------------------------------------------------------------------------- */

static bool run_export(const struct run *r, const struct benchmark_case *b, const struct format *format,
                       struct error *err) {
  const struct benchmark_settings *s = r->settings;
  struct command_line line;
  make_command_line(r, b, format, &line);
  struct child_settings child = {
      .executable = s->executable ? s->executable : "/proc/self/exe",
      .argv = line.argv,
      .variable_name = *s->conninfo ? "DATABASE_URL" : NULL,
      .variable_value = s->conninfo,
      .on_tick = on_child_tick,
      .context = (void *)r,
  };
  struct child_outcome outcome;
  struct buffer text;
  buffer_init(&text, CHILD_STDERR_MAX + 1);
  if (!child_run(&child, r->cancel, &text, &outcome, err)) {
    buffer_deinit(&text);
    return false;
  }
  r->result->duration_seconds = outcome.seconds;
  r->result->cpu_seconds = outcome.cpu_seconds;
  char *said = buffer_take_string(&text);
  if (!said) return fail_memory(err, "what an export said");
  bool ok = outcome.exit_code == 0 ? take_summary(said, r->result, err)
                                   : fail_export(outcome.exit_code, said, err);
  free(said);
  return ok;
}

struct counter { const struct format *format; uint64_t *rows; };

static bool count_rows(void *context, int fd, struct error *err) {
  const struct counter *c = context;
  return c->format->count_rows(fd, c->rows, err);
}

/* codec may carry a level. */
static bool count_expanded(const struct format *format, const char *codec, int fd, uint64_t *rows,
                           struct error *err) {
  struct counter counter = {format, rows};
  char name[16];
  snprintf(name, sizeof name, "%.*s", (int)strcspn(codec, ":"), codec);
  return expand_through(name, fd, count_rows, &counter, err);
}

static bool count_file(const struct format *format, const char *codec, int fd, uint64_t *rows,
                       struct error *err) {
  bool packed = codec && format->is_text && strcmp(codec, "none") != 0;
  return packed ? count_expanded(format, codec, fd, rows, err) : format->count_rows(fd, rows, err);
}

static bool read_back(const struct run *r, const struct benchmark_case *b, const struct format *format,
                      struct error *err) {
  int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail_errno(err, ERR_INTERNAL, "cannot open the output");
  uint64_t started_us = clock_monotonic_us(), rows = 0;
  struct stat st;
  bool ok = fstat(fd, &st) == 0 || fail_errno(err, ERR_INTERNAL, "cannot measure the output");
  if (ok) ok = count_file(format, b->codec, fd, &rows, err);
  close(fd);
  if (!ok) return false;
  r->result->file_size_bytes = (uint64_t)st.st_size;
  r->result->count_seconds = (double)(clock_monotonic_us() - started_us) / 1e6;
  if (rows == r->result->rows) return true;
  return fail(err, ERR_INTERNAL, "the output holds %llu rows, but the export said %llu",
              (unsigned long long)rows, (unsigned long long)r->result->rows);
}

static bool run_measured(const struct run *r, const struct benchmark_case *b, const struct format *format,
                         struct error *err) {
  report_progress(r, BENCHMARK_EXPORTING, 0);
  if (!run_export(r, b, format, err)) return false;
  if (!cancel_check(r->cancel, err)) return false;
  report_progress(r, BENCHMARK_COUNTING, 0);
  if (!read_back(r, b, format, err)) return false;
  report_progress(r, BENCHMARK_COUNTED, r->result->count_seconds);
  return true;
}

static bool run_case(struct run *r, const struct benchmark_case *b, struct error *err) {
  const struct format *format = format_find(b->format);
  if (!format) return fail_field(err, "format", "there is no format \"%.40s\"", b->format);
  snprintf(r->result->name, sizeof r->result->name, "%s%s%s", b->format, b->codec ? "+" : "",
           b->codec ? b->codec : "");
  if (asprintf(&r->path, "%s/%s.%s", r->folder, format->name, format->extension) < 0) {
    r->path = NULL;
    return fail_memory(err, "a file's name");
  }
  bool ok = run_measured(r, b, format, err);
  if (!ok) error_prefix(err, "benchmark of %s: ", r->result->name);
  unlink(r->path);
  free(r->path);
  r->path = NULL;
  return ok;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

static bool make_folder(const char *directory, char **folder, struct error *err) {
  if (asprintf(folder, "%s/" BENCHMARK_FOLDER_PREFIX "XXXXXX", directory) < 0) {
    *folder = NULL;
    return fail_memory(err, "a folder's name");
  }
  if (mkdtemp(*folder)) return true;
  free(*folder);
  *folder = NULL;
  return fail_errno(err, ERR_DESTINATION, "cannot make a folder in \"%.500s\"", directory);
}

/* With all that a child that was killed may have left in it. */
static void remove_folder(char *folder) {
  DIR *d = opendir(folder);
  for (struct dirent *e; d && (e = readdir(d));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) unlinkat(dirfd(d), e->d_name, 0);
  if (d) closedir(d);
  rmdir(folder);
  free(folder);
}

static void add_result(struct benchmark_report *report) {
  const struct benchmark_result *result = &report->results[report->result_count++];
  if (report->result_count == 1) report->dataset_row_count = result->rows;
  if (result->rows != report->dataset_row_count) report->rows_agree = false;
}

bool benchmark_run(const struct benchmark_settings *settings, struct benchmark_report *report,
                   const struct cancel *cancel, struct error *err) {
  const struct benchmark_case *cases = settings->cases ? settings->cases : default_cases;
  size_t count = settings->cases ? settings->case_count : sizeof default_cases / sizeof *default_cases;
  *report = (struct benchmark_report){.limit = settings->limit, .rows_agree = true};
  if (count > BENCHMARK_CASES_MAX)
    return fail(err, ERR_USAGE, "a benchmark takes at most %d cases", BENCHMARK_CASES_MAX);
  struct run run = {.settings = settings, .cancel = cancel};
  if (!make_folder(settings->directory, &run.folder, err)) return false;
  bool ok = true;
  for (size_t i = 0; ok && i < count; i++) {
    run.result = &report->results[i];
    ok = run_case(&run, &cases[i], err);
    if (ok) add_result(report);
  }
  remove_folder(run.folder);
  return ok;
}

/* ---- the report as JSON ------------------------------------------------------------------------------- */

static double rounded(double value, double places) {
  return (double)(int64_t)(value * places + 0.5) / places;
}

static json_t *result_json(const struct benchmark_result *r) {
  double rate = r->duration_seconds > 0 ? (double)r->rows / r->duration_seconds : 0;
  return json_pack("{s:s, s:f, s:I, s:f, s:f, s:I, s:I, s:f, s:f, s:i, s:I, s:s, s:s}",
                   "format", r->name,
                   "durationSeconds", rounded(r->duration_seconds, 1000),
                   "fileSizeBytes", (json_int_t)r->file_size_bytes,
                   "peakMemoryMB", rounded((double)r->peak_memory_bytes / BYTES_PER_MB, 10),
                   "memoryBudgetMB", rounded((double)r->memory_budget_bytes / BYTES_PER_MB, 10),
                   "rows", (json_int_t)r->rows,
                   "rowsPerSecond", (json_int_t)rate,
                   "cpuSeconds", rounded(r->cpu_seconds, 1000),
                   "countSeconds", rounded(r->count_seconds, 1000),
                   "lanes", r->lanes,
                   "specials", (json_int_t)r->specials,
                   "snapshotAt", r->snapshot_at,
                   "how", r->how);
}

static bool fill_json(json_t *root, const struct benchmark_report *report) {
  json_t *results = json_array();
  if (json_object_set_new(root, "datasetRowCount", json_integer((json_int_t)report->dataset_row_count)) != 0 ||
      json_object_set_new(root, "results", results) != 0)
    return false;
  for (size_t i = 0; i < report->result_count; i++)
    if (json_array_append_new(results, result_json(&report->results[i])) != 0) return false;
  if (report->limit >= 0 && json_object_set_new(root, "limit", json_integer(report->limit)) != 0)
    return false;
  return report->rows_agree ||
         json_object_set_new(root, "note", json_string("the table changed between the exports: see rows")) ==
             0;
}

char *benchmark_report_json(const struct benchmark_report *report) {
  json_t *root = json_object();
  char *text = NULL;
  if (root && fill_json(root, report)) text = json_dumps(root, JSON_COMPACT | JSON_REAL_PRECISION(12));
  json_decref(root);
  return text;
}
