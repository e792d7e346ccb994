#include "export/locate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX ((size_t)64 << 20)
/* Looking is a courtesy: it must not take longer than people wait for the error. */
#define LOOK_TIMEOUT "5s"

#define CTID_SIZE 32

static bool is_about_a_row(const struct error *err) {
  return err->code == ERR_VALUE || err->code == ERR_SOURCE || err->code == ERR_MEMORY;
}

static bool query_ctid(struct pg *c, const char *sql, char ctid[CTID_SIZE], struct error *err) {
  struct pg_result *r;
  if (!pg_exec(c, "SET LOCAL statement_timeout = '" LOOK_TIMEOUT "'", err)) return false;
  if (!pg_query(c, sql, NULL, 0, &r, err)) return false;
  bool found = pg_row_count(r) == 1;
  if (found) snprintf(ctid, CTID_SIZE, "%s", pg_value(r, 0, 0));
  pg_result_free(r);
  return found || fail(err, ERR_NOT_FOUND, "no such row");
}

/* In the same snapshot, with the settings of the lanes: so the rows come in the same order. */
static bool look(struct run *run, const char *sql, char ctid[CTID_SIZE]) {
  struct error ignored;
  struct pg *pg = NULL;
  bool ok = pg_connect_like(run->holder, &run->stop, &pg, &ignored) &&
            session_join(pg, &run->snapshot, &ignored) && plan_set_zone(&run->plan, pg, &ignored) &&
            scan_prepare_lane(&run->plan.scan, pg, &ignored) && query_ctid(pg, sql, ctid, &ignored);
  pg_close(pg);
  return ok;
}

static bool find_ctid(struct run *run, const struct row_place *place, char ctid[CTID_SIZE]) {
  if (!place->split || run->feed || !*run->snapshot.id || run_is_failed(run)) return false;
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  bool possible = scan_ctid_sql(place->scan, place->split, place->row, &sql);
  char *text = buffer_take_string(&sql);
  bool found = possible && text && look(run, text, ctid);
  free(text);
  return found;
}

/* The row by its number: in the split, of which is said where it begins, or in the output as a whole. */
static void append_number(const struct row_place *place, struct buffer *to) {
  const struct scan *scan = place->scan;
  const struct split *split = place->split;
  buffer_appendf(to, "row %" PRIu64, place->rows_before + place->row);
  if (!split) buffer_append_string(to, " of the sample");
  if (!split || !scan_is_cut(scan)) return;
  if (scan->by_ctid && split->first_block > 0)
    buffer_appendf(to, " from block %" PRId64 " on", split->first_block);
  if (!scan->by_ctid && split->range > 0) buffer_appendf(to, " of range %" PRIu64, split->range + 1);
}

static const char *kind_of(const struct source *s) {
  switch (s->relkind) {
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'f': return "foreign table";
    default: return "table";
  }
}

static void append_place(struct run *run, const struct row_place *place, struct buffer *to) {
  const struct source *s = run->plan.source;
  const struct source_leaf *leaf = place->split && place->scan->by_leaf ? &s->leaves[place->split->leaf]
                                                                        : NULL;
  char ctid[CTID_SIZE];
  if (s->relkind == 'q') buffer_append_string(to, "query, ");
  else buffer_appendf(to, "%s \"%.200s\", ", kind_of(s), s->name);
  if (leaf && leaf->oid != s->oid)
    buffer_appendf(to, "%s %.200s, ", s->relkind == 'p' ? "partition" : "child table", leaf->sql_name);
  if (find_ctid(run, place, ctid)) buffer_appendf(to, "row at ctid %s", ctid);
  else append_number(place, to);
}

void locate_row_at(struct run *run, const struct row_place *place, struct error *err) {
  if (!is_about_a_row(err)) return;
  struct buffer text;
  buffer_init(&text, 4096);
  append_place(run, place, &text);
  char *shown = buffer_take_string(&text);
  if (shown) error_prefix(err, "%s: ", shown);
  free(shown);
}

void locate_row(const struct lane *lane, struct error *err) {
  const struct row_place place = {.scan = &lane->run->plan.scan, .split = &lane->reading,
                                  .row = lane->reader.row_count, .rows_before = lane->rows_before};
  locate_row_at(lane->run, &place, err);
}
