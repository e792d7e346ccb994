/* Rows of a finished JSON or NDJSON file: the count_rows slots of format.h. Private to src/format. */
#pragma once
#include "base/error.h"

#include <stdint.h>

/* Follows brackets, strings and the commas between rows to the end of the array, and wants nothing behind it. */
bool json_count_array(int fd, uint64_t *rows, struct error *err) MUST_CHECK;
/*
 * Whatever JSON it is: one value whose brackets match and close, and nothing behind it. *rows: the values in the
 * outermost brackets.
 */
bool json_check_whole(int fd, uint64_t *rows, struct error *err) MUST_CHECK;
/* Every line must be an object whose brackets close on it; the last one must end. */
bool json_count_lines(int fd, uint64_t *rows, struct error *err) MUST_CHECK;
