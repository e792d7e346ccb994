/* decant export: one export to a file, a pipe or standard output. */
#include "base/clock.h"
#include "cli/command.h"
#include "cli/export_args.h"
#include "cli/progress.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ATTEMPTS_MAX 3
#define BACKOFF_FIRST_MS 500

static struct sink *open_sink(const struct export_args *a, const struct cancel *cancel, struct error *err) {
  if (!a->output || !strcmp(a->output, "-")) return sink_stream_open(STDOUT_FILENO, cancel, err);
  const struct sink_file_options options = {.fsync = a->fsync, .cancel = cancel};
  return sink_file_open(a->output, &options, err);
}

/* One attempt. *retry: it may be tried again, since no byte has left for good. */
static bool attempt(const struct export_args *a, const struct cancel *cancel, struct export_result *result,
                    bool *retry, struct error *err) {
  *retry = false;
  struct export_progress progress = {0};
  struct sink *sink = open_sink(a, cancel, err);
  if (!sink) return false;
  struct progress_bar *bar = a->quiet || a->summary_json ? NULL : progress_bar_start(&progress);
  bool ok = export_run(a->request, &a->settings, sink, cancel, &progress, result, err);
  progress_bar_stop(bar);
  if (!ok && error_is_retryable(err)) *retry = sink_can_restart(sink);
  sink_close(sink);
  return ok;
}

static bool wait_before_retry(int tried, const struct cancel *cancel) {
  for (int ms = BACKOFF_FIRST_MS << tried; ms > 0 && !cancel_requested(cancel); ms -= 50) usleep(50 * 1000);
  return !cancel_requested(cancel);
}

static bool run_attempts(const struct export_args *a, const struct cancel *cancel,
                         struct export_result *result, struct error *err) {
  for (int tried = 0;; tried++) {
    bool retry;
    if (attempt(a, cancel, result, &retry, err)) return true;
    if (!retry || tried + 1 == ATTEMPTS_MAX) return false;
    if (!a->quiet) fprintf(stderr, "decant: %s; trying again on a new snapshot\n", err->message);
    if (!wait_before_retry(tried, cancel)) return fail(err, ERR_CANCELLED, "cancelled");
  }
}

static json_t *memory_parts_json(const struct memory_budget *b) {
  json_t *o = json_object();
  for (const struct memory_part *p = memory_parts; p->name; p++)
    json_object_set_new(o, p->name, json_integer((json_int_t)memory_part_bytes(b, p)));
  return o;
}

static void print_json(const struct export_result *r) {
  json_t *o = json_pack("{s:I, s:I, s:f, s:I, s:s, s:i, s:I, s:s, s:I, s:f}", "rows", (json_int_t)r->rows,
                        "bytes", (json_int_t)r->bytes, "seconds", r->seconds, "peakMemoryBytes",
                        (json_int_t)command_peak_memory(), "snapshotAt", r->snapshot_at, "lanes", r->lanes,
                        "specials", (json_int_t)r->specials, "how", r->how, "bytesRead",
                        (json_int_t)r->bytes_read, "secondsPaused", r->seconds_paused);
  if (o) json_object_set_new(o, "memoryBudgetBytes", json_integer((json_int_t)r->memory.total_bytes));
  json_t *specials = json_loads(r->specials_by_column, 0, NULL);
  if (o && specials) json_object_set(o, "specialsByColumn", specials);
  json_decref(specials);
  if (o) json_object_set_new(o, "memoryBudget", memory_parts_json(&r->memory));
  char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
  if (text) fprintf(stderr, "%s\n", text);
  free(text);
  json_decref(o);
}

/* Beside the line for people, which comes last. */
static void print_json_error(const struct error *err) {
  json_t *o = json_pack("{s:s, s:s}", "error", err->message, "code", error_name(err->code));
  if (o && *err->field) json_object_set_new(o, "field", json_string(err->field));
  char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;
  if (text) fprintf(stderr, "%s\n", text);
  free(text);
  json_decref(o);
}

static void print_line(const struct export_args *a, const struct export_result *r) {
  char rows[32], bytes[32], memory[32], specials[32];
  progress_format_count(r->rows, rows);
  progress_format_bytes(r->bytes, bytes);
  progress_format_bytes((uint64_t)command_peak_memory(), memory);
  progress_format_count(r->specials, specials);
  fprintf(stderr, "%s row%s, %s, %.2f s, %s of memory", rows, r->rows == 1 ? "" : "s", bytes, r->seconds,
          memory);
  int list_len = (int)strlen(r->specials_by_column) - 2;   /* without the braces; the names are quoted, as JSON */
  if (r->specials && list_len > 0)
    fprintf(stderr, ", %s written otherwise by --special (%.*s)", specials, list_len,
            r->specials_by_column + 1);
  if (a->output && strcmp(a->output, "-")) fprintf(stderr, ": %s", a->output);
  fprintf(stderr, "\n");
}

static int export_main(int argc, char **argv) {
  struct error err;
  struct export_args args;
  struct export_result result;
  const struct cancel *cancel = command_catch_signals();
  bool ok = export_args_parse(&args, argc, argv, &err) && run_attempts(&args, cancel, &result, &err);
  if (ok && args.summary_json) print_json(&result);
  else if (ok && !args.quiet) print_line(&args, &result);
  if (!ok && args.summary_json) print_json_error(&err);
  export_args_deinit(&args);
  return ok ? 0 : command_failed(&err);
}

const struct command command_export = {
    .name = "export",
    .usage = "export (--table T | --query SQL | --query-file F) [options] [-o FILE|-]",
    .help = "pours a table or query into a file, a pipe or standard output",
    .flags = export_flags,
    .run = export_main,
};
