/* CRC-32 as gzip and Parquet use it (polynomial 0xEDB88320). Start with 0, go on with the last result. */
#pragma once
#include <stddef.h>
#include <stdint.h>

uint32_t crc_update(uint32_t crc, const void *bytes, size_t len);
/* The CRC of two runs of bytes, one behind the other, from the CRC of each. */
uint32_t crc_join(uint32_t first, uint32_t second, uint64_t second_len);
