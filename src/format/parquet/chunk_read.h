/* Reads what a footer says of one row group and of one column chunk. */
#pragma once
#include "format/parquet/footer_read.h"

/* A RowGroup struct, its chunks passed over: the file offset of their list, 0 where there is none. */
uint64_t group_facts_read(struct thrift_reader *r, size_t group, struct group_facts *g);

/* A ColumnChunk struct, into *c, whose place and leaf are set. */
bool chunk_facts_read(struct thrift_reader *r, struct chunk_facts *c, struct error *err) MUST_CHECK;
