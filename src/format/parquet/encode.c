#include "format/parquet/encode.h"

#include "format/parquet/byte_split.h"
#include "format/parquet/delta_binary.h"
#include "format/parquet/delta_length.h"
#include "format/parquet/delta_strings.h"

#define SCRATCH_BYTES_MAX ((size_t)INT32_MAX)

void encode_scratch_init(struct encode_scratch *s) {
  buffer_init(&s->lengths, SCRATCH_BYTES_MAX);
  buffer_init(&s->suffixes, SCRATCH_BYTES_MAX);
}

void encode_scratch_deinit(struct encode_scratch *s) {
  buffer_deinit(&s->lengths);
  buffer_deinit(&s->suffixes);
}

void encode_scratch_shrink(struct encode_scratch *s, size_t keep_bytes) {
  buffer_reset(&s->lengths);
  buffer_shrink(&s->lengths, keep_bytes);
  buffer_reset(&s->suffixes);
  buffer_shrink(&s->suffixes, keep_bytes);
}

size_t encodings_of(const struct leaf *leaf, enum profile profile, enum encoding to[ENCODINGS_MAX]) {
  size_t n = 0;
  to[n++] = ENCODING_PLAIN;
  if (profile == PROFILE_PORTABLE) return n;
  switch (leaf->physical) {
    case PHYSICAL_INT32:
    case PHYSICAL_INT64: to[n++] = ENCODING_DELTA_BINARY_PACKED; break;   /* split only by the newest readers */
    case PHYSICAL_FLOAT:
    case PHYSICAL_DOUBLE: to[n++] = ENCODING_BYTE_STREAM_SPLIT; break;
    case PHYSICAL_BYTE_ARRAY:
      to[n++] = ENCODING_DELTA_LENGTH_BYTE_ARRAY;
      to[n++] = ENCODING_DELTA_BYTE_ARRAY;
      break;
    /* Several readers take neither DELTA_BYTE_ARRAY nor BYTE_STREAM_SPLIT of fixed byte arrays. */
    case PHYSICAL_FIXED:
    case PHYSICAL_BOOLEAN:
    case PHYSICAL_INT96: break;
  }
  return n;
}

void encode_values(enum encoding encoding, const struct plain_values *values, struct encode_scratch *scratch,
                   struct buffer *out) {
  switch (encoding) {
    case ENCODING_DELTA_BINARY_PACKED: delta_binary_encode(values, out); break;
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY: delta_length_encode(values, &scratch->lengths, out); break;
    case ENCODING_DELTA_BYTE_ARRAY:
      delta_strings_encode(values, &scratch->lengths, &scratch->suffixes, out);
      break;
    case ENCODING_BYTE_STREAM_SPLIT: byte_split_encode(values, out); break;
    case ENCODING_PLAIN:
    case ENCODING_RLE:
    case ENCODING_RLE_DICTIONARY: buffer_append(out, values->bytes, values->len); break;
  }
}
