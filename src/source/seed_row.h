/* What a row of the demonstration table holds, as SQL. */
#pragma once
#include "base/buffer.h"

/*
 * Appends a SELECT that gives the rows with ids first to last (1 or more), in order, with the columns id,
 * created_at, name, value, metadata. A row depends on its id alone. Needs search_path = pg_catalog.
 */
void seed_row_select(struct buffer *sql, int64_t first, int64_t last);
