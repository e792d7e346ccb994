/*
 * DELTA_LENGTH_BYTE_ARRAY (Encodings.md): all lengths as DELTA_BINARY_PACKED, then all bytes. Without the lengths between
 * them, texts have longer matches for the codec to find.
 */
#pragma once
#include "format/parquet/values.h"

/* Values of BYTE_ARRAY. `lengths` is scratch of the caller's, emptied first. */
void delta_length_encode(const struct plain_values *values, struct buffer *lengths, struct buffer *out);
