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
  bool ok = pg_connect_like(run->holder, &run->stop, &pg, &ignored) && session_join(pg, &run->snapshot, &ignored) &&
            plan_set_zone(&run->plan, pg, &ignored) &&
            scan_prepare_lane(&run->plan.scan, pg, &ignored) && query_ctid(pg, sql, ctid, &ignored);
  pg_close(pg);
  return ok;
}

static bool find_ctid(const struct lane *lane, char ctid[CTID_SIZE]) {
  struct run *run = lane->run;
  if (run->feed || !*run->snapshot.id || run_is_failed(run)) return false;
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  bool possible = scan_ctid_sql(&run->plan.scan, &lane->reading, lane->reader.row_count, &sql);
  char *text = buffer_take_string(&sql);
  bool found = possible && text && look(run, text, ctid);
  free(text);
  return found;
}

/* The row by its number: in the split, of which is said where it begins, or in the output as a whole. */
static void append_number(const struct lane *lane, struct buffer *to) {
  const struct scan *scan = &lane->run->plan.scan;
  const struct split *split = &lane->reading;
  buffer_appendf(to, "row %" PRIu64, lane->rows_before + lane->reader.row_count);
  if (!scan_is_cut(scan)) return;
  if (scan->by_ctid && split->first_block > 0) buffer_appendf(to, " from block %" PRId64 " on", split->first_block);
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

static void append_place(const struct lane *lane, struct buffer *to) {
  const struct source *s = lane->run->plan.source;
  const struct source_leaf *leaf = lane->run->plan.scan.by_leaf ? &s->leaves[lane->reading.leaf] : NULL;
  char ctid[CTID_SIZE];
  if (s->relkind == 'q') buffer_append_string(to, "query, ");
  else buffer_appendf(to, "%s \"%.200s\", ", kind_of(s), s->name);
  if (leaf && leaf->oid != s->oid)
    buffer_appendf(to, "%s %.200s, ", s->relkind == 'p' ? "partition" : "child table", leaf->sql_name);
  if (find_ctid(lane, ctid)) buffer_appendf(to, "row at ctid %s", ctid);
  else append_number(lane, to);
}

void locate_row(const struct lane *lane, struct error *err) {
  if (!is_about_a_row(err)) return;
  struct buffer place;
  buffer_init(&place, 4096);
  append_place(lane, &place);
  char *text = buffer_take_string(&place);
  if (text) error_prefix(err, "%s: ", text);
  free(text);
}
