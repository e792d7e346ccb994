/* Parquet counts from 1970-01-01, PostgreSQL from 2000-01-01. */
#pragma once
#include <stdint.h>

#define EPOCH_DAYS 10957       /* from the one to the other */
#define EPOCH_MICROS (EPOCH_DAYS * INT64_C(86400000000))
