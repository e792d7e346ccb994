/* Rows of a finished XML file: the count_rows slot of format.h. Private to src/format. */
#pragma once
#include "base/error.h"

#include <stdint.h>

#define XML_ROOT_DEFAULT "records"
#define XML_ROW_DEFAULT "record"

/* Follows tags, as far as decant writes them, to the root's end tag, and wants nothing behind it. */
bool xml_count_rows(int fd, uint64_t *rows, struct error *err) MUST_CHECK;

/* The same whatever the root and the rows are called. */
bool xml_check_whole(int fd, uint64_t *rows, struct error *err) MUST_CHECK;
