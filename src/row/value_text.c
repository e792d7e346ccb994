#include "row/value_text.h"

#include "base/bytes.h"
#include "row/datetime_text.h"
#include "row/digits.h"

static uint8_t *bool_write(uint8_t *to, const uint8_t *data) {
  if (*data > 1) return NULL;
  *to = *data ? 't' : 'f';
  return to + 1;
}

static uint8_t *bool_word_write(uint8_t *to, const uint8_t *data) {
  if (*data > 1) return NULL;
  memcpy(to, *data ? "true\0" : "false", 5);
  return to + 5 - *data;
}

uint8_t *int8_text(uint8_t *to, int64_t v) {
  uint64_t magnitude = (uint64_t)v;
  if (v < 0) {
    *to++ = '-';
    magnitude = 0 - magnitude;
  }
  return digits_write(to, magnitude);
}

static uint8_t *int2_write(uint8_t *to, const uint8_t *data) { return int8_text(to, (int16_t)load_be16(data)); }
static uint8_t *int4_write(uint8_t *to, const uint8_t *data) { return int8_text(to, (int32_t)load_be32(data)); }
static uint8_t *int8_write(uint8_t *to, const uint8_t *data) { return int8_text(to, (int64_t)load_be64(data)); }
static uint8_t *oid_write(uint8_t *to, const uint8_t *data) { return digits_write(to, load_be32(data)); }

static uint8_t *float4_write(uint8_t *to, const uint8_t *data) {
  uint32_t bits = load_be32(data);
  float v;
  memcpy(&v, &bits, sizeof v);
  return float4_text(to, v);
}

static uint8_t *float8_write(uint8_t *to, const uint8_t *data) {
  uint64_t bits = load_be64(data);
  double v;
  memcpy(&v, &bits, sizeof v);
  return float8_text(to, v);
}

static uint8_t *write_hex(uint8_t *to, const uint8_t *data, size_t len, const char digits[16]) {
  for (size_t i = 0; i < len; i++) {
    *to++ = (uint8_t)digits[data[i] >> 4];
    *to++ = (uint8_t)digits[data[i] & 15];
  }
  return to;
}

static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";

uint8_t *hex_text(uint8_t *to, const uint8_t *data, size_t len) { return write_hex(to, data, len, lower); }

static uint8_t *uuid_write(uint8_t *to, const uint8_t *data) {
  static const uint8_t groups[] = {4, 2, 2, 2, 6};   /* bytes between dashes */
  for (size_t i = 0; i < sizeof groups; i++) {
    if (i) *to++ = '-';
    to = hex_text(to, data, groups[i]);
    data += groups[i];
  }
  return to;
}

#define VARIES {-1, NULL}
#define SAME_IN_BOTH                                                                                        \
  [KIND_INT2] = {2, int2_write}, [KIND_INT4] = {4, int4_write}, [KIND_INT8] = {8, int8_write},              \
  [KIND_OID] = {4, oid_write}, [KIND_FLOAT4] = {4, float4_write}, [KIND_FLOAT8] = {8, float8_write},        \
  [KIND_NUMERIC] = VARIES, [KIND_TEXT] = VARIES, [KIND_JSON] = VARIES, [KIND_JSONB] = VARIES,               \
  [KIND_BYTEA] = VARIES, [KIND_DATE] = {4, date_write}, [KIND_TIME] = {8, time_write},                      \
  [KIND_UUID] = {16, uuid_write}

const struct value_text value_texts[KIND_COUNT] = {
    SAME_IN_BOTH,
    [KIND_BOOL] = {1, bool_write},
    [KIND_TIMESTAMP] = {8, timestamp_write},
    [KIND_TIMESTAMPTZ] = {8, timestamptz_write},
    [KIND_TIMESTAMPTZ_ZONED] = {12, zoned_write},
};

const struct value_text value_iso_texts[KIND_COUNT] = {
    SAME_IN_BOTH,
    [KIND_BOOL] = {1, bool_word_write},
    [KIND_TIMESTAMP] = {8, timestamp_iso_write},
    [KIND_TIMESTAMPTZ] = {8, timestamptz_iso_write},
    [KIND_TIMESTAMPTZ_ZONED] = {12, zoned_iso_write},
};

static bool append_numeric(const struct cell *c, struct buffer *out) {
  size_t max = numeric_text_max(c->data, c->len);
  if (max == 0) return false;
  uint8_t *to = buffer_reserve(out, max);
  if (!to) return true;
  uint8_t *end = numeric_text(to, c->data);
  if (!end) return false;
  out->len += (size_t)(end - to);
  return true;
}

static void append_hex(struct buffer *out, const uint8_t *data, size_t len, const char digits[16]) {
  while (len > 0) {
    size_t piece = len < BUFFER_PIECE_BYTES / 2 ? len : BUFFER_PIECE_BYTES / 2;
    buffer_let_go(out);
    uint8_t *to = buffer_reserve(out, 2 * piece);
    if (!to) return;
    write_hex(to, data, piece, digits);
    out->len += 2 * piece;
    data += piece;
    len -= piece;
  }
}

void hex_append(struct buffer *out, const uint8_t *data, size_t len) { append_hex(out, data, len, lower); }
void hex_append_upper(struct buffer *out, const uint8_t *data, size_t len) { append_hex(out, data, len, upper); }

static bool append_fixed(const struct value_text *text, const struct cell *c, struct buffer *out) {
  if (c->len != text->width) return false;
  uint8_t *to = buffer_reserve(out, VALUE_TEXT_MAX);
  if (!to) return true;
  uint8_t *end = text->write(to, c->data);
  if (!end) return false;
  out->len += (size_t)(end - to);
  return true;
}

bool value_append(enum kind kind, const struct cell *c, struct buffer *out) {
  size_t version_bytes = kind == KIND_JSONB;
  if (kind >= KIND_COUNT) return false;
  if (value_texts[kind].write) return append_fixed(&value_texts[kind], c, out);
  if (kind == KIND_NUMERIC) return append_numeric(c, out);
  if (kind == KIND_BYTEA) {
    buffer_append(out, "\\x", 2);
    hex_append(out, c->data, (size_t)c->len);
    return true;
  }
  if (version_bytes && (c->len < 1 || c->data[0] != 1)) return false;
  buffer_append_long(out, c->data + version_bytes, (size_t)c->len - version_bytes);
  return true;
}
