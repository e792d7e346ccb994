/* Where the bounds of key ranges lie: keys of rows that lie evenly over the table, sorted by the server. */
#include "source/key_ranges.h"

#include <inttypes.h>
#include <stdlib.h>

#define SQL_MAX (64u << 20)
#define BLOCKS_PER_RANGE 4        /* looked at; enough for ranges whose sizes differ by a quarter or so */
#define BLOCKS_MIN 2048
#define BLOCKS_MAX 131072
#define BOUND_LENGTH_MAX 512      /* bytes; longer keys are no bounds */
#define BOUNDS_BYTES_MAX (2 << 20)
#define BOUND_OVERHEAD 32         /* of memory, per bound */
#define LEAVES_PER_GROUP 64       /* the server's parser recurses over a chain of UNION ALL */

/*
 * Rows of every step-th block, a few places in each: a leaf whose rows lie in the key's order gives keys at even
 * distances, which no random sample would. Rows that are not there cost nothing. TABLESAMPLE has neither.
 */
static void append_places(const struct key_ranges *k, const struct source_leaf *leaf, int64_t step, const char *where,
                          struct buffer *sql) {
  buffer_appendf(sql,
                 "SELECT %s FROM ONLY %s WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT"
                 " pg_catalog.format('(%%s,%%s)', b, o)::pg_catalog.tid FROM pg_catalog.generate_series(%" PRId64
                 "::pg_catalog.int8, %" PRId64 "::pg_catalog.int8, %" PRId64 "::pg_catalog.int8) b,"
                 " pg_catalog.unnest('{1,2,4,8,16,32,64,128}'::pg_catalog.int4[]) o))",
                 k->sql, leaf->sql_name, step / 2, leaf->blocks - 1, step);
  if (*where) buffer_appendf(sql, " AND (%s)", where);
}

/* What ANALYZE found: ends of its histogram, and frequent values, beside which a cut may fall. */
static void append_statistics(const struct key_ranges *k, const struct source_leaf *leaf, struct buffer *sql) {
  buffer_appendf(sql,
                 "SELECT u.v FROM pg_catalog.pg_stats s JOIN pg_catalog.pg_namespace n"
                 " ON n.nspname OPERATOR(pg_catalog.=) s.schemaname JOIN pg_catalog.pg_class r"
                 " ON r.relnamespace OPERATOR(pg_catalog.=) n.oid AND r.relname OPERATOR(pg_catalog.=) s.tablename"
                 " CROSS JOIN LATERAL (SELECT pg_catalog.unnest(s.histogram_bounds::pg_catalog.text::%s) UNION ALL"
                 " SELECT pg_catalog.unnest(s.most_common_vals::pg_catalog.text::%s)) u(v)"
                 " WHERE r.oid OPERATOR(pg_catalog.=) %u AND NOT s.inherited AND s.attname OPERATOR(pg_catalog.=) ",
                 k->array_sql, k->array_sql, leaf->oid);
  pg_quote_literal(sql, k->name);
}

static int64_t step_of(const struct source_leaf *leaves, size_t leaf_count, uint64_t ranges) {
  int64_t total = 0, wanted = BLOCKS_MAX;
  for (size_t i = 0; i < leaf_count; i++)
    if (leaves[i].by_ctid) total += leaves[i].blocks;
  if (ranges < BLOCKS_MAX / BLOCKS_PER_RANGE) wanted = (int64_t)ranges * BLOCKS_PER_RANGE;
  if (wanted < BLOCKS_MIN) wanted = BLOCKS_MIN;
  return total <= wanted ? 1 : total / wanted;
}

static void append_sample(const struct key_ranges *k, const struct source_leaf *leaves, size_t leaf_count,
                          const char *where, uint64_t ranges, struct buffer *sql) {
  int64_t step = step_of(leaves, leaf_count, ranges);
  buffer_append_byte(sql, '(');
  for (size_t i = 0; i < leaf_count; i++) {
    if (i) buffer_append_string(sql, i % LEAVES_PER_GROUP ? " UNION ALL " : ") UNION ALL (");
    if (leaves[i].by_ctid) append_places(k, &leaves[i], step, where, sql);
    else append_statistics(k, &leaves[i], sql);
  }
  buffer_append_byte(sql, ')');
}

/*
 * The keys become texts, and values again by way of an array: its input function reads each as a literal is read,
 * which a cast from text may not. They are sorted as ORDER BY sorts; every so-manieth is taken, of equal ones one.
 */
static void append_cut(const struct key_ranges *k, uint64_t ranges, struct buffer *sql) {
  buffer_appendf(sql,
                 ", x(e) AS (SELECT pg_catalog.array_agg(v)::pg_catalog.text FROM s"
                 "  WHERE pg_catalog.octet_length(v::pg_catalog.text) OPERATOR(pg_catalog.<=) %d)"
                 ", k(t, v) AS (SELECT u.t, u.v%s FROM x, ROWS FROM (pg_catalog.unnest(x.e::pg_catalog._text),"
                 "  pg_catalog.unnest(x.e::%s)) AS u(t, v))",
                 BOUND_LENGTH_MAX, k->collate_sql, k->array_sql);
  buffer_appendf(sql,
                 ", r(t, v, n, c, w) AS (SELECT t, v, pg_catalog.row_number() OVER (ORDER BY v), pg_catalog.count(*) OVER (),"
                 "  pg_catalog.avg(pg_catalog.octet_length(t)) OVER () FROM k)"
                 ", p(t, v, n, c, p) AS (SELECT t, v, n, c, LEAST(%" PRIu64 "::pg_catalog.int8, pg_catalog.div(%d, w"
                 "  OPERATOR(pg_catalog.+) %d)::pg_catalog.int8) FROM r)",
                 ranges, BOUNDS_BYTES_MAX, BOUND_OVERHEAD);
  buffer_appendf(sql,
                 ", q(t, v) AS (SELECT t, v FROM p WHERE n OPERATOR(pg_catalog.>) 1"
                 "  AND (((n OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog.*) p) OPERATOR(pg_catalog./) c)"
                 "   OPERATOR(pg_catalog.>) (((n OPERATOR(pg_catalog.-) 2) OPERATOR(pg_catalog.*) p) OPERATOR(pg_catalog./) c))"
                 ", d(t, v, b) AS (SELECT t, v, pg_catalog.lag(v) OVER (ORDER BY v) FROM q) "
                 "SELECT t FROM d WHERE b IS NULL OR b %s v ORDER BY v",
                 k->less);
}

void key_sample_sql(const struct key_ranges *k, const struct source_leaf *leaves, size_t leaf_count, const char *where,
                    uint64_t ranges, struct buffer *sql) {
  buffer_append_string(sql, "WITH s(v) AS (");
  append_sample(k, leaves, leaf_count, where, ranges, sql);
  buffer_append_string(sql, ")");
  append_cut(k, ranges, sql);
}

static bool take_bounds(struct key_ranges *k, const struct pg_result *r, struct error *err) {
  size_t n = pg_row_count(r);
  k->bounds = calloc(n ? n : 1, sizeof *k->bounds);
  if (!k->bounds) return fail_memory(err, "a table's key ranges");
  for (size_t i = 0; i < n; i++) {
    k->bounds[i] = strdup(pg_value(r, i, 0));
    if (!k->bounds[i]) return fail_memory(err, "a table's key ranges");
    k->bound_count++;
  }
  return true;
}

bool key_ranges_cut(struct key_ranges *k, struct pg *c, const struct source_leaf *leaves, size_t leaf_count,
                    const char *where, uint64_t ranges, struct error *err) {
  if (ranges < 2 || leaf_count == 0) return true;
  struct buffer sql;
  buffer_init(&sql, SQL_MAX);
  key_sample_sql(k, leaves, leaf_count, where, ranges, &sql);
  char *text = buffer_take_string(&sql);
  if (!text) return fail_memory(err, "a statement");
  struct pg_result *r;
  bool ok = pg_query(c, text, NULL, 0, &r, err);
  free(text);
  if (!ok) return false;
  ok = take_bounds(k, r, err);
  pg_result_free(r);
  return ok;
}
