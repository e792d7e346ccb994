/*
 * BYTE_STREAM_SPLIT (Encodings.md): the first bytes of all values, then the second bytes, and so on. It saves nothing by
 * itself, but puts like to like for the codec: signs and exponents.
 */
#pragma once
#include "format/parquet/values.h"

/* Values of width 4 or 8. Readers take FLOAT and DOUBLE; numbers and fixed byte arrays only some (DuckDB before 2.0 none). */
void byte_split_encode(const struct plain_values *values, struct buffer *out);
