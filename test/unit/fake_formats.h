/*
 * Formats and codecs of the tests' own, for what knows them only by their interfaces: csv (with options of every
 * type), xml (no options), parquet (no text); none and zstd. Included by one source per executable.
 */
#pragma once
#include "codec/codec.h"
#include "format/format.h"

struct fake_options {
  bool header;
  int64_t group_rows;
  int quote;
  char null_text[OPTION_TEXT_MAX];
};
static const char *const fake_quotes[] = {"all", "needed", NULL};
static const struct option fake_csv_options[] = {
    {"header", OPTION_BOOL, offsetof(struct fake_options, header), 0, 0, NULL, "true", ""},
    {"group-rows", OPTION_SIZE, offsetof(struct fake_options, group_rows), 1, 1 << 20, NULL, "1k", ""},
    {"quote", OPTION_CHOICE, offsetof(struct fake_options, quote), 0, 0, fake_quotes, "needed", ""},
    {"null-text", OPTION_TEXT, offsetof(struct fake_options, null_text), 0, 8, NULL, "", ""},
    {NULL},
};
static bool fake_check_options(const void *options, struct error *err) { return true; }
static const struct format fake_csv = {.name = "csv", .extension = "csv", .media_type = "text/csv", .is_text = true,
                                       .group = "csv", .specials_allowed = 15, .options = fake_csv_options,
                                       .options_size = sizeof(struct fake_options),
                                       .check_options = fake_check_options};
static const struct format fake_xml = {.name = "xml", .extension = "xml", .group = "xml", .is_text = true,
                                       .specials_allowed = 3, .check_options = fake_check_options};
static const struct format fake_parquet = {.name = "parquet", .extension = "parquet", .group = "parquet",
                                           .specials_allowed = 1, .check_options = fake_check_options};
const struct format *const formats[] = {&fake_csv, &fake_xml, &fake_parquet, NULL};
const char *const special_names[] = {"error", "null", "string", "replace", NULL};
const struct format *format_find(const char *name) {
  for (const struct format *const *f = formats; *f; f++)
    if (strcmp((*f)->name, name) == 0) return *f;
  return NULL;
}
const struct format *format_find_group(const char *name) { return format_find(name); }

static size_t fake_lane_bytes(int level) { return 0; }
static size_t fake_writer_bytes(int level, int workers) { return 0; }
static const struct codec fake_none = {
    .name = "none", .extension = "", .lane_bytes = fake_lane_bytes, .writer_bytes = fake_writer_bytes};
static const struct codec fake_zstd = {.name = "zstd", .extension = "zst", .level_min = 1, .level_max = 19,
                                       .level_default = 3, .lane_bytes = fake_lane_bytes,
                                       .writer_bytes = fake_writer_bytes};
const struct codec *const codecs[] = {&fake_none, &fake_zstd, NULL};
bool codec_parse(const char *text, const char *field, const struct codec **codec, int *level,
                 struct error *err) {
  if (strncmp(text, "zstd", 4) != 0) return fail_field(err, field, "unknown codec");
  *codec = &fake_zstd;
  *level = text[4] == ':' ? atoi(text + 5) : 3;
  return true;
}
