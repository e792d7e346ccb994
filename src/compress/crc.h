/* CRC-32 as gzip, PNG and Parquet use it (polynomial 0xEDB88320). Start with 0, go on with the last result. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t crc_update(uint32_t crc, const void *bytes, size_t len);
