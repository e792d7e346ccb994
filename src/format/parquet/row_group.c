#include "format/parquet/row_group.h"

#include "format/parquet/cells.h"
#include "format/parquet/chunk.h"
#include "format/parquet/shred.h"
#include "format/parquet/sorting.h"

#include <stdlib.h>

/* How an encoder's memory is shared out, in parts of the whole. */
#define PAGES_SHARE 3            /* open pages */
#define DICTIONARIES_SHARE 4
#define SPILL_SHARE 4            /* finished pages before they go to the temporary file */
#define INDEX_SHARE 8            /* page indexes: when they pass it, the row group ends */
#define MEMORY_DEFAULT ((size_t)16 << 20)
#define MEMORY_MIN ((size_t)1 << 20)
#define MEMORY_REST ((size_t)5 << 19)   /* must be left beside what the codec's ways for texts take */
#define PAGE_BYTES_MIN 4096      /* where columns are many */
#define NUMBER_BYTES_MAX 16      /* of a value of fixed width */
#define GROWTH_BEGINS 5000       /* row groups of an encoder, after which they grow */
#define GROWTH_STEP 500          /* and double each time */
#define DOUBLINGS_MAX 16
#define SCRATCH_BYTES_MAX ((size_t)INT32_MAX)

enum read_step { READ_DICTIONARY, READ_PAGES };

/* An output column: where its cell goes, to its one chunk, or by its tree to several from the first on. */
struct column {
  append_function *append;
  struct chunk *chunk;
  uint32_t cell;
};

struct encoder {
  const struct parquet_file *file;
  struct chunk_shared shared;
  struct column *columns;
  size_t column_count;
  struct chunk *chunks;
  size_t chunk_count;
  struct sorting sorting;
  uint64_t row_count;            /* of the row group */
  uint64_t group_count;          /* row groups before it */
  struct format_counts counts;
  uint64_t *specials_by_column;

  /* Where row_group_read is: a chunk, its dictionary or a page, and how much of that has been given. */
  size_t read_chunk, read_page, read_bytes;
  size_t read_bloom;             /* behind all pages: a chunk's filter */
  enum read_step read_step;
};

struct page_sizes { uint32_t number, text; size_t text_pool; };

static uint32_t page_bytes_of(size_t memory, size_t columns, int64_t wanted) {
  size_t each = memory / columns;
  if (each < PAGE_BYTES_MIN) each = PAGE_BYTES_MIN;
  return each < (size_t)wanted ? (uint32_t)each : (uint32_t)wanted;
}

/* Pages of numbers are limited by their rows and need little: texts and lists share what these leave. */
static struct page_sizes share_pages(size_t memory, const struct parquet_file *f) {
  size_t texts = 0, numbers = 0, wanted = (size_t)f->options.page_bytes;
  for (size_t i = 0; i < f->schema.leaf_count; i++) {
    const struct leaf *l = &f->schema.leaves[i];
    size_t most = (size_t)f->options.page_rows * (size_t)(l->width ? l->width : 1);
    if (l->physical == PHYSICAL_BYTE_ARRAY || l->repetition_max) texts++;
    else numbers += most < wanted ? most : wanted;
  }
  uint32_t equal = page_bytes_of(memory, f->schema.leaf_count, f->options.page_bytes);
  if (!texts || numbers > memory / 2) return (struct page_sizes){equal, equal, texts * equal};
  uint32_t text = page_bytes_of(memory - numbers, texts, f->options.page_bytes);
  return (struct page_sizes){(uint32_t)wanted, text, memory - numbers};
}

/* How many columns were named for a filter: those are held while the values come. */
static size_t named_blooms(const struct parquet_schema *schema) {
  size_t count = 0;
  for (size_t i = 0; i < schema->leaf_count; i++) count += schema->leaves[i].bloom == BLOOM_NAMED;
  return count;
}

static size_t bytes_of_text_ways(const struct block_codec *codec) {
  size_t bytes = 0;
  for (const struct block_way *way = codec->ways; way->limit; way++)
    if (way->texts) bytes += way->bytes;
  return bytes;
}

static bool shared_init(struct chunk_shared *s, const struct parquet_file *f, struct error *err) {
  size_t memory = f->spec.memory_bytes ? f->spec.memory_bytes : MEMORY_DEFAULT;
  if (memory < MEMORY_MIN) memory = MEMORY_MIN;
  size_t for_texts = bytes_of_text_ways(f->codec.block);
  bool tries_texts = memory >= for_texts + MEMORY_REST;
  if (tries_texts) memory -= for_texts;
  struct page_sizes pages = share_pages(memory / PAGES_SHARE, f);
  uint32_t page_rows = (uint32_t)f->options.page_rows;
  size_t blooms = named_blooms(&f->schema), dictionaries = memory / DICTIONARIES_SHARE;
  if (blooms) dictionaries /= 2;   /* the filters have the other half */
  *s = (struct chunk_shared){
      .dictionaries = {.max_bytes = dictionaries},
      .bloom_bytes_max = dictionaries / (blooms ? blooms : 4),
      .number_page_bytes = pages.number,
      .text_page_bytes = pages.text,
      .page_bytes_max = (uint32_t)f->options.page_bytes,
      .text_pool_bytes = pages.text_pool,
      .scratch_bytes = 2 * (size_t)pages.text + (size_t)page_rows * 2 * NUMBER_BYTES_MAX,
      .page_rows = page_rows < pages.number ? page_rows : pages.number,   /* small pages: few levels */
      .profile = (enum profile)f->options.profile,
      .uses_dictionary = f->options.dictionary,
      .writes_bounds = f->options.statistics,
      .rows_expected = f->row_group_rows,
      .special = f->spec.special,
  };
  spill_init(&s->spill, memory / SPILL_SHARE);
  encode_scratch_init(&s->scratch);
  buffer_init(&s->body, SCRATCH_BYTES_MAX);
  buffer_init(&s->trial_values, SCRATCH_BYTES_MAX);
  buffer_init(&s->sample_values, SCRATCH_BYTES_MAX);
  buffer_init(&s->sample_levels, SCRATCH_BYTES_MAX);
  buffer_init(&s->sample_repetitions, SCRATCH_BYTES_MAX);
  buffer_init(&s->text, SCRATCH_BYTES_MAX);
  return page_writer_init(&s->pages, f->codec.block, f->codec.level, tries_texts, &s->spill, err);
}

static void shared_deinit(struct chunk_shared *s) {
  page_writer_deinit(&s->pages);
  spill_deinit(&s->spill);
  encode_scratch_deinit(&s->scratch);
  buffer_deinit(&s->body);
  buffer_deinit(&s->trial_values);
  buffer_deinit(&s->sample_values);
  buffer_deinit(&s->sample_levels);
  buffer_deinit(&s->sample_repetitions);
  buffer_deinit(&s->text);
}

static bool make_columns(struct encoder *e, const struct parquet_file *f, struct error *err) {
  e->column_count = f->schema.column_count;
  e->columns = calloc(e->column_count, sizeof *e->columns);
  if (!e->columns) return fail_memory(err, "a Parquet encoder");
  for (size_t i = 0; i < e->column_count; i++) {
    const struct tree_node *node = &f->schema.columns[i];
    struct chunk *first = &e->chunks[node->leaf_first];
    first->column = node;
    for (size_t k = 0; k < node->leaf_count; k++) first[k].special_count = &e->specials_by_column[i];
    e->columns[i] = (struct column){.append = node->shape == SHAPE_SCALAR ? first->append : shred_append,
                                    .chunk = first,
                                    .cell = f->spec.schema->columns[i].cell};
  }
  return true;
}

static bool make_chunks(struct encoder *e, const struct parquet_file *f, struct error *err) {
  e->chunks = calloc(f->schema.leaf_count, sizeof *e->chunks);
  e->specials_by_column = calloc(f->spec.schema->column_count, sizeof *e->specials_by_column);
  if (!e->chunks || !e->specials_by_column) return fail_memory(err, "a Parquet encoder");
  e->chunk_count = f->schema.leaf_count;
  for (size_t i = 0; i < e->chunk_count; i++) {
    if (!chunk_init(&e->chunks[i], &f->schema.leaves[i], &e->shared, err)) return false;
    e->chunks[i].append = cells_append(&f->schema.leaves[i]);
  }
  return make_columns(e, f, err);
}

bool row_group_new(void *self, struct encoder **encoder, struct error *err) {
  const struct parquet_file *f = self;
  struct encoder *e = calloc(1, sizeof *e);
  if (!e) return fail_memory(err, "a Parquet encoder");
  e->file = f;
  if (!shared_init(&e->shared, f, err) || !make_chunks(e, f, err) ||
      !sorting_init(&e->sorting, f->sorting, f->sorting_count, e->chunks, err)) {
    row_group_free(e);
    return false;
  }
  *encoder = e;
  return true;
}

void row_group_free(struct encoder *e) {
  if (!e) return;
  for (size_t i = 0; i < e->chunk_count; i++) chunk_deinit(&e->chunks[i]);
  free(e->chunks);
  free(e->specials_by_column);
  free(e->columns);
  sorting_deinit(&e->sorting);
  shared_deinit(&e->shared);
  free(e);
}

bool row_group_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err) {
  for (const struct column *c = e->columns, *end = c + e->column_count; c < end; c++)
    if (!c->append(c->chunk, &cells[c->cell], err)) return false;
  if (e->sorting.sorted_count) sorting_add_row(&e->sorting);
  e->row_count++;
  return true;
}

/*
 * Where rows were not estimated, or there are far more of them, row groups double in size again and again, so that a file
 * does not come to more than some 10,000.
 */
static unsigned doublings(const struct encoder *e) {
  if (e->group_count < GROWTH_BEGINS) return 0;
  uint64_t n = 1 + (e->group_count - GROWTH_BEGINS) / GROWTH_STEP;
  return n < DOUBLINGS_MAX ? (unsigned)n : DOUBLINGS_MAX;
}

bool row_group_is_full(const struct encoder *e) {
  const struct parquet_file *f = e->file;
  unsigned grown = doublings(e);
  if (e->row_count >= f->row_group_rows << grown) return true;
  if (e->row_count < f->row_group_rows_min) return false;
  return e->shared.encoded_bytes >= (uint64_t)f->options.row_group_bytes << grown ||
         e->shared.index_bytes >= e->shared.dictionaries.max_bytes * DICTIONARIES_SHARE / INDEX_SHARE;
}

static bool fill_locations(const struct page_index *index, struct chunk_meta *m, struct error *err) {
  const struct page_record *records = page_index_records(index);
  m->page_count = page_index_count(index);
  m->pages = calloc(m->page_count, sizeof *m->pages);
  if (!m->pages) return fail_memory(err, "a page index");
  for (size_t i = 0; i < m->page_count; i++)
    m->pages[i] =
        (struct page_location){records[i].text_bytes, records[i].stored_bytes, records[i].row_count};
  return true;
}

static bool fill_level_counts(const struct page_index *index, struct chunk_meta *m, struct error *err) {
  const struct buffer *repetition = &index->repetition.chunk, *definition = &index->definition.chunk;
  if (repetition->len + definition->len == 0) return true;
  m->level_counts = malloc(repetition->len + definition->len);
  if (!m->level_counts) return fail_memory(err, "a page index");
  if (repetition->len) memcpy(m->level_counts, repetition->data, repetition->len);
  memcpy((uint8_t *)m->level_counts + repetition->len, definition->data, definition->len);
  return true;
}

static bool fill_meta(const struct chunk *c, const struct parquet_file *f, struct chunk_meta *m,
                      struct error *err) {
  const struct page_index *index = &c->index;
  bool all_dictionary = c->dictionary_pages && !c->plain_pages && !c->encoded_pages && c->leaf->order != ORDER_FLOAT;
  m->codec = c->storage.is_raw ? CODEC_NONE : f->codec.id;
  m->value_count = index->entry_count;
  m->plain_bytes = c->plain_page_bytes + c->dictionary_place.plain_bytes;
  m->stored_bytes = c->stored_page_bytes + c->dictionary_place.stored_bytes;
  m->dictionary_bytes = c->dictionary_place.stored_bytes;
  m->dictionary_pages = c->dictionary_pages;
  m->plain_pages = c->plain_pages;
  m->encoding = c->encoding;
  m->encoded_pages = c->encoded_pages;
  m->bloom_bytes = c->bloom_place.stored_bytes;
  m->null_count = index->null_count;
  m->nan_count = index->nan_count;
  m->text_bytes = index->text_bytes;
  m->distinct_count = all_dictionary ? c->dictionary.count : 0;
  m->has_bounds = index->has_bounds && index->has_values;
  m->geometry = c->geometry;
  m->min = index->min;
  m->max = index->max;
  if (!fill_level_counts(index, m, err)) return false;
  if (!f->options.page_index) return true;
  if (index->has_bounds && f->options.statistics) column_index_write(index, &m->column_index);
  return buffer_check(&m->column_index, "a page index", err) && fill_locations(index, m, err);
}

/*
 * What only building needs goes back: a part may wait long for its turn to be written, and no row group then
 * takes more than the one before it.
 */
static void release_scratch(struct encoder *e) {
  encode_scratch_shrink(&e->shared.scratch, 0);
  struct buffer *scratch[] = {&e->shared.body, &e->shared.trial_values, &e->shared.sample_values, &e->shared.sample_levels,
                              &e->shared.sample_repetitions, &e->shared.text,
                              &e->shared.pages.compressed, &e->shared.pages.trial};
  for (size_t i = 0; i < sizeof scratch / sizeof *scratch; i++) {
    buffer_reset(scratch[i]);
    buffer_shrink(scratch[i], 0);
  }
  for (size_t i = 0; i < e->chunk_count; i++) chunk_release(&e->chunks[i]);
}

bool row_group_end(struct encoder *e, void **meta, struct error *err) {
  struct row_group_meta *m = row_group_meta_new(e->chunk_count, err);
  if (!m) return false;
  m->row_count = e->row_count;
  sorting_take_edges(&e->sorting, &m->edges);
  for (size_t i = 0; i < e->chunk_count; i++) {
    if (chunk_finish(&e->chunks[i], err) && fill_meta(&e->chunks[i], e->file, &m->chunks[i], err)) continue;
    row_group_meta_free(m);
    return false;
  }
  release_scratch(e);
  e->counts.rows += e->row_count;
  e->read_chunk = e->read_page = e->read_bytes = e->read_bloom = 0;
  e->read_step = READ_DICTIONARY;
  *meta = m;
  return true;
}

static void reset(struct encoder *e) {
  for (size_t i = 0; i < e->chunk_count; i++) chunk_reset(&e->chunks[i]);
  spill_reset(&e->shared.spill);
  sorting_reset(&e->sorting);
  e->row_count = 0;
  e->group_count++;
  e->shared.encoded_bytes = e->shared.index_bytes = 0;
}

/* The stretch of the log that is due; false after the last. */
static bool due(struct encoder *e, uint64_t *position, size_t *len) {
  for (; e->read_chunk < e->chunk_count; e->read_chunk++, e->read_page = 0, e->read_step = READ_DICTIONARY) {
    const struct chunk *c = &e->chunks[e->read_chunk];
    *position = c->dictionary_place.position;
    *len = c->dictionary_place.stored_bytes;
    if (e->read_step == READ_DICTIONARY && *len) return true;
    e->read_step = READ_PAGES;
    if (e->read_page == page_index_count(&c->index)) continue;
    const struct page_record *r = page_index_records(&c->index) + e->read_page;
    *position = r->position;
    *len = r->stored_bytes;
    return true;
  }
  for (; e->read_bloom < e->chunk_count; e->read_bloom++) {
    const struct page_place *bloom = &e->chunks[e->read_bloom].bloom_place;
    *position = bloom->position;
    *len = bloom->stored_bytes;
    if (*len) return true;
  }
  return false;
}

static void advance(struct encoder *e) {
  e->read_bytes = 0;
  if (e->read_chunk == e->chunk_count) e->read_bloom++;
  else if (e->read_step == READ_DICTIONARY) e->read_step = READ_PAGES;
  else e->read_page++;
}

bool row_group_read(struct encoder *e, size_t max, struct buffer *out, bool *more, struct error *err) {
  uint64_t position;
  size_t len, given = 0;
  while (given < max && due(e, &position, &len)) {
    size_t left = len - e->read_bytes, n = left < max - given ? left : max - given;
    if (!spill_read(&e->shared.spill, position + e->read_bytes, n, out, err)) return false;
    given += n;
    e->read_bytes += n;
    if (e->read_bytes == len) advance(e);
  }
  *more = due(e, &position, &len);
  if (!*more) reset(e);
  return true;
}

struct format_counts row_group_counts(const struct encoder *e) {
  struct format_counts counts = e->counts;
  counts.specials = e->shared.special_count;
  counts.specials_by_column = e->specials_by_column;
  return counts;
}
