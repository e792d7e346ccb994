#include "format/parquet/value_show.h"

#include "base/bytes.h"
#include "base/utf8.h"
#include "format/parquet/bound_order.h"
#include "format/parquet/epoch.h"
#include "format/parquet/little_endian.h"
#include "format/parquet/spec.h"
#include "row/datetime_text.h"
#include "row/value_text.h"

#define SHOWN_BYTES_MAX 32

enum { LOGICAL_ENUM = 4, LOGICAL_OF_UUID = 14, CONVERTED_ENUM = 4 };
enum { CONVERTED_TIMESTAMP_MILLIS = 9, UNIT_MILLIS = 1, UNIT_NANOS = 3 };

/* `len` bytes, or digits where nothing was written. */
static void append_or_digits(struct buffer *out, const uint8_t *text, const uint8_t *end, int64_t v) {
  if (end) buffer_append(out, text, (size_t)(end - text));
  else buffer_appendf(out, "%lld", (long long)v);
}

#define DECIMAL_BYTES_MAX BOUND_KEPT_MAX
#define DECIMAL_DIGITS_MAX 160   /* of so many bytes: 155 */

/* Divides by ten, in place; the remainder. */
static unsigned divide_by_ten(uint8_t bytes[DECIMAL_BYTES_MAX], size_t len) {
  unsigned left = 0;
  for (size_t i = 0; i < len; i++) {
    left = left << 8 | bytes[i];
    bytes[i] = (uint8_t)(left / 10);
    left %= 10;
  }
  return left;
}

static bool is_zero(const uint8_t *bytes, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (bytes[i]) return false;
  return true;
}

/* Big-endian two's complement, 1 to DECIMAL_BYTES_MAX bytes. A scale that no type of a database has: 12E-200. */
static void show_decimal(const uint8_t *value, size_t len, int32_t scale, struct buffer *out) {
  uint8_t left[DECIMAL_BYTES_MAX];
  char digits[DECIMAL_DIGITS_MAX + 1];
  size_t at = sizeof digits;
  bool is_negative = value[0] & 0x80;
  memcpy(left, value, len);
  for (size_t i = len, carry = 1; is_negative && i > 0; i--) {
    unsigned v = (uint8_t)~left[i - 1] + (unsigned)carry;
    left[i - 1] = (uint8_t)v;
    carry = v >> 8;
  }
  int32_t after = scale < DECIMAL_DIGITS_MAX ? scale : 0, written = 0;
  do {
    if (after && written == after) digits[--at] = '.';
    digits[--at] = (char)('0' + (int)divide_by_ten(left, len));
    written++;
  } while (written <= after || !is_zero(left, len));
  if (is_negative) buffer_append_byte(out, '-');
  buffer_append(out, digits + at, sizeof digits - at);
  if (after != scale) buffer_appendf(out, "E-%d", scale);
}

static void show_small_decimal(int64_t v, int32_t scale, struct buffer *out) {
  uint64_t big = __builtin_bswap64((uint64_t)v);
  show_decimal((const uint8_t *)&big, sizeof big, scale, out);
}

static void show_date(int64_t days, struct buffer *out) {
  uint8_t wire[4], text[VALUE_TEXT_MAX];
  int64_t since_2000 = days - EPOCH_DAYS;
  bool fits = since_2000 > INT32_MIN && since_2000 < INT32_MAX;
  uint32_t v = __builtin_bswap32((uint32_t)since_2000);
  memcpy(wire, &v, sizeof wire);
  append_or_digits(out, text, fits ? date_write(text, wire) : NULL, days);
}

static void show_timestamp(int64_t v, int unit, bool is_utc, struct buffer *out) {
  uint8_t wire[8], text[VALUE_TEXT_MAX];
  int64_t micros = unit == UNIT_NANOS ? v / 1000 : v;
  bool fits = !(unit == UNIT_MILLIS && __builtin_mul_overflow(v, 1000, &micros)) &&
              !__builtin_sub_overflow(micros, EPOCH_MICROS, &micros) && micros != INT64_MIN && micros != INT64_MAX;
  uint64_t big = __builtin_bswap64((uint64_t)micros);
  memcpy(wire, &big, sizeof wire);
  append_or_digits(out, text, !fits ? NULL : is_utc ? timestamptz_write(text, wire) : timestamp_write(text, wire), v);
}

static void show_integer(const struct file_element *leaf, int64_t v, struct buffer *out) {
  bool of_old = !leaf->logical && (leaf->converted == CONVERTED_TIMESTAMP_MILLIS ||
                                   leaf->converted == CONVERTED_TIMESTAMP_MICROS);
  if (file_element_is_decimal(leaf)) show_small_decimal(v, leaf->scale, out);
  else if (leaf->logical == LOGICAL_DATE || leaf->converted == CONVERTED_DATE) show_date(v, out);
  else if (leaf->logical == LOGICAL_TIMESTAMP) show_timestamp(v, leaf->time_unit, leaf->is_utc, out);
  else if (of_old) show_timestamp(v, leaf->converted == CONVERTED_TIMESTAMP_MILLIS ? UNIT_MILLIS : 2, true, out);
  else buffer_appendf(out, "%lld", (long long)v);
}

static void show_real(const struct file_element *leaf, const struct bound_facts *b, struct buffer *out) {
  uint8_t text[VALUE_TEXT_MAX];
  uint32_t bits4 = load_le32(b->bytes);
  uint64_t bits8 = load_le64(b->bytes);
  float v4;
  double v8;
  memcpy(&v4, &bits4, sizeof v4);
  memcpy(&v8, &bits8, sizeof v8);
  uint8_t *end = leaf->physical == PHYSICAL_FLOAT ? float4_text(text, v4) : float8_text(text, v8);
  buffer_append(out, text, (size_t)(end - text));
}

static void show_hex(const struct bound_facts *b, struct buffer *out) {
  size_t len = b->len < SHOWN_BYTES_MAX ? (size_t)b->len : SHOWN_BYTES_MAX;
  buffer_append_string(out, "0x");
  hex_append(out, b->bytes, len);
  if (len < b->len) buffer_append_string(out, "…");
}

static void show_uuid(const uint8_t *bytes, struct buffer *out) {
  for (int i = 0; i < 16; i++) buffer_appendf(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", bytes[i]);
}

/* Up to a whole character; control characters as dots. */
static void show_text(const struct bound_facts *b, struct buffer *out) {
  size_t kept = b->len < BOUND_KEPT_MAX ? (size_t)b->len : BOUND_KEPT_MAX, len = kept < SHOWN_BYTES_MAX ? kept : SHOWN_BYTES_MAX;
  size_t valid = utf8_valid_prefix(b->bytes, len);
  if (valid + 4 <= len) {
    show_hex(b, out);
    return;
  }
  buffer_append_byte(out, '"');
  for (size_t i = 0; i < valid; i++) buffer_append_byte(out, b->bytes[i] < 0x20 || b->bytes[i] == 0x7F ? '.' : b->bytes[i]);
  buffer_append_byte(out, '"');
  if (valid < b->len || !b->is_exact) buffer_append_string(out, "…");
}

static bool is_text(const struct file_element *leaf) {
  if (leaf->logical) return leaf->logical == LOGICAL_STRING || leaf->logical == LOGICAL_JSON || leaf->logical == LOGICAL_ENUM;
  return leaf->converted == CONVERTED_UTF8 || leaf->converted == CONVERTED_JSON || leaf->converted == CONVERTED_ENUM;
}

void parquet_value_show(const struct file_element *leaf, const struct bound_facts *b, struct buffer *out) {
  bool fits = bound_order_fits(leaf, b);
  switch (fits ? leaf->physical : PHYSICAL_INT96) {
    case PHYSICAL_BOOLEAN: buffer_append_string(out, b->bytes[0] ? "true" : "false"); break;
    case PHYSICAL_INT32:
      if (file_element_is_unsigned(leaf)) buffer_appendf(out, "%u", load_le32(b->bytes));
      else show_integer(leaf, (int32_t)load_le32(b->bytes), out);
      break;
    case PHYSICAL_INT64:
      if (file_element_is_unsigned(leaf)) buffer_appendf(out, "%llu", (unsigned long long)load_le64(b->bytes));
      else show_integer(leaf, (int64_t)load_le64(b->bytes), out);
      break;
    case PHYSICAL_FLOAT:
    case PHYSICAL_DOUBLE: show_real(leaf, b, out); break;
    case PHYSICAL_BYTE_ARRAY:
    case PHYSICAL_FIXED:
      if (file_element_is_decimal(leaf) && b->len > 0 && b->len <= DECIMAL_BYTES_MAX) show_decimal(b->bytes, b->len, leaf->scale, out);
      else if (leaf->logical == LOGICAL_OF_UUID && b->len == 16) show_uuid(b->bytes, out);
      else if (is_text(leaf)) show_text(b, out);
      else show_hex(b, out);
      break;
    default: show_hex(b, out);
  }
}
