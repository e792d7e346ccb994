/* Reading finished JSON and NDJSON files: the count_rows and check_whole slots of format.h. Private to src/format. */
#pragma once
#include "format/format.h"

/* One array of objects, whatever they hold, and nothing behind it. */
bool json_count_array(int fd, uint64_t *rows, struct error *err) MUST_CHECK;
/* Every line must be one object; the last one must end. */
bool json_count_lines(int fd, uint64_t *rows, struct error *err) MUST_CHECK;
/* One object or array, and nothing behind it. Rows are the values in the outermost brackets. */
bool json_check_whole(int fd, struct file_facts *facts, struct error *err) MUST_CHECK;
/* A value a line. The last line need not end, and empty ones are passed over. */
bool json_check_lines(int fd, struct file_facts *facts, struct error *err) MUST_CHECK;
