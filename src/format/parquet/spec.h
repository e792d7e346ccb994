/* The numbers of the Parquet format (parquet.thrift of apache/parquet-format). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define PARQUET_MAGIC "PAR1"
#define PARQUET_MAGIC_BYTES 4
#define PARQUET_TAIL_BYTES 8   /* footer length and magic */

enum physical {
  PHYSICAL_BOOLEAN = 0,
  PHYSICAL_INT32 = 1,
  PHYSICAL_INT64 = 2,
  PHYSICAL_INT96 = 3,
  PHYSICAL_FLOAT = 4,
  PHYSICAL_DOUBLE = 5,
  PHYSICAL_BYTE_ARRAY = 6,
  PHYSICAL_FIXED = 7,          /* FIXED_LEN_BYTE_ARRAY */
};

enum repetition { REPETITION_REQUIRED = 0, REPETITION_OPTIONAL = 1, REPETITION_REPEATED = 2 };

enum converted {
  CONVERTED_NONE = -1,
  CONVERTED_UTF8 = 0,
  CONVERTED_MAP = 1,
  CONVERTED_LIST = 3,
  CONVERTED_DECIMAL = 5,
  CONVERTED_DATE = 6,
  CONVERTED_TIME_MICROS = 8,
  CONVERTED_TIMESTAMP_MICROS = 10,
  CONVERTED_UINT_8 = 11,
  CONVERTED_UINT_32 = 13,
  CONVERTED_UINT_64 = 14,
  CONVERTED_INT_16 = 16,
  CONVERTED_JSON = 19,
};

/* Field ids of the LogicalType union. */
enum logical {
  LOGICAL_NONE = 0,
  LOGICAL_STRING = 1,
  LOGICAL_MAP = 2,
  LOGICAL_LIST = 3,
  LOGICAL_DECIMAL = 5,
  LOGICAL_DATE = 6,
  LOGICAL_TIME = 7,
  LOGICAL_TIMESTAMP = 8,
  LOGICAL_INTEGER = 10,
  LOGICAL_JSON = 12,
  LOGICAL_UUID = 14,
};
#define TIME_UNIT_MICROS 2     /* field id of the TimeUnit union */

enum encoding {
  ENCODING_PLAIN = 0,
  ENCODING_RLE = 3,
  ENCODING_DELTA_BINARY_PACKED = 5,
  ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
  ENCODING_DELTA_BYTE_ARRAY = 7,
  ENCODING_RLE_DICTIONARY = 8,
  ENCODING_BYTE_STREAM_SPLIT = 9,
};

enum codec_id { CODEC_NONE = 0, CODEC_SNAPPY = 1, CODEC_GZIP = 2, CODEC_ZSTD = 6, CODEC_LZ4_RAW = 7 };

enum page_type { PAGE_DATA = 0, PAGE_INDEX = 1, PAGE_DICTIONARY = 2, PAGE_DATA_V2 = 3 };

/* SortingColumn. Of a row group's at most so many are written, and kept when read. */
#define SORTING_COLUMNS_MAX 16
struct sorting_column { int64_t leaf; bool is_descending, nulls_first; };

enum boundary_order { BOUNDARY_UNORDERED = 0, BOUNDARY_ASCENDING = 1, BOUNDARY_DESCENDING = 2 };
