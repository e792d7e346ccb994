#include "format/parquet/options.h"

#include <string.h>

#define FIELD(name) offsetof(struct parquet_options, name)

static const char *const profiles[] = {"portable", "modern", NULL};

const struct option parquet_option_table[] = {
    {"profile", OPTION_CHOICE, FIELD(profile), 0, 0, profiles, "portable",
     "portable: what every reader takes; modern: smaller, with the delta and split encodings where they pay"},
    {"compression", OPTION_TEXT, FIELD(compression), 1, OPTION_TEXT_MAX - 1, NULL, "zstd:3",
     "zstd, snappy, gzip, lz4_raw or none, with a level as zstd:3"},
    {"row-group-rows", OPTION_INT, FIELD(row_group_rows), 1, 100000000, NULL, "1000000",
     "rows of a row group"},
    {"row-group-bytes", OPTION_SIZE, FIELD(row_group_bytes), 1 << 20, INT64_C(1) << 40, NULL, "256MiB",
     "encoded bytes after which a row group ends"},
    {"page-size", OPTION_SIZE, FIELD(page_bytes), 1024, 64 << 20, NULL, "1MiB",
     "bytes of a page; smaller where the memory is short or columns are many"},
    {"page-rows", OPTION_INT, FIELD(page_rows), 1, 1000000, NULL, "20000", "rows of a page"},
    {"dictionary", OPTION_BOOL, FIELD(dictionary), 0, 0, NULL, "true",
     "dictionaries where they make a column smaller"},
    {"statistics", OPTION_BOOL, FIELD(statistics), 0, 0, NULL, "true", "smallest and largest values"},
    {"page-index", OPTION_BOOL, FIELD(page_index), 0, 0, NULL, "true",
     "where each page is and what it holds"},
    {NULL},
};

static const struct codec_row {
  const char *name;
  enum codec_id id;
} codec_ids[] = {
    {"none", CODEC_NONE}, {"snappy", CODEC_SNAPPY}, {"gzip", CODEC_GZIP}, {"zstd", CODEC_ZSTD},
    {"lz4_raw", CODEC_LZ4_RAW},
};

static enum codec_id id_of(const char *name) {
  for (size_t i = 0; i < sizeof codec_ids / sizeof *codec_ids; i++)
    if (strcmp(codec_ids[i].name, name) == 0) return codec_ids[i].id;
  return CODEC_NONE;
}

static bool parse_level(const struct block_codec *block, const char *text, int *level, struct error *err) {
  int64_t v;
  *level = block->level_default;
  if (!text) return true;
  if (block->level_min == block->level_max)
    return fail_field(err, "parquet.compression", "option \"parquet.compression\": %s takes no level",
                      block->name);
  if (!parse_int64(text, &v) || v < block->level_min || v > block->level_max)
    return fail_field(err, "parquet.compression",
                      "option \"parquet.compression\": the level of %s is %d to %d, not \"%s\"", block->name,
                      block->level_min, block->level_max, text);
  *level = (int)v;
  return true;
}

bool parquet_codec_parse(const char *text, struct parquet_codec *codec, struct error *err) {
  char name[OPTION_TEXT_MAX];
  const char *colon = strchr(text, ':');
  size_t len = colon ? (size_t)(colon - text) : strlen(text);
  if (len >= sizeof name) len = sizeof name - 1;
  memcpy(name, text, len);
  name[len] = '\0';
  codec->block = block_codec_find(name);
  if (!codec->block)
    return fail_field(
        err, "parquet.compression",
        "option \"parquet.compression\": \"%s\" is not one of none, snappy, gzip, zstd, lz4_raw", name);
  codec->id = id_of(name);
  return parse_level(codec->block, colon ? colon + 1 : NULL, &codec->level, err);
}
