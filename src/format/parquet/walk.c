#include "format/parquet/walk.h"

#include "compress/crc.h"
#include "format/parquet/codec_id.h"
#include "format/parquet/names.h"
#include "format/parquet/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define ENCODINGS_COUNTED 16

/* What the pages of a chunk add up to. */
struct totals {
  uint64_t at, end;            /* the next page, and the chunk's end */
  uint64_t plain_bytes;
  uint64_t value_count, row_count, null_count;
  uint64_t data_page_count;
  bool is_open;                /* every data page has been looked into: rows and nulls are known */
  bool has_dictionary;
  uint32_t dictionary_count;
  uint32_t pages[PAGE_DATA_V2 + 1][ENCODINGS_COUNTED];   /* by type and encoding */
  uint64_t repetition[LEVELS_COUNTED], definition[LEVELS_COUNTED];   /* by level */
};

struct walk *walk_new(int fd, bool decodes, struct error *err) {
  struct walk *w = calloc(1, sizeof *w);
  if (!w) {
    error_set(err, ERR_MEMORY, "out of memory for reading a Parquet file");
    return NULL;
  }
  w->fd = fd;
  w->decodes = decodes;
  buffer_init(&w->stored, WALK_PAGE_BYTES_MAX);
  buffer_init(&w->plain, WALK_PAGE_BYTES_MAX);
  return w;
}

void walk_free(struct walk *w) {
  if (!w) return;
  buffer_deinit(&w->stored);
  buffer_deinit(&w->plain);
  free(w);
}

/* ---- headers ---------------------------------------------------------------------------------------- */

static void read_data_header(struct thrift_reader *r, struct page_facts *p) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1: p->value_count = thrift_read_int(r, &f); break;
      case 2: p->encoding = thrift_read_int(r, &f); break;
      case 3: p->definition_encoding = thrift_read_int(r, &f); break;
      case 4: p->repetition_encoding = thrift_read_int(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
}

static void read_data_header_v2(struct thrift_reader *r, struct page_facts *p) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1: p->value_count = thrift_read_int(r, &f); break;
      case 2: p->null_count = thrift_read_int(r, &f); break;
      case 3: p->row_count = thrift_read_int(r, &f); break;
      case 4: p->encoding = thrift_read_int(r, &f); break;
      case 5: p->definition_bytes = thrift_read_int(r, &f); break;
      case 6: p->repetition_bytes = thrift_read_int(r, &f); break;
      case 7: p->is_compressed = thrift_read_bool(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
}

static void read_dictionary_header(struct thrift_reader *r, struct page_facts *p) {
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 1) p->value_count = thrift_read_int(r, &f);
    else if (f.id == 2) p->encoding = thrift_read_int(r, &f);
    else thrift_skip(r, &f);
  }
}

static void read_kind_header(struct thrift_reader *r, const struct thrift_field *f, struct page_facts *p) {
  if (!thrift_is_struct(r, f)) return;
  if (f->id == 5) read_data_header(r, p);
  else if (f->id == 7) read_dictionary_header(r, p);
  else read_data_header_v2(r, p);
}

static void read_header(struct thrift_reader *r, struct page_facts *p) {
  int kind = NOT_SAID;   /* the field that describes the page: it must be its type's */
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
      case 8:
        kind = f.id;
        read_kind_header(r, &f, p);
        break;
      default: thrift_skip(r, &f);
    }
  }
  static const int kinds[] = {[PAGE_DATA] = 5, [PAGE_INDEX] = NOT_SAID, [PAGE_DICTIONARY] = 7, [PAGE_DATA_V2] = 8};
  if (p->type < PAGE_DATA || p->type > PAGE_DATA_V2) thrift_reader_fail(r, "its type is not known");
  else if (kind != kinds[p->type]) thrift_reader_fail(r, "it does not describe a page of its type");
}

static bool is_data(const struct page_facts *p) { return p->type == PAGE_DATA || p->type == PAGE_DATA_V2; }

/* RLE, or BIT_PACKED of old: of levels that the column does not have, too, since the header must say it. */
static bool is_level_encoding(int64_t encoding) { return encoding == ENCODING_RLE || encoding == 4; }

/* Thrift's numbers may have 64 bits where Parquet's have 32: sums of these shall not overflow. */
static bool is_count(int64_t v) { return v >= 0 && v <= INT32_MAX; }

static bool check_header(const struct page_facts *p, const struct chunk_facts *chunk, const struct totals *t,
                         struct error *err) {
  bool v2_fits = p->type != PAGE_DATA_V2 ||
                 (p->null_count >= 0 && p->row_count >= 0 && is_count(p->definition_bytes) &&
                  is_count(p->repetition_bytes));
  bool levels_fit = p->type != PAGE_DATA ||
                    (is_level_encoding(p->definition_encoding) && is_level_encoding(p->repetition_encoding));
  bool counts = p->value_count >= 0 || p->type == PAGE_INDEX;
  if (!is_count(p->plain_bytes) || p->stored_bytes < 0 || (uint64_t)p->stored_bytes > t->end - p->body_at || !counts ||
      p->value_count > INT32_MAX || !v2_fits || !levels_fit)
    return fail(err, ERR_VALUE, "its header is malformed");
  if (chunk->codec == CODEC_NONE && p->plain_bytes != p->stored_bytes)
    return fail(err, ERR_VALUE, "it is not compressed, but has two sizes");
  if (p->type == PAGE_INDEX) return true;
  if (p->encoding < 0 || p->encoding >= ENCODINGS_COUNTED)
    return fail(err, ERR_VALUE, "its values are in an encoding that is not known (%lld)", (long long)p->encoding);
  if (is_data(p) && !(chunk->encodings >> p->encoding & 1))
    return fail(err, ERR_VALUE, "its values are %s, which the footer does not list", parquet_encoding_name(p->encoding));
  return true;
}

/* ---- bodies ----------------------------------------------------------------------------------------- */

static bool check_crc(struct walk *w, const struct page_facts *p, uint32_t crc, struct error *err) {
  w->checked_count++;
  if (crc == p->crc) return true;
  return fail(err, ERR_VALUE, "it is damaged: its checksum is %08x, not %08x", crc, p->crc);
}

/* Reads up to `want` bytes at `at`. False at the end of the file as well. */
static bool read_some(const struct walk *w, uint64_t at, uint8_t *to, size_t want, size_t *got, struct error *err) {
  ssize_t n;
  do n = pread(w->fd, to, want, (off_t)at);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(err, ERR_DESTINATION, "cannot read the file");
  if (n == 0) return fail(err, ERR_VALUE, "it is cut");
  *got = (size_t)n;
  return true;
}

/* The body's checksum alone, in pieces. */
static bool sum_body(struct walk *w, const struct page_facts *p, struct error *err) {
  uint64_t left = (uint64_t)p->stored_bytes, at = p->body_at;
  uint32_t crc = 0;
  if (!p->has_crc) return true;
  for (size_t n; left; at += n, left -= n) {
    size_t want = left < sizeof w->piece ? (size_t)left : sizeof w->piece;
    if (!read_some(w, at, w->piece, want, &n, err)) return false;
    crc = crc_update(crc, w->piece, n);
  }
  return check_crc(w, p, crc, err);
}

/* As the page header's sizes say; a reader that is lied to finds out when the file ends. */
static bool load_body(struct walk *w, const struct page_facts *p, struct error *err) {
  size_t len = (size_t)p->stored_bytes;
  buffer_reset(&w->stored);
  while (w->stored.len < len) {
    size_t left = len - w->stored.len, want = left < sizeof w->piece ? left : sizeof w->piece, n;
    uint8_t *to = buffer_reserve(&w->stored, want);
    if (!to) return buffer_check(&w->stored, "a page", err);
    if (!read_some(w, p->body_at + w->stored.len, to, want, &n, err)) return false;
    w->stored.len += n;
  }
  return !p->has_crc || check_crc(w, p, crc_update(0, w->stored.data, len), err);
}

static bool can_look_into(const struct walk *w, const struct page_facts *p, const struct chunk_facts *chunk) {
  return w->decodes && p->type != PAGE_INDEX && codec_id_find_block(chunk->codec) && p->stored_bytes <= WALK_PAGE_BYTES_MAX &&
         p->plain_bytes <= WALK_PAGE_BYTES_MAX;
}

/* Into w->plain. V2 leaves its levels uncompressed, before the rest. */
static bool expand_body(struct walk *w, const struct page_facts *p, const struct chunk_facts *chunk, struct error *err) {
  bool is_v2 = p->type == PAGE_DATA_V2;
  size_t plain_len = (size_t)p->plain_bytes, levels = is_v2 ? (size_t)(p->definition_bytes + p->repetition_bytes) : 0;
  if (levels > plain_len || levels > w->stored.len) return fail(err, ERR_VALUE, "its levels are longer than the page");
  const struct block_codec *codec = codec_id_find_block(is_v2 && !p->is_compressed ? CODEC_NONE : chunk->codec);
  buffer_reset(&w->plain);
  uint8_t *to = buffer_reserve(&w->plain, plain_len + 1);
  if (!to) return buffer_check(&w->plain, "a page", err);
  w->plain.len = plain_len;
  if (levels) memcpy(to, w->stored.data, levels);
  /* A V2 page without values may be stored as levels alone, whatever the codec. */
  if (is_v2 && levels == plain_len && levels == w->stored.len) return true;
  static const uint8_t nothing[1];
  const uint8_t *from = w->stored.len ? w->stored.data + levels : nothing;
  return codec->expand(from, w->stored.len - levels, to + levels, plain_len - levels, err);
}

/* ---- pages ------------------------------------------------------------------------------------------ */

static bool take_dictionary(struct walk *w, const struct page_facts *p, const struct chunk_facts *chunk, bool open,
                            struct totals *t, struct error *err) {
  if (t->has_dictionary || t->data_page_count) return fail(err, ERR_VALUE, "it is a second dictionary, or comes too late");
  t->has_dictionary = true;
  t->dictionary_count = (uint32_t)p->value_count;
  return !open || page_check_dictionary(p, chunk, w->plain.data, w->plain.len, err);
}

static bool take_data(struct walk *w, const struct page_facts *p, const struct chunk_facts *chunk, bool open,
                      struct totals *t, struct error *err) {
  struct page_counts counts = {0};
  if (t->data_page_count == 0 && (uint64_t)chunk->data_offset != p->at)
    return fail(err, ERR_VALUE, "it is the first data page, which the footer says is at byte %lld",
                (long long)chunk->data_offset);
  if (open && !page_check_data(p, chunk, t->has_dictionary, t->dictionary_count, w->plain.data, w->plain.len, &counts,
                               err))
    return false;
  if (t->data_page_count == 0 && open && p->value_count && !counts.begins_row)
    return fail(err, ERR_VALUE, "it is the first page, but begins within a row");
  if (!open) t->is_open = false;
  bool rows_known = t->is_open || (!chunk->is_repeated && open);
  if (w->decodes && !index_check_page(&w->index, p, t->row_count, rows_known ? &counts : NULL, err)) return false;
  t->data_page_count++;
  t->value_count += (uint64_t)p->value_count;
  t->row_count += chunk->is_repeated ? counts.row_count : (uint64_t)p->value_count;
  t->null_count += counts.null_count;
  for (size_t i = 0; i <= chunk->element->repetition_max; i++) t->repetition[i] += counts.repetition[i];
  for (size_t i = 0; i <= chunk->element->definition_max; i++) t->definition[i] += counts.definition[i];
  return true;
}

static bool take_page(struct walk *w, const struct page_facts *p, const struct chunk_facts *chunk, struct totals *t,
                      struct error *err) {
  bool open = can_look_into(w, p, chunk);
  if (!check_header(p, chunk, t, err)) return false;
  if (open ? !load_body(w, p, err) || !expand_body(w, p, chunk, err) : !sum_body(w, p, err)) return false;
  if (p->type == PAGE_DICTIONARY && !take_dictionary(w, p, chunk, open, t, err)) return false;
  if (is_data(p) && !take_data(w, p, chunk, open, t, err)) return false;
  if (p->type != PAGE_INDEX) t->pages[p->type][p->encoding]++;
  t->plain_bytes += p->body_at - p->at + (uint64_t)p->plain_bytes;
  t->at = p->body_at + (uint64_t)p->stored_bytes;
  w->page_count++;
  w->closed_count += !open;
  return true;
}

static bool walk_page(struct walk *w, const struct chunk_facts *chunk, struct totals *t, uint64_t number,
                      struct error *err) {
  struct page_facts p = {.at = t->at, .type = NOT_SAID, .plain_bytes = NOT_SAID, .stored_bytes = NOT_SAID,
                         .value_count = NOT_SAID, .encoding = NOT_SAID, .definition_encoding = NOT_SAID,
                         .repetition_encoding = NOT_SAID, .null_count = NOT_SAID, .row_count = NOT_SAID,
                         .definition_bytes = NOT_SAID, .repetition_bytes = NOT_SAID, .is_compressed = true};
  thrift_reader_init(&w->header, w->fd, t->at, t->end);
  read_header(&w->header, &p);
  p.body_at = thrift_reader_offset(&w->header);
  if (thrift_reader_check(&w->header, "its header", err) && take_page(w, &p, chunk, t, err)) return true;
  error_prefix(err, "page %llu at byte %llu: ", (unsigned long long)number, (unsigned long long)p.at);
  return false;
}

/* ---- chunks ----------------------------------------------------------------------------------------- */

/* Some writers list data pages of version 2 as of version 1: both count as one. */
static uint64_t pages_of(const struct totals *t, int64_t type, int64_t encoding) {
  if (type == PAGE_DICTIONARY) return t->pages[PAGE_DICTIONARY][encoding];
  return (uint64_t)t->pages[PAGE_DATA][encoding] + t->pages[PAGE_DATA_V2][encoding];
}

static bool check_page_encodings(const struct chunk_facts *chunk, const struct totals *t, struct error *err) {
  for (int encoding = 0; encoding < ENCODINGS_COUNTED && chunk->page_encoding_count; encoding++) {
    uint64_t listed[2] = {0}, found[2] = {pages_of(t, PAGE_DATA, encoding), pages_of(t, PAGE_DICTIONARY, encoding)};
    for (size_t i = 0; i < chunk->page_encoding_count; i++) {
      const struct page_encoding *e = &chunk->page_encodings[i];
      if (e->encoding == encoding) listed[e->type == PAGE_DICTIONARY] += (uint64_t)e->count;
    }
    for (int i = 0; i < 2; i++)
      if (listed[i] != found[i])
        return fail(err, ERR_VALUE, "the footer lists %llu %s pages in %s, there are %llu", (unsigned long long)listed[i],
                    i ? "dictionary" : "data", parquet_encoding_name(encoding), (unsigned long long)found[i]);
  }
  return true;
}

static bool check_histogram(const struct histogram_facts *said, const uint64_t *counts, unsigned max, const char *what,
                            struct error *err) {
  if (!said->size) return true;
  if (said->size != max + 1u)
    return fail(err, ERR_VALUE, "the footer counts %llu %s levels, there are %u", (unsigned long long)said->size, what,
                max + 1u);
  for (unsigned i = 0; i <= max; i++)
    if ((uint64_t)said->counts[i] != counts[i])
      return fail(err, ERR_VALUE, "the footer says that it has the %s level %u %lld times, it has it %llu times", what, i,
                  (long long)said->counts[i], (unsigned long long)counts[i]);
  return true;
}

static bool check_histograms(const struct chunk_facts *chunk, const struct totals *t, struct error *err) {
  const struct file_element *leaf = chunk->element;
  return !t->is_open ||
         (check_histogram(&chunk->repetition, t->repetition, leaf->repetition_max, "repetition", err) &&
          check_histogram(&chunk->definition, t->definition, leaf->definition_max, "definition", err));
}

static bool check_totals(const struct walk *w, const struct chunk_facts *chunk, const struct totals *t,
                         struct error *err) {
  if (t->value_count != (uint64_t)chunk->value_count)
    return fail(err, ERR_VALUE, "its pages hold %llu values, the footer says %lld", (unsigned long long)t->value_count,
                (long long)chunk->value_count);
  if (t->plain_bytes != (uint64_t)chunk->plain_bytes)
    return fail(err, ERR_VALUE, "its pages hold %llu bytes, the footer says %lld", (unsigned long long)t->plain_bytes,
                (long long)chunk->plain_bytes);
  if (!w->decodes) return true;
  if (t->is_open && t->row_count != chunk->group_rows)
    return fail(err, ERR_VALUE, "its pages hold %llu rows, the row group has %llu", (unsigned long long)t->row_count,
                (unsigned long long)chunk->group_rows);
  int64_t nulls = chunk->statistics.is_there ? chunk->statistics.null_count : NOT_SAID;
  if (t->is_open && !chunk->is_repeated && nulls != NOT_SAID && (uint64_t)nulls != t->null_count)
    return fail(err, ERR_VALUE, "its pages hold %llu nulls, the footer says %lld", (unsigned long long)t->null_count,
                (long long)nulls);
  return check_histograms(chunk, t, err) && check_page_encodings(chunk, t, err);
}

bool walk_chunk(struct walk *w, const struct chunk_facts *chunk, struct error *err) {
  /* Some writers say 0 for what is not there: a dictionary, or the data pages of no rows. */
  bool has_dictionary = chunk->dictionary_offset > 0 &&
                        (chunk->dictionary_offset < chunk->data_offset || chunk->data_offset == 0);
  uint64_t start = (uint64_t)(has_dictionary ? chunk->dictionary_offset : chunk->data_offset);
  bool is_empty = chunk->stored_bytes == 0 && chunk->value_count == 0 && chunk->plain_bytes == 0;
  if (is_empty && chunk->group_rows == 0) return true;
  if (start < PARQUET_MAGIC_BYTES || start > w->pages_end ||
      (uint64_t)chunk->stored_bytes > w->pages_end - start)
    return fail(err, ERR_VALUE, "its pages reach out of the file");
  struct totals t = {.at = start, .end = start + (uint64_t)chunk->stored_bytes, .is_open = w->decodes};
  if (w->decodes && !index_check_open(&w->index, w->fd, w->pages_end, chunk, err)) return false;
  for (uint64_t number = 0; t.at < t.end; number++)
    if (!walk_page(w, chunk, &t, number, err)) return false;
  return check_totals(w, chunk, &t, err) && (!w->decodes || index_check_end(&w->index, err));
}
