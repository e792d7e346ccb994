#include "format/parquet/codec_id.h"

static const struct { const char *name; enum codec_id id; } codecs[] = {
    {"none", CODEC_NONE}, {"snappy", CODEC_SNAPPY}, {"gzip", CODEC_GZIP}, {"zstd", CODEC_ZSTD}, {"lz4_raw", CODEC_LZ4_RAW},
};
#define CODEC_COUNT (sizeof codecs / sizeof *codecs)

enum codec_id codec_id_of(const struct block_codec *block) {
  for (size_t i = 0; i < CODEC_COUNT; i++)
    if (strcmp(codecs[i].name, block->name) == 0) return codecs[i].id;
  return CODEC_NONE;
}

const struct block_codec *codec_id_find_block(int64_t id) {
  for (size_t i = 0; i < CODEC_COUNT; i++)
    if (codecs[i].id == id) return block_codec_find(codecs[i].name);
  return NULL;
}
