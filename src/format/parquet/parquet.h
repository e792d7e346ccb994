/* Apache Parquet, as docs/types.md says. The options are in options.h. */
#pragma once
#include "format/format.h"

extern const struct format format_parquet;
