#include "format/parquet/bounds.h"

#include "format/parquet/decimal.h"
#include "format/parquet/little_endian.h"

#include <math.h>

void range_reset(struct range *r, enum order order) {
  r->nan_count = 0;
  r->is_empty = true;
  switch (order) {
    case ORDER_BOOL:
    case ORDER_SIGNED:
    case ORDER_UNSIGNED: r->number.min = INT64_MAX, r->number.max = INT64_MIN; break;
    case ORDER_FLOAT: r->real.min = INFINITY, r->real.max = -INFINITY; break;
    case ORDER_DECIMAL: r->decimal.min = decimal_power(38), r->decimal.max = -decimal_power(38); break;
    case ORDER_BYTES:
    case ORDER_NONE: break;
  }
}

static inline uint64_t prefix_of(const uint8_t *bytes, uint32_t len) {
  if (len >= 8) return load_be64(bytes);
  uint8_t padded[8] = {0};
  memcpy(padded, bytes, len);
  return load_be64(padded);
}

static int compare_bytes(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len) {
  int order = memcmp(a, b, a_len < b_len ? a_len : b_len);
  return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* By prefix first: for most values that decides. */
static inline bool is_below(const uint8_t *base, const struct range_bytes *a, const struct range_bytes *b) {
  if (a->prefix != b->prefix) return a->prefix < b->prefix;
  return compare_bytes(base + a->at, a->len, base + b->at, b->len) < 0;
}

void range_add_bytes(struct range *r, const uint8_t *base, size_t at, uint32_t len) {
  struct range_bytes v = {prefix_of(base + at, len), at, len};
  if (r->is_empty) {
    r->bytes.min = r->bytes.max = v;
    r->is_empty = false;
  } else if (is_below(base, &v, &r->bytes.min)) {
    r->bytes.min = v;
  } else if (is_below(base, &r->bytes.max, &v)) {
    r->bytes.max = v;
  }
}

/* Where the character that covers `at` begins: a cut must not split it. */
static size_t character_start(const uint8_t *bytes, size_t at) {
  while (at > 0 && (bytes[at] & 0xC0) == 0x80) at--;
  return at;
}

static void set_whole(struct bound *b, const void *bytes, size_t len) {
  if (len) memcpy(b->bytes, bytes, len);
  b->len = (uint8_t)len;
  b->exact = true;
}

void bound_cut_min(struct bound *b, const uint8_t *bytes, size_t len, bool is_text) {
  size_t keep = len;
  if (len > BOUND_BYTES_MAX) keep = is_text ? character_start(bytes, BOUND_BYTES_MAX) : BOUND_BYTES_MAX;
  set_whole(b, bytes, keep);
  b->exact = keep == len;
}

static size_t character_length(uint8_t first) {
  return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static uint32_t decode_character(const uint8_t *at, size_t len) {
  static const uint8_t masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  uint32_t c = at[0] & masks[len];
  for (size_t i = 1; i < len; i++) c = c << 6 | (at[i] & 0x3F);
  return c;
}

static void encode_character(uint8_t *at, uint32_t c, size_t len) {
  static const uint8_t leads[] = {0, 0x00, 0xC0, 0xE0, 0xF0};
  for (size_t i = len; i-- > 1; c >>= 6) at[i] = (uint8_t)(0x80 | (c & 0x3F));
  at[0] = (uint8_t)(leads[len] | c);
}

/* The next character of the same width; false where there is none. */
static bool raise_character(uint8_t *at, size_t len) {
  static const uint32_t last[] = {0, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  uint32_t c = decode_character(at, len);
  if (c >= last[len]) return false;
  c = c + 1 == 0xD800 ? 0xE000 : c + 1;   /* surrogates are no characters */
  encode_character(at, c, len);
  return true;
}

/* Raises the last unit (byte or character) that can be raised and drops what follows. */
static bool raise_text(struct bound *b) {
  while (b->len > 0) {
    size_t at = character_start(b->bytes, b->len - 1u);
    size_t len = character_length(b->bytes[at]);
    if (at + len == b->len && raise_character(b->bytes + at, len)) return true;
    b->len = (uint8_t)at;
  }
  return false;
}

static bool raise_bytes(struct bound *b) {
  while (b->len > 0 && b->bytes[b->len - 1] == 0xFF) b->len--;
  if (b->len == 0) return false;
  b->bytes[b->len - 1]++;
  return true;
}

bool bound_cut_max(struct bound *b, const uint8_t *bytes, size_t len, bool is_text) {
  bound_cut_min(b, bytes, len, is_text);
  return b->exact || (is_text ? raise_text(b) : raise_bytes(b));
}

static void set_number(struct bound *b, int64_t v, const struct leaf *leaf) {
  uint8_t bytes[8];
  size_t width = leaf->order == ORDER_BOOL ? 1 : (size_t)leaf->width;
  store_le64(bytes, (uint64_t)v);
  set_whole(b, bytes, width);
}

static void set_real(struct bound *b, double v, const struct leaf *leaf) {
  uint8_t bytes[8];
  uint64_t bits64;
  uint32_t bits32;
  float narrow = (float)v;   /* exact: it was widened */
  memcpy(&bits64, &v, sizeof bits64);
  memcpy(&bits32, &narrow, sizeof bits32);
  if (leaf->physical == PHYSICAL_FLOAT) store_le32(bytes, bits32);
  else store_le64(bytes, bits64);
  set_whole(b, bytes, (size_t)leaf->width);
}

bool range_bounds(const struct range *r, const struct leaf *leaf, const uint8_t *base, struct bound *min,
                  struct bound *max) {
  bool is_text = leaf->logical == LOGICAL_STRING || leaf->logical == LOGICAL_JSON;
  switch (leaf->order) {
    case ORDER_BOOL:
    case ORDER_SIGNED:
    case ORDER_UNSIGNED:
      set_number(min, r->number.min, leaf);
      set_number(max, r->number.max, leaf);
      return true;
    case ORDER_FLOAT:
      if (r->nan_count) return false;
      /* Readers may take -0 and +0 as different: the minimum is the smaller, the maximum the larger one. */
      set_real(min, r->real.min == 0 ? -0.0 : r->real.min, leaf);
      set_real(max, r->real.max == 0 ? 0.0 : r->real.max, leaf);
      return true;
    case ORDER_DECIMAL:
      decimal_store(min->bytes, r->decimal.min, leaf->width);
      decimal_store(max->bytes, r->decimal.max, leaf->width);
      min->len = max->len = (uint8_t)leaf->width;
      min->exact = max->exact = true;
      return true;
    case ORDER_BYTES:
      bound_cut_min(min, base + r->bytes.min.at, r->bytes.min.len, is_text);
      return bound_cut_max(max, base + r->bytes.max.at, r->bytes.max.len, is_text);
    case ORDER_NONE: break;
  }
  return false;
}

static int64_t number_of(const struct bound *b, const struct leaf *leaf) {
  if (leaf->order == ORDER_BOOL) return b->bytes[0];
  if (leaf->width == 8) return (int64_t)load_le64(b->bytes);
  uint32_t v = load_le32(b->bytes);
  return leaf->order == ORDER_UNSIGNED ? (int64_t)v : (int32_t)v;
}

static double real_of(const struct bound *b, const struct leaf *leaf) {
  if (leaf->physical == PHYSICAL_FLOAT) {
    float f;
    uint32_t bits = load_le32(b->bytes);
    memcpy(&f, &bits, sizeof f);
    return f;
  }
  double v;
  uint64_t bits = load_le64(b->bytes);
  memcpy(&v, &bits, sizeof v);
  return v;
}

void range_add_bound(struct range *r, const struct bound *value, const struct leaf *leaf) {
  switch (leaf->order) {
    case ORDER_BOOL:
    case ORDER_SIGNED:
    case ORDER_UNSIGNED: range_add_number(r, number_of(value, leaf)); break;
    case ORDER_FLOAT: range_add_real(r, real_of(value, leaf)); break;
    case ORDER_DECIMAL: range_add_decimal(r, decimal_load(value->bytes, leaf->width)); break;
    case ORDER_BYTES:
    case ORDER_NONE: break;
  }
}

int bound_compare(const struct bound *a, const struct bound *b, const struct leaf *leaf) {
  switch (leaf->order) {
    case ORDER_BOOL:
    case ORDER_SIGNED:
    case ORDER_UNSIGNED: {
      int64_t x = number_of(a, leaf), y = number_of(b, leaf);
      return (x > y) - (x < y);
    }
    case ORDER_FLOAT: {
      double x = real_of(a, leaf), y = real_of(b, leaf);
      return (x > y) - (x < y);
    }
    case ORDER_DECIMAL: {
      __int128 x = decimal_load(a->bytes, leaf->width), y = decimal_load(b->bytes, leaf->width);
      return (x > y) - (x < y);
    }
    case ORDER_BYTES: return compare_bytes(a->bytes, a->len, b->bytes, b->len);
    case ORDER_NONE: break;
  }
  return 0;
}
