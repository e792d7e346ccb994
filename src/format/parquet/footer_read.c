#include "format/parquet/footer_read.h"

#include "format/parquet/little_endian.h"
#include "format/parquet/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCHEMA_ELEMENTS_MAX 1000000
#define SCHEMA_DEPTH_MAX 64
#define NONE INT64_MIN

struct footer_reader {
  struct thrift_reader thrift;
  struct footer_facts_read *facts;
  uint8_t *leaf_is_repeated;
  chunk_visitor *visit;
  void *context;
  int64_t groups_row_count;
  bool has_groups;
};

static bool read_at(int fd, uint64_t offset, uint8_t *to, size_t len, struct error *err) {
  while (len) {
    ssize_t n = pread(fd, to, len, (off_t)offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(err, ERR_DESTINATION, "cannot read the file");
    if (n == 0) return fail(err, ERR_VALUE, "not a whole Parquet file: it is cut");
    to += n;
    offset += (uint64_t)n;
    len -= (size_t)n;
  }
  return true;
}

/* Magic at both ends, and a footer length that fits between them. */
static bool find_footer(int fd, struct footer_facts_read *facts, struct error *err) {
  struct stat st;
  uint8_t head[PARQUET_MAGIC_BYTES], tail[PARQUET_TAIL_BYTES];
  if (fstat(fd, &st) < 0) return fail_errno(err, ERR_DESTINATION, "cannot read the file");
  uint64_t size = (uint64_t)st.st_size;
  if (size < sizeof head + sizeof tail)
    return fail(err, ERR_VALUE, "not a whole Parquet file: it is too short");
  if (!read_at(fd, 0, head, sizeof head, err) || !read_at(fd, size - sizeof tail, tail, sizeof tail, err))
    return false;
  if (memcmp(head, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
    return fail(err, ERR_VALUE, "not a Parquet file");
  if (memcmp(tail + 4, PARQUET_MAGIC, PARQUET_MAGIC_BYTES) != 0)
    return fail(err, ERR_VALUE, "not a whole Parquet file: its end is missing");
  uint64_t length = load_le32(tail);
  if (length > size - sizeof head - sizeof tail)
    return fail(err, ERR_VALUE, "not a whole Parquet file: its footer would begin before the file");
  facts->end = size - sizeof tail;
  facts->start = facts->end - length;
  return true;
}

struct element { int64_t child_count; bool is_repeated; };

static struct element read_element(struct thrift_reader *r) {
  struct element e = {0};
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 3) e.is_repeated = thrift_read_int(r, &f) == REPETITION_REPEATED;
    else if (f.id == 5) e.child_count = thrift_read_int(r, &f);
    else thrift_skip(r, &f);
  }
  return e;
}

/* Depth first, as it is stored: the stack says how many children each open group still misses. */
static bool read_schema(struct footer_reader *fr, const struct thrift_field *field, struct error *err) {
  struct thrift_reader *r = &fr->thrift;
  struct { int64_t children_left; bool is_repeated; } stack[SCHEMA_DEPTH_MAX];
  size_t depth = 0;
  uint64_t count = thrift_read_list(r, field, THRIFT_STRUCT);
  if (count > SCHEMA_ELEMENTS_MAX)
    return fail(err, ERR_VALUE, "the schema has more than %d elements", SCHEMA_ELEMENTS_MAX);
  if (fr->leaf_is_repeated) return fail(err, ERR_VALUE, "the footer holds two schemas");
  fr->leaf_is_repeated = calloc(count + 1, 1);
  if (!fr->leaf_is_repeated) return fail_memory(err, "a schema");
  for (uint64_t i = 0; i < count && !r->failure; i++) {
    struct element e = read_element(r);
    bool repeated = e.is_repeated || (depth && stack[depth - 1].is_repeated);
    if ((i > 0 && depth == 0) || e.child_count < 0) return fail(err, ERR_VALUE, "the schema is no tree");
    if (depth) stack[depth - 1].children_left--;
    if (i == 0 || e.child_count > 0) {
      if (depth == SCHEMA_DEPTH_MAX)
        return fail(err, ERR_VALUE, "the schema nests deeper than %d groups", SCHEMA_DEPTH_MAX);
      stack[depth].children_left = e.child_count;
      stack[depth++].is_repeated = repeated;
    } else {
      fr->leaf_is_repeated[fr->facts->leaf_count++] = repeated;
    }
    while (depth && stack[depth - 1].children_left == 0) depth--;
  }
  if (depth && !r->failure) return fail(err, ERR_VALUE, "the schema misses elements");
  return true;
}

static void read_column_metadata(struct thrift_reader *r, struct chunk_facts *c) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 4: c->codec = thrift_read_int(r, &f); break;
      case 5: c->value_count = thrift_read_int(r, &f); break;
      case 6: c->plain_bytes = thrift_read_int(r, &f); break;
      case 7: c->stored_bytes = thrift_read_int(r, &f); break;
      case 9: c->data_offset = thrift_read_int(r, &f); break;
      case 11: c->dictionary_offset = thrift_read_int(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
}

static bool read_chunk(struct footer_reader *fr, struct chunk_facts *c, struct error *err) {
  struct thrift_reader *r = &fr->thrift;
  c->codec = c->value_count = c->plain_bytes = c->stored_bytes = c->data_offset = NONE;
  c->dictionary_offset = 0;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 3 && thrift_is_struct(r, &f)) read_column_metadata(r, c);
    else if (f.id != 3) thrift_skip(r, &f);
  }
  if (!thrift_reader_check(r, "the footer", err)) return false;
  if (c->codec < 0 || c->value_count < 0 || c->plain_bytes < 0 || c->stored_bytes < 0 || c->data_offset < 0)
    return fail(err, ERR_VALUE, "the footer misses what belongs to a column chunk");
  return fr->visit(fr->context, c, err);
}

/* value_count of the group's flat chunks: all the same, and the group's row count. */
static bool read_chunks(struct footer_reader *fr, const struct thrift_field *field, int64_t *value_count,
                        struct error *err) {
  uint64_t count = thrift_read_list(&fr->thrift, field, THRIFT_STRUCT);
  if (!thrift_reader_check(&fr->thrift, "the footer", err)) return false;
  if (count != fr->facts->leaf_count)
    return fail(err, ERR_VALUE, "row group %zu has %llu columns, the schema %zu", fr->facts->group_count,
                (unsigned long long)count, fr->facts->leaf_count);
  for (uint64_t i = 0; i < count; i++) {
    struct chunk_facts c = {.group = fr->facts->group_count, .leaf = (size_t)i,
                            .is_repeated = fr->leaf_is_repeated[i]};
    if (!read_chunk(fr, &c, err)) return false;
    if (c.is_repeated) continue;
    if (*value_count == NONE) *value_count = c.value_count;
    if (*value_count != c.value_count)
      return fail(err, ERR_VALUE, "row group %zu: its columns have different numbers of values", c.group);
  }
  return true;
}

static bool read_group(struct footer_reader *fr, struct error *err) {
  struct thrift_reader *r = &fr->thrift;
  int64_t row_count = NONE, value_count = NONE;
  bool ok = true;
  for (struct thrift_field f = thrift_struct_enter(r); ok && thrift_next(r, &f);) {
    if (f.id == 1) ok = read_chunks(fr, &f, &value_count, err);
    else if (f.id == 3) row_count = thrift_read_int(r, &f);
    else thrift_skip(r, &f);
  }
  if (!ok || !thrift_reader_check(r, "the footer", err)) return false;
  if (row_count < 0 || (value_count != NONE && value_count != row_count))
    return fail(err, ERR_VALUE, "row group %zu: its columns have %lld values, it says %lld rows",
                fr->facts->group_count, (long long)value_count, (long long)row_count);
  if (__builtin_add_overflow(fr->groups_row_count, row_count, &fr->groups_row_count))
    return fail(err, ERR_VALUE, "the row groups have more rows than can be counted");
  fr->facts->group_count++;
  return true;
}

static bool read_groups(struct footer_reader *fr, const struct thrift_field *field, struct error *err) {
  uint64_t count = thrift_read_list(&fr->thrift, field, THRIFT_STRUCT);
  if (!fr->leaf_is_repeated) return fail(err, ERR_VALUE, "the footer has no schema before its row groups");
  if (fr->has_groups) return fail(err, ERR_VALUE, "the footer lists its row groups twice");
  fr->has_groups = true;
  for (uint64_t i = 0; i < count; i++)
    if (!read_group(fr, err)) return false;
  return true;
}

static bool read_file_metadata(struct footer_reader *fr, struct error *err) {
  struct thrift_reader *r = &fr->thrift;
  bool ok = true;
  for (struct thrift_field f = thrift_struct_enter(r); ok && thrift_next(r, &f);) {
    if (f.id == 2) ok = read_schema(fr, &f, err);
    else if (f.id == 3) fr->facts->row_count = thrift_read_int(r, &f);
    else if (f.id == 4) ok = read_groups(fr, &f, err);
    else thrift_skip(r, &f);
  }
  if (!ok || !thrift_reader_check(r, "the footer", err)) return false;
  if (!fr->has_groups || fr->facts->row_count != fr->groups_row_count)
    return fail(err, ERR_VALUE, "the file says %lld rows, its row groups hold %lld",
                (long long)fr->facts->row_count, (long long)fr->groups_row_count);
  if (thrift_reader_offset(r) != fr->facts->end) return fail(err, ERR_VALUE, "bytes follow the footer's end");
  return true;
}

bool footer_read(int fd, chunk_visitor *visit, void *context, struct footer_facts_read *facts,
                 struct error *err) {
  *facts = (struct footer_facts_read){.row_count = NONE};
  if (!find_footer(fd, facts, err)) return false;
  struct footer_reader *fr = calloc(1, sizeof *fr);
  if (!fr) return fail_memory(err, "a footer");
  fr->facts = facts;
  fr->visit = visit;
  fr->context = context;
  thrift_reader_init(&fr->thrift, fd, facts->start, facts->end);
  bool ok = read_file_metadata(fr, err);
  free(fr->leaf_is_repeated);
  free(fr);
  return ok;
}
