#include "format/parquet/options.h"

#include "format/parquet/codec_id.h"
#include "format/parquet/decimal.h"
#include "format/parquet/encode.h"

#include <stdio.h>
#include <string.h>

#define FIELD(name) offsetof(struct parquet_options, name)

static const char *const profiles[] = {"portable", "modern", NULL};
enum { TYPE_AUTO, TYPE_STRING, TYPE_OWN };
static const char *const uuid_types[] = {"auto", "string", "uuid", NULL};
static const char *const time_types[] = {"auto", "string", "time", NULL};
static const char *const interval_types[] = {"auto", "string", "struct", NULL};
static const char *const nested_choices[] = {[NESTED_LIST] = "list", [NESTED_JSON] = "json", NULL};
static const char *const geometry_choices[] = {[GEOMETRY_WKB] = "wkb", [GEOMETRY_TEXT] = "text", NULL};
static const char *const json_numbers[] = {[JSON_NUMBERS_DOUBLE] = "double", [JSON_NUMBERS_DECIMAL] = "decimal", NULL};

const struct option parquet_option_table[] = {
    {"profile", OPTION_CHOICE, FIELD(profile), 0, 0, profiles, "portable",
     "portable: what every reader takes; modern: smaller, with the delta and split encodings where they pay"},
    {"compression", OPTION_TEXT, FIELD(compression), 1, OPTION_TEXT_MAX - 1, NULL, "zstd:3",
     "zstd, snappy, gzip, lz4_raw or none, with a level as zstd:3"},
    {"row-group-rows", OPTION_INT, FIELD(row_group_rows), 1, 100000000, NULL, "1000000",
     "rows of a row group"},
    {"row-group-bytes", OPTION_SIZE, FIELD(row_group_bytes), 1 << 20, INT64_C(1) << 40, NULL, "256MiB",
     "encoded bytes after which a row group ends"},
    {"page-size", OPTION_SIZE, FIELD(page_bytes), 1024, 64 << 20, NULL, "4MiB",
     "bytes of a page; smaller where the memory is short or columns are many"},
    {"page-rows", OPTION_INT, FIELD(page_rows), 1, 1000000, NULL, "20480", "rows of a page"},
    {"uuid", OPTION_CHOICE, FIELD(uuid), 0, 0, uuid_types, "auto",
     "the type of uuid columns; auto: string in profile portable, else uuid"},
    {"time", OPTION_CHOICE, FIELD(time), 0, 0, time_types, "auto",
     "the type of time columns; auto: string in profile portable, else time"},
    {"interval", OPTION_CHOICE, FIELD(interval), 0, 0, interval_types, "auto",
     "intervals; struct: a group of months, days and micros; auto: string in profile portable, else struct"},
    {"numeric", OPTION_TEXT, FIELD(numeric), 1, OPTION_TEXT_MAX - 1, NULL, "string",
     "the type of numeric columns without precision: string (exact), double or decimal:PRECISION:SCALE"},
    {"dictionary", OPTION_BOOL, FIELD(dictionary), 0, 0, NULL, "true",
     "dictionaries where they make a column smaller"},
    {"statistics", OPTION_BOOL, FIELD(statistics), 0, 0, NULL, "true", "smallest and largest values"},
    {"page-index", OPTION_BOOL, FIELD(page_index), 0, 0, NULL, "true",
     "where each page is and what it holds"},
    {"bloom", OPTION_TEXT, FIELD(bloom), 1, BLOOM_TEXT_MAX - 1, NULL, "none",
     "Bloom filters: none, auto (of chunks that are all dictionary with more than 64 values) or columns as a+b"},
    {"nested", OPTION_CHOICE, FIELD(nested), 0, 0, nested_choices, "list",
     "list: arrays, composites and hstore as LIST, group and MAP; json: as JSON text"},
    {"geometry", OPTION_CHOICE, FIELD(geometry), 0, 0, geometry_choices, "wkb",
     "PostGIS columns; wkb: WKB with the metadata of GeoParquet; text: what the server prints"},
    {"json-numbers", OPTION_CHOICE, FIELD(json_numbers), 0, 0, json_numbers, "double",
     "numbers of flattened paths that are not all whole, with discover full: double where that is exact, or decimal"},
    {NULL},
};

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
  codec->id = codec_id_of(codec->block);
  return parse_level(codec->block, colon ? colon + 1 : NULL, &codec->level, err);
}

/* "decimal:38:9" or "decimal(38,9)". */
static bool parse_decimal(const char *text, struct type_choices *choices) {
  int end = 0, *precision = &choices->precision, *scale = &choices->scale;
  bool plain = sscanf(text, "decimal:%2d:%2d%n", precision, scale, &end) == 2;
  if (!plain && sscanf(text, "decimal(%2d,%2d)%n", precision, scale, &end) != 2) return false;
  if (end == 0 || text[end]) return false;
  return *precision >= 1 && *precision <= DECIMAL_PRECISION_MAX && *scale >= 0 && *scale <= *precision;
}

/* choice: one of auto, string and the type. */
static bool takes_own_type(const struct parquet_options *options, int choice) {
  return choice == TYPE_OWN || (choice == TYPE_AUTO && options->profile == PROFILE_MODERN);
}

bool parquet_splits_intervals(const struct parquet_options *options) {
  return takes_own_type(options, options->interval);
}

bool parquet_choices_parse(const struct parquet_options *options, struct type_choices *choices,
                           struct error *err) {
  *choices = (struct type_choices){
      .uuid = takes_own_type(options, options->uuid),
      .time = takes_own_type(options, options->time),
  };
  if (strcmp(options->numeric, "string") == 0) return true;
  choices->numeric = NUMERIC_DOUBLE;
  if (strcmp(options->numeric, "double") == 0) return true;
  choices->numeric = NUMERIC_DECIMAL;
  if (parse_decimal(options->numeric, choices)) return true;
  return fail_field(err, "parquet.numeric",
                    "option \"parquet.numeric\": \"%s\" is not one of string, double, decimal:PRECISION:SCALE "
                    "(1 to 38, 0 to the precision)",
                    options->numeric);
}

static struct leaf *find_leaf(const struct parquet_schema *schema, const char *name, size_t len) {
  for (size_t i = 0; i < schema->leaf_count; i++)
    if (strlen(schema->leaves[i].name) == len && memcmp(schema->leaves[i].name, name, len) == 0)
      return &schema->leaves[i];
  return NULL;
}

/* A group is no column of its own: its fields are. */
static bool fail_bloom_name(const struct parquet_schema *schema, const char *name, size_t len,
                            struct error *err) {
  int shown = (int)(len < 100 ? len : 100);
  for (const struct leaf *leaf = schema->leaves; leaf < schema->leaves + schema->leaf_count; leaf++) {
    bool begins = len > 0 && strncmp(leaf->name, name, len) == 0;
    if (begins && (leaf->name[len] == '.' || leaf->name[len] == '['))
      return fail_field(err, "parquet.bloom",
                        "option \"parquet.bloom\": \"%.*s\" has columns within it; name one, as \"%.200s\"",
                        shown, name, leaf->name);
  }
  return fail_field(err, "parquet.bloom", "option \"parquet.bloom\": there is no column \"%.*s\"", shown,
                    name);
}

bool parquet_bloom_parse(const char *text, const struct schema *rows, struct parquet_schema *schema,
                         struct error *err) {
  bool is_auto = strcmp(text, "auto") == 0;
  for (size_t i = 0; i < schema->leaf_count; i++)
    if (is_auto && schema->leaves[i].physical != PHYSICAL_BOOLEAN) schema->leaves[i].bloom = BLOOM_AUTO;
  if (is_auto || strcmp(text, "none") == 0) return true;
  for (const char *at = text;; at++) {
    size_t len = strcspn(at, "+");
    struct leaf *whole = find_leaf(schema, at, strlen(at));   /* a name may hold a plus */
    if (whole) len = strlen(at);
    struct leaf *leaf = whole ? whole : find_leaf(schema, at, len);
    if (!leaf && schema_awaits_column(rows, at)) return true;   /* a path may hold a plus: where would it end? */
    if (!leaf) return fail_bloom_name(schema, at, len, err);
    if (leaf->physical == PHYSICAL_BOOLEAN)
      return fail_field(err, "parquet.bloom", "option \"parquet.bloom\": column \"%s\" is BOOLEAN, which has none",
                        leaf->name);
    leaf->bloom = BLOOM_NAMED;
    at += len;
    if (!*at) return true;
  }
}
