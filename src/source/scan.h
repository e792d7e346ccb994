/*
 * How the rows of a source are read: as splits, pieces that one COPY reads each. A table's leaves are cut
 * into ranges of blocks (`ctid >= '(a,0)' AND ctid < '(b,0)'`, the last range of a leaf open-ended), or else of a
 * unique key's values; an ordered table as a whole into ranges of what it is ordered by first. Where
 * that is not possible a split is a whole leaf, or the whole query.
 *
 * Splits are numbered in the order of the output. But for scan_take everything is made before the lanes start
 * and then read-only.
 */
#pragma once
#include "source/key_ranges.h"

struct scan_spec {
  const struct source *source;   /* borrowed for the scan's life */
  const char *select_list;       /* SQL */
  const char *where;             /* SQL condition, or "" */
  const char *order_by;          /* SQL list, or "" */
  struct key_wish order_key;     /* the first of that list */
  int64_t limit;                 /* -1: none */
  uint64_t split_rows;           /* wished rows per split; 0: by bytes */
  uint64_t split_bytes;          /* wished heap and TOAST bytes per split, where split_rows is 0 */
  int lanes;                     /* that may read side by side: splits by rows come in multiples of it */
  /*
   * A leaf is one split, without ranges: only a plain sequential scan reads a table that is larger than a quarter of
   * the server's cache through a small ring, which leaves the cache to the server's other work.
   */
  bool gentle;
};

#define SPLIT_WHOLE SIZE_MAX

struct split {
  uint64_t index;                /* 0 to split_count - 1 */
  size_t leaf;                   /* of source->leaves; SPLIT_WHOLE where the statement is on the source as a whole */
  uint64_t range;                /* of the leaf's or the scan's splits, 0 for the first */
  int64_t first_block, end_block;   /* end_block -1: open */
};

struct leaf_plan {
  int64_t blocks_per_split;      /* 0: not cut by blocks */
  struct key_ranges *keys;       /* NULL: not cut by keys; never both */
  uint64_t first_split;
};

struct scan {
  struct scan_spec spec;
  bool by_leaf;                  /* splits are leaves or parts of them */
  bool by_ctid;                  /* leaves are cut by ctid */
  bool has_leaf_keys;            /* a leaf is cut by keys; then none is by ctid */
  struct key_ranges *keys;       /* without by_leaf: what the whole is cut by; NULL: one split, the statement */
  struct leaf_plan *leaves;
  uint64_t split_count;
  uint64_t rows_estimated;       /* after the filter and limit; 0: unknown */
  bool uses_index;               /* as the server would read the whole */
  uint64_t bytes_estimated;      /* of heap and TOAST; 0: unknown */
  uint64_t blocks_total;         /* 0: unknown */
  char how[160];                 /* which way it took, for people */
  uint64_t next;                 /* split to be taken */
};

/*
 * Decides by asking the server: EXPLAIN of the whole statement (which also checks permissions and the types of
 * the filter), whether ranges of ctid give a Tid Range Scan, and whether ranges of a key cost about as much as the
 * whole. The connection is in a transaction, whose snapshot has been exported if it is to be: this takes savepoints.
 */
bool scan_plan(struct scan *scan, const struct scan_spec *spec, struct pg *c, struct error *err) MUST_CHECK;
void scan_deinit(struct scan *scan);
/* Makes an error of the server's about a filter's value or operator the request's: ERR_USAGE for `field`. */
void scan_blame(const char *field, struct error *err);
/* The part of it that needs no server: numbers the splits of leaves. spec, by_leaf and by_ctid are set. selectivity: 0 to 1. */
bool scan_cut(struct scan *scan, double selectivity, struct error *err) MUST_CHECK;

/* More than one statement: lanes can share it, and a sample of its rows is one of any place. */
static inline bool scan_is_cut(const struct scan *scan) { return scan->by_leaf || scan->keys; }

/* The split that is next, and taking it; false when there are no more. Under one lock of the caller's. */
bool scan_peek(const struct scan *scan, struct split *split);
void scan_take(struct scan *scan);
/* Blocks of a split, for progress. */
uint64_t scan_split_blocks(const struct scan *scan, const struct split *split);

/* The statement of a split: as SELECT, and as COPY. */
void scan_select_sql(const struct scan *scan, const struct split *split, struct buffer *sql);
void scan_copy_sql(const struct scan *scan, const struct split *split, struct buffer *sql);
/*
 * A SELECT of the ctid of a split's row, 1 for the first. False where the same rows need not come in the same order
 * again: in an order that the user asked for rows may be equal, and a statement is the server's to plan. A leaf is read
 * by its blocks, or by a unique key.
 */
bool scan_ctid_sql(const struct scan *scan, const struct split *split, uint64_t row, struct buffer *sql);
/* The SELECT of everything, as one statement. */
void scan_statement_sql(const struct scan *scan, struct buffer *sql);
/*
 * A SELECT of about `rows` rows, of blocks spaced over the leaves; where scan_is_cut. *all: it takes every row,
 * since there are no more.
 */
void scan_sample_sql(const struct scan *scan, uint64_t rows, struct buffer *sql, bool *all);
/* ctid from block `first` to before `end`; end -1: open. */
void scan_append_blocks(struct buffer *sql, int64_t first, int64_t end);
/* What every lane sets before it reads. */
bool scan_prepare_lane(const struct scan *scan, struct pg *c, struct error *err) MUST_CHECK;
