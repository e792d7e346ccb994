/*
 * Values as text: from the wire's bytes to what PostgreSQL's own output functions print, under DateStyle
 * ISO, TimeZone UTC, extra_float_digits 1 and bytea_output hex.
 *
 * Kinds of fixed width have one function each, found in a table by kind. Text, JSON and bytea are bytes
 * that the formats escape in their own ways; numeric has functions of its own, since its text may be long.
 *
 * Nothing is allocated, no final zero is written, and no byte beyond the given ones is read. Bytes that no
 * server sends (a time after 24:00:00, a numeric digit over 9999) are found, not printed.
 */
#pragma once
#include "base/buffer.h"
#include "row/schema.h"

#define VALUE_TEXT_MAX 40   /* bytes: room that every `write` needs, all of which it may overwrite */

struct value_text {
  int32_t width;   /* bytes on the wire; -1: varies, and write is NULL */
  /* Writes the value of `width` bytes at `data`. One past its text, or NULL where the bytes are no such value. */
  uint8_t *(*write)(uint8_t *to, const uint8_t *data);
};

/* As the output functions print: 2024-01-02 03:04:05.678+00, t. */
extern const struct value_text value_texts[KIND_COUNT];
/* As row_to_json and xmlforest print (without quotes): 2024-01-02T03:04:05.678+00:00, true. */
extern const struct value_text value_iso_texts[KIND_COUNT];

/*
 * The longest text that this numeric's header allows, which the room for numeric_text must have; 0 where
 * the bytes are no numeric.
 */
size_t numeric_text_max(const uint8_t *data, int32_t len);
/* One past the text; NULL where a digit is over 9999, or leading zeros stand. Only after numeric_text_max has accepted the bytes. */
uint8_t *numeric_text(uint8_t *to, const uint8_t *data);
#define NUMERIC_TEXT_LIMIT 147461   /* what numeric_text_max never passes */
/* NaN or an infinity. The bytes are a numeric. */
bool numeric_is_special(const uint8_t *data);

/* The shortest text that reads back as exactly v; of the shortest ones the closest to v. */
uint8_t *float8_text(uint8_t *to, double v);
uint8_t *float4_text(uint8_t *to, float v);

#define INT8_TEXT_MAX 20   /* bytes: room for int8_text */
uint8_t *int8_text(uint8_t *to, int64_t v);

/* Two lowercase digits a byte: `to` has room for 2 * len. */
uint8_t *hex_text(uint8_t *to, const uint8_t *data, size_t len);
void hex_append(struct buffer *out, const uint8_t *data, size_t len);   /* in pieces: see buffer_let_go */
void hex_append_upper(struct buffer *out, const uint8_t *data, size_t len);

/*
 * Appends any kind's text; JSONB without its version byte, bytea as \x and hex. False where the bytes
 * are no value of the kind (out of memory shows in the buffer only). The cell is not NULL.
 */
bool value_append(enum kind kind, const struct cell *c, struct buffer *out) MUST_CHECK;
