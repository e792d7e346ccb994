/*
 * How the rows of a source are read: as splits, pieces that one COPY reads each. A table's leaves are cut
 * into ranges of blocks (`ctid >= '(a,0)' AND ctid < '(b,0)'`, the last range of a leaf open-ended); where
 * that is not possible a split is a whole leaf, or the whole query.
 *
 * Splits are numbered in the order of the output. But for scan_take everything is made before the lanes start
 * and then read-only.
 */
#pragma once
#include "source/describe.h"

struct scan_spec {
  const struct source *source;   /* borrowed for the scan's life */
  const char *select_list;       /* SQL */
  const char *where;             /* SQL condition, or "" */
  const char *order_by;          /* SQL list, or "" */
  int64_t limit;                 /* -1: none */
  uint64_t split_rows;           /* wished rows per split; 0: by bytes */
  uint64_t split_bytes;          /* wished heap and TOAST bytes per split, where split_rows is 0 */
  int lanes;                     /* that may read side by side: splits by rows come in multiples of it */
};

struct split {
  uint64_t index;                /* 0 to split_count - 1 */
  size_t leaf;                   /* of source->leaves; unused where the scan is one statement */
  int64_t first_block, end_block;   /* end_block -1: open */
};

struct leaf_plan { int64_t blocks_per_split; uint64_t first_split; };   /* blocks_per_split 0: one split */

struct scan {
  struct scan_spec spec;
  bool by_leaf;                  /* splits are leaves or parts of them; else one split, the whole statement */
  bool by_ctid;                  /* leaves are cut by ctid */
  struct leaf_plan *leaves;
  uint64_t split_count;
  uint64_t rows_estimated;       /* after the filter and limit; 0: unknown */
  uint64_t bytes_estimated;      /* of heap and TOAST; 0: unknown */
  uint64_t blocks_total;         /* 0: unknown */
  char how[160];                 /* which way it took, for people */
  uint64_t next;                 /* split to be taken */
};

/*
 * Decides by asking the server: EXPLAIN of the whole statement (which also checks permissions and the types of
 * the filter), and whether ranges of ctid give a Tid Range Scan. The connection is in a transaction.
 */
bool scan_plan(struct scan *scan, const struct scan_spec *spec, struct pg *c, struct error *err) MUST_CHECK;
void scan_deinit(struct scan *scan);
/* The part of it that needs no server: numbers the splits. spec, by_leaf and by_ctid are set. selectivity: 0 to 1. */
bool scan_cut(struct scan *scan, double selectivity, struct error *err) MUST_CHECK;

/* The split that is next, and taking it; false when there are no more. Under one lock of the caller's. */
bool scan_peek(const struct scan *scan, struct split *split);
void scan_take(struct scan *scan);
/* Blocks of a split, for progress. */
uint64_t scan_split_blocks(const struct scan *scan, const struct split *split);

/* The COPY statement of a split. */
void scan_copy_sql(const struct scan *scan, const struct split *split, struct buffer *sql);
/* The SELECT of everything, as one statement. */
void scan_statement_sql(const struct scan *scan, struct buffer *sql);
/*
 * A SELECT of about `rows` rows, of blocks spaced over the leaves; for scans by leaf. *all: it takes every row,
 * since there are no more.
 */
void scan_sample_sql(const struct scan *scan, uint64_t rows, struct buffer *sql, bool *all);
/* What every lane sets before it reads: a split must stay in block order. */
bool scan_prepare_lane(const struct scan *scan, struct pg *c, struct error *err) MUST_CHECK;
