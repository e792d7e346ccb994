/* The rows of block_codecs[], one file each. Only block.c includes this. */
#pragma once
#include "compress/block.h"

extern const struct block_codec block_none;
extern const struct block_codec block_snappy;
extern const struct block_codec block_gzip;
extern const struct block_codec block_zstd;
extern const struct block_codec block_lz4_raw;

/* For codecs without state: no context. */
bool block_open_nothing(int level, void **context, struct error *err) MUST_CHECK;
void block_close_nothing(void *context);
