/* The count_rows slot: walks the whole file (format.h). */
#pragma once
#include "base/error.h"

#include <stdint.h>

bool parquet_count_rows(int fd, uint64_t *rows, struct error *err);
