/* Reads what a footer says of one row group and of one column chunk. */
#pragma once
#include "format/parquet/footer_read.h"

/* A RowGroup struct, its chunks passed over: the file offset of their list, 0 where there is none. */
uint64_t group_facts_read(struct thrift_reader *r, size_t group, struct group_facts *g);

/* A ColumnChunk struct, into *c, whose place and leaf are set. The path that it gives must be the leaf's. */
bool chunk_facts_read(struct thrift_reader *r, const struct file_schema *schema, struct chunk_facts *c,
                      struct error *err) MUST_CHECK;
