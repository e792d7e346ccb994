#include "source/scan.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX (64u << 20)
#define SHARED_PIECE_ROWS_MIN 100000   /* what fits one row group is cut for the lanes into no smaller ones */
#define SPLITS_OF_ROWS_MAX 8000 /* per leaf: a split is a row group, and a file holds at most 10,000 */
#define SAMPLE_RANGES 64        /* places over the source that a sample reads */
#define SAMPLE_BLOCKS_MIN 2

static void append_tail(const struct scan_spec *spec, struct buffer *sql) {
  if (*spec->where) buffer_appendf(sql, " WHERE %s", spec->where);
  if (*spec->order_by) buffer_appendf(sql, " ORDER BY %s", spec->order_by);
  if (spec->limit >= 0) buffer_appendf(sql, " LIMIT %" PRId64, spec->limit);
}

static void append_statement(const struct scan_spec *spec, struct buffer *sql) {
  buffer_appendf(sql, "SELECT %s FROM %s", spec->select_list, spec->source->sql_name);
  append_tail(spec, sql);
}

struct explained {
  bool uses_index;
  bool tid_range;
  uint64_t rows;
};

static bool explain(struct pg *c, struct buffer *sql, struct explained *e, struct error *err) {
  char *text = buffer_take_string(sql);
  if (!text) return fail_memory(err, "a statement");
  struct pg_result *r;
  bool ok = pg_query(c, text, NULL, 0, &r, err);
  free(text);
  if (!ok) return false;
  *e = (struct explained){0};
  for (size_t i = 0; i < pg_row_count(r); i++) {
    const char *line = pg_value(r, i, 0);
    const char *rows = strstr(line, " rows=");
    if (i == 0 && rows) e->rows = strtoull(rows + 6, NULL, 10);
    if (strstr(line, "Index Scan") || strstr(line, "Index Only Scan")) e->uses_index = true;
    if (strstr(line, "Tid Range Scan")) e->tid_range = true;
  }
  pg_result_free(r);
  return true;
}

/* An error about the filter's values or operators is the request's, not the server's. */
static bool blame_filter(const struct scan_spec *spec, struct error *err) {
  bool about_values = !strncmp(err->sqlstate, "22", 2) || !strcmp(err->sqlstate, "42883") ||
                      !strcmp(err->sqlstate, "42704") || !strcmp(err->sqlstate, "42804");
  if (!about_values || err->code != ERR_SOURCE || (!*spec->where && !*spec->order_by)) return false;
  err->code = ERR_USAGE;
  snprintf(err->field, sizeof err->field, "%s", *spec->where ? "where" : "orderBy");
  error_prefix(err, "cannot use %s: ", err->field);
  return false;
}

static bool explain_statement(const struct scan_spec *spec, struct pg *c, struct explained *e, struct error *err) {
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  buffer_append_string(&sql, "EXPLAIN ");
  append_statement(spec, &sql);
  return explain(c, &sql, e, err) || blame_filter(spec, err);
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
                 "EXPLAIN SELECT 1 FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.>=) '(0,0)'::pg_catalog.tid"
                 " AND ctid OPERATOR(pg_catalog.<) '(1,0)'::pg_catalog.tid",
                 largest->sql_name);
  struct explained e;
  if (!explain(c, &sql, &e, err)) return false;
  *possible = e.tid_range;
  return true;
}

static int64_t blocks_per_split(const struct scan_spec *spec, const struct source_leaf *leaf, double rows_of_leaf) {
  if (leaf->blocks < 1) return 0;
  double blocks;
  if (spec->split_rows && rows_of_leaf > 0) {
    /* Even pieces rather than a small one at the end, and as many for each lane. */
    double pieces = fmin(ceil(rows_of_leaf / (double)spec->split_rows), SPLITS_OF_ROWS_MAX);
    bool worth_sharing = pieces > 1 || rows_of_leaf >= (double)SHARED_PIECE_ROWS_MIN * spec->lanes;
    if (worth_sharing && spec->lanes > 1) pieces = ceil(pieces / spec->lanes) * spec->lanes;
    blocks = ceil((double)leaf->blocks / (pieces < 1 ? 1 : pieces));
  } else {
    uint64_t bytes = spec->split_rows ? 32 * spec->split_bytes : spec->split_bytes;
    blocks = (double)bytes * (double)leaf->blocks / (double)(leaf->bytes > 0 ? leaf->bytes : 1);
  }
  if (blocks < 1) return 1;
  return blocks > (double)leaf->blocks ? leaf->blocks : (int64_t)blocks;
}

bool scan_cut(struct scan *scan, double selectivity, struct error *err) {
  const struct source *s = scan->spec.source;
  scan->leaves = calloc(s->leaf_count ? s->leaf_count : 1, sizeof *scan->leaves);
  if (!scan->leaves) return fail_memory(err, "the plan of splits");
  for (size_t i = 0; i < s->leaf_count; i++) {
    const struct source_leaf *leaf = &s->leaves[i];
    struct leaf_plan *plan = &scan->leaves[i];
    plan->first_split = scan->split_count;
    if (scan->by_ctid && leaf->by_ctid)
      plan->blocks_per_split = blocks_per_split(&scan->spec, leaf, leaf->rows * selectivity);
    int64_t per = plan->blocks_per_split;
    scan->split_count += per ? (uint64_t)((leaf->blocks + per - 1) / per) : 1;
  }
  return true;
}

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

static const char *why_one_lane(const struct scan_spec *spec, const struct explained *e) {
  if (spec->source->relkind == 'q') return "a query is one stream";
  if (spec->source->relkind == 'v') return "a view is one stream";
  if (spec->source->relkind == 'f') return "a foreign table is one stream";
  if (*spec->order_by) return "the server orders the rows";
  if (spec->limit >= 0) return "a limit without an order";
  if (!may_read_leaves(spec->source)) return "the right is to the table, not to its partitions";
  return *spec->where && e->uses_index ? "the server uses an index for the filter" : NULL;
}

bool scan_plan(struct scan *scan, const struct scan_spec *spec, struct pg *c, struct error *err) {
  *scan = (struct scan){.spec = *spec};
  struct explained e;
  if (!explain_statement(spec, c, &e, err)) return false;
  double rows;
  add_up(scan, &rows);
  scan->rows_estimated = e.rows;
  const char *why = why_one_lane(spec, &e);
  if (why) {
    scan->split_count = 1;
    snprintf(scan->how, sizeof scan->how, "one lane: %s", why);
    return true;
  }
  scan->by_leaf = true;
  if (!probe_ctid(spec->source, c, &scan->by_ctid, err)) return false;
  double selectivity = *spec->where && rows > 0 ? fmin(1.0, (double)e.rows / rows) : 1.0;
  if (!scan_cut(scan, selectivity, err)) return false;
  size_t leaves = spec->source->leaf_count;
  snprintf(scan->how, sizeof scan->how, "%" PRIu64 " split%s of %zu lea%s, by %s", scan->split_count,
           scan->split_count == 1 ? "" : "s", leaves, leaves == 1 ? "f" : "ves",
           scan->by_ctid ? "block ranges" : "leaf");
  return true;
}

void scan_deinit(struct scan *scan) {
  free(scan->leaves);
  scan->leaves = NULL;
}

/* The last leaf whose first split is not beyond index. */
static size_t leaf_of(const struct scan *scan, uint64_t index) {
  size_t low = 0, high = scan->spec.source->leaf_count;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    if (scan->leaves[middle].first_split <= index) low = middle;
    else high = middle;
  }
  return low;
}

void scan_take(struct scan *scan) { scan->next++; }

bool scan_peek(const struct scan *scan, struct split *split) {
  uint64_t index = scan->next;
  if (index >= scan->split_count) return false;
  *split = (struct split){.index = index, .end_block = -1};
  if (!scan->by_leaf) return true;
  split->leaf = leaf_of(scan, index);
  const struct leaf_plan *plan = &scan->leaves[split->leaf];
  if (!plan->blocks_per_split) return true;
  split->first_block = (int64_t)(index - plan->first_split) * plan->blocks_per_split;
  int64_t end = split->first_block + plan->blocks_per_split;
  /* Open-ended: the leaf may have grown between its description and the snapshot. */
  split->end_block = end < scan->spec.source->leaves[split->leaf].blocks ? end : -1;
  return true;
}

uint64_t scan_split_blocks(const struct scan *scan, const struct split *split) {
  if (!scan->by_leaf) return scan->blocks_total;
  int64_t end = split->end_block >= 0 ? split->end_block : scan->spec.source->leaves[split->leaf].blocks;
  return end > split->first_block ? (uint64_t)(end - split->first_block) : 0;
}

static void append_range(struct buffer *sql, int64_t first, int64_t end) {
  buffer_appendf(sql, "ctid OPERATOR(pg_catalog.>=) '(%" PRId64 ",0)'::pg_catalog.tid", first);
  if (end >= 0) buffer_appendf(sql, " AND ctid OPERATOR(pg_catalog.<) '(%" PRId64 ",0)'::pg_catalog.tid", end);
}

void scan_copy_sql(const struct scan *scan, const struct split *split, struct buffer *sql) {
  const struct scan_spec *spec = &scan->spec;
  buffer_append_string(sql, "COPY (");
  if (!scan->by_leaf) {
    append_statement(spec, sql);
  } else {
    buffer_appendf(sql, "SELECT %s FROM ONLY %s", spec->select_list, spec->source->leaves[split->leaf].sql_name);
    bool ranged = scan->leaves[split->leaf].blocks_per_split && (split->first_block > 0 || split->end_block >= 0);
    if (ranged || *spec->where) buffer_append_string(sql, " WHERE ");
    if (ranged) append_range(sql, split->first_block, split->end_block);
    if (*spec->where) buffer_appendf(sql, "%s(%s)", ranged ? " AND " : "", spec->where);
  }
  buffer_append_string(sql, ") TO STDOUT (FORMAT binary)");
}

void scan_statement_sql(const struct scan *scan, struct buffer *sql) { append_statement(&scan->spec, sql); }

/* How a sample is drawn: about `blocks` blocks of all; 0: everything. */
struct sample { const struct scan *scan; uint64_t rows; double blocks; bool is_first; };

static void append_sample_select(struct sample *s, const struct source_leaf *leaf, struct buffer *sql) {
  buffer_appendf(sql, "%s(SELECT %s FROM ONLY %s", s->is_first ? "" : " UNION ALL ", s->scan->spec.select_list,
                 leaf->sql_name);
  s->is_first = false;
}

static void append_sample_where(const struct sample *s, const char *join, struct buffer *sql) {
  if (*s->scan->spec.where) buffer_appendf(sql, "%s(%s)", join, s->scan->spec.where);
}

/* Ranges of blocks spaced over the leaf. */
static void sample_ranges(struct sample *s, const struct source_leaf *leaf, struct buffer *sql) {
  double share = (double)leaf->blocks / (double)s->scan->blocks_total;
  int ranges = (int)ceil(SAMPLE_RANGES * share);
  int64_t length = ranges ? (int64_t)ceil(s->blocks * share / ranges) : 0;
  if (length < SAMPLE_BLOCKS_MIN) length = SAMPLE_BLOCKS_MIN;
  for (int k = 0; k < ranges; k++) {
    int64_t start = leaf->blocks * k / ranges;
    append_sample_select(s, leaf, sql);
    buffer_append_string(sql, " WHERE ");
    append_range(sql, start, start + length);
    append_sample_where(s, " AND ", sql);
    buffer_append_byte(sql, ')');
  }
}

/* Where a range would read the whole leaf, the server's own sampling does not; what it cannot sample has a limit. */
static void sample_leaf(struct sample *s, const struct source_leaf *leaf, struct buffer *sql) {
  append_sample_select(s, leaf, sql);
  if (s->blocks > 0 && leaf->by_ctid)
    buffer_appendf(sql, " TABLESAMPLE pg_catalog.system(%.6f) REPEATABLE (0)",
                   fmin(100, 100 * s->blocks / (double)s->scan->blocks_total));
  append_sample_where(s, " WHERE ", sql);
  if (s->blocks > 0 && !leaf->by_ctid) buffer_appendf(sql, " LIMIT %" PRIu64, s->rows);
  buffer_append_byte(sql, ')');
}

/* Blocks that hold about `rows` rows; 0 where everything holds no more. */
static double blocks_of_rows(const struct scan *scan, uint64_t rows) {
  const struct source *s = scan->spec.source;
  double total = (double)scan->blocks_total, per_block = total > 0 ? (double)scan->rows_estimated / total : 1;
  double wanted = (double)rows / (per_block > 0.1 ? per_block : 0.1);
  bool all_known = true;
  for (size_t i = 0; i < s->leaf_count; i++) all_known &= s->leaves[i].by_ctid;
  return all_known && wanted >= total ? 0 : wanted;
}

void scan_sample_sql(const struct scan *scan, uint64_t rows, struct buffer *sql, bool *all) {
  const struct source *source = scan->spec.source;
  struct sample s = {.scan = scan, .rows = rows, .blocks = blocks_of_rows(scan, rows), .is_first = true};
  *all = s.blocks <= 0;
  for (size_t i = 0; i < source->leaf_count; i++) {
    const struct source_leaf *leaf = &source->leaves[i];
    if (scan->by_ctid && leaf->by_ctid && !*all) sample_ranges(&s, leaf, sql);
    else sample_leaf(&s, leaf, sql);
  }
  if (s.is_first) append_statement(&scan->spec, sql);   /* no leaf, or none with a block */
}

bool scan_prepare_lane(const struct scan *scan, struct pg *c, struct error *err) {
  if (!scan->by_leaf) return true;
  return pg_exec(c,
                 "SET LOCAL enable_indexscan = off; SET LOCAL enable_indexonlyscan = off;"
                 "SET LOCAL enable_bitmapscan = off",
                 err);
}
