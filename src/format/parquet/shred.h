/*
 * Record shredding: one pass over the wire bytes of an array, a composite or an hstore puts each scalar into the
 * chunk of its leaf, with the levels that say where in the value it stood (Melnik et al., "Dremel", 2010). What is
 * missing, NULL or empty, is an entry in every leaf below it.
 *
 * An array with other dimensions than one, or whose first index is not 1, is no LIST, and goes by `special`:
 *   error     ERR_VALUE, which names column and dimensions
 *   null      NULL in place of that array, counted
 *   replace   its items without the lower bound, counted; of other dimensions an error
 * Nothing of an array is put before that is decided.
 *
 * An infinite interval (PostgreSQL 17) has no parts, and goes by `special`, too: an error, NULL, or with replace the
 * least or greatest numbers of all three, as the server sends them.
 */
#pragma once
#include "format/parquet/chunk.h"

/*
 * The column's value of one row. first: the chunk of the column's first leaf, whose others follow it.
 * ERR_SOURCE where the bytes are no value of the column's type; nothing outside of the cell is read.
 */
bool shred_append(struct chunk *first, const struct cell *cell, struct error *err) MUST_CHECK;
