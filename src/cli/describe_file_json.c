#include "cli/describe_file.h"
#include "cli/json_text.h"
#include "format/parquet/names.h"
#include "format/parquet/spec.h"
#include "format/parquet/value_show.h"

#include <stdio.h>
#include <string.h>

struct printer {
  const char *path;
  const struct file_schema *schema;
  const struct footer_facts_read *facts;
  struct buffer text;
  size_t key_values, groups, chunks;
};

static void print_path(struct printer *p, size_t leaf) {
  buffer_reset(&p->text);
  file_schema_path(p->schema, leaf, &p->text);
  json_print_text(p->text.len ? p->text.data : (const uint8_t *)"", p->text.len);
}

static void print_column(struct printer *p, size_t i) {
  const struct file_element *leaf = file_schema_leaf(p->schema, i);
  char type[TYPE_TEXT_MAX];
  parquet_type_text(leaf, type);
  printf("%s{\"path\":", i ? "," : "");
  print_path(p, i);
  printf(",\"type\":\"%s\",\"physical\":\"%s\",\"repetition\":\"%s\",\"maxDefinitionLevel\":%u,"
         "\"maxRepetitionLevel\":%u",
         type, parquet_physical_name(leaf->physical), parquet_repetition_name(leaf->repetition),
         leaf->definition_max, leaf->repetition_max);
  if (leaf->field_id >= 0) printf(",\"fieldId\":%d", leaf->field_id);
  printf("}");
}

static bool take_file(void *context, const struct footer_facts_read *facts, const struct file_schema *schema,
                      struct error *err) {
  struct printer *p = context;
  p->schema = schema;
  p->facts = facts;
  printf("{\"file\":");
  json_print_text(p->path, strlen(p->path));
  printf(",\"rows\":%lld,\"formatVersion\":%lld,\"footerBytes\":%llu,\"createdBy\":",
         (long long)facts->row_count, (long long)facts->version,
         (unsigned long long)(facts->end - facts->start));
  json_print_text(facts->created_by, strlen(facts->created_by));
  printf(",\"columns\":[");
  for (size_t i = 0; i < facts->leaf_count; i++) print_column(p, i);
  printf("],\"keyValues\":[");
  return true;
}

static bool take_key_value(void *context, const struct key_value *entry, struct error *err) {
  struct printer *p = context;
  size_t key = entry->key_len < sizeof entry->key ? (size_t)entry->key_len : sizeof entry->key;
  size_t value = entry->value_len < sizeof entry->value ? (size_t)entry->value_len : sizeof entry->value;
  printf("%s{\"key\":", p->key_values++ ? "," : "");
  json_print_text(entry->key, key);
  printf(",\"value\":");
  json_print_text(entry->value, value);
  if (value < entry->value_len) printf(",\"valueBytes\":%llu", (unsigned long long)entry->value_len);
  printf("}");
  return true;
}

static bool take_group(void *context, const struct group_facts *g, struct error *err) {
  struct printer *p = context;
  printf("%s{\"rows\":%lld,\"plainBytes\":%lld", p->groups++ ? "]}," : "],\"rowGroups\":[",
         (long long)g->row_count, (long long)g->plain_bytes);
  if (g->stored_bytes >= 0) printf(",\"compressedBytes\":%lld", (long long)g->stored_bytes);
  if (g->sorting_count) printf(",\"sortedBy\":[");
  for (size_t i = 0; i < g->sorting_count; i++)
    printf("%s{\"column\":%lld,\"descending\":%s,\"nullsFirst\":%s}", i ? "," : "",
           (long long)g->sorting[i].leaf, g->sorting[i].is_descending ? "true" : "false",
           g->sorting[i].nulls_first ? "true" : "false");
  printf("%s,\"chunks\":[", g->sorting_count ? "]" : "");
  p->chunks = 0;
  return true;
}

static void print_bound(struct printer *p, const char *name, const struct file_element *leaf,
                        const struct bound_facts *b) {
  if (!b->is_there) return;
  buffer_reset(&p->text);
  parquet_value_show(leaf, b, &p->text);
  printf(",\"%s\":", name);
  json_print_text(p->text.len ? p->text.data : (const uint8_t *)"", p->text.len);
  printf(",\"%sIsExact\":%s", name, b->is_exact ? "true" : "false");
}

static void print_statistics(struct printer *p, const struct chunk_facts *c) {
  const struct statistics_facts *s = &c->statistics;
  if (s->null_count >= 0) printf(",\"nulls\":%lld", (long long)s->null_count);
  if (s->distinct_count >= 0) printf(",\"distinct\":%lld", (long long)s->distinct_count);
  if (s->nan_count >= 0) printf(",\"nans\":%lld", (long long)s->nan_count);
  print_bound(p, "min", c->element, &s->min);
  print_bound(p, "max", c->element, &s->max);
}

static void print_pages(const struct chunk_facts *c) {
  printf(",\"pages\":[");
  for (size_t i = 0; i < c->page_encoding_count; i++) {
    const struct page_encoding *e = &c->page_encodings[i];
    printf("%s{\"kind\":\"%s\",\"encoding\":\"%s\",\"count\":%lld}", i ? "," : "",
           e->type == PAGE_DICTIONARY ? "dictionary" : "data", parquet_encoding_name(e->encoding),
           (long long)e->count);
  }
  printf("],\"encodings\":[");
  const char *between = "";
  for (int i = 0; i < 32; i++) {
    if (!(c->encodings >> i & 1)) continue;
    printf("%s\"%s\"", between, parquet_encoding_name(i));
    between = ",";
  }
  printf("]");
}

static void print_extent(const char *name, const struct extent *e) {
  if (e->offset)
    printf(",\"%s\":{\"offset\":%lld,\"bytes\":%lld}", name, (long long)e->offset, (long long)e->len);
}

static bool take_chunk(void *context, const struct chunk_facts *c, struct error *err) {
  struct printer *p = context;
  printf("%s{\"column\":%zu,\"path\":", p->chunks++ ? "," : "", c->leaf);
  print_path(p, c->leaf);
  printf(",\"codec\":\"%s\",\"values\":%lld,\"plainBytes\":%lld,\"compressedBytes\":%lld,\"dataOffset\":%lld",
         parquet_codec_name(c->codec), (long long)c->value_count, (long long)c->plain_bytes,
         (long long)c->stored_bytes, (long long)c->data_offset);
  if (c->dictionary_offset) printf(",\"dictionaryOffset\":%lld", (long long)c->dictionary_offset);
  if (c->value_count) printf(",\"bitsPerValue\":%.3f", (double)c->stored_bytes * 8 / (double)c->value_count);
  print_pages(c);
  print_statistics(p, c);
  print_extent("columnIndex", &c->column_index);
  print_extent("offsetIndex", &c->offset_index);
  print_extent("bloomFilter", &c->bloom);
  printf("}");
  return true;
}

static bool take_end(void *context, struct error *err) {
  struct printer *p = context;
  printf("%s]}\n", p->groups ? "]}" : "],\"rowGroups\":[");
  return true;
}

bool describe_file_json(int fd, const char *path, struct error *err) {
  struct printer p = {.path = path};
  const struct footer_visitor visitor = {.context = &p, .file = take_file, .key_value = take_key_value,
                                         .group = take_group, .chunk = take_chunk, .end = take_end};
  struct footer_facts_read facts;
  buffer_init(&p.text, 4096);
  bool ok = footer_visit(fd, &visitor, &facts, err);
  buffer_deinit(&p.text);
  return ok;
}
