#include "format/parquet/verify.h"

#include "format/parquet/bloom_check.h"
#include "format/parquet/bound_order.h"
#include "format/parquet/spec.h"
#include "format/parquet/walk.h"

struct verification {
  struct walk *walk;
  struct parquet_verification *out;
  struct footer_facts_read facts;
  const struct file_schema *schema;
  struct group_facts group;    /* the present one, and what its chunks add up to */
  int64_t plain_bytes, stored_bytes;
  size_t chunks_left;
  uint64_t part_bytes;         /* of all chunks, indexes and Bloom filters so far */
};

/* The digits that a type of `width` bytes holds for sure: 127 in one, 32,767 in two. */
static int32_t digits_of(uint32_t width) { return (int32_t)(((int64_t)width * 8 - 1) * 30103 / 100000); }

/* Readers refuse decimals of which the scale, the precision or the bytes do not go together. */
static bool check_decimal(const struct file_element *leaf, struct error *err) {
  bool is_fixed = leaf->physical == PHYSICAL_FIXED || leaf->physical == PHYSICAL_INT32 ||
                  leaf->physical == PHYSICAL_INT64;
  if (!file_element_is_decimal(leaf) || (leaf->precision == 0 && leaf->scale == 0)) return true;   /* or the logical type alone says */
  if (leaf->precision > 0 && leaf->scale <= leaf->precision &&
      (!is_fixed || leaf->precision <= digits_of(file_element_width(leaf))))
    return true;
  return fail(err, ERR_VALUE, "the schema has a decimal of %d digits, %d of them after the point, in %u bytes",
              (int)leaf->precision, (int)leaf->scale, file_element_width(leaf));
}

static bool take_file(void *context, const struct footer_facts_read *facts, const struct file_schema *schema,
                      struct error *err) {
  struct verification *v = context;
  v->walk->pages_end = facts->start;
  v->schema = schema;
  v->out->column_count = facts->leaf_count;
  for (size_t i = 0; i < facts->leaf_count; i++)
    if (!check_decimal(file_schema_leaf(schema, i), err)) return false;
  if (facts->column_order_count == NOT_SAID || facts->column_order_count == (int64_t)facts->leaf_count) return true;
  return fail(err, ERR_VALUE, "the footer has %lld column orders for %zu columns", (long long)facts->column_order_count,
              facts->leaf_count);
}

static bool take_group(void *context, const struct group_facts *g, struct error *err) {
  struct verification *v = context;
  v->group = *g;
  v->plain_bytes = v->stored_bytes = 0;
  v->chunks_left = v->facts.leaf_count;
  for (size_t i = 0; i < g->sorting_count; i++)
    if (g->sorting[i].leaf < 0 || (size_t)g->sorting[i].leaf >= v->facts.leaf_count)
      return fail(err, ERR_VALUE, "row group %zu is sorted by column %lld, which is none", g->group,
                  (long long)g->sorting[i].leaf + 1);
  return true;
}

/* Bounds must be values of the column's type, the smallest not above the largest. */
static bool check_statistics(const struct chunk_facts *c, struct error *err) {
  const struct statistics_facts *s = &c->statistics;
  if (!s->is_there) return true;
  if (s->null_count < NOT_SAID || s->null_count > c->value_count || s->distinct_count < NOT_SAID ||
      s->distinct_count > c->value_count || s->nan_count < NOT_SAID || s->nan_count > c->value_count)
    return fail(err, ERR_VALUE, "its statistics count more than its values");
  if (!bound_order_is_known(c->element)) return true;
  if ((s->min.is_there && !bound_order_fits(c->element, &s->min)) ||
      (s->max.is_there && !bound_order_fits(c->element, &s->max)))
    return fail(err, ERR_VALUE, "its statistics have a bound that is no value of its type");
  if (s->min.is_there && s->max.is_there && bound_order_compare(c->element, &s->min, &s->max) > 0)
    return fail(err, ERR_VALUE, "its statistics have a smallest value above the largest");
  return true;
}

/* What the group says of its chunks together. Some writers leave out stored_bytes. */
static bool check_group(const struct verification *v, struct error *err) {
  if (v->group.plain_bytes != v->plain_bytes)
    return fail(err, ERR_VALUE, "row group %zu says %lld bytes, its columns hold %lld", v->group.group,
                (long long)v->group.plain_bytes, (long long)v->plain_bytes);
  if (v->group.stored_bytes > 0 && v->group.stored_bytes != v->stored_bytes)
    return fail(err, ERR_VALUE, "row group %zu says %lld compressed bytes, its columns hold %lld", v->group.group,
                (long long)v->group.stored_bytes, (long long)v->stored_bytes);
  return true;
}

static void name_place(const struct verification *v, const struct chunk_facts *c, struct error *err) {
  struct buffer path;
  buffer_init(&path, 1024);
  file_schema_path(v->schema, c->leaf, &path);
  error_prefix(err, "row group %zu, column %zu \"%.*s\": ", c->group, c->leaf + 1, (int)path.len,
               path.len ? (const char *)path.data : "");
  buffer_deinit(&path);
}

static uint64_t extent_bytes(const struct extent *e) { return e->offset > 0 && e->len > 0 ? (uint64_t)e->len : 0; }

/* Each part lies before the footer; all of them cannot take more than there is. */
static bool check_parts(struct verification *v, struct error *err) {
  uint64_t room = v->facts.start - PARQUET_MAGIC_BYTES;
  if (v->part_bytes > room)
    return fail(err, ERR_VALUE, "its chunks and indexes take %llu bytes of %llu: some overlap",
                (unsigned long long)v->part_bytes, (unsigned long long)room);
  v->out->stray_bytes = room - v->part_bytes;
  return true;
}

static bool take_chunk(void *context, const struct chunk_facts *c, struct error *err) {
  struct verification *v = context;
  if (c->codec > CODEC_LZ4_RAW)
    return fail(err, ERR_VALUE, "row group %zu, column %zu: its codec is not known (%lld)", c->group, c->leaf + 1,
                (long long)c->codec);
  bool sums = !__builtin_add_overflow(v->plain_bytes, c->plain_bytes, &v->plain_bytes) &&
              !__builtin_add_overflow(v->stored_bytes, c->stored_bytes, &v->stored_bytes);
  if (!sums) return fail(err, ERR_VALUE, "row group %zu has more bytes than can be counted", c->group);
  uint64_t bloom_bytes;
  if (!check_statistics(c, err) || !walk_chunk(v->walk, c, err) ||
      !bloom_check(v->walk->fd, v->facts.start, &c->bloom, &bloom_bytes, err)) {
    name_place(v, c, err);
    return false;
  }
  v->part_bytes += bloom_bytes + (uint64_t)c->stored_bytes + extent_bytes(&c->column_index) + extent_bytes(&c->offset_index);
  v->out->index_count += c->offset_index.offset > 0;
  v->out->bloom_count += c->bloom.offset > 0;
  return --v->chunks_left > 0 || check_group(v, err);
}

bool parquet_verify(int fd, struct parquet_verification *out, struct error *err) {
  struct verification v = {.walk = walk_new(fd, true, err), .out = out};
  const struct footer_visitor visitor = {.context = &v, .file = take_file, .group = take_group, .chunk = take_chunk};
  *out = (struct parquet_verification){0};
  bool ok = v.walk && footer_visit(fd, &visitor, &v.facts, err) && check_parts(&v, err);
  if (ok) {
    out->row_count = (uint64_t)v.facts.row_count;
    out->group_count = v.facts.group_count;
    out->page_count = v.walk->page_count;
    out->checked_count = v.walk->checked_count;
    out->closed_count = v.walk->closed_count;
  }
  walk_free(v.walk);
  return ok;
}

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

/* "in 3 row groups, 5 columns; 40 pages, each with its checksum": all of it fits. */
static void summarize(const struct parquet_verification *v, struct buffer *to) {
  buffer_appendf(to, "in %llu row group%s, %llu column%s; %llu page%s", (unsigned long long)v->group_count,
                 plural(v->group_count), (unsigned long long)v->column_count, plural(v->column_count),
                 (unsigned long long)v->page_count, plural(v->page_count));
  if (v->page_count && v->checked_count == v->page_count) buffer_append_string(to, ", each with its checksum");
  else if (v->page_count && v->checked_count == 0) buffer_append_string(to, ", without checksums");
  else if (v->page_count) buffer_appendf(to, ", %llu with checksums", (unsigned long long)v->checked_count);
  if (v->closed_count) buffer_appendf(to, "; %llu not looked into", (unsigned long long)v->closed_count);
  if (v->stray_bytes) buffer_appendf(to, "; %llu bytes belong to no part of it", (unsigned long long)v->stray_bytes);
}

bool parquet_check_whole(int fd, struct file_facts *facts, struct error *err) {
  struct parquet_verification v;
  if (!parquet_verify(fd, &v, err)) return false;
  *facts = (struct file_facts){
      .rows = v.row_count,
      .counts = {{"rowGroups", v.group_count}, {"columns", v.column_count}, {"pages", v.page_count},
                 {"pagesWithChecksum", v.checked_count}, {"pagesNotLookedInto", v.closed_count},
                 {"chunksWithPageIndex", v.index_count}, {"chunksWithBloomFilter", v.bloom_count},
                 {"strayBytes", v.stray_bytes}},
  };
  struct buffer text;
  buffer_init(&text, sizeof facts->summary - 1);
  summarize(&v, &text);
  if (text.len && !text.failed) memcpy(facts->summary, text.data, text.len);
  buffer_deinit(&text);
  return true;
}

bool parquet_is_begun_by(const uint8_t *bytes, size_t len) { return len >= 4 && memcmp(bytes, "PAR1", 4) == 0; }
