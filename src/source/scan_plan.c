/* Which way a source is read, and how it is cut. */
#include "source/scan.h"

#include "source/explain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX (64u << 20)
#define SHARED_PIECE_ROWS_MIN 100000   /* what fits one row group is cut for the lanes into no smaller ones */
#define SPLITS_OF_ROWS_MAX 8000 /* per leaf: a split is a row group, and a file holds at most 10,000 */
#define KEY_RANGES_MAX 65536   /* over all leaves that each of them reads */
#define PRICED_RANGES 3         /* that are EXPLAINed, spread over all */
#define PRICE_MAX 2.0           /* how much more the ranges may cost the server than the whole at once */

void scan_blame(const char *field, struct error *err) {
  bool about_values = !strncmp(err->sqlstate, "22", 2) || !strcmp(err->sqlstate, "42883") ||
                      !strcmp(err->sqlstate, "42704") || !strcmp(err->sqlstate, "42804");
  if (!about_values || err->code != ERR_SOURCE) return;
  err->code = ERR_USAGE;
  snprintf(err->field, sizeof err->field, "%s", field);
  error_prefix(err, "cannot use %s: ", field);
}

static bool blame_filter(const struct scan_spec *spec, struct error *err) {
  if (*spec->where || *spec->order_by) scan_blame(*spec->where ? "where" : "orderBy", err);
  return false;
}

static bool explain_buffer(struct pg *c, struct buffer *sql, struct explained *e, struct error *err) {
  char *text = buffer_take_string(sql);
  if (!text) return fail_memory(err, "a statement");
  bool ok = explain(c, text, e, err);
  free(text);
  return ok;
}

static bool explain_statement(const struct scan *scan, struct pg *c, struct explained *e, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  scan_statement_sql(scan, &sql);
  return explain_buffer(c, &sql, e, err) || blame_filter(&scan->spec, err);
}

/* Asks for a range of the largest leaf: servers without Tid Range Scan would read it all for every split. */
static bool probe_ctid(const struct source *s, struct pg *c, bool *possible, struct error *err) {
  const struct source_leaf *largest = NULL;
  for (size_t i = 0; i < s->leaf_count; i++)
    if (s->leaves[i].by_ctid && (!largest || s->leaves[i].blocks > largest->blocks)) largest = &s->leaves[i];
  *possible = false;
  if (!largest || largest->blocks < 2) return true;
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_appendf(&sql,
                 "SELECT 1 FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.>=) '(0,0)'::pg_catalog.tid"
                 " AND ctid OPERATOR(pg_catalog.<) '(1,0)'::pg_catalog.tid",
                 largest->sql_name);
  struct explained e;
  if (!explain_buffer(c, &sql, &e, err)) return false;
  *possible = e.tid_range;
  return true;
}

static uint64_t bytes_per_split(const struct scan_spec *spec) {
  return spec->split_rows ? 32 * spec->split_bytes : spec->split_bytes;
}

/* How many pieces so many rows and bytes of heap and TOAST are to be read in. */
static double wished_pieces(const struct scan_spec *spec, double bytes, double rows) {
  if (!spec->split_rows || rows <= 0)
    return ceil(bytes / (double)bytes_per_split(spec));
  /* Even pieces rather than a small one at the end, and as many for each lane. */
  double pieces = fmin(ceil(rows / (double)spec->split_rows), SPLITS_OF_ROWS_MAX);
  bool worth_sharing = pieces > 1 || rows >= (double)SHARED_PIECE_ROWS_MIN * spec->lanes;
  return worth_sharing && spec->lanes > 1 ? ceil(pieces / spec->lanes) * spec->lanes : pieces;
}

static int64_t blocks_per_split(const struct scan_spec *spec, const struct source_leaf *leaf, double rows_of_leaf) {
  if (leaf->blocks < 1) return 0;
  double blocks, bytes = leaf->bytes > 0 ? (double)leaf->bytes : 1;
  if (spec->split_rows && rows_of_leaf > 0) {
    double pieces = wished_pieces(spec, bytes, rows_of_leaf);
    blocks = ceil((double)leaf->blocks / (pieces < 1 ? 1 : pieces));
  } else {
    blocks = (double)bytes_per_split(spec) * (double)leaf->blocks / bytes;
  }
  if (blocks < 1) return 1;
  return blocks > (double)leaf->blocks ? leaf->blocks : (int64_t)blocks;
}

static bool make_leaf_plans(struct scan *scan, struct error *err) {
  size_t n = scan->spec.source->leaf_count;
  scan->leaves = calloc(n ? n : 1, sizeof *scan->leaves);
  return scan->leaves ? true : fail_memory(err, "the plan of splits");
}

bool scan_cut(struct scan *scan, double selectivity, struct error *err) {
  const struct source *s = scan->spec.source;
  if (!scan->leaves && !make_leaf_plans(scan, err)) return false;
  for (size_t i = 0; i < s->leaf_count; i++) {
    const struct source_leaf *leaf = &s->leaves[i];
    struct leaf_plan *plan = &scan->leaves[i];
    plan->first_split = scan->split_count;
    if (scan->by_ctid && leaf->by_ctid && !scan->spec.gentle)
      plan->blocks_per_split = blocks_per_split(&scan->spec, leaf, leaf->rows * selectivity);
    int64_t per = plan->blocks_per_split;
    if (plan->keys) scan->split_count += key_ranges_count(plan->keys);
    else scan->split_count += per ? (uint64_t)((leaf->blocks + per - 1) / per) : 1;
  }
  return true;
}

/* --- key ranges ------------------------------------------------------------------------------------- */

static uint64_t wished_ranges(const struct scan_spec *spec, double bytes, double rows, size_t leaf_count) {
  double pieces = wished_pieces(spec, bytes, rows), most = KEY_RANGES_MAX / (double)(leaf_count ? leaf_count : 1);
  if (pieces > most) pieces = most;
  return pieces < spec->lanes ? (uint64_t)fmax(1, pieces) : (uint64_t)pieces;
}

static bool explain_split(const struct scan *scan, struct pg *c, const struct split *split, struct explained *e,
                          struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  scan_select_sql(scan, split, &sql);
  return explain_buffer(c, &sql, e, err);
}

struct key_try {
  struct scan *scan;
  struct pg *c;
  double selectivity;
  const struct explained *whole;
  size_t leaf;            /* SPLIT_WHOLE: none */
  char why[120];          /* there are no key ranges; "": there are */
};

/*
 * Would the server read the ranges at about the price of the whole? They are pieces of one walk along the index, so
 * that walk's price counts: where the key's order is not that of the heap, and the heap is larger than the cache, it
 * looks up rows one by one, and sorting everything once is cheaper. The ranges' own prices would not do: each is
 * planned as if no other had brought its blocks into the cache. keys have no bounds yet.
 */
static bool walk_pays(const struct key_try *t, const struct key_ranges *keys, double whole_cost, bool *pays,
                      struct error *err) {
  const struct split walk = {.leaf = t->leaf, .range = keys->nullable && keys->nulls_first, .end_block = -1};
  struct explained e;
  if (!pg_exec(t->c, "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off", err)) return false;
  if (!explain_split(t->scan, t->c, &walk, &e, err)) return false;
  *pays = e.cost <= PRICE_MAX * whole_cost;
  return pg_exec(t->c, "SET LOCAL enable_sort = on", err);
}

/* Does an index lead to each range? Else what is read for every range must be small: a little leaf without an index. */
static bool ranges_are_led_to(const struct key_try *t, const struct key_ranges *keys, double whole_cost, bool *led,
                              struct error *err) {
  uint64_t count = key_ranges_count(keys);
  double cost = 0;
  *led = true;
  for (int i = 0; i < PRICED_RANGES; i++) {
    struct explained e;
    const struct split split = {
        .leaf = t->leaf, .range = count * (2 * (uint64_t)i + 1) / (2 * PRICED_RANGES), .end_block = -1};
    if (!explain_split(t->scan, t->c, &split, &e, err)) return false;
    *led &= e.is_narrowed;
    cost += e.cost;
  }
  *led |= cost / PRICED_RANGES * (double)count <= PRICE_MAX * whole_cost;
  return true;
}

/*
 * Finds the bounds of keys that have none, for leaves of so many bytes and, after the filter, rows. A leaf that is
 * read by its key comes in the key's order even where there is one range only: so whether it is must not depend on how
 * many are wished, for that depends on the lanes.
 */
static bool cut_keys(struct key_try *t, struct key_ranges *keys, const struct source_leaf *leaves, size_t leaf_count,
                     const struct explained *whole, double bytes, struct error *err) {
  const struct scan_spec *spec = &t->scan->spec;
  uint64_t ranges = wished_ranges(spec, bytes * t->selectivity, (double)whole->rows, leaf_count);
  bool of_leaf = t->leaf != SPLIT_WHOLE, pays, led = true;
  if (ranges < 2 && !of_leaf) return true;
  if (!walk_pays(t, keys, whole->cost, &pays, err)) return false;
  if (!pays) snprintf(t->why, sizeof t->why, "sorting costs the server less than ranges of %.60s", keys->name);
  if (!pays || ranges < 2) return true;
  if (!key_ranges_cut(keys, t->c, leaves, leaf_count, spec->where, ranges, err)) return false;
  if (keys->bound_count > 0 && !ranges_are_led_to(t, keys, whole->cost, &led, err)) return false;
  if (led) return true;
  if (of_leaf) key_ranges_uncut(keys);
  else snprintf(t->why, sizeof t->why, "no index leads to ranges of %.60s", keys->name);
  return true;
}

static bool try_order(struct key_try *t, struct error *err) {
  struct scan *scan = t->scan;
  const struct source *s = scan->spec.source;
  const char *why;
  if (!key_ranges_of_order(t->c, s, &scan->spec.order_key, scan->spec.order_by, &scan->keys, &why, err)) return false;
  if (!scan->keys) {
    snprintf(t->why, sizeof t->why, "%s", why);
    return true;
  }
  return cut_keys(t, scan->keys, s->leaves, s->leaf_count, t->whole, (double)scan->bytes_estimated, err);
}

static bool try_leaf(struct key_try *t, struct error *err) {
  struct scan *scan = t->scan;
  const struct source_leaf *leaf = &scan->spec.source->leaves[t->leaf];
  const struct split whole_leaf = {.leaf = t->leaf, .end_block = -1};
  struct leaf_plan *plan = &scan->leaves[t->leaf];
  struct explained whole;
  if (!explain_split(scan, t->c, &whole_leaf, &whole, err)) return false;
  if (!key_ranges_of_leaf(t->c, scan->spec.source, leaf, &plan->keys, err)) return false;
  if (plan->keys) return cut_keys(t, plan->keys, leaf, 1, &whole, (double)leaf->bytes, err);
  snprintf(t->why, sizeof t->why, "no unique index");
  return true;
}

/*
 * In a savepoint, which takes the settings back: what the server refuses here, such as a type whose texts cannot be
 * read again, is a reason against key ranges and not against the export.
 */
static bool try_keys(struct key_try *t, bool (*try)(struct key_try *t, struct error *err), struct key_ranges **keys,
                     struct error *err) {
  struct error refused;
  if (!pg_exec(t->c, "SAVEPOINT decant_keys; SET LOCAL enable_tidscan = on", err)) return false;
  if (!try(t, &refused)) {
    if (refused.code != ERR_SOURCE) {
      *err = refused;
      return false;
    }
    snprintf(t->why, sizeof t->why, "%.119s", refused.message);
  }
  if (*t->why) {
    key_ranges_free(*keys);
    *keys = NULL;
  }
  return pg_exec(t->c, "ROLLBACK TO SAVEPOINT decant_keys; RELEASE SAVEPOINT decant_keys", err);
}

static bool plan_order(struct scan *scan, struct pg *c, const struct explained *e, double selectivity,
                       struct error *err) {
  struct key_try t = {.scan = scan, .c = c, .selectivity = selectivity, .whole = e, .leaf = SPLIT_WHOLE};
  if (!try_keys(&t, try_order, &scan->keys, err)) return false;
  scan->split_count = scan->keys ? key_ranges_count(scan->keys) : 1;
  if (scan->keys)
    snprintf(scan->how, sizeof scan->how, "%" PRIu64 " split%s by ranges of %.80s", scan->split_count,
             scan->split_count == 1 ? "" : "s", scan->keys->name);
  else snprintf(scan->how, sizeof scan->how, "one lane: %s", t.why);
  return true;
}

/* For leaves that cannot be cut by blocks, if that is so of all: a lane's settings suit one way or the other. */
static bool plan_leaf_keys(struct scan *scan, struct pg *c, double selectivity, struct error *err) {
  const struct source *s = scan->spec.source;
  if (!make_leaf_plans(scan, err)) return false;
  for (size_t i = 0; i < s->leaf_count; i++) {
    struct key_try t = {.scan = scan, .c = c, .selectivity = selectivity, .leaf = i};
    /* What another server holds is not of this snapshot: its rows could move between two ranges. */
    if (s->leaves[i].is_foreign || s->leaves[i].blocks < 1) continue;
    if (!try_keys(&t, try_leaf, &scan->leaves[i].keys, err)) return false;
    scan->has_leaf_keys |= scan->leaves[i].keys != NULL;
  }
  return true;
}

/* --- the plan --------------------------------------------------------------------------------------- */

static void add_up(struct scan *scan, double *rows) {
  const struct source *s = scan->spec.source;
  *rows = 0;
  for (size_t i = 0; i < s->leaf_count; i++) {
    if (s->leaves[i].rows > 0) *rows += s->leaves[i].rows;
    scan->bytes_estimated += (uint64_t)s->leaves[i].bytes;
    scan->blocks_total += (uint64_t)s->leaves[i].blocks;
  }
}

static bool may_read_leaves(const struct source *s) {
  for (size_t i = 0; i < s->leaf_count; i++)
    if (!s->leaves[i].may_read) return false;
  return true;
}

static bool has_foreign_leaf(const struct source *s) {
  for (size_t i = 0; i < s->leaf_count; i++)
    if (s->leaves[i].is_foreign) return true;
  return false;
}

static const char *why_one_lane(const struct scan_spec *spec, const struct explained *e) {
  if (spec->source->relkind == 'q') return "a query is one stream";
  if (spec->source->relkind == 'v') return "a view is one stream";
  if (spec->source->relkind == 'f') return "a foreign table is one stream";
  /* Rows before the limit are known only when they have been read, so lanes would read what nobody wants. */
  if (spec->limit >= 0) return *spec->order_by ? "a limit takes the first rows of the order" : "a limit without an order";
  if (!may_read_leaves(spec->source)) return "the right is to the table, not to its partitions";
  if (*spec->order_by && spec->gentle) return "gentle, the server orders the rows";
  if (*spec->order_by) return has_foreign_leaf(spec->source) ? "a partition is a foreign table" : NULL;
  return *spec->where && e->uses_index ? "the server uses an index for the filter" : NULL;
}

static bool plan_leaves(struct scan *scan, struct pg *c, double selectivity, struct error *err) {
  scan->by_leaf = true;
  if (!probe_ctid(scan->spec.source, c, &scan->by_ctid, err)) return false;
  if (!scan->by_ctid && !scan->spec.gentle && !plan_leaf_keys(scan, c, selectivity, err)) return false;
  if (!scan_cut(scan, selectivity, err)) return false;
  size_t leaves = scan->spec.source->leaf_count;
  if (scan->spec.gentle)
    snprintf(scan->how, sizeof scan->how, "one lane: gentle, a sequential scan of %s%zu lea%s",
             leaves == 1 ? "" : "each of ", leaves, leaves == 1 ? "f" : "ves");
  else snprintf(scan->how, sizeof scan->how, "%" PRIu64 " split%s of %zu lea%s, by %s", scan->split_count,
           scan->split_count == 1 ? "" : "s", leaves, leaves == 1 ? "f" : "ves",
           scan->by_ctid ? "block ranges" : scan->has_leaf_keys ? "ranges of a unique key" : "leaf");
  return true;
}

bool scan_plan(struct scan *scan, const struct scan_spec *spec, struct pg *c, struct error *err) {
  *scan = (struct scan){.spec = *spec};
  struct explained e;
  if (!explain_statement(scan, c, &e, err)) return false;
  double rows;
  add_up(scan, &rows);
  scan->rows_estimated = e.rows;
  scan->uses_index = e.uses_index;
  const char *why = why_one_lane(spec, &e);
  if (why) {
    scan->split_count = 1;
    snprintf(scan->how, sizeof scan->how, "one lane: %s", why);
    return true;
  }
  double selectivity = *spec->where && rows > 0 ? fmin(1.0, (double)e.rows / rows) : 1.0;
  return *spec->order_by ? plan_order(scan, c, &e, selectivity, err) : plan_leaves(scan, c, selectivity, err);
}
