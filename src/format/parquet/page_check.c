#include "format/parquet/page_check.h"

#include "format/parquet/delta_check.h"
#include "format/parquet/little_endian.h"
#include "format/parquet/names.h"
#include "format/parquet/rle.h"
#include "format/parquet/spec.h"

/* Ids that other writers use and this one does not. */
enum { PLAIN_DICTIONARY = 2, BIT_PACKED = 4 };

struct bytes { const uint8_t *at; size_t len; };

static bool too_short(struct error *err, const char *what) {
  return fail(err, ERR_VALUE, "its %s end too early", what);
}

/* ---- levels ----------------------------------------------------------------------------------------- */

struct level_counts {
  uint64_t *of;                /* by level */
  uint32_t first;
};

static bool count_level(struct level_counts *c, uint32_t level, uint64_t times, unsigned max, bool is_first,
                        struct error *err) {
  if (level > max) return fail(err, ERR_VALUE, "it holds the level %u, where the highest is %u", level, max);
  c->of[level] += times;
  if (is_first) c->first = level;
  return true;
}

static bool count_rle(struct bytes levels, uint64_t count, unsigned max, struct level_counts *c, struct error *err) {
  struct rle_decoder d;
  rle_decoder_init(&d, levels.at, levels.len, rle_width(max));
  for (uint64_t done = 0; done < count;) {
    uint32_t level;
    uint64_t times = 1;
    if (!rle_next(&d, &level)) return too_short(err, "levels");
    if (d.repeat_left) {   /* the rest of a run at once */
      uint64_t more = d.repeat_left < count - done - 1 ? d.repeat_left : count - done - 1;
      d.repeat_left -= more;
      times += more;
    }
    if (!count_level(c, level, times, max, done == 0, err)) return false;
    done += times;
  }
  return true;
}

/* The old way without runs: most significant bit first. */
static bool count_packed(struct bytes levels, uint64_t count, unsigned max, struct level_counts *c, struct error *err) {
  unsigned width = rle_width(max);
  if (levels.len < (count * width + 7) / 8) return too_short(err, "levels");
  for (uint64_t i = 0, bit = 0; i < count; i++) {
    uint32_t level = 0;
    for (unsigned j = 0; j < width; j++, bit++) level = level << 1 | (levels.at[bit / 8] >> (7 - bit % 8) & 1);
    if (!count_level(c, level, 1, max, i == 0, err)) return false;
  }
  return true;
}

/* V1: the levels stand before the values, behind their length; takes them off `body`. */
static bool take_levels(struct bytes *body, int64_t encoding, uint64_t count, unsigned max, struct bytes *levels,
                        struct error *err) {
  uint64_t len = (count * rle_width(max) + 7) / 8;
  if (encoding == ENCODING_RLE) {
    if (body->len < 4) return too_short(err, "levels");
    len = load_le32(body->at);
    body->at += 4;
    body->len -= 4;
  } else if (encoding != BIT_PACKED) {
    return fail(err, ERR_VALUE, "its levels are in an encoding that levels cannot have (%lld)", (long long)encoding);
  }
  if (len > body->len) return too_short(err, "levels");
  *levels = (struct bytes){body->at, (size_t)len};
  body->at += len;
  body->len -= (size_t)len;
  return true;
}

static bool count_levels(struct bytes levels, int64_t encoding, uint64_t count, unsigned max, struct level_counts *c,
                         struct error *err) {
  return encoding == BIT_PACKED ? count_packed(levels, count, max, c, err) : count_rle(levels, count, max, c, err);
}

static bool split_v2(const struct page_facts *p, struct bytes *body, struct bytes *repetition, struct bytes *definition,
                     struct error *err) {
  if ((uint64_t)p->repetition_bytes + (uint64_t)p->definition_bytes > body->len) return too_short(err, "levels");
  *repetition = (struct bytes){body->at, (size_t)p->repetition_bytes};
  *definition = (struct bytes){repetition->at + repetition->len, (size_t)p->definition_bytes};
  body->at = definition->at + definition->len;
  body->len -= repetition->len + definition->len;
  return true;
}

/* Takes the levels off the body and counts them. */
static bool check_levels(const struct page_facts *p, const struct file_element *leaf, struct bytes *body,
                         struct page_counts *counts, struct error *err) {
  uint64_t count = (uint64_t)p->value_count;
  bool is_v2 = p->type == PAGE_DATA_V2;
  struct bytes repetition = {0}, definition = {0};
  struct level_counts rows = {.of = counts->repetition}, values = {.of = counts->definition};
  *counts = (struct page_counts){0};
  if (is_v2 && !split_v2(p, body, &repetition, &definition, err)) return false;
  if (leaf->repetition_max) {
    if (!is_v2 && !take_levels(body, p->repetition_encoding, count, leaf->repetition_max, &repetition, err)) return false;
    if (!count_levels(repetition, is_v2 ? ENCODING_RLE : p->repetition_encoding, count, leaf->repetition_max, &rows, err))
      return false;
  } else {
    rows.of[0] = count;
  }
  if (leaf->definition_max) {
    if (!is_v2 && !take_levels(body, p->definition_encoding, count, leaf->definition_max, &definition, err)) return false;
    if (!count_levels(definition, is_v2 ? ENCODING_RLE : p->definition_encoding, count, leaf->definition_max, &values,
                      err))
      return false;
  } else {
    values.of[0] = count;
  }
  counts->row_count = rows.of[0];
  counts->null_count = count - values.of[leaf->definition_max];
  counts->begins_row = rows.first == 0;
  if (!is_v2) return true;
  if ((uint64_t)p->row_count != counts->row_count || (uint64_t)p->null_count != counts->null_count)
    return fail(err, ERR_VALUE, "its levels make %llu rows and %llu nulls, its header says %lld and %lld",
                (unsigned long long)counts->row_count, (unsigned long long)counts->null_count, (long long)p->row_count,
                (long long)p->null_count);
  return true;
}

/* ---- values ----------------------------------------------------------------------------------------- */

/* More is no harm: some writers leave bytes of theirs behind the values. */
static bool expect_length(size_t found, uint64_t wanted, struct error *err) {
  if (found >= wanted) return true;
  return fail(err, ERR_VALUE, "its values take %zu bytes, and should take %llu", found, (unsigned long long)wanted);
}

static bool check_byte_arrays(struct bytes body, uint64_t count, struct error *err) {
  for (uint64_t i = 0; i < count; i++) {
    if (body.len < 4 || load_le32(body.at) > body.len - 4) return too_short(err, "values");
    size_t len = 4 + (size_t)load_le32(body.at);
    body.at += len;
    body.len -= len;
  }
  return true;
}

static bool check_plain(struct bytes body, uint64_t count, const struct file_element *leaf, struct error *err) {
  if (leaf->physical == PHYSICAL_BYTE_ARRAY) return check_byte_arrays(body, count, err);
  if (leaf->physical == PHYSICAL_BOOLEAN) return expect_length(body.len, (count + 7) / 8, err);
  return expect_length(body.len, count * file_element_width(leaf), err);
}

static bool check_indices(struct bytes body, uint64_t count, uint32_t dictionary_count, struct error *err) {
  if (count == 0) return true;   /* some writers leave out the width then */
  if (body.len == 0) return too_short(err, "dictionary indices");
  unsigned width = body.at[0];
  if (width > 32) return fail(err, ERR_VALUE, "its dictionary indices are of %u bits", width);
  if (dictionary_count == 0) return fail(err, ERR_VALUE, "it has values, but the dictionary none");
  if (width == 0) return true;
  struct rle_decoder d;
  rle_decoder_init(&d, body.at + 1, body.len - 1, width);
  for (uint64_t done = 0; done < count;) {
    uint32_t index;
    if (!rle_next(&d, &index)) return too_short(err, "dictionary indices");
    if (index >= dictionary_count)
      return fail(err, ERR_VALUE, "it holds the dictionary index %u, where the dictionary has %u values", index,
                  dictionary_count);
    uint64_t more = d.repeat_left < count - done - 1 ? d.repeat_left : count - done - 1;
    d.repeat_left -= more;
    done += 1 + more;
  }
  return true;
}

/* BOOLEAN as RLE, behind its length. */
static bool check_rle_booleans(struct bytes body, uint64_t count, struct error *err) {
  if (count == 0 && body.len == 0) return true;
  if (body.len < 4 || load_le32(body.at) > body.len - 4) return too_short(err, "values");
  uint64_t by_value[2] = {0};
  struct level_counts ignored = {.of = by_value};
  return count_rle((struct bytes){body.at + 4, load_le32(body.at)}, count, 1, &ignored, err);
}

static bool has_type(const struct file_element *leaf, unsigned types, int64_t encoding, struct error *err) {
  if (types >> leaf->physical & 1) return true;
  return fail(err, ERR_VALUE, "its values are %s, which %s cannot be", parquet_encoding_name(encoding),
              parquet_physical_name(leaf->physical));
}

static bool check_values(const struct page_facts *p, const struct file_element *leaf, struct bytes body, uint64_t count,
                         bool has_dictionary, uint32_t dictionary_count, struct error *err) {
  static const unsigned integers = 1u << PHYSICAL_INT32 | 1u << PHYSICAL_INT64, arrays = 1u << PHYSICAL_BYTE_ARRAY,
                        fixed = 1u << PHYSICAL_FIXED, reals = 1u << PHYSICAL_FLOAT | 1u << PHYSICAL_DOUBLE;
  switch (p->encoding) {
    case ENCODING_PLAIN: return check_plain(body, count, leaf, err);
    case PLAIN_DICTIONARY:
    case ENCODING_RLE_DICTIONARY:
      if (!has_dictionary) return fail(err, ERR_VALUE, "it holds dictionary indices, but there is no dictionary");
      return check_indices(body, count, dictionary_count, err);
    case ENCODING_RLE:
      return has_type(leaf, 1u << PHYSICAL_BOOLEAN, p->encoding, err) && check_rle_booleans(body, count, err);
    case ENCODING_DELTA_BINARY_PACKED:
      return has_type(leaf, integers, p->encoding, err) && delta_check_integers(body.at, body.len, count, err);
    case ENCODING_DELTA_LENGTH_BYTE_ARRAY:
      return has_type(leaf, arrays, p->encoding, err) && delta_check_lengths(body.at, body.len, count, err);
    case ENCODING_DELTA_BYTE_ARRAY:
      return has_type(leaf, arrays | fixed, p->encoding, err) && delta_check_strings(body.at, body.len, count, err);
    case ENCODING_BYTE_STREAM_SPLIT:
      return has_type(leaf, integers | reals | fixed, p->encoding, err) &&
             expect_length(body.len, count * file_element_width(leaf), err);
    default:
      return fail(err, ERR_VALUE, "its values are in an encoding that is not known (%lld)", (long long)p->encoding);
  }
}

bool page_check_data(const struct page_facts *page, const struct chunk_facts *chunk, bool has_dictionary,
                     uint32_t dictionary_count, const uint8_t *body, size_t len, struct page_counts *counts,
                     struct error *err) {
  struct bytes rest = {body, len};
  return check_levels(page, chunk->element, &rest, counts, err) &&
         check_values(page, chunk->element, rest, (uint64_t)page->value_count - counts->null_count, has_dictionary,
                      dictionary_count, err);
}

bool page_check_dictionary(const struct page_facts *page, const struct chunk_facts *chunk, const uint8_t *body,
                           size_t len, struct error *err) {
  if (page->encoding != ENCODING_PLAIN && page->encoding != PLAIN_DICTIONARY)
    return fail(err, ERR_VALUE, "a dictionary is %s, which it cannot be", parquet_encoding_name(page->encoding));
  return check_plain((struct bytes){body, len}, (uint64_t)page->value_count, chunk->element, err);
}
