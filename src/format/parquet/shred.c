#include "format/parquet/shred.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <stdio.h>

#define DIMENSIONS_MAX 6       /* PostgreSQL's MAXDIM */
#define DIMENSIONS_TEXT_MAX (DIMENSIONS_MAX * 28)

struct shredder {
  struct chunk *chunks;        /* of the column's leaves */
  const struct tree_node *column;
  struct error *err;
};

/* What is left of the value that is being taken apart. */
struct bytes { const uint8_t *at, *end; };

static bool shred(struct shredder *s, const struct tree_node *node, const struct cell *cell, unsigned repetition);

static struct chunk *chunk_of(const struct shredder *s, size_t leaf) {
  return s->chunks + (leaf - s->column->leaf_first);
}

static bool malformed(const struct shredder *s, const struct tree_node *node) {
  static const char *const shapes[] = {
      [SHAPE_SCALAR] = "value", [SHAPE_LIST] = "array", [SHAPE_STRUCT] = "composite value", [SHAPE_MAP] = "hstore",
      [SHAPE_INTERVAL] = "interval"};
  return fail(s->err, ERR_SOURCE, "column \"%s\": the server sent bytes that are no %s of its type", s->column->name,
              shapes[node->shape]);
}

static bool changed(const struct shredder *s) {
  return fail(s->err, ERR_SOURCE, "column \"%s\": the server sent another type than it had described; was a type "
              "altered meanwhile?", s->column->name);
}

static bool take(struct bytes *b, uint32_t *v) {
  if (b->end - b->at < 4) return false;
  *v = load_be32(b->at);
  b->at += 4;
  return true;
}

/* A length and so many bytes, or -1 for NULL. */
static bool take_cell(struct bytes *b, struct cell *cell) {
  uint32_t len;
  if (!take(b, &len)) return false;
  *cell = (struct cell){b->at, (int32_t)len};
  if (cell->len < 0) return cell->len == -1;
  if (b->end - b->at < cell->len) return false;
  b->at += cell->len;
  return true;
}

static void add_repetition(struct chunk *c, unsigned repetition) {
  if (c->leaf->repetition_max) levels_add(&c->repetition, repetition);
}

/* An entry in every leaf at and below the node. */
static bool put_missing(struct shredder *s, const struct tree_node *node, unsigned definition, unsigned repetition) {
  for (size_t i = 0; i < node->leaf_count; i++) {
    struct chunk *c = chunk_of(s, node->leaf_first + i);
    if (!chunk_put_missing(c, (uint8_t)definition, s->err)) return false;
    add_repetition(c, repetition);
  }
  return true;
}

static bool put_scalar(struct shredder *s, const struct tree_node *node, const struct cell *cell,
                       unsigned repetition) {
  struct chunk *c = chunk_of(s, node->leaf_first);
  if (!c->append(c, cell, s->err)) return false;
  add_repetition(c, repetition);
  return true;
}

struct dimensions {
  uint32_t count;
  int32_t size[DIMENSIONS_MAX], lower[DIMENSIONS_MAX];
};

static bool take_dimensions(struct bytes *b, struct dimensions *d) {
  for (uint32_t i = 0; i < d->count; i++) {
    uint32_t size, lower;
    if (!take(b, &size) || !take(b, &lower) || size > INT32_MAX) return false;
    d->size[i] = (int32_t)size;
    d->lower[i] = (int32_t)lower;
  }
  return true;
}

static bool refuse_dimensions(const struct shredder *s, const struct tree_node *node, const struct dimensions *d) {
  char text[DIMENSIONS_TEXT_MAX] = "";
  bool can_replace = d->count == 1 && !node->type->is_rewritten;
  for (uint32_t i = 0, len = 0; i < d->count; i++)
    len += (uint32_t)snprintf(text + len, sizeof text - len, "[%d:%lld]", d->lower[i],
                              (long long)d->lower[i] + d->size[i] - 1);
  return fail(s->err, ERR_VALUE,
              "column \"%s\": a Parquet LIST cannot hold an array of dimensions %s, only one dimension that begins "
              "at %d; special=null writes NULL instead%s, nested=json writes the column as JSON",
              s->column->name, text, node->type->lower_bound,
              can_replace ? ", special=replace leaves out where it begins" : "");
}

/* *done: the array's entry is made. Else its items follow. */
static bool settle_dimensions(struct shredder *s, const struct tree_node *node, const struct dimensions *d,
                              unsigned repetition, bool *done) {
  enum special special = s->chunks->shared->special;
  bool is_list = d->count == 1 && d->lower[0] == node->type->lower_bound;
  *done = false;
  if (is_list) return true;
  if (special == SPECIAL_REPLACE && d->count == 1 && !node->type->is_rewritten) {
    chunk_count_special(s->chunks);
    return true;
  }
  if (special != SPECIAL_NULL) return refuse_dimensions(s, node, d);
  chunk_count_special(s->chunks);
  *done = true;
  return put_missing(s, node, node->definition - 1u, repetition);
}

static bool put_items(struct shredder *s, const struct tree_node *node, struct bytes *b, int32_t count,
                      unsigned repetition) {
  const struct tree_node *item = node->children;
  struct cell cell;
  for (int32_t i = 0; i < count; i++) {
    if (!take_cell(b, &cell)) return malformed(s, node);
    bool ok = item->shape == SHAPE_SCALAR ? put_scalar(s, item, &cell, repetition) : shred(s, item, &cell, repetition);
    if (!ok) return false;
    repetition = node->item_repetition;
  }
  return b->at == b->end ? true : malformed(s, node);
}

static bool shred_list(struct shredder *s, const struct tree_node *node, struct bytes b, unsigned repetition) {
  struct dimensions d;
  uint32_t flags, item_oid;
  if (!take(&b, &d.count) || !take(&b, &flags) || !take(&b, &item_oid) || d.count > DIMENSIONS_MAX ||
      !take_dimensions(&b, &d))
    return malformed(s, node);
  if (item_oid != node->type->children->sent_oid) return changed(s);
  if (d.count == 0 || (d.count == 1 && d.size[0] == 0))
    return b.at == b.end ? put_missing(s, node, node->definition, repetition) : malformed(s, node);
  bool done;
  if (!settle_dimensions(s, node, &d, repetition, &done)) return false;
  return done || put_items(s, node, &b, d.size[0], repetition);
}

static bool shred_struct(struct shredder *s, const struct tree_node *node, struct bytes b, unsigned repetition) {
  uint32_t count, oid;
  struct cell cell;
  if (!take(&b, &count)) return malformed(s, node);
  if (count != node->child_count) return changed(s);
  for (size_t i = 0; i < node->child_count; i++) {
    if (!take(&b, &oid)) return malformed(s, node);
    if (oid != node->type->children[i].sent_oid) return changed(s);
    if (!take_cell(&b, &cell)) return malformed(s, node);
    if (!shred(s, &node->children[i], &cell, repetition)) return false;
  }
  return b.at == b.end ? true : malformed(s, node);
}

/* A key is never NULL, so one that is no text cannot become NULL either. */
static bool put_key(struct shredder *s, const struct tree_node *node, const struct cell *key, unsigned repetition) {
  bool to_null = s->chunks->shared->special == SPECIAL_NULL;
  if (to_null && utf8_valid_prefix(key->data, (size_t)key->len) != (size_t)key->len)
    return fail(s->err, ERR_VALUE, "column \"%s\": a key is no UTF-8, which a Parquet STRING must be, and no key can "
                "be NULL; special=replace can write it", s->column->name);
  return put_scalar(s, node, key, repetition);
}

static bool shred_map(struct shredder *s, const struct tree_node *node, struct bytes b, unsigned repetition) {
  uint32_t count;
  struct cell cell;
  if (!take(&b, &count)) return malformed(s, node);
  if (count == 0)
    return b.at == b.end ? put_missing(s, node, node->definition, repetition) : malformed(s, node);
  for (uint32_t i = 0; i < count; i++) {
    if (!take_cell(&b, &cell) || cell_is_null(&cell)) return malformed(s, node);
    if (!put_key(s, node->children, &cell, repetition)) return false;
    if (!take_cell(&b, &cell)) return malformed(s, node);
    if (!put_scalar(s, node->children + 1, &cell, repetition)) return false;
    repetition = node->item_repetition;
  }
  return b.at == b.end ? true : malformed(s, node);
}

static bool special_interval(struct shredder *s, const struct tree_node *node, bool is_negative, unsigned repetition,
                             bool *done) {
  enum special special = s->chunks->shared->special;
  if (special == SPECIAL_ERROR || special == SPECIAL_STRING)
    return fail(s->err, ERR_VALUE,
                "column \"%s\": a group of months, days and micros cannot hold %sinfinity; special=null or "
                "special=replace can, interval=string writes the text", s->column->name, is_negative ? "-" : "");
  chunk_count_special(s->chunks);
  *done = special == SPECIAL_NULL;
  return !*done || put_missing(s, node, node->definition - 1u, repetition);
}

/* The wire has micros, days, months; the group has them the other way round. */
static bool shred_interval(struct shredder *s, const struct tree_node *node, const struct cell *cell,
                           unsigned repetition) {
  if (cell->len != 16) return malformed(s, node);
  const struct cell parts[INTERVAL_PARTS] = {{cell->data + 12, 4}, {cell->data + 8, 4}, {cell->data, 8}};
  int32_t months = (int32_t)load_be32(cell->data + 12), days = (int32_t)load_be32(cell->data + 8);
  int64_t micros = (int64_t)load_be64(cell->data);
  bool is_positive = months == INT32_MAX && days == INT32_MAX && micros == INT64_MAX;
  bool is_negative = months == INT32_MIN && days == INT32_MIN && micros == INT64_MIN, done = false;
  if (node->type->has_infinity && (is_positive || is_negative) &&
      !special_interval(s, node, is_negative, repetition, &done))
    return false;
  for (size_t i = 0; i < INTERVAL_PARTS && !done; i++)
    if (!put_scalar(s, &node->children[i], &parts[i], repetition)) return false;
  return true;
}

static bool shred(struct shredder *s, const struct tree_node *node, const struct cell *cell, unsigned repetition) {
  if (node->shape == SHAPE_SCALAR) return put_scalar(s, node, cell, repetition);
  if (cell_is_null(cell)) {
    if (node->is_optional) return put_missing(s, node, node->definition - 1u, repetition);
    return fail(s->err, ERR_VALUE, "column \"%s\": a NULL came, though the catalog says NOT NULL", s->column->name);
  }
  struct bytes b = {cell->data, cell->data + cell->len};
  switch (node->shape) {
    case SHAPE_LIST: return shred_list(s, node, b, repetition);
    case SHAPE_STRUCT: return shred_struct(s, node, b, repetition);
    case SHAPE_MAP: return shred_map(s, node, b, repetition);
    case SHAPE_INTERVAL: return shred_interval(s, node, cell, repetition);
    case SHAPE_SCALAR: break;
  }
  return false;
}

bool shred_append(struct chunk *first, const struct cell *cell, struct error *err) {
  struct shredder s = {.chunks = first, .column = first->column, .err = err};
  if (!shred(&s, s.column, cell, 0)) return false;
  for (size_t i = 0; i < s.column->leaf_count; i++) {
    struct chunk *c = first + i;
    if (c->leaf->repetition_max && !chunk_end_row(c, err)) return false;
  }
  return true;
}
