#include "format/parquet/names.h"

#include "format/parquet/spec.h"

#include <stdio.h>

#define NAME_OF(names, number) \
  ((number) >= 0 && (size_t)(number) < sizeof(names) / sizeof *(names) && (names)[number] ? (names)[number] : "unknown")

const char *parquet_physical_name(int64_t physical) {
  static const char *const names[] = {"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY",
                                      "FIXED_LEN_BYTE_ARRAY"};
  return NAME_OF(names, physical);
}

const char *parquet_encoding_name(int64_t encoding) {
  static const char *const names[] = {"PLAIN", NULL, "PLAIN_DICTIONARY", "RLE", "BIT_PACKED", "DELTA_BINARY_PACKED",
                                      "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", "RLE_DICTIONARY",
                                      "BYTE_STREAM_SPLIT"};
  return NAME_OF(names, encoding);
}

const char *parquet_codec_name(int64_t codec) {
  static const char *const names[] = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZO", "BROTLI", "LZ4", "ZSTD", "LZ4_RAW"};
  return NAME_OF(names, codec);
}

const char *parquet_repetition_name(int64_t repetition) {
  static const char *const names[] = {"REQUIRED", "OPTIONAL", "REPEATED"};
  return NAME_OF(names, repetition);
}

static const char *converted_name(int converted) {
  static const char *const names[] = {
      "STRING",    "MAP",       "MAP_KEY_VALUE", "LIST",     "ENUM",    "DECIMAL",           "DATE",              "TIME(MILLIS)",
      "TIME(MICROS)", "TIMESTAMP(MILLIS,UTC)", "TIMESTAMP(MICROS,UTC)", "UINT(8)", "UINT(16)", "UINT(32)", "UINT(64)",
      "INT(8)", "INT(16)", "INT(32)", "INT(64)", "JSON", "BSON", "INTERVAL"};
  return NAME_OF(names, converted);
}

static const char *logical_name(int logical) {
  static const char *const names[] = {NULL, "STRING", "MAP", "LIST", "ENUM", "DECIMAL", "DATE", "TIME", "TIMESTAMP",
                                      NULL, "INT", "UNKNOWN", "JSON", "BSON", "UUID", "FLOAT16", "VARIANT",
                                      "GEOMETRY", "GEOGRAPHY"};
  return NAME_OF(names, logical);
}

/* What the values mean; "" where that is what their physical type says. */
static void meaning(const struct file_element *e, char *text, size_t size) {
  static const char *const units[] = {"?", "MILLIS", "MICROS", "NANOS"};
  const char *name = e->logical ? logical_name(e->logical) : e->converted >= 0 ? converted_name(e->converted) : "";
  bool is_time = e->time_unit > 0 && e->time_unit <= 3;
  if (is_time) snprintf(text, size, "%s(%s%s)", name, units[e->time_unit], e->is_utc ? ",UTC" : "");
  else if (e->logical == LOGICAL_DECIMAL || e->converted == CONVERTED_DECIMAL)
    snprintf(text, size, "DECIMAL(%d,%d)", e->precision, e->scale);
  else if (e->logical == LOGICAL_INTEGER) snprintf(text, size, "%sINT(%d)", e->is_signed ? "" : "U", e->bit_width);
  else snprintf(text, size, "%s", name);
}

void parquet_type_text(const struct file_element *e, char text[TYPE_TEXT_MAX]) {
  char stored[40], meant[48];
  snprintf(stored, sizeof stored, "%s", parquet_physical_name(e->physical));
  if (e->physical == PHYSICAL_FIXED) snprintf(stored, sizeof stored, "FIXED(%d)", e->width);
  meaning(e, meant, sizeof meant);
  if (*meant) snprintf(text, TYPE_TEXT_MAX, "%s as %s", meant, stored);
  else snprintf(text, TYPE_TEXT_MAX, "%s", stored);
}
