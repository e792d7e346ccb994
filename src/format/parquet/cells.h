/*
 * From a cell's wire bytes to a value in the open page: one function per kind, chosen once per column.
 *
 * Values that the column's Parquet type cannot hold go by the policy `special`:
 *   error     ERR_VALUE, which names column and value
 *   null      NULL, counted
 *   replace   U+FFFD for each byte that is no UTF-8; dates and timestamps at the type's limits, the
 *             infinities being ±(2^31 - 1) days and ±(2^63 - 1) µs; an infinite numeric becomes the largest
 *             that its DECIMAL holds; a geometry loses its M. NaN and a curve have nothing near them and stay errors.
 */
#pragma once
#include "format/parquet/chunk.h"

typedef bool append_function(struct chunk *c, const struct cell *cell, struct error *err);

append_function *cells_append(const struct leaf *leaf);
