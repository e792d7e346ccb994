#include "format/parquet/chunk_read.h"

#include "format/parquet/spec.h"

static void read_sorting(struct thrift_reader *r, const struct thrift_field *field, struct group_facts *g) {
  uint64_t count = thrift_read_list(r, field, THRIFT_STRUCT);
  for (uint64_t i = 0; i < count && !r->failure; i++) {
    struct sorting_column s = {.leaf = NOT_SAID};
    for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
      if (f.id == 1) s.leaf = thrift_read_int(r, &f);
      else if (f.id == 2) s.is_descending = thrift_read_bool(r, &f);
      else if (f.id == 3) s.nulls_first = thrift_read_bool(r, &f);
      else thrift_skip(r, &f);
    }
    if (g->sorting_count < SORTING_COLUMNS_MAX) g->sorting[g->sorting_count++] = s;
  }
}

uint64_t group_facts_read(struct thrift_reader *r, size_t group, struct group_facts *g) {
  uint64_t chunks_at = 0;
  *g = (struct group_facts){.group = group, .row_count = NOT_SAID, .plain_bytes = NOT_SAID,
                            .stored_bytes = NOT_SAID, .offset = NOT_SAID};
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1:
        if (chunks_at) thrift_reader_fail(r, "a row group lists its columns twice");
        chunks_at = thrift_reader_offset(r);
        thrift_skip(r, &f);
        break;
      case 2: g->plain_bytes = thrift_read_int(r, &f); break;
      case 3: g->row_count = thrift_read_int(r, &f); break;
      case 4: read_sorting(r, &f, g); break;
      case 5: g->offset = thrift_read_int(r, &f); break;
      case 6: g->stored_bytes = thrift_read_int(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
  return chunks_at;
}

static void read_bound(struct thrift_reader *r, const struct thrift_field *f, struct bound_facts *b) {
  b->is_there = true;
  b->len = thrift_read_binary(r, f, b->bytes, sizeof b->bytes);
}

static void read_statistics(struct thrift_reader *r, const struct thrift_field *field, struct statistics_facts *s) {
  if (!thrift_is_struct(r, field)) return;
  *s = (struct statistics_facts){.is_there = true, .null_count = NOT_SAID, .nan_count = NOT_SAID,
                                 .distinct_count = NOT_SAID, .min.is_exact = true, .max.is_exact = true};
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 3: s->null_count = thrift_read_int(r, &f); break;
      case 4: s->distinct_count = thrift_read_int(r, &f); break;
      case 5: read_bound(r, &f, &s->max); break;
      case 6: read_bound(r, &f, &s->min); break;
      case 7: s->max.is_exact = thrift_read_bool(r, &f); break;
      case 8: s->min.is_exact = thrift_read_bool(r, &f); break;
      case 9: s->nan_count = thrift_read_int(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
}

static void read_encodings(struct thrift_reader *r, const struct thrift_field *f, struct chunk_facts *c) {
  uint64_t count = thrift_read_list(r, f, THRIFT_I32);
  for (uint64_t i = 0; i < count && !r->failure; i++) {
    int64_t encoding = thrift_element_read_int(r);
    if (encoding >= 0 && encoding < 32) c->encodings |= 1u << encoding;
  }
}

static void read_page_encodings(struct thrift_reader *r, const struct thrift_field *field, struct chunk_facts *c) {
  uint64_t count = thrift_read_list(r, field, THRIFT_STRUCT);
  for (uint64_t i = 0; i < count && !r->failure; i++) {
    struct page_encoding e = {NOT_SAID, NOT_SAID, NOT_SAID};
    for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
      if (f.id == 1) e.type = thrift_read_int(r, &f);
      else if (f.id == 2) e.encoding = thrift_read_int(r, &f);
      else if (f.id == 3) e.count = thrift_read_int(r, &f);
      else thrift_skip(r, &f);
    }
    if (i < PAGE_ENCODINGS_MAX) c->page_encodings[i] = e;
  }
  c->page_encoding_count = count <= PAGE_ENCODINGS_MAX ? (size_t)count : 0;
}

static void read_histogram(struct thrift_reader *r, const struct thrift_field *f, struct histogram_facts *h) {
  h->size = thrift_read_list(r, f, THRIFT_I64);
  for (uint64_t i = 0; i < h->size && !r->failure; i++) {
    int64_t count = thrift_element_read_int(r);
    if (i < LEVELS_COUNTED) h->counts[i] = count;
  }
}

static void read_size_statistics(struct thrift_reader *r, const struct thrift_field *field, struct chunk_facts *c) {
  if (!thrift_is_struct(r, field)) return;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 2) read_histogram(r, &f, &c->repetition);
    else if (f.id == 3) read_histogram(r, &f, &c->definition);
    else thrift_skip(r, &f);
  }
}

static void read_path(struct thrift_reader *r, const struct thrift_field *f, const struct file_schema *schema,
                      size_t leaf) {
  if (!file_schema_is_path(schema, leaf, r, f))
    thrift_reader_fail(r, "a column chunk is not of the column at its place");
}

static void read_column_metadata(struct thrift_reader *r, const struct file_schema *schema, struct chunk_facts *c) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1: c->physical = thrift_read_int(r, &f); break;
      case 2: read_encodings(r, &f, c); break;
      case 3: read_path(r, &f, schema, c->leaf); break;
      case 4: c->codec = thrift_read_int(r, &f); break;
      case 5: c->value_count = thrift_read_int(r, &f); break;
      case 6: c->plain_bytes = thrift_read_int(r, &f); break;
      case 7: c->stored_bytes = thrift_read_int(r, &f); break;
      case 9: c->data_offset = thrift_read_int(r, &f); break;
      case 11: c->dictionary_offset = thrift_read_int(r, &f); break;
      case 12: read_statistics(r, &f, &c->statistics); break;
      case 13: read_page_encodings(r, &f, c); break;
      case 14: c->bloom.offset = thrift_read_int(r, &f); break;
      case 15: c->bloom.len = thrift_read_int(r, &f); break;
      case 16: read_size_statistics(r, &f, c); break;
      default: thrift_skip(r, &f);
    }
  }
}

bool chunk_facts_read(struct thrift_reader *r, const struct file_schema *schema, struct chunk_facts *c,
                      struct error *err) {
  c->physical = c->codec = c->value_count = c->plain_bytes = c->stored_bytes = c->data_offset = NOT_SAID;
  c->bloom.len = NOT_SAID;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 3:
        if (thrift_is_struct(r, &f)) read_column_metadata(r, schema, c);
        break;
      case 4: c->offset_index.offset = thrift_read_int(r, &f); break;
      case 5: c->offset_index.len = thrift_read_int(r, &f); break;
      case 6: c->column_index.offset = thrift_read_int(r, &f); break;
      case 7: c->column_index.len = thrift_read_int(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
  if (!thrift_reader_check(r, "the footer", err)) return false;
  if (c->codec < 0 || c->value_count < 0 || c->plain_bytes < 0 || c->stored_bytes < 0 || c->data_offset < 0)
    return fail(err, ERR_VALUE, "the footer misses what belongs to a column chunk");
  if (c->physical < 0 || c->physical != c->element->physical)
    return fail(err, ERR_VALUE, "row group %zu, column %zu: its type is not the schema's", c->group, c->leaf + 1);
  return true;
}
