/* The one table of Parquet's codecs and of who compresses for them. */
#pragma once
#include "compress/block.h"
#include "format/parquet/spec.h"

enum codec_id codec_id_of(const struct block_codec *block);   /* of one of block_codecs[] */
const struct block_codec *codec_id_find_block(int64_t id);    /* NULL: a codec that is not known here */
