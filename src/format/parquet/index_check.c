#include "format/parquet/index_check.h"

#include "format/parquet/bound_order.h"
#include "format/parquet/spec.h"

/* Where the lists of an index struct begin; 0: not there. */
#define FIELDS_MAX 7
struct lists { uint64_t at[FIELDS_MAX + 1]; int64_t boundary_order; };

static bool find_lists(struct thrift_reader *r, int fd, const struct extent *e, uint64_t end, const char *what,
                       struct lists *lists, struct error *err) {
  *lists = (struct lists){.boundary_order = BOUNDARY_UNORDERED};
  if (e->offset < PARQUET_MAGIC_BYTES || e->len <= 0 || (uint64_t)e->offset > end ||
      (uint64_t)e->len > end - (uint64_t)e->offset)
    return fail(err, ERR_VALUE, "%s would lie outside of the file", what);
  thrift_reader_init(r, fd, (uint64_t)e->offset, (uint64_t)(e->offset + e->len));
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 4 && f.type == THRIFT_I32) {
      lists->boundary_order = thrift_read_int(r, &f);
      continue;
    }
    if (f.id <= FIELDS_MAX && f.type == THRIFT_LIST) lists->at[f.id] = thrift_reader_offset(r);
    thrift_skip(r, &f);
  }
  if (!thrift_reader_check(r, what, err)) return false;
  return thrift_reader_offset(r) == (uint64_t)(e->offset + e->len) ||
         fail(err, ERR_VALUE, "bytes follow the end of %s", what);
}

static void open_list(struct index_list *l, int fd, uint64_t at, const struct extent *e, enum thrift_type element) {
  const struct thrift_field list = {.id = 1, .type = THRIFT_LIST};
  l->is_there = at > 0;
  l->count = 0;
  if (!l->is_there) return;
  thrift_reader_init(&l->thrift, fd, at, (uint64_t)(e->offset + e->len));
  l->count = thrift_read_list(&l->thrift, &list, element);
}

/* Lists of bool have either of two element types, by the writer. */
static void open_bool_list(struct index_list *l, int fd, uint64_t at, const struct extent *e) {
  open_list(l, fd, at, e, THRIFT_TRUE);
  if (l->is_there && l->thrift.failure) open_list(l, fd, at, e, THRIFT_FALSE);
}

static bool check_list(const struct index_list *l, const char *what, struct error *err) {
  return !l->is_there || thrift_reader_check(&l->thrift, what, err);
}

static bool open_offsets(struct index_check *x, int fd, uint64_t end, struct error *err) {
  const struct extent *e = &x->chunk->offset_index;
  struct lists lists;
  if (!find_lists(&x->locations.thrift, fd, e, end, "the offset index", &lists, err)) return false;
  if (!lists.at[1]) return fail(err, ERR_VALUE, "the offset index has no pages");
  open_list(&x->locations, fd, lists.at[1], e, THRIFT_STRUCT);
  x->has_offsets = true;
  return check_list(&x->locations, "the offset index", err);
}

/* Lists of all pages' counts; writers without any may leave them empty. */
static bool open_histograms(struct index_check *x, int fd, const struct lists *lists, struct error *err) {
  static const char what[] = "the column index";
  const struct extent *e = &x->chunk->column_index;
  const struct file_element *leaf = x->chunk->element;
  const struct { struct index_list *list; uint64_t at; unsigned max; } all[] = {
      {&x->repetition, lists->at[6], leaf->repetition_max}, {&x->definition, lists->at[7], leaf->definition_max}};
  for (size_t i = 0; i < 2; i++) {
    open_list(all[i].list, fd, all[i].at, e, THRIFT_I64);
    if (!check_list(all[i].list, what, err)) return false;
    if (all[i].list->count == 0) all[i].list->is_there = false;
    else if (all[i].list->count / (all[i].max + 1) != x->null_pages.count || all[i].list->count % (all[i].max + 1))
      return fail(err, ERR_VALUE, "%s counts levels for more or fewer pages than it has", what);
  }
  return true;
}

static bool open_bounds(struct index_check *x, int fd, uint64_t end, struct error *err) {
  static const char what[] = "the column index";
  const struct extent *e = &x->chunk->column_index;
  struct lists lists;
  if (!find_lists(&x->mins.thrift, fd, e, end, what, &lists, err)) return false;
  if (!lists.at[1] || !lists.at[2] || !lists.at[3]) return fail(err, ERR_VALUE, "%s misses a list", what);
  open_bool_list(&x->null_pages, fd, lists.at[1], e);
  open_list(&x->mins, fd, lists.at[2], e, THRIFT_BINARY);
  open_list(&x->maxes, fd, lists.at[3], e, THRIFT_BINARY);
  open_list(&x->null_counts, fd, lists.at[5], e, THRIFT_I64);
  if (!check_list(&x->null_pages, what, err) || !check_list(&x->mins, what, err) ||
      !check_list(&x->maxes, what, err) || !check_list(&x->null_counts, what, err))
    return false;
  x->boundary_order = lists.boundary_order;
  x->has_bounds = true;
  bool same = x->mins.count == x->null_pages.count && x->maxes.count == x->null_pages.count &&
              (!x->null_counts.is_there || x->null_counts.count == x->null_pages.count);
  if (!same) return fail(err, ERR_VALUE, "the lists of %s have different lengths", what);
  return open_histograms(x, fd, &lists, err);
}

bool index_check_open(struct index_check *x, int fd, uint64_t end, const struct chunk_facts *chunk,
                      struct error *err) {
  x->chunk = chunk;
  x->has_offsets = x->has_bounds = x->has_last = false;
  x->page_count = 0;
  x->ascending = x->descending = true;
  if (chunk->offset_index.offset && !open_offsets(x, fd, end, err)) return false;
  return !chunk->column_index.offset || open_bounds(x, fd, end, err);
}

static bool check_location(struct index_check *x, const struct page_facts *page, uint64_t first_row,
                           const struct page_counts *counts, struct error *err) {
  struct thrift_reader *r = &x->locations.thrift;
  int64_t offset = NOT_SAID, stored_bytes = NOT_SAID, row = NOT_SAID;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 1) offset = thrift_read_int(r, &f);
    else if (f.id == 2) stored_bytes = thrift_read_int(r, &f);
    else if (f.id == 3) row = thrift_read_int(r, &f);
    else thrift_skip(r, &f);
  }
  if (!thrift_reader_check(r, "the offset index", err)) return false;
  uint64_t whole = page->body_at - page->at + (uint64_t)page->stored_bytes;
  if (offset != (int64_t)page->at || stored_bytes != (int64_t)whole)
    return fail(err, ERR_VALUE, "the offset index says byte %lld and %lld bytes, it is byte %llu and %llu bytes",
                (long long)offset, (long long)stored_bytes, (unsigned long long)page->at, (unsigned long long)whole);
  if (!counts) return true;
  if (row != (int64_t)first_row)
    return fail(err, ERR_VALUE, "the offset index says that it begins with row %lld, it does with row %llu",
                (long long)row, (unsigned long long)first_row);
  return counts->begins_row || fail(err, ERR_VALUE, "it begins within a row, which the offset index does not allow");
}

/* The order that the index promises, over pages with values. */
static void follow_order(struct index_check *x, const struct bound_facts *min, const struct bound_facts *max) {
  const struct file_element *leaf = x->chunk->element;
  if (x->has_last) {
    int of_mins = bound_order_compare(leaf, min, &x->last_min), of_maxes = bound_order_compare(leaf, max, &x->last_max);
    if (of_mins < 0 || of_maxes < 0) x->ascending = false;
    if (of_mins > 0 || of_maxes > 0) x->descending = false;
  }
  x->has_last = true;
  x->last_min = *min;
  x->last_max = *max;
}

static bool check_histogram(struct index_list *l, unsigned max, const uint64_t *counts, struct error *err) {
  for (unsigned level = 0; l->is_there && level <= max; level++) {
    int64_t said = thrift_element_read_int(&l->thrift);
    if (!check_list(l, "the column index", err)) return false;
    if (counts && (uint64_t)said != counts[level])
      return fail(err, ERR_VALUE, "the column index says that it has the level %u %lld times, it has it %llu times", level,
                  (long long)said, (unsigned long long)counts[level]);
  }
  return true;
}

static bool check_histograms(struct index_check *x, const struct page_counts *counts, struct error *err) {
  const struct file_element *leaf = x->chunk->element;
  return check_histogram(&x->repetition, leaf->repetition_max, counts ? counts->repetition : NULL, err) &&
         check_histogram(&x->definition, leaf->definition_max, counts ? counts->definition : NULL, err);
}

static bool check_bounds(struct index_check *x, const struct page_facts *page, const struct page_counts *counts,
                         struct error *err) {
  const struct file_element *leaf = x->chunk->element;
  bool is_null_page = thrift_element_read_bool(&x->null_pages.thrift);
  int64_t nulls = x->null_counts.is_there ? thrift_element_read_int(&x->null_counts.thrift) : NOT_SAID;
  struct bound_facts min = {.is_there = true}, max = {.is_there = true};
  min.len = thrift_element_read_binary(&x->mins.thrift, min.bytes, sizeof min.bytes);
  max.len = thrift_element_read_binary(&x->maxes.thrift, max.bytes, sizeof max.bytes);
  if (!check_list(&x->null_pages, "the column index", err) || !check_list(&x->null_counts, "the column index", err) ||
      !check_list(&x->mins, "the column index", err) || !check_list(&x->maxes, "the column index", err))
    return false;
  if (counts && is_null_page != (counts->null_count == (uint64_t)page->value_count))
    return fail(err, ERR_VALUE, "the column index says that it %s, it does not",
                is_null_page ? "holds nothing but nulls" : "holds a value");
  /* Below a list writers count entries without a value in different ways. */
  if (counts && nulls != NOT_SAID && !x->chunk->is_repeated && (uint64_t)nulls != counts->null_count)
    return fail(err, ERR_VALUE, "the column index says %lld nulls, it holds %llu", (long long)nulls,
                (unsigned long long)counts->null_count);
  if (is_null_page || !bound_order_is_known(leaf)) return true;
  if (!bound_order_fits(leaf, &min) || !bound_order_fits(leaf, &max))
    return fail(err, ERR_VALUE, "the column index has a bound that is no value of its type");
  if (bound_order_compare(leaf, &min, &max) > 0)
    return fail(err, ERR_VALUE, "the column index has a smallest value above the largest");
  follow_order(x, &min, &max);
  return true;
}

static bool has_page(const struct index_check *x, const struct index_list *l, const char *what, struct error *err) {
  if (x->page_count < l->count) return true;
  return fail(err, ERR_VALUE, "%s has %llu pages, and there are more", what, (unsigned long long)l->count);
}

bool index_check_page(struct index_check *x, const struct page_facts *page, uint64_t first_row,
                      const struct page_counts *counts, struct error *err) {
  if (x->has_offsets && (!has_page(x, &x->locations, "the offset index", err) ||
                         !check_location(x, page, first_row, counts, err)))
    return false;
  if (x->has_bounds && (!has_page(x, &x->null_pages, "the column index", err) || !check_bounds(x, page, counts, err) ||
                        !check_histograms(x, counts, err)))
    return false;
  x->page_count++;
  return true;
}

bool index_check_end(struct index_check *x, struct error *err) {
  const struct { bool is_there; const struct index_list *list; const char *what; } indexes[] = {
      {x->has_offsets, &x->locations, "the offset index"}, {x->has_bounds, &x->null_pages, "the column index"}};
  for (size_t i = 0; i < 2; i++)
    if (indexes[i].is_there && indexes[i].list->count != x->page_count)
      return fail(err, ERR_VALUE, "%s has %llu pages, there are %llu", indexes[i].what,
                  (unsigned long long)indexes[i].list->count, (unsigned long long)x->page_count);
  bool broken = x->has_bounds && ((x->boundary_order == BOUNDARY_ASCENDING && !x->ascending) ||
                                  (x->boundary_order == BOUNDARY_DESCENDING && !x->descending));
  return !broken || fail(err, ERR_VALUE, "the column index says that its pages are in order, they are not");
}
