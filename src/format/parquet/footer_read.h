/*
 * Reads a file's footer from its start to its end, row group by row group and chunk by chunk. Memory: the
 * schema (bounded, see schema_read.h), else constant. Nothing in it is believed beyond what is checked here:
 *   the magic at both ends, and that the footer lies between them and is used up to its last byte
 *   the schema is a tree; each row group has a chunk for each of its leaves, under the leaf's path
 *   what a chunk needs is there and not negative; chunks that do not repeat have their group's rows
 *   the groups' rows add up to the file's
 *
 * A group's and the file's own facts are read before what they hold, whatever the order in the file.
 */
#pragma once
#include "format/parquet/schema_read.h"
#include "format/parquet/spec.h"

#define BOUND_KEPT_MAX 64         /* bytes of a smallest or largest value that are kept */
#define PAGE_ENCODINGS_MAX 16
#define CREATED_BY_MAX 128
#define NOT_SAID (-1)             /* a number that the footer leaves out */

struct bound_facts {
  bool is_there, is_exact;
  uint64_t len;                   /* of the whole value */
  uint8_t bytes[BOUND_KEPT_MAX];
};

struct statistics_facts {
  bool is_there;
  int64_t null_count, nan_count, distinct_count;   /* or NOT_SAID */
  struct bound_facts min, max;    /* min_value and max_value; the deprecated fields are passed over */
};

#define LEVELS_COUNTED 256        /* more than file_element's maxima */
/* How often each level occurs, from 0 on, as SizeStatistics says. */
struct histogram_facts {
  uint64_t size;                  /* 0: not said */
  int64_t counts[LEVELS_COUNTED]; /* those beyond are left out */
};

struct page_encoding { int64_t type, encoding, count; };

/* Bytes of the file; offset 0: none. */
struct extent { int64_t offset, len; };

struct chunk_facts {
  size_t group, leaf;             /* which row group, which column */
  uint64_t group_rows;
  const struct file_element *element;   /* the leaf: types and levels */
  bool is_repeated;               /* below a list: it may hold more values than rows */
  int64_t physical;
  int64_t codec, value_count, plain_bytes, stored_bytes;
  int64_t data_offset;            /* of the first data page */
  int64_t dictionary_offset;      /* 0: none */
  uint32_t encodings;             /* bit 1 << enum encoding; ids beyond 31 are left out */
  struct page_encoding page_encodings[PAGE_ENCODINGS_MAX];
  size_t page_encoding_count;     /* 0: not said, or more than fit */
  struct statistics_facts statistics;
  struct histogram_facts repetition, definition;
  struct extent bloom;            /* len may be NOT_SAID */
  struct extent column_index, offset_index;
};

struct group_facts {
  size_t group;
  int64_t row_count, plain_bytes; /* of all chunks, as the group says */
  int64_t stored_bytes, offset;   /* or NOT_SAID */
  struct sorting_column sorting[SORTING_COLUMNS_MAX];
  size_t sorting_count;           /* at most SORTING_COLUMNS_MAX are kept */
};

struct footer_facts_read {
  uint64_t start, end;            /* the footer's place in the file: pages end before it */
  size_t leaf_count, group_count;
  int64_t row_count;              /* of FileMetaData; the groups' sum has been checked */
  int64_t version;
  int64_t column_order_count;     /* NOT_SAID: without it readers may ignore smallest and largest values */
  char created_by[CREATED_BY_MAX];   /* zero-terminated, cut; bytes as they came */
};

#define KEY_VALUE_KEPT_MAX 2048
struct key_value {
  uint64_t key_len, value_len;    /* whole lengths */
  uint8_t key[256], value[KEY_VALUE_KEPT_MAX];
};

/* Called for every chunk, in the order of the footer, after its metadata has been read. */
typedef bool chunk_visitor(void *context, const struct chunk_facts *chunk, struct error *err);

/* Each function may be NULL. The order: file, key values, then for each group: group, its chunks; end. */
struct footer_visitor {
  void *context;
  bool (*file)(void *context, const struct footer_facts_read *facts, const struct file_schema *schema,
               struct error *err);
  bool (*key_value)(void *context, const struct key_value *entry, struct error *err);
  bool (*group)(void *context, const struct group_facts *group, struct error *err);
  chunk_visitor *chunk;
  bool (*end)(void *context, struct error *err);   /* the schema is still there */
};

/*
 * ERR_VALUE where the file is no whole Parquet file; ERR_DESTINATION where it cannot be read. Row count and
 * group_count of *facts are final only after success; the rest is set before the first visit.
 */
bool footer_visit(int fd, const struct footer_visitor *visitor, struct footer_facts_read *facts,
                  struct error *err) MUST_CHECK;
/* The same with nothing but a chunk's visit. */
bool footer_read(int fd, chunk_visitor *visit, void *context, struct footer_facts_read *facts,
                 struct error *err) MUST_CHECK;
