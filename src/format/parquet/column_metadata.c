#include "format/parquet/column_metadata.h"

#include "format/parquet/thrift.h"

static void write_statistics(const struct chunk_meta *m, const struct leaf *leaf, bool has_bounds, struct buffer *out) {
  struct thrift_writer writer = thrift_begin(out), *w = &writer;
  thrift_i64(w, 3, (int64_t)m->null_count);
  if (m->distinct_count) thrift_i64(w, 4, (int64_t)m->distinct_count);
  if (has_bounds) {
    thrift_binary(w, 5, m->max.bytes, m->max.len);
    thrift_binary(w, 6, m->min.bytes, m->min.len);
    thrift_bool(w, 7, m->max.exact);
    thrift_bool(w, 8, m->min.exact);
  }
  if (leaf->order == ORDER_FLOAT) thrift_i64(w, 9, (int64_t)m->nan_count);
  thrift_struct_end(w);
}

static void write_page_encoding(struct thrift_writer *w, enum page_type type, enum encoding encoding,
                                uint32_t count) {
  thrift_element_struct_begin(w);
  thrift_i32(w, 1, type);
  thrift_i32(w, 2, encoding);
  thrift_i32(w, 3, (int32_t)count);
  thrift_struct_end(w);
}

/* Readers trust a chunk to be all dictionary only by these counts. */
static void write_encoding_stats(const struct chunk_meta *m, struct thrift_writer *w) {
  bool dictionary = m->dictionary_bytes > 0;
  thrift_list(w, 13, THRIFT_STRUCT, (dictionary ? 2u : 0u) + (m->plain_pages ? 1u : 0u) + (m->encoded_pages ? 1u : 0u));
  if (dictionary) {
    write_page_encoding(w, PAGE_DICTIONARY, ENCODING_PLAIN, 1);
    write_page_encoding(w, PAGE_DATA, ENCODING_RLE_DICTIONARY, m->dictionary_pages);
  }
  if (m->plain_pages) write_page_encoding(w, PAGE_DATA, ENCODING_PLAIN, m->plain_pages);
  if (m->encoded_pages) write_page_encoding(w, PAGE_DATA, m->encoding, m->encoded_pages);
}

static void write_encodings(const struct chunk_meta *m, struct thrift_writer *w) {
  enum encoding used[4];
  size_t count = 0;
  bool dictionary = m->dictionary_bytes > 0;
  if (dictionary || m->plain_pages) used[count++] = ENCODING_PLAIN;   /* a dictionary page is PLAIN itself */
  used[count++] = ENCODING_RLE;
  if (dictionary) used[count++] = ENCODING_RLE_DICTIONARY;
  if (m->encoded_pages) used[count++] = m->encoding;
  thrift_list(w, 2, THRIFT_I32, count);
  for (size_t i = 0; i < count; i++) thrift_element_i32(w->out, used[i]);
}

/* How much memory the values take when they are read, and how they nest. */
static void write_size_statistics(const struct chunk_meta *m, const struct leaf *leaf, struct thrift_writer *w) {
  bool has_text = leaf->physical == PHYSICAL_BYTE_ARRAY;
  size_t repetition = histogram_repetition_size(leaf), definition = histogram_definition_size(leaf);
  if (!has_text && !m->level_counts) return;
  thrift_struct_begin(w, 16);
  if (has_text) thrift_i64(w, 1, (int64_t)m->text_bytes);
  if (m->level_counts) {
    histogram_write_counts(m->level_counts, repetition, 2, w);
    histogram_write_counts(m->level_counts + repetition, definition, 3, w);
  }
  thrift_struct_end(w);
}

static void write_head(const struct chunk_meta *m, const struct leaf *leaf, const struct chunk_offsets *offsets,
                       struct thrift_writer *w) {
  thrift_i32(w, 1, leaf->physical);
  write_encodings(m, w);
  thrift_list(w, 3, THRIFT_BINARY, leaf->path_len);
  for (size_t i = 0; i < leaf->path_len; i++)
    thrift_element_binary(w->out, leaf->path[i], strlen(leaf->path[i]));
  thrift_i32(w, 4, m->codec);
  thrift_i64(w, 5, (int64_t)m->value_count);
  thrift_i64(w, 6, (int64_t)m->plain_bytes);
  thrift_i64(w, 7, (int64_t)m->stored_bytes);
  thrift_i64(w, 9, (int64_t)(offsets->pages + m->dictionary_bytes));
  if (m->dictionary_bytes) thrift_i64(w, 11, (int64_t)offsets->pages);
}

static void write_tail(const struct chunk_meta *m, const struct leaf *leaf, const struct chunk_offsets *offsets,
                       struct thrift_writer *w) {
  write_encoding_stats(m, w);
  if (m->bloom_bytes) {
    thrift_i64(w, 14, (int64_t)offsets->bloom);
    thrift_i32(w, 15, (int32_t)m->bloom_bytes);
  }
  write_size_statistics(m, leaf, w);
  thrift_struct_end(w);
}

/* How much was appended since. */
static uint32_t take_length(const struct buffer *out, size_t *since) {
  uint32_t len = (uint32_t)(out->len - *since);
  *since = out->len;
  return len;
}

struct column_metadata column_metadata_write(const struct chunk_meta *m, const struct leaf *leaf,
                                             const struct chunk_offsets *offsets, struct buffer *out) {
  struct column_metadata pieces;
  struct thrift_writer w = thrift_begin(out);
  size_t at = out->len;
  write_head(m, leaf, offsets, &w);
  thrift_struct_raw(&w, 12, NULL, 0);   /* its header: the value follows */
  pieces.head_bytes = take_length(out, &at);
  write_statistics(m, leaf, m->has_bounds, out);
  pieces.statistics_bytes = take_length(out, &at);
  write_statistics(m, leaf, false, out);
  pieces.boundless_bytes = take_length(out, &at);
  write_tail(m, leaf, offsets, &w);
  pieces.tail_bytes = take_length(out, &at);
  return pieces;
}
