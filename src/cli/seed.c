/* decant seed: makes and fills the demonstration table. */
#include "source/seed.h"

#include "base/clock.h"
#include "base/option.h"
#include "cli/command.h"
#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct seed_command {
  const char *conninfo;
  int64_t rows;
  bool quiet;
  int64_t first_rows;   /* what the table held at the start; -1 before the first report */
  struct export_progress progress;
};

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *err) {
  struct seed_command *s = context;
  if (!strcmp(flag->name, "db")) s->conninfo = value;
  else if (!strcmp(flag->name, "quiet")) s->quiet = true;
  else if (!strcmp(flag->name, "rows") &&
           (!parse_int64(value, &s->rows) || s->rows < 1 || s->rows > SEED_ROWS_MAX))
    return fail_field(err, "rows", "--rows: \"%.40s\" is not a whole number from 1 to %lld", value,
                      (long long)SEED_ROWS_MAX);
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  (void)context;
  return fail(err, ERR_USAGE, "seed takes no argument \"%.100s\"; --rows gives the number of rows", text);
}

static void on_progress(void *context, int64_t done, int64_t total) {
  struct seed_command *s = context;
  if (s->first_rows < 0) s->first_rows = done;
  atomic_store(&s->progress.rows, (uint64_t)done);
  atomic_store(&s->progress.work_done, (uint64_t)done);
  atomic_store(&s->progress.work_total, (uint64_t)total);
}

static void print_outcome(const struct seed_command *s, enum seed_outcome outcome, double seconds) {
  if (outcome == SEED_ALREADY) puts("Database already seeded");
  else
    printf("Seeded table %s: %" PRId64 " rows, %" PRId64 " of them now, in %.1f s\n", SEED_TABLE, s->rows,
           s->rows - s->first_rows, seconds);
}

static int run(int argc, char **argv) {
  struct seed_command s = {.conninfo = "", .rows = SEED_ROWS_DEFAULT, .first_rows = -1};
  enum seed_outcome outcome;
  struct error err;
  if (!flags_parse(&command_seed, argc, argv, on_flag, on_argument, &s, &err)) return command_failed(&err);
  const struct cancel *cancel = command_catch_signals();
  uint64_t started_us = clock_monotonic_us();
  struct progress_bar *bar = s.quiet ? NULL : progress_bar_start(&s.progress);
  bool ok = seed_run(s.conninfo, s.rows, cancel, on_progress, &s, &outcome, &err);
  progress_bar_stop(bar);
  if (!ok) return command_failed(&err);
  if (!s.quiet) print_outcome(&s, outcome, (double)(clock_monotonic_us() - started_us) / 1e6);
  return 0;
}

static const struct flag flags[] = {
    {"db", 0, "URL", "DATABASE_URL", "PostgreSQL connection string; default: libpq's own variables"},
    {"rows", 0, "N", NULL, "rows that the table is to hold; default 10000000"},
    {"quiet", 0, NULL, NULL, "print nothing but errors"},
    {NULL},
};

const struct command command_seed = {
    .name = "seed",
    .usage = "seed [--db URL] [--rows N]",
    .help = "makes and fills the demonstration table; finishes an interrupted run",
    .flags = flags,
    .run = run,
};
