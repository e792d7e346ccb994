#include "format/text_style.h"

const char *const text_timestamps_choices[] = {"postgresql", "iso", NULL};
const char *const text_bytea_choices[] = {"hex", "base64", NULL};

struct value_text text_style_value(const struct text_style *style, enum kind kind, const struct value_text *others) {
  bool is_timestamp = kind == KIND_TIMESTAMP || kind == KIND_TIMESTAMPTZ || kind == KIND_TIMESTAMPTZ_ZONED;
  if (!is_timestamp) return others[kind];
  return style->timestamps == TIMESTAMPS_ISO ? value_iso_texts[kind] : value_texts[kind];
}
