/*
 * DELTA_BINARY_PACKED (Encodings.md, "Delta Encoding"): whole numbers as packed differences. Blocks of 256 values hold
 * their least difference and four miniblocks of 64 values, each packed in as many bits as its largest needs; the last
 * miniblock is padded with zeros. It is small where neighbours differ by little or by the same.
 *
 * Differences wrap around in the type's own width, as the specification demands, so that any two neighbours will do.
 */
#pragma once
#include "format/parquet/values.h"

/* Values of width 4 (INT32) or 8 (INT64). */
void delta_binary_encode(const struct plain_values *values, struct buffer *out);
