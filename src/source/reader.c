#include "source/reader.h"

#include "row/wire.h"

#define PEEKED_MAX (2u << 30)
#define SIGNATURE_BYTES 11
#define HEADER_BYTES (SIGNATURE_BYTES + 8)   /* signature, int32 flags, int32 length of the extension */

static const uint8_t signature[SIGNATURE_BYTES] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xFF, '\r', '\n', 0};

bool reader_open(struct reader *r, struct pg *pg, const char *sql, size_t wire_count, struct error *err) {
  *r = (struct reader){.pg = pg, .wire_count = wire_count};
  buffer_init(&r->peeked, PEEKED_MAX);
  return pg_copy_start(pg, sql, err);
}

bool reader_open_queued(struct reader *r, struct pg *pg, size_t wire_count, struct error *err) {
  *r = (struct reader){.pg = pg, .wire_count = wire_count};
  buffer_init(&r->peeked, PEEKED_MAX);
  return pg_copy_start_queued(pg, err);
}

void reader_open_kept(struct reader *r, const struct buffer *rows, uint64_t row_count, size_t wire_count) {
  *r = (struct reader){.wire_count = wire_count, .kept = rows->data, .kept_rows = row_count, .ended = true};
  buffer_init(&r->peeked, PEEKED_MAX);
}

void reader_keep_row(const struct cell *cells, size_t wire_count, struct buffer *rows) {
  const struct cell *last = &cells[wire_count - 1];
  const uint8_t *start = cells[0].data - 6;   /* behind the field count and the first length, NULL or not */
  const uint8_t *end = last->data + (last->len > 0 ? last->len : 0);
  uint32_t len = (uint32_t)(end - start);
  uint8_t *to = buffer_reserve(rows, sizeof len + len);
  if (!to) return;
  memcpy(to, &len, sizeof len);
  memcpy(to + sizeof len, start, len);
  rows->len += sizeof len + len;
}

void reader_close(struct reader *r) { buffer_deinit(&r->peeked); }

static uint32_t read_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool read_header(struct reader *r, struct error *err) {
  if (r->end - r->at < HEADER_BYTES || memcmp(r->at, signature, SIGNATURE_BYTES) != 0)
    return fail(err, ERR_SOURCE, "the server's answer is not PostgreSQL's binary COPY format");
  uint32_t flags = read_u32(r->at + SIGNATURE_BYTES), extension = read_u32(r->at + SIGNATURE_BYTES + 4);
  if (flags & 0xFFFF0000u) return fail(err, ERR_SOURCE, "the server's binary COPY has unknown flags 0x%08x", flags);
  if ((size_t)(r->end - r->at) - HEADER_BYTES < extension)
    return fail(err, ERR_SOURCE, "the server's binary COPY header is cut");
  r->at += HEADER_BYTES + extension;
  r->header_read = true;
  return true;
}

/* The proven end of the stream: nothing may be missing, and the counts must agree. */
static bool check_end(struct reader *r, uint64_t rows, struct error *err) {
  uint64_t read = r->row_count + r->kept_rows;
  if (!r->header_read || !r->trailer_read)
    return fail(err, ERR_SOURCE_LOST, "the server's binary COPY ended without its trailer");
  if (rows != read)
    return fail(err, ERR_SOURCE_LOST, "the server says it sent %llu rows, but %llu arrived",
                (unsigned long long)rows, (unsigned long long)read);
  r->ended = true;
  return true;
}

/* Makes at..end hold a tuple or the trailer; *got false at the end of the stream. */
static bool next_message(struct reader *r, bool *got, struct error *err) {
  while (r->at == r->end) {
    const uint8_t *data;
    size_t len;
    uint64_t rows = 0;
    if (!pg_copy_next(r->pg, &data, &len, &rows, err)) return false;
    if (!data) {
      *got = false;
      return check_end(r, rows, err);
    }
    r->at = data;
    r->end = data + len;
    if (!r->header_read && !read_header(r, err)) return false;
  }
  *got = true;
  return true;
}

/* Where a tuple has its count of fields, the trailer has -1. Nothing may follow it. */
static inline bool is_trailer(const struct reader *r) {
  return r->end - r->at >= 2 && r->at[0] == 0xFF && r->at[1] == 0xFF;
}

static bool next_from_server(struct reader *r, struct cell *cells, bool *got, struct error *err) {
  *got = false;
  while (!r->ended) {
    if (r->at == r->end) {
      if (!next_message(r, got, err)) return false;
      if (!*got) break;
    }
    if (__builtin_expect(r->trailer_read, 0))
      return fail(err, ERR_SOURCE, "the server sent more behind the trailer of its COPY");
    if (__builtin_expect(is_trailer(r), 0)) {
      r->trailer_read = true;
      r->at += 2;
      continue;
    }
    size_t used;
    if (!wire_split(r->at, (size_t)(r->end - r->at), r->wire_count, cells, &used, err)) return false;
    r->at += used;
    *got = true;
    break;
  }
  return true;
}

/* A row that was kept. Its bytes stay where they are until the last one has been given. */
static bool next_kept(struct reader *r, struct cell *cells, struct error *err) {
  uint32_t len;
  memcpy(&len, r->kept, sizeof len);
  size_t used;
  bool ok = wire_split(r->kept + sizeof len, len, r->wire_count, cells, &used, err);
  r->kept += sizeof len + len;
  r->kept_rows--;
  return ok;
}

bool reader_next(struct reader *r, struct cell *cells, bool *got, struct error *err) {
  if (r->kept_rows > 0) {
    if (!next_kept(r, cells, err)) return false;
    *got = true;
  } else {
    if (__builtin_expect(r->peeked.len > 0, 0)) {
      buffer_deinit(&r->peeked);
      buffer_init(&r->peeked, PEEKED_MAX);
    }
    if (!next_from_server(r, cells, got, err)) return false;
  }
  r->row_count += *got;
  return true;
}

bool reader_peek(struct reader *r, uint64_t max_rows, size_t max_bytes, struct cell *cells,
                 bool (*see)(void *context, const struct cell *cells, struct error *err), void *context, bool *all,
                 struct error *err) {
  *all = false;
  while (r->kept_rows < max_rows && r->peeked.len < max_bytes) {
    bool got;
    if (!next_from_server(r, cells, &got, err)) return false;
    if (!got) {
      *all = true;
      break;
    }
    reader_keep_row(cells, r->wire_count, &r->peeked);
    if (!buffer_check(&r->peeked, "the rows read ahead", err)) return false;
    r->kept_rows++;
    if (!see(context, cells, err)) return false;
  }
  r->kept = r->peeked.data;
  return true;
}
