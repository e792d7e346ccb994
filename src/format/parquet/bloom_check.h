/* Holds a chunk's Bloom filter against the format: its header, its size, and that it lies before the footer. */
#pragma once
#include "format/parquet/footer_read.h"

/* An extent with offset 0 is fine: there is none. *len: the bytes that it takes, 0 where that is not known. */
bool bloom_check(int fd, uint64_t end, const struct extent *bloom, uint64_t *len, struct error *err) MUST_CHECK;
