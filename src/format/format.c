/* The table of formats: the single truth of which there are, and in which order help shows them. */
#include "format/format.h"

#include "format/csv.h"
#include "format/json.h"
#include "format/parquet/parquet.h"
#include "format/xml.h"

const char *const special_names[] = {
    [SPECIAL_ERROR] = "error", [SPECIAL_NULL] = "null", [SPECIAL_STRING] = "string", [SPECIAL_REPLACE] = "replace",
    NULL,
};

const struct format *const formats[] = {
    &format_csv, &format_json, &format_ndjson, &format_xml, &format_parquet, NULL,
};

const struct format *format_find(const char *name) {
  for (const struct format *const *f = formats; *f; f++)
    if (strcmp((*f)->name, name) == 0) return *f;
  return NULL;
}

const struct format *format_find_extension(const char *name) {
  for (const struct format *const *f = formats; *f; f++)
    if (strcmp((*f)->extension, name) == 0) return *f;
  return NULL;
}

const struct format *format_find_bytes(const uint8_t *bytes, size_t len) {
  for (const struct format *const *f = formats; *f; f++)
    if ((*f)->is_begun_by && (*f)->is_begun_by(bytes, len)) return *f;
  return NULL;
}

const struct format *format_find_group(const char *name) {
  for (const struct format *const *f = formats; *f; f++)
    if (strcmp((*f)->group, name) == 0) return *f;
  return NULL;
}
