/*
 * DELTA_BYTE_ARRAY (Encodings.md, "Delta Strings"): how many bytes each value shares with the one before, as
 * DELTA_BINARY_PACKED, then what follows those bytes as DELTA_LENGTH_BYTE_ARRAY. It is small where values are sorted.
 */
#pragma once
#include "format/parquet/values.h"

/* Values of BYTE_ARRAY. Both scratch buffers are the caller's, emptied first. */
void delta_strings_encode(const struct plain_values *values, struct buffer *lengths, struct buffer *suffixes,
                          struct buffer *out);
