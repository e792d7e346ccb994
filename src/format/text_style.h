/* How the text formats spell timestamps and bytea: options that all of them have. Private to src/format. */
#pragma once
#include "base/option.h"
#include "row/value_text.h"

enum { TIMESTAMPS_POSTGRESQL, TIMESTAMPS_ISO };
enum { BYTEA_HEX, BYTEA_BASE64 };

struct text_style {
  int timestamps;
  int bytea;
  char zone[OPTION_TEXT_MAX];   /* "UTC", "Europe/Berlin", "+02:00": the server reads it */
};

extern const char *const text_timestamps_choices[], *const text_bytea_choices[];

/* Rows of a format's table of options; `at` is the offset of its struct text_style. */
#define TEXT_STYLE_OPTIONS(at, timestamps_default, bytea_default)                                               \
  {"timestamps", OPTION_CHOICE, (at) + offsetof(struct text_style, timestamps), 0, 0, text_timestamps_choices,  \
   timestamps_default, "2024-01-02 03:04:05+00 as the server prints it, or 2024-01-02T03:04:05+00:00"},         \
  {"zone", OPTION_TEXT, (at) + offsetof(struct text_style, zone), 1, OPTION_TEXT_MAX - 1, NULL, "UTC",          \
   "of timestamps with time zone: Europe/Berlin, +02:00; also of those that stand within other values"},        \
  {"bytea", OPTION_CHOICE, (at) + offsetof(struct text_style, bytea), 0, 0, text_bytea_choices, bytea_default,  \
   "hex or base64"}

/* The text of a kind of fixed width in this style: from `others`, timestamps aside. */
struct value_text text_style_value(const struct text_style *style, enum kind kind, const struct value_text *others);
