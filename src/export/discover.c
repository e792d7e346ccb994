/* Before the first byte: which paths the JSON columns hold, where they are flattened. */
#include "export/run.h"
#include "row/flatten.h"

#include <stdlib.h>

#define SAMPLE_ROWS 10000
#define SAMPLE_BYTES ((size_t)4 << 20)   /* of a stream that is read ahead and kept */
#define SQL_MAX ((size_t)1 << 30)
#define CANCEL_CHECK_ROWS 1024

struct discovery {
  struct run *run;
  struct path_collector **collectors;   /* per wire column, NULL where nothing is flattened */
  uint64_t rows;
};

static bool see_row(void *context, const struct cell *cells, struct error *err) {
  struct discovery *d = context;
  const struct schema *schema = &d->run->plan.schema;
  if (d->rows++ % CANCEL_CHECK_ROWS == 0 && !cancel_check(d->run->cancel, err)) return false;
  for (size_t i = 0; i < schema->wire_count; i++) {
    if (!d->collectors[i] || cell_is_null(&cells[i])) continue;
    size_t skip = schema->wire[i].kind == KIND_JSONB && cells[i].len > 0;   /* jsonb's version byte */
    if (!path_collector_add(d->collectors[i], cells[i].data + skip, (size_t)cells[i].len - skip, err)) {
      error_prefix(err, "column \"%s\": ", schema->wire[i].name);
      return false;
    }
  }
  return true;
}

/* Reads a whole statement for discovery alone. */
static bool see_statement(struct discovery *d, struct buffer *sql, struct cell *cells, struct error *err) {
  buffer_append_string(sql, ") TO STDOUT (FORMAT binary)");
  char *text = buffer_take_string(sql);
  if (!text) return fail_memory(err, "a statement");
  struct reader reader;
  bool got = true;
  bool ok = reader_open(&reader, d->run->holder, text, d->run->plan.schema.wire_count, err);
  free(text);
  while (ok && got) {
    ok = reader_next(&reader, cells, &got, err);
    if (ok && got) ok = see_row(d, cells, err);
  }
  reader_close(&reader);
  return ok;
}

static bool see_all(struct discovery *d, struct cell *cells, struct error *err) {
  const struct scan *scan = &d->run->plan.scan;
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_append_string(&sql, "COPY (");
  scan_statement_sql(scan, &sql);
  return see_statement(d, &sql, cells, err);
}

static bool see_sample(struct discovery *d, struct cell *cells, bool *all, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_append_string(&sql, "COPY (");
  scan_sample_sql(&d->run->plan.scan, SAMPLE_ROWS, &sql, all);
  return see_statement(d, &sql, cells, err);
}

/* One stream: its own first rows are the sample, so that a query does not run twice. */
static bool see_ahead(struct discovery *d, struct cell *cells, bool *all, struct error *err) {
  struct run *run = d->run;
  struct lane *lane = &run->lanes[0];
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
  return ok && reader_peek(&lane->reader, SAMPLE_ROWS, SAMPLE_BYTES, cells, see_row, d, all, err);
}

/* Whole tables of one snapshot hold the same rows whenever they are read; a query may call random(). */
static enum seen seen_by_full_pass(const struct plan *plan) {
  char kind = plan->source->relkind;
  bool is_stored = kind == 'r' || kind == 'p' || kind == 'm';
  for (size_t i = 0; i < plan->source->leaf_count; i++) is_stored &= !plan->source->leaves[i].is_foreign;
  return is_stored && plan->request->limit < 0 ? SEEN_ALL : SEEN_OTHER_RUN;
}

static bool discover(struct discovery *d, struct error *err) {
  struct run *run = d->run;
  struct cell *cells = calloc(run->plan.schema.wire_count, sizeof *cells);
  if (!cells) return fail_memory(err, "discovery");
  bool all = true, full = run->request->discover == DISCOVER_FULL, ok;
  if (full) ok = see_all(d, cells, err);
  else if (scan_is_cut(&run->plan.scan)) ok = see_sample(d, cells, &all, err);
  else ok = see_ahead(d, cells, &all, err);
  free(cells);
  enum seen seen = full ? seen_by_full_pass(&run->plan) : all ? SEEN_ALL : SEEN_SAMPLE;
  return ok && plan_columns(&run->plan, d->collectors, seen, err);
}

static bool make_collectors(struct discovery *d, struct error *err) {
  const struct plan *plan = &d->run->plan;
  d->collectors = calloc(plan->schema.wire_count, sizeof *d->collectors);
  if (!d->collectors) return fail_memory(err, "discovery");
  for (size_t i = 0; i < plan->item_count; i++) {
    struct path_collector **c = &d->collectors[plan->items[i].wire];
    if (plan->items[i].flatten && !*c && !(*c = path_collector_new(err))) return false;
  }
  return true;
}

bool discover_columns(struct run *run, struct error *err) {
  if (!run->plan.flattens) return plan_columns(&run->plan, NULL, SEEN_ALL, err);
  atomic_store(&run->progress->phase, PHASE_DISCOVERING);
  struct discovery d = {.run = run};
  bool ok = make_collectors(&d, err) && discover(&d, err);
  for (size_t i = 0; d.collectors && i < run->plan.schema.wire_count; i++) path_collector_free(d.collectors[i]);
  free(d.collectors);
  return ok;
}
