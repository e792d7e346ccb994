/*
 * Before the first byte: which paths the JSON columns hold, where they are flattened. A sample is one statement;
 * a full pass over a table is shared by the lanes, whose connections then stay open for the export.
 */
#include "export/locate.h"
#include "row/flatten.h"

#include <stdlib.h>

#define SAMPLE_BYTES ((size_t)4 << 20)   /* of a stream that is read ahead and kept */
#define SQL_MAX ((size_t)1 << 30)
#define CANCEL_CHECK_ROWS 1024

/* What one thread sees. */
struct looker {
  struct run *run;
  struct path_collector **collectors;   /* per wire column, NULL where nothing is flattened */
  size_t *cells_of;                     /* per wire column: its cell in what is read */
  size_t cell_count;
  struct cell *cells;
  uint64_t rows;
  const struct split *reading;          /* what the rows are of; NULL: a sample, taken here and there */
  uint64_t rows_before;                 /* seen of other splits */

  /* In a full pass by several. */
  struct discovery *discovery;
  struct lane *lane;
  bool has_turn;                        /* holds `large` */
  uint64_t turn_row;                    /* the row that it was taken for */
  bool is_started;
  pthread_t thread;
};

struct discovery {
  struct run *run;
  struct scan scan;         /* the run's, of the flattened columns alone; its own count of splits taken */
  struct looker *lookers;   /* [0] keeps what all have seen */
  int count;
  pthread_mutex_t large;    /* who receives a large row: one at a time */
};

/* The row in hand is no JSON, or holds more paths than there may be. */
static bool fail_row(struct looker *l, const struct wire_column *w, struct error *err) {
  const struct row_place place = {.scan = &l->discovery->scan, .split = l->reading, .row = l->rows - l->rows_before};
  error_prefix(err, "column \"%s\": ", w->name);
  locate_row_at(l->run, &place, err);
  return false;
}

static bool see_row(void *context, const struct cell *cells, struct error *err) {
  struct looker *l = context;
  const struct schema *schema = &l->run->plan.schema;
  if (l->rows++ % CANCEL_CHECK_ROWS == 0 && !cancel_check(l->run->cancel, err)) return false;
  for (size_t i = 0; i < schema->wire_count; i++) {
    if (!l->collectors[i]) continue;
    const struct cell *cell = &cells[l->cells_of[i]];
    if (cell_is_null(cell)) continue;
    size_t skip = schema->wire[i].kind == KIND_JSONB && cell->len > 0;   /* jsonb's version byte */
    if (!path_collector_add(l->collectors[i], cell->data + skip, (size_t)cell->len - skip, err))
      return fail_row(l, &schema->wire[i], err);
  }
  return true;
}

static void give_turn(struct looker *l) {
  if (l->has_turn) pthread_mutex_unlock(&l->discovery->large);
  l->has_turn = false;
}

/* Reads a whole statement for discovery alone. */
static bool see_copy(struct looker *l, struct pg *pg, struct buffer *sql, struct error *err) {
  char *text = buffer_take_string(sql);
  if (!text) return fail_memory(err, "a statement");
  struct reader reader;
  bool got = true;
  bool ok = reader_open(&reader, pg, text, l->cell_count, err);
  free(text);
  while (ok && got) {
    ok = reader_next(&reader, l->cells, &got, err);
    /* With the next row the large one before has gone. */
    if (l->has_turn && l->rows > l->turn_row) give_turn(l);
    if (ok && got) ok = see_row(l, l->cells, err);
  }
  give_turn(l);
  reader_close(&reader);
  return ok;
}

static bool see_statement(struct looker *l, struct buffer *sql, struct error *err) {
  buffer_append_string(sql, ") TO STDOUT (FORMAT binary)");
  return see_copy(l, l->run->holder, sql, err);
}

/* --- A full pass by the lanes --------------------------------------------------------------------------- */

/* A large row comes: only one lane at a time receives one, so that memory holds no more than that. */
static bool take_turn(void *context, struct error *err) {
  struct looker *l = context;
  if (!l->has_turn) pthread_mutex_lock(&l->discovery->large);
  l->has_turn = true;
  l->turn_row = l->rows;
  return cancel_check(l->run->cancel, err);
}

static bool see_split(struct looker *l, const struct split *split, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  scan_copy_sql(&l->discovery->scan, split, &sql);
  l->reading = split;
  l->rows_before = l->rows;
  return see_copy(l, l->lane->pg, &sql, err);
}

static bool see_splits(struct looker *l, struct error *err) {
  struct split split;
  while (!run_is_failed(l->run) && lane_take_split(l->lane, &l->discovery->scan, &split, false))
    if (!cancel_check(l->run->cancel, err) || !see_split(l, &split, err)) return false;
  return true;
}

static void *looker_main(void *argument) {
  struct looker *l = argument;
  struct error err;
  if (!lane_connect(l->lane)) {
    lane_disconnect(l->lane);
    return NULL;
  }
  pg_on_large_row(l->lane->pg, l->run->budget.large_row_bytes, take_turn, l);
  if (!see_splits(l, &err)) run_fail(l->run, &err);
  pg_on_large_row(l->lane->pg, 0, NULL, NULL);
  return NULL;
}

static bool join_lookers(struct discovery *d, struct error *err) {
  for (int i = 1; i < d->count; i++)
    for (size_t k = 0; k < d->run->plan.schema.wire_count; k++) {
      struct path_collector *c = d->lookers[0].collectors[k];
      if (!c || path_collector_join(c, d->lookers[i].collectors[k], err)) continue;
      error_prefix(err, "column \"%s\": ", d->run->plan.schema.wire[k].name);
      return false;
    }
  return true;
}

static bool see_all_splits(struct discovery *d, struct error *err) {
  struct run *run = d->run;
  if (!scan_prepare_lane(&d->scan, run->holder, err)) return false;
  pthread_mutex_init(&d->large, NULL);
  for (int i = 1; i < d->count; i++) {
    struct looker *l = &d->lookers[i];
    l->is_started = pthread_create(&l->thread, NULL, looker_main, l) == 0;   /* if not, the others do its part */
  }
  looker_main(&d->lookers[0]);
  for (int i = 1; i < d->count; i++)
    if (d->lookers[i].is_started) pthread_join(d->lookers[i].thread, NULL);
  pthread_mutex_destroy(&d->large);
  if (run_is_failed(run)) {
    *err = run->first_error;
    return false;
  }
  return join_lookers(d, err);
}

/* --- The ways to look ----------------------------------------------------------------------------------- */

static bool see_all(struct discovery *d, struct error *err) {
  if (d->scan.by_leaf) return see_all_splits(d, err);
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_append_string(&sql, "COPY (");
  scan_statement_sql(&d->scan, &sql);
  const struct split whole = {0};
  d->lookers[0].reading = &whole;
  return see_statement(&d->lookers[0], &sql, err);
}

static bool see_sample(struct discovery *d, bool *all, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_append_string(&sql, "COPY (");
  scan_sample_sql(&d->scan, (uint64_t)d->run->request->sample_rows, &sql, all);
  return see_statement(&d->lookers[0], &sql, err);
}

/* One stream: its own first rows are the sample, so that a query does not run twice. */
static bool see_ahead(struct discovery *d, bool *all, struct error *err) {
  struct run *run = d->run;
  struct lane *lane = &run->lanes[0];
  struct looker *l = &d->lookers[0];
  struct split split;
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  if (!scan_peek(&run->plan.scan, &split)) return fail(err, ERR_INTERNAL, "a statement without a split");
  scan_copy_sql(&run->plan.scan, &split, &sql);
  char *text = buffer_take_string(&sql);
  if (!text) return fail_memory(err, "a statement");
  bool ok = reader_open(&lane->reader, run->holder, text, run->plan.schema.wire_count, err);
  free(text);
  lane->reader_is_open = true;
  l->reading = &split;
  return ok && reader_peek(&lane->reader, (uint64_t)run->request->sample_rows, SAMPLE_BYTES, l->cells,
                           see_row, l, all, err);
}

/* Whole tables of one snapshot hold the same rows whenever they are read; a query may call random(). */
static enum seen seen_by_full_pass(const struct plan *plan) {
  char kind = plan->source->relkind;
  bool is_stored = kind == 'r' || kind == 'p' || kind == 'm';
  for (size_t i = 0; i < plan->source->leaf_count; i++) is_stored &= !plan->source->leaves[i].is_foreign;
  return is_stored && plan->request->limit < 0 ? SEEN_ALL : SEEN_OTHER_RUN;
}

/* The rest of the rows is not looked at, so what is too much for columns has a place anyway: the rest column. */
static enum too_many too_many(const struct run *run) {
  return run->request->discover == DISCOVER_FULL ? TOO_MANY_FAILS : TOO_MANY_REST;
}

/* reads_ahead: the rows are the export's own, with all of their columns. */
static bool make_looker(struct discovery *d, int index, bool reads_ahead, struct error *err) {
  struct run *run = d->run;
  const struct plan *plan = &run->plan;
  struct looker *l = &d->lookers[index];
  size_t count = plan->schema.wire_count;
  *l = (struct looker){.run = run, .discovery = d, .lane = &run->lanes[index]};
  l->collectors = calloc(count, sizeof *l->collectors);
  l->cells_of = calloc(count, sizeof *l->cells_of);
  l->cells = calloc(count, sizeof *l->cells);
  if (!l->collectors || !l->cells_of || !l->cells) return fail_memory(err, "discovery");
  for (size_t i = 0; i < count; i++) {
    l->cells_of[i] = reads_ahead ? i : l->cell_count;
    if (!plan->is_discovered[i]) continue;
    l->cell_count++;
    l->collectors[i] = path_collector_new((uint32_t)run->request->max_paths, too_many(run), err);
    if (!l->collectors[i]) return false;
  }
  return true;
}

static void free_looker(struct looker *l) {
  for (size_t i = 0; l->collectors && i < l->run->plan.schema.wire_count; i++)
    path_collector_free(l->collectors[i]);
  free(l->collectors);
  free(l->cells_of);
  free(l->cells);
}

static bool discover(struct discovery *d, struct error *err) {
  struct run *run = d->run;
  bool full = run->request->discover == DISCOVER_FULL, is_cut = scan_is_cut(&run->plan.scan), all = true,
       ok = true;
  d->scan = run->plan.scan;
  d->scan.spec.select_list = run->plan.discover_list;
  if (d->scan.spec.limit < 0) d->scan.spec.order_by = "";   /* whatever the order, the paths are the same */
  if (!full || !d->scan.by_leaf) d->count = 1;
  for (int i = 0; ok && i < d->count; i++) ok = make_looker(d, i, !full && !is_cut, err);
  if (!ok) return false;
  if (full) ok = see_all(d, err);
  else if (is_cut) ok = see_sample(d, &all, err);
  else ok = see_ahead(d, &all, err);
  enum seen seen = full ? seen_by_full_pass(&run->plan) : all ? SEEN_ALL : SEEN_SAMPLE;
  return ok && plan_columns(&run->plan, d->lookers[0].collectors, seen, err);
}

bool discover_columns(struct run *run, struct error *err) {
  if (!run->plan.discover_list) return plan_columns(&run->plan, NULL, SEEN_ALL, err);
  atomic_store(&run->progress->phase, PHASE_DISCOVERING);
  struct discovery d = {.run = run, .count = run->lane_count};
  d.lookers = calloc((size_t)d.count, sizeof *d.lookers);
  bool ok = d.lookers ? discover(&d, err) : fail_memory(err, "discovery");
  for (int i = 0; d.lookers && i < d.count; i++)
    if (d.lookers[i].run) free_looker(&d.lookers[i]);
  free(d.lookers);
  return ok;
}
