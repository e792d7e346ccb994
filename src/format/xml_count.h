/* Reading finished XML files: the count_rows and check_whole slots of format.h. Private to src/format. */
#pragma once
#include "format/format.h"

#define XML_ROOT_DEFAULT "records"
#define XML_ROW_DEFAULT "record"

/* A root of rows, both called as by default, and nothing behind it. */
bool xml_count_rows(int fd, uint64_t *rows, struct error *err) MUST_CHECK;

/* Whatever well-formed XML it is: xml_grammar.h. Rows are the elements directly in the root. */
bool xml_check_whole(int fd, struct file_facts *facts, struct error *err) MUST_CHECK;
