/* --parquet k=v,…: the options, and what `open` makes of them. */
#pragma once
#include "base/option.h"
#include "compress/block.h"
#include "format/parquet/schema.h"
#include "format/parquet/spec.h"

enum nested_choice { NESTED_LIST, NESTED_JSON };
enum geometry_choice { GEOMETRY_WKB, GEOMETRY_TEXT };
enum json_numbers { JSON_NUMBERS_DOUBLE, JSON_NUMBERS_DECIMAL };

#define BLOOM_TEXT_MAX 1024

struct parquet_options {
  char compression[OPTION_TEXT_MAX];   /* "zstd:3" */
  int64_t row_group_rows;
  int64_t row_group_bytes;
  int64_t page_bytes;
  int64_t page_rows;
  int profile;                         /* enum profile */
  int uuid, time, interval;            /* indices of their choices: auto, string, then the type */
  char numeric[OPTION_TEXT_MAX];       /* "string", "double", "decimal:38:9" */
  bool dictionary;
  bool statistics;
  bool page_index;
  char bloom[BLOOM_TEXT_MAX];          /* "none", "auto", "a+b" */
  int nested;                          /* enum nested_choice */
  int geometry;                        /* enum geometry_choice */
  int json_numbers;                    /* enum json_numbers */
};

extern const struct option parquet_option_table[];

struct parquet_codec {
  const struct block_codec *block;
  int level;
  enum codec_id id;
};

/* "zstd:3", "snappy": ERR_USAGE names parquet.compression. */
bool parquet_codec_parse(const char *text, struct parquet_codec *codec, struct error *err) MUST_CHECK;

/*
 * Which leaves get a Bloom filter: leaf->bloom. ERR_USAGE names parquet.bloom where a name is no column's, or its
 * type's values are too few for one. `rows`: what the schema is made of; from a name that is awaited on nothing is judged.
 */
bool parquet_bloom_parse(const char *text, const struct schema *rows, struct parquet_schema *schema,
                         struct error *err) MUST_CHECK;

/* Do intervals become groups of their parts? */
bool parquet_splits_intervals(const struct parquet_options *options);

/* What the options say of types. ERR_USAGE names parquet.numeric. */
bool parquet_choices_parse(const struct parquet_options *options, struct type_choices *choices,
                           struct error *err) MUST_CHECK;
