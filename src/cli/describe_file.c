#include "cli/describe_file.h"

#include "cli/progress.h"
#include "format/parquet/bound_order.h"
#include "format/parquet/names.h"
#include "format/parquet/spec.h"
#include "format/parquet/value_show.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_SHOWN 20
#define KEY_VALUES_SHOWN 20
#define NAME_WIDTH_MAX 40

/* One column, over all row groups. */
struct column {
  uint64_t plain_bytes, stored_bytes, value_count, null_count, chunk_count, index_count, bloom_count;
  uint32_t encodings, codecs;   /* bit sets */
  bool lacks_nulls, lacks_bounds, has_bounds;
  struct bound_facts min, max;
};

struct description {
  const char *path;
  uint64_t file_bytes;
  const struct footer_facts_read *facts;
  const struct file_schema *schema;
  struct column *columns;
  size_t key_value_count;
  struct group_facts groups[GROUPS_SHOWN];
  struct buffer text;
};

/* ---- gathering -------------------------------------------------------------------------------------- */

/* What a terminal can show: no control characters, one line, cut. */
static void print_clean(const uint8_t *bytes, uint64_t whole, size_t kept) {
  size_t len = whole < kept ? (size_t)whole : kept;
  while (len < whole && len > 0 && (bytes[len] & 0xC0) == 0x80) len--;
  for (size_t i = 0; i < len; i++) putchar(bytes[i] < 0x20 || bytes[i] == 0x7F ? ' ' : bytes[i]);
  if (len < whole) printf("…");
}

static const char *plural(uint64_t count) { return count == 1 ? "" : "s"; }

static void print_head(const struct description *d) {
  char rows[32], bytes[32], footer[32];
  progress_format_count((uint64_t)d->facts->row_count, rows);
  progress_format_bytes(d->file_bytes, bytes);
  progress_format_bytes(d->facts->end - d->facts->start, footer);
  printf("%s: Parquet, %s row%s, %zu column%s, %s, of these the footer %s\n  written by ", d->path, rows,
         plural((uint64_t)d->facts->row_count), d->facts->leaf_count, plural(d->facts->leaf_count), bytes, footer);
  print_clean((const uint8_t *)d->facts->created_by, strlen(d->facts->created_by), CREATED_BY_MAX);
  printf(", format version %lld\n", (long long)d->facts->version);
}

static bool take_file(void *context, const struct footer_facts_read *facts, const struct file_schema *schema,
                      struct error *err) {
  struct description *d = context;
  d->facts = facts;
  d->schema = schema;
  d->columns = calloc(facts->leaf_count + 1, sizeof *d->columns);
  if (!d->columns) return fail_memory(err, "a description");
  print_head(d);
  return true;
}

static bool take_key_value(void *context, const struct key_value *entry, struct error *err) {
  struct description *d = context;
  if (++d->key_value_count > KEY_VALUES_SHOWN) return true;
  printf("  ");
  print_clean(entry->key, entry->key_len, sizeof entry->key - 1);
  printf(" = ");
  print_clean(entry->value, entry->value_len, 100);
  printf("\n");
  return true;
}

static bool take_group(void *context, const struct group_facts *group, struct error *err) {
  struct description *d = context;
  if (group->group < GROUPS_SHOWN) d->groups[group->group] = *group;
  return true;
}

static void take_bounds(struct column *column, const struct chunk_facts *c) {
  const struct statistics_facts *s = &c->statistics;
  bool all_null = s->is_there && s->null_count == c->value_count;
  if (all_null || column->lacks_bounds) return;
  column->lacks_bounds = !s->is_there || !s->min.is_there || !s->max.is_there ||
                         !bound_order_is_known(c->element) || !bound_order_fits(c->element, &s->min) ||
                         !bound_order_fits(c->element, &s->max);
  if (column->lacks_bounds) return;
  if (!column->has_bounds || bound_order_compare(c->element, &s->min, &column->min) < 0) column->min = s->min;
  if (!column->has_bounds || bound_order_compare(c->element, &s->max, &column->max) > 0) column->max = s->max;
  column->has_bounds = true;
}

/* The encodings of data pages, where the footer says them; else all that it lists. */
static uint32_t encodings_of(const struct chunk_facts *c) {
  uint32_t set = 0;
  for (size_t i = 0; i < c->page_encoding_count; i++) {
    const struct page_encoding *e = &c->page_encodings[i];
    if (e->type != PAGE_DICTIONARY && e->count > 0 && e->encoding >= 0 && e->encoding < 32)
      set |= 1u << e->encoding;
  }
  return set ? set : c->encodings;
}

static bool take_chunk(void *context, const struct chunk_facts *c, struct error *err) {
  struct description *d = context;
  struct column *column = &d->columns[c->leaf];
  column->plain_bytes += (uint64_t)c->plain_bytes;
  column->stored_bytes += (uint64_t)c->stored_bytes;
  column->value_count += (uint64_t)c->value_count;
  column->chunk_count++;
  column->index_count += c->offset_index.offset > 0;
  column->bloom_count += c->bloom.offset > 0;
  column->encodings |= encodings_of(c);
  if (c->codec < 32) column->codecs |= 1u << c->codec;
  if (!c->statistics.is_there || c->statistics.null_count < 0) column->lacks_nulls = true;
  else column->null_count += (uint64_t)c->statistics.null_count;
  take_bounds(column, c);
  return true;
}

/* ---- printing --------------------------------------------------------------------------------------- */

static void print_set(uint32_t set, const char *(*name)(int64_t)) {
  const char *between = "";
  for (int i = 0; i < 32; i++) {
    if (!(set >> i & 1)) continue;
    printf("%s%s", between, name(i));
    between = "+";
  }
}

static const char *name_of(struct description *d, size_t leaf) {
  buffer_reset(&d->text);
  file_schema_path(d->schema, leaf, &d->text);
  buffer_append_byte(&d->text, '\0');
  return d->text.failed ? "?" : (const char *)d->text.data;
}

/* Characters, not bytes: what a terminal counts, wide ones aside. */
static int width_of(const char *text) {
  int width = 0;
  for (; *text; text++) width += (*text & 0xC0) != 0x80;
  return width;
}

static void print_bounds(struct description *d, const struct file_element *leaf, const struct column *c) {
  if (!c->has_bounds || c->lacks_bounds) return;
  buffer_reset(&d->text);
  parquet_value_show(leaf, &c->min, &d->text);
  buffer_append_string(&d->text, " to ");
  parquet_value_show(leaf, &c->max, &d->text);
  if (!d->text.failed) printf(", %.*s", (int)d->text.len, (const char *)d->text.data);
}

static void print_column(struct description *d, size_t i, int name_width) {
  const struct column *c = &d->columns[i];
  const struct file_element *leaf = file_schema_leaf(d->schema, i);
  char type[TYPE_TEXT_MAX], stored[32], plain[32], nulls[32];
  const char *name = name_of(d, i);
  int pad = name_width - width_of(name);
  parquet_type_text(leaf, type);
  progress_format_bytes(c->stored_bytes, stored);
  progress_format_bytes(c->plain_bytes, plain);
  printf("  %s%*s  %-34s %9s of %9s", name, pad > 0 ? pad : 0, "", type, stored, plain);
  if (c->value_count) printf(" %8.2f bits", (double)c->stored_bytes * 8 / (double)c->value_count);
  printf("  ");
  print_set(c->encodings, parquet_encoding_name);
  printf(" ");
  print_set(c->codecs, parquet_codec_name);
  progress_format_count(c->null_count, nulls);
  printf("\n  %*s  ", name_width, "");
  if (leaf->repetition_max) printf("repeated, ");
  if (leaf->definition_max == 0) printf("not null");
  else if (c->chunk_count == 0) printf("may be null");
  else if (c->lacks_nulls) printf("nulls not counted");
  else printf("%s null%s", nulls, plural(c->null_count));
  print_bounds(d, leaf, c);
  if (c->index_count)
    printf(c->index_count == c->chunk_count ? ", page index" : ", page index in some row groups");
  if (c->bloom_count)
    printf(c->bloom_count == c->chunk_count ? ", Bloom filter" : ", Bloom filter in some row groups");
  printf("\n");
}

static void print_group(struct description *d, const struct group_facts *g) {
  char rows[32], plain[32], stored[32] = "?";
  progress_format_count((uint64_t)g->row_count, rows);
  progress_format_bytes((uint64_t)g->plain_bytes, plain);
  if (g->stored_bytes >= 0) progress_format_bytes((uint64_t)g->stored_bytes, stored);
  printf("  %9zu %14s row%s %9s of %9s", g->group, rows, g->row_count == 1 ? " " : "s", stored, plain);
  for (size_t i = 0; i < g->sorting_count; i++) {
    const struct sorting_column *s = &g->sorting[i];
    bool known = s->leaf >= 0 && (size_t)s->leaf < d->facts->leaf_count;
    printf("%s%s%s", i ? ", " : "  sorted by ", known ? name_of(d, (size_t)s->leaf) : "?",
           s->is_descending ? " desc" : "");
  }
  printf("\n");
}

static bool print_all(void *context, struct error *err) {
  struct description *d = context;
  int name_width = 6;
  if (d->key_value_count > KEY_VALUES_SHOWN)
    printf("  … and %zu more\n", d->key_value_count - KEY_VALUES_SHOWN);
  printf("\ncolumns: bytes compressed, of plain ones, bits for each value\n");
  for (size_t i = 0; i < d->facts->leaf_count; i++) {
    int width = width_of(name_of(d, i));
    if (width > name_width) name_width = width < NAME_WIDTH_MAX ? width : NAME_WIDTH_MAX;
  }
  for (size_t i = 0; i < d->facts->leaf_count; i++) print_column(d, i, name_width);
  printf(d->facts->group_count ? "\nrow groups\n" : "\nno row groups\n");
  for (size_t i = 0; i < d->facts->group_count && i < GROUPS_SHOWN; i++) print_group(d, &d->groups[i]);
  if (d->facts->group_count > GROUPS_SHOWN)
    printf("  … and %zu more; --json has all\n", d->facts->group_count - GROUPS_SHOWN);
  return true;
}

static bool describe_text(int fd, const char *path, uint64_t file_bytes, struct error *err) {
  struct description d = {.path = path, .file_bytes = file_bytes};
  const struct footer_visitor visitor = {.context = &d, .file = take_file, .key_value = take_key_value,
                                         .group = take_group, .chunk = take_chunk, .end = print_all};
  struct footer_facts_read facts;
  buffer_init(&d.text, 4096);
  bool ok = footer_visit(fd, &visitor, &facts, err);
  buffer_deinit(&d.text);
  free(d.columns);
  return ok;
}

/* Standard input, where it is a file: of a pipe the end, where all is said, cannot be read first. */
static int open_file(const char *path) {
  return strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The footer is read twice: so that nothing is printed of a file that is broken further on. */
static bool check_footer(int fd, struct error *err) {
  const struct footer_visitor nobody = {0};
  struct footer_facts_read facts;
  return footer_visit(fd, &nobody, &facts, err);
}

bool describe_file(const char *path, bool as_json, struct error *err) {
  struct stat st;
  int fd = open_file(path);
  if (fd < 0) return fail_errno(err, ERR_VALUE, "cannot open \"%.200s\"", path);
  bool ok = fstat(fd, &st) == 0 || fail_errno(err, ERR_VALUE, "cannot look at it");
  if (ok)
    ok = S_ISREG(st.st_mode) ||
         fail(err, ERR_VALUE, "it is no regular file, and a Parquet file is read from its end");
  ok = ok && check_footer(fd, err);
  if (ok)
    ok = as_json ? describe_file_json(fd, path, err) : describe_text(fd, path, (uint64_t)st.st_size, err);
  if (!ok) error_prefix(err, "%.200s: ", path);
  close(fd);
  return ok;
}
