/*
 * Reads a file's footer from its start to its end, chunk by chunk, in constant memory (a bit per schema
 * element aside). Nothing in it is believed beyond what is checked here.
 */
#pragma once
#include "format/parquet/thrift_read.h"

struct chunk_facts {
  size_t group, leaf;          /* which row group, which column */
  bool is_repeated;            /* below a list: it may hold more values than rows */
  int64_t codec, value_count, plain_bytes, stored_bytes;
  int64_t data_offset;         /* of the first data page */
  int64_t dictionary_offset;   /* 0: none */
};

struct footer_facts_read {
  uint64_t start, end;         /* the footer's place in the file: pages end before it */
  size_t leaf_count, group_count;
  int64_t row_count;           /* of FileMetaData; the groups' sum has been checked */
};

/* Called for every chunk, in the order of the footer, after its metadata has been read. */
typedef bool chunk_visitor(void *context, const struct chunk_facts *chunk, struct error *err);

/* ERR_VALUE where the file is no whole Parquet file. facts->start is set before the first visit. */
bool footer_read(int fd, chunk_visitor *visit, void *context, struct footer_facts_read *facts,
                 struct error *err) MUST_CHECK;
