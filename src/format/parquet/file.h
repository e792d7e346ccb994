/* The format object: one per file. Encoders only read it; the writer's side alone changes `footer` and `geo`. */
#pragma once
#include "format/parquet/footer.h"
#include "format/parquet/geo.h"
#include "format/parquet/options.h"
#include "format/parquet/schema.h"

struct parquet_file {
  struct format_spec spec;             /* a copy; what it points to is the plan's */
  struct parquet_options options;
  struct parquet_codec codec;
  struct parquet_schema schema;
  uint64_t row_group_rows;             /* target: where a row group ends */
  uint64_t row_group_rows_min;         /* below it bytes alone end none: a file has a limit of row groups */
  struct sorting_column sorting[SORTING_COLUMNS_MAX];   /* by which the rows were asked to be sorted */
  size_t sorting_count;
  struct footer footer;
  struct geo geo;
};
