#include "format/parquet/footer_read.h"

#include "format/parquet/chunk_read.h"
#include "format/parquet/little_endian.h"
#include "format/parquet/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct footer_reader {
  int fd;
  struct thrift_reader thrift;    /* walks FileMetaData and, behind what has been read ahead, the groups */
  struct thrift_reader inner;     /* reads a group's chunks, once the group's own fields are known */
  struct footer_facts_read *facts;
  struct file_schema schema;
  const struct footer_visitor *visitor;
  uint64_t key_values_at, groups_at;   /* file offsets of the lists; 0: none */
  int64_t groups_row_count;
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

/* A list that lies at `at`, entered through a reader of its own. */
static uint64_t enter_list(struct footer_reader *fr, struct thrift_reader *r, uint64_t at) {
  const struct thrift_field list = {.id = 1, .type = THRIFT_LIST};
  thrift_reader_init(r, fr->fd, at, fr->facts->end);
  return thrift_read_list(r, &list, THRIFT_STRUCT);
}

/* ---- row groups ------------------------------------------------------------------------------------- */

static bool read_chunks(struct footer_reader *fr, uint64_t at, const struct group_facts *g, struct error *err) {
  struct thrift_reader *r = &fr->inner;
  uint64_t count = enter_list(fr, r, at);
  if (!thrift_reader_check(r, "the footer", err)) return false;
  if (count != fr->facts->leaf_count)
    return fail(err, ERR_VALUE, "row group %zu has %llu columns, the schema %zu", g->group,
                (unsigned long long)count, fr->facts->leaf_count);
  for (uint64_t i = 0; i < count; i++) {
    const struct file_element *leaf = file_schema_leaf(&fr->schema, (size_t)i);
    struct chunk_facts c = {.group = g->group, .leaf = (size_t)i, .element = leaf,
                            .group_rows = (uint64_t)g->row_count, .is_repeated = leaf->repetition_max > 0};
    if (!chunk_facts_read(r, &fr->schema, &c, err)) return false;
    if (!c.is_repeated && c.value_count != g->row_count)
      return fail(err, ERR_VALUE, "row group %zu: column %zu has %lld values, the group %lld rows", g->group,
                  c.leaf + 1, (long long)c.value_count, (long long)g->row_count);
    if (fr->visitor->chunk && !fr->visitor->chunk(fr->visitor->context, &c, err)) return false;
  }
  return true;
}

static bool read_group(struct footer_reader *fr, struct error *err) {
  struct group_facts g;
  uint64_t chunks_at = group_facts_read(&fr->thrift, fr->facts->group_count, &g);
  if (!thrift_reader_check(&fr->thrift, "the footer", err)) return false;
  if (g.row_count < 0 || g.plain_bytes < 0 || !chunks_at)
    return fail(err, ERR_VALUE, "the footer misses what belongs to row group %zu", g.group);
  if (__builtin_add_overflow(fr->groups_row_count, g.row_count, &fr->groups_row_count))
    return fail(err, ERR_VALUE, "the row groups have more rows than can be counted");
  if (fr->visitor->group && !fr->visitor->group(fr->visitor->context, &g, err)) return false;
  if (!read_chunks(fr, chunks_at, &g, err)) return false;
  fr->facts->group_count++;
  return true;
}

static bool read_groups(struct footer_reader *fr, struct error *err) {
  uint64_t count = enter_list(fr, &fr->thrift, fr->groups_at);
  if (!thrift_reader_check(&fr->thrift, "the footer", err)) return false;
  for (uint64_t i = 0; i < count; i++)
    if (!read_group(fr, err)) return false;
  if (fr->facts->row_count != fr->groups_row_count)
    return fail(err, ERR_VALUE, "the file says %lld rows, its row groups hold %lld",
                (long long)fr->facts->row_count, (long long)fr->groups_row_count);
  return true;
}

/* ---- the file --------------------------------------------------------------------------------------- */

static bool read_key_values(struct footer_reader *fr, struct error *err) {
  struct thrift_reader *r = &fr->inner;
  if (!fr->key_values_at || !fr->visitor->key_value) return true;
  uint64_t count = enter_list(fr, r, fr->key_values_at);
  struct key_value *entry = malloc(sizeof *entry);
  if (!entry) return fail_memory(err, "a footer");
  bool ok = true;
  for (uint64_t i = 0; i < count && ok; i++) {
    entry->key_len = entry->value_len = 0;
    for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
      if (f.id == 1) entry->key_len = thrift_read_binary(r, &f, entry->key, sizeof entry->key);
      else if (f.id == 2) entry->value_len = thrift_read_binary(r, &f, entry->value, sizeof entry->value);
      else thrift_skip(r, &f);
    }
    ok = thrift_reader_check(r, "the footer", err) && fr->visitor->key_value(fr->visitor->context, entry, err);
  }
  free(entry);
  return ok;
}

static void read_created_by(struct thrift_reader *r, const struct thrift_field *f, struct footer_facts_read *facts) {
  uint64_t len = thrift_read_binary(r, f, facts->created_by, sizeof facts->created_by - 1);
  facts->created_by[len < sizeof facts->created_by ? len : sizeof facts->created_by - 1] = '\0';
}

/* Passes over a list of structs; its file offset. A second one of its kind is a failure. */
static uint64_t pass_list(struct thrift_reader *r, const struct thrift_field *f, uint64_t before) {
  uint64_t at = thrift_reader_offset(r);
  if (f->type != THRIFT_LIST || before) thrift_reader_fail(r, "a list is none, or comes twice");
  else thrift_skip(r, f);
  return at;
}

static int64_t pass_column_orders(struct thrift_reader *r, const struct thrift_field *field) {
  uint64_t count = thrift_read_list(r, field, THRIFT_STRUCT);
  const struct thrift_field element = {.id = 1, .type = THRIFT_STRUCT};
  for (uint64_t i = 0; i < count && !r->failure; i++) thrift_skip(r, &element);
  return (int64_t)count;
}

/* All of FileMetaData but the row groups, which are passed over. */
static bool read_file_metadata(struct footer_reader *fr, struct error *err) {
  struct thrift_reader *r = &fr->thrift;
  struct footer_facts_read *facts = fr->facts;
  bool ok = true;
  for (struct thrift_field f = thrift_struct_enter(r); ok && thrift_next(r, &f);) {
    switch (f.id) {
      case 1: facts->version = thrift_read_int(r, &f); break;
      case 2: ok = file_schema_read(&fr->schema, r, &f, err); break;
      case 3: facts->row_count = thrift_read_int(r, &f); break;
      case 4: fr->groups_at = pass_list(r, &f, fr->groups_at); break;
      case 5: fr->key_values_at = pass_list(r, &f, fr->key_values_at); break;
      case 6: read_created_by(r, &f, facts); break;
      case 7: facts->column_order_count = pass_column_orders(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
  if (!ok || !thrift_reader_check(r, "the footer", err)) return false;
  if (thrift_reader_offset(r) != facts->end) return fail(err, ERR_VALUE, "bytes follow the footer's end");
  facts->leaf_count = file_schema_leaf_count(&fr->schema);
  if (!fr->groups_at || facts->row_count < 0 || !file_schema_count(&fr->schema))
    return fail(err, ERR_VALUE, "the footer misses its schema, its rows or its row groups");
  return true;
}

static bool visit_all(struct footer_reader *fr, struct error *err) {
  const struct footer_visitor *v = fr->visitor;
  if (!find_footer(fr->fd, fr->facts, err)) return false;
  thrift_reader_init(&fr->thrift, fr->fd, fr->facts->start, fr->facts->end);
  return read_file_metadata(fr, err) && (!v->file || v->file(v->context, fr->facts, &fr->schema, err)) &&
         read_key_values(fr, err) && read_groups(fr, err) && (!v->end || v->end(v->context, err));
}

bool footer_visit(int fd, const struct footer_visitor *visitor, struct footer_facts_read *facts,
                  struct error *err) {
  *facts = (struct footer_facts_read){.row_count = NOT_SAID, .column_order_count = NOT_SAID};
  struct footer_reader *fr = calloc(1, sizeof *fr);
  if (!fr) return fail_memory(err, "a footer");
  fr->fd = fd;
  fr->facts = facts;
  fr->visitor = visitor;
  file_schema_init(&fr->schema);
  bool ok = visit_all(fr, err);
  file_schema_deinit(&fr->schema);
  free(fr);
  return ok;
}

bool footer_read(int fd, chunk_visitor *visit, void *context, struct footer_facts_read *facts,
                 struct error *err) {
  const struct footer_visitor visitor = {.context = context, .chunk = visit};
  return footer_visit(fd, &visitor, facts, err);
}
