/* The Range header (RFC 9110, 14.1.2) of a file whose size is known. Pure, overflow-proof. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum range_result {
  RANGE_WHOLE,            /* no range, or one that is to be ignored: malformed, another unit, several */
  RANGE_PART,             /* *first and *length: at least one byte, inside the file */
  RANGE_UNSATISFIABLE,    /* 416 */
};

/* header may be NULL. */
enum range_result range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *length);
