/* One attempt: plan in one snapshot, lanes, writer, commit. */
#include "export/run.h"
#include "row/flatten.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LANES_DEFAULT_MAX 4
#define DESCRIBE_ATTEMPTS 3
#define CHECK_LOCK_TIMEOUT "5s"
#define CHECK_SPLIT_BYTES ((uint64_t)1 << 50)         /* one split: nobody will read it, so no bounds need be looked for */
#define PROCESS_GROWTH_BYTES ((int64_t)1 << 20)       /* code that is yet to run, further connections */

double export_progress_percent(const struct export_progress *p) {
  struct export_progress *q = (struct export_progress *)(uintptr_t)p;
  double blocks = (double)atomic_load(&q->work_total), rows = (double)atomic_load(&q->rows_estimated);
  double percent = -1;
  /* Rows move between splits, blocks only at their ends; but rows are an estimate. */
  if (rows > 0) percent = 100.0 * (double)atomic_load(&q->rows) / rows;
  else if (blocks > 0) percent = 100.0 * (double)atomic_load(&q->work_done) / blocks;
  return percent > 99.9 ? 99.9 : percent;
}

static int wanted_lanes(const struct run *run) {
  const struct export_settings *settings = run->settings;
  if (run->request->gentle == GENTLE_YES) return 1;
  if (settings->lanes > 0) return settings->lanes < LANES_MAX ? settings->lanes : LANES_MAX;
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return cores < 1 ? 1 : cores < LANES_DEFAULT_MAX ? (int)cores : LANES_DEFAULT_MAX;
}

/* With the columns as far as they are known. */
static bool make_budget(struct run *run, int lanes, struct error *err) {
  const struct budget_facts facts = {
      .format = run->format,
      .format_options = run->request->format_options,
      .codec = run->codec,
      .level = run->request->level,
      .lanes = lanes,
      .is_fed = run->plan.source && lanes > 1 && !scan_is_cut(&run->plan.scan),
      .cell_count = run->plan.schema.cell_count,
      .column_count = schema_count_scalars(&run->plan.schema),
      .process_bytes = run->process_bytes,
  };
  return budget_make(&run->budget, &facts, run->settings->memory_bytes, err);
}

/*
 * ACCESS SHARE on the table and every leaf, before the snapshot is taken: what is described then stays as it is.
 * Where there is no right to that, or no way, source_is_unchanged is asked afterwards.
 */
static bool lock_source(struct run *run, const struct source *s, bool *settled, struct error *err) {
  if (!s->may_lock || pg_execf(run->holder, err, "LOCK TABLE %s IN ACCESS SHARE MODE", s->sql_name))
    return true;
  if (!strcmp(err->sqlstate, "42P01")) *settled = false;   /* dropped or renamed in between: look again */
  return false;
}

static bool is_subset(const struct source *of, const struct source *in) {
  size_t k = 0;
  for (size_t i = 0; i < of->leaf_count; i++) {
    while (k < in->leaf_count && in->leaves[k].oid < of->leaves[i].oid) k++;
    if (k == in->leaf_count || in->leaves[k].oid != of->leaves[i].oid) return false;
  }
  return true;
}

static bool make_plan(struct run *run, struct plan *plan, struct error *err) {
  const struct export_request *r = run->request;
  if (run->settings->counts_process) run->process_bytes = budget_process_bytes() + PROCESS_GROWTH_BYTES;
  if (!make_budget(run, wanted_lanes(run), err)) return false;
  const struct memory_budget *b = &run->budget;
  return plan_make(plan, r, run->holder, (uint64_t)b->chunks_per_lane * b->chunk_bytes, b->lanes, err);
}

/* Some servers that speak the protocol cannot export a snapshot: the holder then reads alone, in a new one. */
static bool take_snapshot(struct run *run, bool *settled, struct error *err) {
  if (!session_take_snapshot(run->holder, &run->snapshot, err)) return false;
  if (run->alone || session_export_snapshot(run->holder, &run->snapshot, err)) return true;
  run->alone = err->code != ERR_SOURCE_LOST;
  if (run->alone) *settled = false;
  return false;
}

/* Was everything locked that is described now? seen: what was described before the locks. */
static bool is_settled(struct run *run, const struct source *seen, bool *settled, struct error *err) {
  const struct source *s = run->plan.source;
  if (seen) *settled = is_subset(s, seen);
  return !seen || !*settled || s->may_lock || source_is_unchanged(run->holder, s, settled, err);
}

/* *settled false, whatever it returns: something came between, so everything must be looked at again. */
static bool plan_in_snapshot(struct run *run, bool *settled, struct error *err) {
  const struct export_request *r = run->request;
  struct source *seen = NULL;
  *settled = true;
  if (r->table) {
    bool ok = session_begin_look(run->holder, err) &&
              source_describe_table(run->holder, r->table, &seen, err);
    session_end(run->holder);
    if (!ok) return false;
  }
  bool ok = session_begin_holder(run->holder, err) && (!seen || lock_source(run, seen, settled, err)) &&
            take_snapshot(run, settled, err) && make_plan(run, &run->plan, err) &&
            is_settled(run, seen, settled, err);
  source_free(seen);
  return ok;
}

static bool connect_holder(struct run *run, struct error *err) {
  struct pg *pg;
  if (!pg_connect(run->settings->conninfo, run->settings->application_name, &run->stop, &pg, err))
    return false;
  pg_set_rate(pg, &run->rate);
  pthread_mutex_lock(&run->mutex);
  run->holder = pg;
  pthread_mutex_unlock(&run->mutex);
  return true;
}

static bool plan(struct run *run, struct error *err) {
  if (run->request->query && !run->settings->allow_query)
    return fail_field(err, "query",
                      "queries are not allowed here: name a table, or ask the operator to allow them");
  if (!connect_holder(run, err)) return false;
  for (int i = 0; i < DESCRIBE_ATTEMPTS; i++) {
    bool settled;
    if (!cancel_check(run->cancel, err)) return false;
    bool ok = plan_in_snapshot(run, &settled, err);
    if (settled) return ok;
    plan_deinit(&run->plan);
    session_end(run->holder);
  }
  return fail(err, ERR_SOURCE_LOST, "the table or its partitions change faster than they can be locked");
}

static void set_estimates(struct run *run) {
  const struct scan *scan = &run->plan.scan;
  atomic_store(&run->progress->snapshot_us, run->snapshot.taken_us);
  atomic_store(&run->progress->rows_estimated, scan->rows_estimated);
  atomic_store(&run->progress->work_total, scan->blocks_total);
}

/* One stream of more than a few rows: it is read by one lane and encoded by the others. */
static bool is_worth_a_feed(const struct run *run) {
  const struct scan *scan = &run->plan.scan;
  return !scan_is_cut(scan) && run->budget.lanes > 1 && scan->rows_estimated >= FEED_ROWS_MIN;
}

static void settle_lane_count(struct run *run) {
  const struct scan *scan = &run->plan.scan;
  int lanes = run->budget.lanes;
  if ((uint64_t)lanes > scan->split_count) lanes = (int)scan->split_count;
  if (!scan_is_cut(scan) || !*run->snapshot.id || lanes < 1) lanes = 1;
  if (is_worth_a_feed(run)) lanes = run->format->is_text ? run->budget.lanes : 2;
  pthread_mutex_lock(&run->mutex);
  run->lane_count = lanes;
  pthread_mutex_unlock(&run->mutex);
}

static bool make_lanes(struct run *run, struct error *err) {
  settle_lane_count(run);
  struct lane *lanes = calloc((size_t)run->lane_count, sizeof *lanes);
  if (!lanes) return fail_memory(err, "the lanes");
  bool ok = true;
  for (int i = 0; i < run->lane_count; i++) {
    lanes[i] = (struct lane){.run = run, .index = i};
    lanes[i].leaf_locked = calloc(run->plan.source->leaf_count + 1, sizeof *lanes[i].leaf_locked);
    ok &= lanes[i].leaf_locked != NULL;
  }
  lanes[0].pg = run->holder;
  pthread_mutex_lock(&run->mutex);
  run->lanes = lanes;
  run->lanes_made = run->lane_count;
  pthread_mutex_unlock(&run->mutex);
  return ok || fail_memory(err, "the lanes");
}

static struct format_spec format_spec(const struct export_request *request, const struct plan *plan) {
  return (struct format_spec){
      .schema = &plan->schema,
      .options = request->format_options,
      .special = request->special,
      .rows_estimated = plan->scan.rows_estimated,
      .created_by = "decant " DECANT_VERSION,
      .source = plan->source->name,
      .snapshot_at = "",
      .order = plan->output_order,
      .order_count = plan->output_order_count,
  };
}

/* What the format itself refuses: types, options, the policy. */
static bool check_format(const struct export_request *request, const struct plan *plan, struct error *err) {
  const struct format_spec spec = format_spec(request, plan);
  void *self;
  if (!request->format->open(&spec, &self, err)) return false;
  request->format->close(self);
  return true;
}

/* What is wrong whatever paths there are: to find them may take as long as the export itself. */
static bool check_known_columns(const struct export_request *request, struct plan *plan, struct error *err) {
  bool ok = plan_columns(plan, NULL, SEEN_ALL, err) && check_format(request, plan, err);
  plan_forget_columns(plan);
  return ok;
}

/* Now that all columns are known. Lanes that no longer fit are not started. */
static bool settle_budget(struct run *run, struct error *err) {
  if (!make_budget(run, run->lane_count, err)) return false;
  pthread_mutex_lock(&run->mutex);
  run->lane_count = run->budget.lanes;
  pthread_mutex_unlock(&run->mutex);
  atomic_store(&run->progress->memory_budget_bytes, run->budget.total_bytes);
  return true;
}

static bool open_output(struct run *run, struct error *err) {
  run->specials_by_column = calloc(run->plan.schema.column_count, sizeof *run->specials_by_column);
  if (!run->specials_by_column) return fail_memory(err, "the counts of special values");
  struct format_spec spec = format_spec(run->request, &run->plan);
  spec.memory_bytes = run->budget.encoder_bytes;
  spec.snapshot_at = run->snapshot.taken_at;
  if (!run->format->open(&spec, &run->format_self, err)) return false;
  if (!run->codec->open(run->request->level, run->budget.workers, &run->codec_self, err)) return false;
  const struct memory_budget *b = &run->budget;
  size_t kept_bytes = run->format->is_text ? b->chunk_bytes : 0;   /* the next row group is long in coming */
  struct window *window = window_new(run->lane_count, b->chunks_per_lane, b->chunk_bytes, kept_bytes,
                                     CHUNK_MAX_BYTES, err);
  pthread_mutex_lock(&run->mutex);
  run->window = window;
  pthread_mutex_unlock(&run->mutex);
  return window != NULL;
}

static bool open_feed(struct run *run, struct error *err) {
  if (scan_is_cut(&run->plan.scan) || run->lane_count < 2) return true;
  struct feed *feed = feed_new(FEED_BATCHES(run->lane_count), err);
  pthread_mutex_lock(&run->mutex);
  run->feed = feed;
  pthread_mutex_unlock(&run->mutex);
  return feed != NULL;
}

static bool start_thread(struct run *run, pthread_t *thread, void *(*main)(void *), void *argument) {
  if (pthread_create(thread, NULL, main, argument) == 0) return true;
  struct error err;
  error_set(&err, ERR_MEMORY, "cannot start a thread");
  run_fail(run, &err);
  return false;
}

static bool start_lane(struct run *run, struct lane *lane) {
  return start_thread(run, &lane->thread, run->feed && lane->index == 0 ? feeder_main : lane_main, lane);
}

static void run_threads(struct run *run) {
  pthread_t writer;
  int started = 0;
  bool writing = start_thread(run, &writer, writer_main, run);
  while (started < run->lane_count && start_lane(run, &run->lanes[started])) started++;
  for (int i = 0; i < started; i++) pthread_join(run->lanes[i].thread, NULL);
  if (writing) pthread_join(writer, NULL);
}

static bool run_lanes(struct run *run, struct error *err) {
  atomic_store(&run->progress->phase, PHASE_RUNNING);
  if (!scan_prepare_lane(&run->plan.scan, run->holder, err)) return false;
  run_threads(run);
  if (run_is_failed(run)) {
    *err = run->first_error;   /* the one that came first is the cause */
    return false;
  }
  uint64_t rows = atomic_load(&run->rows_read);
  if (run->rows_written != rows)
    return fail(err, ERR_INTERNAL, "%llu rows were read, but %llu written", (unsigned long long)rows,
                (unsigned long long)run->rows_written);
  return sink_commit(run->sink, err);
}

/* scan.how and lane_lost are so short that all fits. */
static void describe_way(struct run *run, struct export_result *result) {
  size_t size = sizeof result->how, len = (size_t)snprintf(result->how, size, "%s", run->plan.scan.how);
  uint64_t limit = rate_limit(&run->rate);
  if (limit)
    len += (size_t)snprintf(result->how + len, size - len, "; at most %.2f MB/s read",
                            (double)limit / (1 << 20));
  if (run->feed)
    len += (size_t)snprintf(result->how + len, size - len, "; encoded by %d other%s", run->lane_count - 1,
                            run->lane_count == 2 ? "" : "s");
  if (*run->lane_lost)
    snprintf(result->how + len, size - len, "; %d of %d lanes: %s", result->lanes, run->lane_count,
             run->lane_lost);
}

static void fill_result(struct run *run, struct export_result *result, uint64_t started_us) {
  *result = (struct export_result){
      .rows = run->rows_written,
      .bytes = run->sink->bytes_written,
      .specials = run->specials,
      .bytes_read = atomic_load(&run->rate.bytes),
      .seconds = (double)(clock_monotonic_us() - started_us) / 1e6,
      .seconds_paused = (double)atomic_load(&run->rate.paused_us) / 1e6,
      .lanes = run->lanes_taken_part,
      .memory = run->budget,
  };
  snprintf(result->snapshot_at, sizeof result->snapshot_at, "%s", run->snapshot.taken_at);
  memcpy(result->sha256, run->sink->sha256, sizeof result->sha256);
  describe_way(run, result);
  run_list_specials(run, result->specials_by_column);
}

static void init(struct run *run) {
  rate_init(&run->rate, (uint64_t)run->request->max_rate_bytes, run->settings->rate);
  pthread_condattr_t monotonic;
  pthread_condattr_init(&monotonic);
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&run->split_mutex, NULL);
  pthread_mutex_init(&run->mutex, NULL);
  pthread_cond_init(&run->changed, &monotonic);
  pthread_condattr_destroy(&monotonic);
}

static void deinit(struct run *run) {
  watch_stop(run);
  run_show_rate(run);
  rate_deinit(&run->rate);
  if (run->lanes && run->lanes[0].reader_is_open) reader_close(&run->lanes[0].reader);
  for (int i = 0; i < run->lanes_made; i++) {
    if (i > 0) pg_close(run->lanes[i].pg);   /* connected by discovery, and then not started */
    free(run->lanes[i].leaf_locked);
  }
  window_free(run->window, run->format->meta_free);
  feed_free(run->feed);
  if (run->codec_self) run->codec->close(run->codec_self);
  if (run->format_self) run->format->close(run->format_self);
  free(run->lanes);
  free(run->specials_by_column);
  plan_deinit(&run->plan);
  pg_close(run->holder);   /* ends its transaction, and with it the snapshot */
  pthread_cond_destroy(&run->changed);
  pthread_mutex_destroy(&run->mutex);
  pthread_mutex_destroy(&run->split_mutex);
}

bool export_run(const struct export_request *request, const struct export_settings *settings,
                struct sink *sink, const struct cancel *cancel, struct export_progress *progress,
                struct export_result *result, struct error *err) {
  uint64_t started_us = clock_monotonic_us();
  struct run run = {.request = request, .settings = settings, .format = request->format, .codec = request->codec,
                    .sink = sink, .cancel = cancel, .progress = progress};
  init(&run);
  atomic_store(&progress->phase, PHASE_PLANNING);
  bool ok = watch_start(&run, err) && plan(&run, err);
  if (ok) set_estimates(&run);
  ok = ok && check_known_columns(request, &run.plan, err) && make_lanes(&run, err) &&
       discover_columns(&run, err) && settle_budget(&run, err) &&
       open_output(&run, err) && open_feed(&run, err) && run_lanes(&run, err);
  if (ok) fill_result(&run, result, started_us);
  /* After a cancellation every other error is its consequence. */
  else if (cancel_requested(cancel)) error_set(err, ERR_CANCELLED, "cancelled");
  else request_spell_error(request, err);
  deinit(&run);
  return ok;
}

/* Whoever posts a request waits for the answer: not for the end of somebody's ALTER TABLE. */
static bool make_check_plan(struct plan *plan, const struct export_request *request, struct pg *pg,
                            struct error *err) {
  if (!session_begin_look(pg, err) || !pg_exec(pg, "SET LOCAL lock_timeout = '" CHECK_LOCK_TIMEOUT "'", err))
    return false;
  if (plan_make(plan, request, pg, CHECK_SPLIT_BYTES, 1, err)) return true;
  if (strcmp(err->sqlstate, "55P03") != 0) return false;
  err->code = ERR_BUSY;
  error_prefix(err, "the table is locked by somebody else's statement; try again later: ");
  return false;
}

bool export_check(const struct export_request *request, const struct export_settings *settings,
                  struct export_estimate *estimate, struct error *err) {
  if (request->query && !settings->allow_query)
    return fail_field(err, "query",
                      "queries are not allowed here: name a table, or ask the operator to allow them");
  struct pg *pg;
  if (!pg_connect(settings->conninfo, settings->application_name, NULL, &pg, err)) return false;
  struct plan checked = {0};
  bool ok = make_check_plan(&checked, request, pg, err);
  if (ok) *estimate = (struct export_estimate){checked.scan.rows_estimated, checked.scan.bytes_estimated,
                                               pg_is_superuser(pg)};
  ok = ok && check_known_columns(request, &checked, err);
  if (!ok) request_spell_error(request, err);
  plan_deinit(&checked);
  session_end(pg);
  pg_close(pg);
  return ok;
}
