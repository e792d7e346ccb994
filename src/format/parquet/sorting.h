/*
 * By which columns the rows of a row group are sorted, as RowGroup.sorting_columns may say it. That the server was asked
 * for an order proves nothing: its own is another than Parquet's where a collation orders text, numbers are written as text,
 * or a value is replaced. So every row is compared with the one before it, as both are written and in the order that
 * Parquet has for their type. What remains true is said: rows sorted by (a, b) are sorted by (a).
 *
 * The claim is a row group's, but readers take it for the file's where all groups make the same (DataFusion leaves out a
 * sort then). So the footer says of all groups what is true of the whole file.
 *
 * One lane's. The chunks are the encoder's and outlive it.
 */
#pragma once
#include "format/parquet/chunk.h"

#define SORT_KEY_BYTES_MAX 4096   /* of a text: a column with a longer one is not said to be sorted */

struct sort_key;

struct sorting {
  struct sort_key *keys;
  size_t key_count;
  size_t sorted_count;         /* the row group's rows so far are sorted by so many of the first keys */
  bool has_row;
  struct sort_edges edges;     /* its first row; the last is made when it ends */
};

/* columns: at most SORTING_COLUMNS_MAX leaves that are not nested. deinit may follow a failure. */
bool sorting_init(struct sorting *s, const struct sorting_column *columns, size_t count, const struct chunk *chunks,
                  struct error *err) MUST_CHECK;
void sorting_deinit(struct sorting *s);
void sorting_reset(struct sorting *s);   /* for the next row group */

/* The row group's rows are all there. The caller's to deinit. What there is no memory for is not claimed. */
void sorting_take_edges(struct sorting *s, struct sort_edges *edges);

/* The row that all chunks have just taken. Only while sorted_count is not 0. */
void sorting_add_row(struct sorting *s);
