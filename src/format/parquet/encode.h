/*
 * The encodings of a page's values, and which of them may be tried for a column: all that the option `profile` allows
 * and that many readers take.
 */
#pragma once
#include "format/parquet/schema.h"
#include "format/parquet/values.h"

enum profile { PROFILE_PORTABLE, PROFILE_MODERN };

#define ENCODINGS_MAX 4

struct encode_scratch { struct buffer lengths, suffixes; };

void encode_scratch_init(struct encode_scratch *s);
void encode_scratch_deinit(struct encode_scratch *s);
void encode_scratch_shrink(struct encode_scratch *s, size_t keep_bytes);   /* of each; gives the rest back */

/* PLAIN first; not the dictionary. How many there are. */
size_t encodings_of(const struct leaf *leaf, enum profile profile, enum encoding to[ENCODINGS_MAX]);

/* Appends the values; PLAIN is copied. */
void encode_values(enum encoding encoding, const struct plain_values *values, struct encode_scratch *scratch,
                   struct buffer *out);
