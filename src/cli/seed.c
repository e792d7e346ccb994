/* decant seed: makes and fills the demonstration table. */
#include "source/seed.h"

#include "base/clock.h"
#include "base/option.h"
#include "cli/command.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define REDRAW_US 100000

struct seed_command {
  const char *conninfo;
  int64_t rows;
  bool quiet;
  bool on_terminal;
  uint64_t started_us, drawn_us;
  int64_t first_rows;   /* what the table held at the start; -1 before the first report */
};

static struct cancel cancel;   /* the signal handler's */

static void on_signal(int number) {
  (void)number;
  cancel_request(&cancel);
}

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

static void draw(const struct seed_command *s, int64_t done, int64_t total, uint64_t now_us) {
  char bar[BAR_WIDTH + 1];
  int filled = (int)((double)done / (double)total * BAR_WIDTH);
  memset(bar, '#', (size_t)filled);
  memset(bar + filled, '.', (size_t)(BAR_WIDTH - filled));
  bar[BAR_WIDTH] = '\0';
  double seconds = (double)(now_us - s->started_us) / 1e6;
  double rate = seconds > 0 ? (double)(done - s->first_rows) / seconds : 0;
  fprintf(stderr, "\r\033[K[%s] %" PRId64 " of %" PRId64 " rows", bar, done, total);
  if (done == total) fputs(", building the primary key", stderr);
  else if (rate > 0) fprintf(stderr, ", %.0f rows/s, %.0f s left", rate, (double)(total - done) / rate);
  fflush(stderr);
}

static void on_progress(void *context, int64_t done, int64_t total) {
  struct seed_command *s = context;
  uint64_t now_us = clock_monotonic_us();
  if (s->first_rows < 0) s->first_rows = done;
  if (!s->on_terminal || (done < total && now_us - s->drawn_us < REDRAW_US)) return;
  s->drawn_us = now_us;
  draw(s, done, total, now_us);
}

static int run(int argc, char **argv) {
  struct seed_command s = {.conninfo = "", .rows = SEED_ROWS_DEFAULT, .first_rows = -1};
  enum seed_outcome outcome;
  struct error err;
  if (!flags_parse(&command_seed, argc, argv, on_flag, on_argument, &s, &err)) return command_failed(&err);
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  s.on_terminal = !s.quiet && isatty(STDERR_FILENO);
  s.started_us = clock_monotonic_us();
  bool ok = seed_run(s.conninfo, s.rows, &cancel, on_progress, &s, &outcome, &err);
  if (s.on_terminal) fputs("\r\033[K", stderr);
  if (!ok) return command_failed(&err);
  if (s.quiet) return 0;
  if (outcome == SEED_ALREADY) puts("Database already seeded");
  else
    printf("Seeded table %s: %" PRId64 " rows, %" PRId64 " of them now, in %.1f s\n", SEED_TABLE, s.rows,
           s.rows - s.first_rows, (double)(clock_monotonic_us() - s.started_us) / 1e6);
  return fflush(stdout) == 0 ? 0 : 1;
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
    .help = "make and fill the demonstration table; an interrupted run is finished by the next",
    .flags = flags,
    .run = run,
};
