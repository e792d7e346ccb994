#include "format/parquet/walk.h"

#include "compress/crc.h"
#include "format/parquet/spec.h"

#include <errno.h>
#include <unistd.h>

struct page_facts {
  int64_t type, plain_bytes, stored_bytes, value_count;
  bool has_crc;
  uint32_t crc;
};

static void read_kind_header(struct thrift_reader *r, const struct thrift_field *field,
                             struct page_facts *p) {
  if (!thrift_is_struct(r, field)) return;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 1) p->value_count = thrift_read_int(r, &f);
    else thrift_skip(r, &f);
  }
}

static void read_header(struct thrift_reader *r, struct page_facts *p) {
  *p = (struct page_facts){.type = -1, .plain_bytes = -1, .stored_bytes = -1, .value_count = -1};
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1: p->type = thrift_read_int(r, &f); break;
      case 2: p->plain_bytes = thrift_read_int(r, &f); break;
      case 3: p->stored_bytes = thrift_read_int(r, &f); break;
      case 4:
        p->crc = (uint32_t)thrift_read_int(r, &f);
        p->has_crc = true;
        break;
      case 5:   /* data, dictionary, data V2 */
      case 7:
      case 8: read_kind_header(r, &f, p); break;
      default: thrift_skip(r, &f);
    }
  }
}

static bool check_body(struct walk *w, uint64_t at, const struct page_facts *p, struct error *err) {
  uint64_t left = (uint64_t)p->stored_bytes, from = at;
  uint32_t crc = 0;
  if (!p->has_crc) return true;
  while (left) {
    size_t want = left < sizeof w->piece ? (size_t)left : sizeof w->piece;
    ssize_t n = pread(w->fd, w->piece, want, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(err, ERR_DESTINATION, "cannot read the file");
    if (n == 0) return fail(err, ERR_VALUE, "the page at byte %llu is cut", (unsigned long long)from);
    crc = crc_update(crc, w->piece, (size_t)n);
    at += (uint64_t)n;
    left -= (uint64_t)n;
  }
  w->checked_count++;
  if (crc == p->crc) return true;
  return fail(err, ERR_VALUE, "the page at byte %llu is damaged: its checksum is %08x, not %08x",
              (unsigned long long)from, crc, p->crc);
}

struct totals { uint64_t at, end, plain_bytes; int64_t value_count; };

static bool walk_page(struct walk *w, const struct chunk_facts *chunk, struct totals *t, struct error *err) {
  struct page_facts p;
  thrift_reader_init(&w->header, w->fd, t->at, t->end);
  read_header(&w->header, &p);
  if (!thrift_reader_check(&w->header, "a page header", err)) return false;
  uint64_t body_at = thrift_reader_offset(&w->header), header_bytes = body_at - t->at;
  bool is_data = p.type == PAGE_DATA || p.type == PAGE_DATA_V2;
  if (p.plain_bytes < 0 || p.stored_bytes < 0 || (uint64_t)p.stored_bytes > t->end - body_at ||
      p.value_count < 0)
    return fail(err, ERR_VALUE, "the page header at byte %llu is malformed", (unsigned long long)t->at);
  if (chunk->codec == CODEC_NONE && p.plain_bytes != p.stored_bytes)
    return fail(err, ERR_VALUE, "the page at byte %llu is not compressed, but has two sizes",
                (unsigned long long)t->at);
  bool is_first_data = (uint64_t)chunk->data_offset == t->at;
  if (is_data && t->value_count < 0 && !is_first_data)
    return fail(err, ERR_VALUE, "the first data page is at byte %llu, not where the footer says",
                (unsigned long long)t->at);
  if (is_data) t->value_count = (t->value_count < 0 ? 0 : t->value_count) + p.value_count;
  if (!check_body(w, body_at, &p, err)) return false;
  t->plain_bytes += header_bytes + (uint64_t)p.plain_bytes;
  t->at = body_at + (uint64_t)p.stored_bytes;
  w->page_count++;
  return true;
}

static bool walk_pages(struct walk *w, const struct chunk_facts *chunk, struct error *err) {
  bool has_dictionary = chunk->dictionary_offset > 0 && chunk->dictionary_offset < chunk->data_offset;
  uint64_t start = (uint64_t)(has_dictionary ? chunk->dictionary_offset : chunk->data_offset);
  if (start < PARQUET_MAGIC_BYTES || start > w->pages_end ||
      (uint64_t)chunk->stored_bytes > w->pages_end - start)
    return fail(err, ERR_VALUE, "its pages reach out of the file");
  struct totals t = {.at = start, .end = start + (uint64_t)chunk->stored_bytes, .value_count = -1};
  while (t.at < t.end)
    if (!walk_page(w, chunk, &t, err)) return false;
  if (t.value_count < 0) t.value_count = 0;
  if (t.value_count != chunk->value_count)
    return fail(err, ERR_VALUE, "its pages hold %lld values, the footer says %lld", (long long)t.value_count,
                (long long)chunk->value_count);
  if (t.plain_bytes != (uint64_t)chunk->plain_bytes)
    return fail(err, ERR_VALUE, "its pages hold %llu bytes, the footer says %lld",
                (unsigned long long)t.plain_bytes, (long long)chunk->plain_bytes);
  return true;
}

bool walk_chunk(struct walk *w, const struct chunk_facts *chunk, struct error *err) {
  if (walk_pages(w, chunk, err)) return true;
  error_prefix(err, "row group %zu, column %zu: ", chunk->group, chunk->leaf + 1);
  return false;
}
