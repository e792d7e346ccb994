/*
 * The wire row: PostgreSQL's binary COPY tuple as it came (documentation of COPY, "Binary Format"):
 * int16 field count, then per field an int32 length (-1 for NULL) and that many bytes.
 */
#pragma once
#include "row/schema.h"

/*
 * Splits one tuple into the first wire_count cells, which point into the tuple. ERR_SOURCE if the field
 * count differs from wire_count or a length passes the tuple's end. *used is the tuple's length in bytes
 * (a message may hold more than one tuple).
 */
bool wire_split(const uint8_t *tuple, size_t len, size_t wire_count, struct cell *cells, size_t *used,
                struct error *err) MUST_CHECK;
