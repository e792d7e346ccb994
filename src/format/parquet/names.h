/* Parquet's numbers by their names in parquet.thrift, for people. An unknown number has the name "unknown". */
#pragma once
#include "format/parquet/schema_read.h"

const char *parquet_physical_name(int64_t physical);
const char *parquet_encoding_name(int64_t encoding);
const char *parquet_codec_name(int64_t codec);
const char *parquet_repetition_name(int64_t repetition);

/* A leaf's type as people write it: "DECIMAL(18,4) as INT64", "INT32". */
#define TYPE_TEXT_MAX 96
void parquet_type_text(const struct file_element *e, char text[TYPE_TEXT_MAX]);
