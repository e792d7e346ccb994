/*
 * Which encoding makes a column smallest: each candidate is tried on a sample of its values, with the chunk's codec.
 *
 * The sample is of the row group alone, so that the choice depends on nothing but its rows: the same snapshot gives the
 * same file, whichever lane makes the row group.
 */
#pragma once
#include "format/parquet/dictionary.h"
#include "format/parquet/encode.h"
#include "format/parquet/page.h"

/* What a trial needs; the encoder's own. */
struct trial {
  struct page_writer *pages;
  struct encode_scratch *scratch;
  struct buffer *body;           /* emptied */
  const struct leaf *leaf;
  enum profile profile;
  struct plain_values sample;    /* at least one */
};

struct trial_result {
  enum encoding encoding;
  double value_bytes;            /* stored, on average */
};

/* The best of encodings_of(). */
bool trial_encodings(const struct trial *t, struct trial_result *result, struct error *err) MUST_CHECK;

/*
 * The stored bytes of a dictionary and its indices for `total` values, of which `distinct` are different. indices: of the
 * sample.
 */
bool trial_dictionary(const struct trial *t, const struct dictionary *dictionary, const uint32_t *indices,
                      double total, double distinct, double *bytes, struct error *err) MUST_CHECK;
