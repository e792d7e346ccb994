/*
 * A table's rows cut by the values of one column that a btree index leads to: `key < b1`, `key >= b1 AND key < b2` …
 * `key >= bn`, and `key IS NULL` where the column may be NULL. Equal keys are in one range, and the ranges come in the
 * key's order, so ordered ranges one after the other are the ordered whole.
 *
 * Where the bounds lie is only a guess at what makes ranges of like size. That every row is in exactly one range
 * rests on this alone: the server itself has sorted the bounds, by the operators and the collation that then compare
 * them with the column.
 */
#pragma once
#include "source/describe.h"

/* Read-only once it is made. */
struct key_ranges {
  char *name;              /* the column, for people */
  char *sql;               /* the column, quoted */
  char *type_sql;          /* of the literals; as in struct source_column */
  char *collate_sql;       /* " COLLATE x", the column's own; "" where its type has none */
  char *array_sql;         /* the array type of type_sql */
  char *less, *at_least;   /* "OPERATOR(pg_catalog.<)" */
  char *order_by;          /* what each range is sorted by, SQL */
  bool nullable;           /* there is a range for NULLs */
  bool nulls_first, descending;   /* order of the ranges */
  char **bounds;           /* texts, ascending, no two of them equal; but for bound_count 0 never NULL */
  size_t bound_count;
};

void key_ranges_free(struct key_ranges *k);   /* NULL is allowed */

static inline uint64_t key_ranges_count(const struct key_ranges *k) { return k->bound_count + 1 + k->nullable; }

/* What a table is ordered by in front. */
struct key_wish { size_t column; bool descending; };   /* of source->columns */

/*
 * Ranges without bounds: of the whole table by the column of the wish. *out NULL and *why (a literal) where that is
 * not possible. order_by: the whole list.
 */
bool key_ranges_of_order(struct pg *c, const struct source *s, const struct key_wish *wish, const char *order_by,
                         struct key_ranges **out, const char **why, struct error *err) MUST_CHECK;
/* The same of one leaf by its best unique index, sorted by that index's columns; *out NULL where there is none. */
bool key_ranges_of_leaf(struct pg *c, const struct source *s, const struct source_leaf *leaf, struct key_ranges **out,
                        struct error *err) MUST_CHECK;

/*
 * Puts in bounds for up to `ranges` ranges, from keys of rows that lie evenly over the leaves, and for a leaf that
 * cannot be read by ctid from the server's statistics. where: SQL condition, or "".
 */
bool key_ranges_cut(struct key_ranges *k, struct pg *c, const struct source_leaf *leaves, size_t leaf_count,
                    const char *where, uint64_t ranges, struct error *err) MUST_CHECK;
void key_ranges_uncut(struct key_ranges *k);   /* takes the bounds away again */
/* The statement that it asks: texts of bounds, in order. */
void key_sample_sql(const struct key_ranges *k, const struct source_leaf *leaves, size_t leaf_count, const char *where,
                    uint64_t ranges, struct buffer *sql);

/* The condition of a range, SQL. False, and nothing appended, where the range is everything. */
bool key_ranges_append(const struct key_ranges *k, uint64_t index, struct buffer *sql);
