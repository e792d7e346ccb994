/*
 * The benchmark around exports that a shell script plays, and a format of the test's own: it counts lines.
 * That the real exports run in it is the integration tests' matter.
 */
#include "unit.h"

#include "format/format.h"
#include "job/benchmark.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool count_lines(int fd, uint64_t *rows, struct error *err) {
  char bytes[4096];
  ssize_t n;
  *rows = 0;
  while ((n = read(fd, bytes, sizeof bytes)) > 0)
    for (ssize_t i = 0; i < n; i++) *rows += bytes[i] == '\n';
  return n == 0 || fail(err, ERR_VALUE, "not whole");
}

static const struct format lines = {.name = "lines", .extension = "txt", .is_text = true, .count_rows = count_lines};
static const struct format blocks = {.name = "blocks", .extension = "bin", .count_rows = count_lines};

const struct format *format_find(const char *name) {
  return !strcmp(name, "lines") ? &lines : !strcmp(name, "blocks") ? &blocks : NULL;
}

struct fixture {
  char folder[64];
  char program[96];
  struct benchmark_settings settings;
  struct cancel cancel;
  struct benchmark_report report;
  struct error err;
};

/* A program that finds its -o in $out, keeps its arguments and environment, and then runs `body`. */
static void write_program(struct fixture *f, const char *body) {
  FILE *p = fopen(f->program, "w");
  fprintf(p,
          "#!/bin/sh\necho \"$*\" >> %s/arguments\necho \"$DATABASE_URL\" > %s/url\nfor out; do :; "
          "done\n%s\n",
          f->folder, f->folder, body);
  fclose(p);
  chmod(f->program, 0700);
}

#define THREE_ROWS "printf 'a\\nb\\nc\\n' > \"$out\"\n"
#define SUMMARY                                                                                              \
  "echo 'a notice' >&2\n"                                                                                    \
  "echo '{\"rows\":3,\"bytes\":6,\"seconds\":0.1,\"peakMemoryBytes\":3145728,\"lanes\":2,\"specials\":1,' >&2\n"   \
  "echo ' \"snapshotAt\":\"2026-01-01T00:00:00.000Z\",\"how\":\"by hand\"}' >&2\n"

static int set_up(void **state) {
  static struct fixture f;
  f = (struct fixture){.folder = "/tmp/decant-unit-XXXXXX"};
  if (!mkdtemp(f.folder)) return -1;
  snprintf(f.program, sizeof f.program, "%s/program", f.folder);
  static const struct benchmark_case cases[] = {{"lines", NULL}, {"blocks", "snappy"}};
  f.settings = (struct benchmark_settings){.conninfo = "host=there", .table = "public.\"T\"", .directory = f.folder,
                                           .limit = -1, .cases = cases, .case_count = 2, .executable = f.program};
  *state = &f;
  return 0;
}

static int tear_down(void **state) {
  struct fixture *f = *state;
  char command[128];
  snprintf(command, sizeof command, "rm -r %s", f->folder);
  return system(command);
}

static bool folder_holds_an_output(const struct fixture *f) {
  bool found = false;
  DIR *d = opendir(f->folder);
  for (struct dirent *e; (e = readdir(d));) found |= !strncmp(e->d_name, BENCHMARK_FOLDER_PREFIX, 10);
  closedir(d);
  return found;
}

static void read_text(const struct fixture *f, const char *name, char *text, size_t size) {
  char path[160];
  snprintf(path, sizeof path, "%s/%s", f->folder, name);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  fclose(file);
}

static void test_every_case_is_exported_read_back_and_removed(void **state) {
  struct fixture *f = *state;
  write_program(f, THREE_ROWS SUMMARY);
  assert_true(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->report.result_count, 2);
  assert_int_equal(f->report.dataset_row_count, 3);
  assert_true(f->report.rows_agree);
  const struct benchmark_result *r = &f->report.results[1];
  assert_string_equal(r->name, "blocks+snappy");
  assert_int_equal(r->rows, 3);
  assert_int_equal(r->file_size_bytes, 6);
  assert_int_equal(r->peak_memory_bytes, 3 << 20);
  assert_int_equal(r->lanes, 2);
  assert_int_equal(r->specials, 1);
  assert_string_equal(r->how, "by hand");
  assert_true(r->duration_seconds > 0);
  assert_false(folder_holds_an_output(f));
}

static void test_the_connection_string_travels_by_the_environment_only(void **state) {
  struct fixture *f = *state;
  char text[1024];
  write_program(f, THREE_ROWS SUMMARY);
  f->settings.limit = 7;
  assert_true(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  read_text(f, "url", text, sizeof text);
  assert_string_equal(text, "host=there\n");
  read_text(f, "arguments", text, sizeof text);
  assert_null(strstr(text, "there"));
  assert_non_null(strstr(text, "export --table public.\"T\" --format lines --limit 7 --json -o /tmp/"));
  assert_non_null(strstr(text, "--format blocks --parquet compression=snappy --limit 7"));
}

static void test_an_output_with_other_rows_than_its_export_said_is_an_error(void **state) {
  struct fixture *f = *state;
  write_program(f, "printf 'a\\nb\\n' > \"$out\"\n" SUMMARY);
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->err.code, ERR_INTERNAL);
  assert_non_null(
      strstr(f->err.message, "benchmark of lines: the output holds 2 rows, but the export said 3"));
  assert_false(folder_holds_an_output(f));
}

static void test_a_failed_export_fails_the_benchmark_with_its_own_words(void **state) {
  struct fixture *f = *state;
  write_program(f, THREE_ROWS "echo noise >&2; echo 'decant: cannot connect to the database' >&2; exit 3");
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->err.code, ERR_SOURCE);
  assert_string_equal(f->err.message, "benchmark of lines: cannot connect to the database");
  assert_false(folder_holds_an_output(f));
}

static void test_a_failed_export_is_answered_with_its_own_code_where_it_says_one(void **state) {
  struct fixture *f = *state;
  write_program(f, "echo '{\"error\":\"there is no table\",\"code\":\"not_found\"}' >&2; echo 'decant: "
                   "there' >&2; exit 2");
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->err.code, ERR_NOT_FOUND);
  assert_string_equal(f->err.message, "benchmark of lines: there is no table");
}

static void test_an_export_that_is_killed_or_silent_is_no_success(void **state) {
  struct fixture *f = *state;
  write_program(f, THREE_ROWS SUMMARY "kill -9 $$");
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_non_null(strstr(f->err.message, "signal 9"));
  write_program(f, THREE_ROWS);
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_non_null(strstr(f->err.message, "no summary"));
}

static void test_a_compressed_output_is_expanded_before_it_is_counted(void **state) {
  struct fixture *f = *state;
  static const struct benchmark_case packed[] = {{"lines", "gzip:2"}};
  f->settings.cases = packed;
  f->settings.case_count = 1;
  write_program(f, "printf 'a\\nb\\nc\\n' | gzip > \"$out\"\n" SUMMARY);
  assert_true(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_string_equal(f->report.results[0].name, "lines+gzip:2");
  assert_int_equal(f->report.results[0].rows, 3);
  assert_int_not_equal(f->report.results[0].file_size_bytes, 6);
  write_program(f, "printf 'a\\nb\\nc\\n' | gzip | head -c 20 > \"$out\"\n" SUMMARY);
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_non_null(strstr(f->err.message, "the gzip file is cut"));
}

static void test_an_unknown_format_and_a_missing_folder_are_named(void **state) {
  struct fixture *f = *state;
  static const struct benchmark_case unknown[] = {{"lisp", NULL}};
  write_program(f, THREE_ROWS SUMMARY);
  f->settings.cases = unknown;
  f->settings.case_count = 1;
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->err.code, ERR_USAGE);
  assert_non_null(strstr(f->err.message, "lisp"));
  f->settings.directory = "/nonexistent";
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->err.code, ERR_DESTINATION);
}

static void test_a_benchmark_cancelled_before_it_begins_starts_no_export(void **state) {
  struct fixture *f = *state;
  write_program(f, THREE_ROWS SUMMARY);
  cancel_request(&f->cancel);
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  assert_int_equal(f->err.code, ERR_CANCELLED);
  char path[160];
  snprintf(path, sizeof path, "%s/arguments", f->folder);
  assert_int_not_equal(access(path, F_OK), 0);
}

static void cancel_after_a_while(void *context, enum benchmark_phase phase,
                                 const struct benchmark_result *result, double seconds) {
  if (seconds > 0.3) cancel_request(context);
}

static void test_cancelling_kills_the_running_export_and_removes_its_files(void **state) {
  struct fixture *f = *state;
  write_program(f, THREE_ROWS "touch \"$out.partial\"; exec sleep 100");
  f->settings.context = &f->cancel;
  f->settings.on_progress = cancel_after_a_while;
  alarm(20);
  assert_false(benchmark_run(&f->settings, &f->report, &f->cancel, &f->err));
  alarm(0);
  assert_int_equal(f->err.code, ERR_CANCELLED);
  assert_false(folder_holds_an_output(f));
}

static void test_the_report_has_the_shape_of_the_api(void **state) {
  struct benchmark_report report = {.dataset_row_count = 10, .rows_agree = true, .limit = -1, .result_count = 1};
  report.results[0] = (struct benchmark_result){.name = "csv", .rows = 10, .file_size_bytes = 123,
                                                .peak_memory_bytes = 3 << 20, .memory_budget_bytes = 4 << 20,
                                                .duration_seconds = 0.5};
  char *text = benchmark_report_json(&report);
  assert_non_null(strstr(text,
                         "{\"datasetRowCount\":10,\"results\":[{\"format\":\"csv\",\"durationSeconds\":0.5,"
                         "\"fileSizeBytes\":123,\"peakMemoryMB\":3.0,\"memoryBudgetMB\":4.0,\"rows\":10,"
                         "\"rowsPerSecond\":20,"));
  assert_null(strstr(text, "note"));
  free(text);
  report.rows_agree = false;
  report.limit = 5;
  text = benchmark_report_json(&report);
  assert_non_null(strstr(text, "\"limit\":5"));
  assert_non_null(strstr(text, "\"note\":"));
  free(text);
}

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      WITH_FIXTURE(test_every_case_is_exported_read_back_and_removed),
      WITH_FIXTURE(test_the_connection_string_travels_by_the_environment_only),
      WITH_FIXTURE(test_an_output_with_other_rows_than_its_export_said_is_an_error),
      WITH_FIXTURE(test_a_failed_export_fails_the_benchmark_with_its_own_words),
      WITH_FIXTURE(test_a_failed_export_is_answered_with_its_own_code_where_it_says_one),
      WITH_FIXTURE(test_an_export_that_is_killed_or_silent_is_no_success),
      WITH_FIXTURE(test_a_compressed_output_is_expanded_before_it_is_counted),
      WITH_FIXTURE(test_an_unknown_format_and_a_missing_folder_are_named),
      WITH_FIXTURE(test_a_benchmark_cancelled_before_it_begins_starts_no_export),
      WITH_FIXTURE(test_cancelling_kills_the_running_export_and_removes_its_files),
      cmocka_unit_test(test_the_report_has_the_shape_of_the_api),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
