#include "format/parquet/tree.h"

#include "base/utf8.h"
#include "format/parquet/schema.h"
#include "format/parquet/thrift.h"

#include <stdlib.h>

#define PATH_MAX_NAMES (2 * TYPE_DEPTH_MAX + 2)   /* a list has two, a leaf one */
#define LABEL_BYTES_MAX (1u << 20)

static const struct type_node text_type = {.shape = SHAPE_SCALAR, .kind = KIND_TEXT, .typmod = -1};
static const struct type_node interval_parts[INTERVAL_PARTS] = {
    {.shape = SHAPE_SCALAR, .name = (char *)"months", .kind = KIND_INT4, .typmod = -1},
    {.shape = SHAPE_SCALAR, .name = (char *)"days", .kind = KIND_INT4, .typmod = -1},
    {.shape = SHAPE_SCALAR, .name = (char *)"micros", .kind = KIND_INT8, .typmod = -1},
};

/* The way from the root to where the builder is. */
struct builder {
  struct parquet_schema *schema;
  const struct type_choices *choices;
  const char *path[PATH_MAX_NAMES];
  size_t path_len;
  struct buffer label;           /* "lines[].price": for messages */
  int32_t field_id;
  struct error *err;
};

/* Levels of the place that a node stands in. */
struct place { uint8_t definition, repetition; };

static bool build_leaf(struct builder *b, struct tree_node *node, const struct type_node *type,
                       struct place place) {
  struct leaf *l = &b->schema->leaves[b->schema->leaf_count++];
  leaf_choose(l, type->kind, type->typmod, b->choices);
  l->definition_max = node->definition;
  l->repetition_max = place.repetition;
  char *label = strndup((const char *)b->label.data, b->label.len);
  const char **path = calloc(b->path_len, sizeof *path);
  l->name = label;
  l->path = path;
  l->path_len = b->path_len;
  if (!label || !path || b->label.failed) return fail_memory(b->err, "the Parquet schema");
  memcpy(path, b->path, b->path_len * sizeof *path);
  return true;
}

/* label: what stands before the name in messages; "[]" takes the name's place. */
static bool build(struct builder *b, struct tree_node *node, const struct type_node *type, const char *name,
                  const char *label, bool is_optional, struct place place);

/* Readers refuse the whole file for a name that is none. Columns can be renamed, and have been checked before. */
static bool check_field_names(struct builder *b, const struct type_node *type) {
  for (size_t i = 0; i < type->child_count; i++) {
    const char *name = type->children[i].name;
    size_t len = strlen(name);
    if (utf8_valid_prefix((const uint8_t *)name, len) != len)
      return fail_field(b->err, "columns",
                        "column \"%s\": the name of field %zu of a composite in it is no UTF-8, which Parquet needs; rename "
                        "the field, or write the column as JSON with nested=json", b->path[0], i + 1);
  }
  return true;
}

static bool build_fields(struct builder *b, struct tree_node *node, const struct type_node *fields, bool is_optional,
                         struct place place) {
  struct place inside = {node->definition, place.repetition};
  for (size_t i = 0; i < node->child_count; i++)
    if (!build(b, &node->children[i], &fields[i], fields[i].name, ".", is_optional, inside)) return false;
  return true;
}

static size_t child_count(const struct type_node *type) {
  if (type->shape == SHAPE_MAP) return 2;
  return type->shape == SHAPE_INTERVAL ? INTERVAL_PARTS : type->child_count;
}

static bool build_children(struct builder *b, struct tree_node *node, const struct type_node *type,
                           struct place place) {
  node->child_count = child_count(type);
  node->children = calloc(node->child_count, sizeof *node->children);
  if (!node->children) return fail_memory(b->err, "the Parquet schema");
  if (type->shape == SHAPE_INTERVAL) return build_fields(b, node, interval_parts, false, place);
  if (type->shape == SHAPE_STRUCT)
    return check_field_names(b, type) && build_fields(b, node, type->children, true, place);
  struct place inside = {(uint8_t)(node->definition + 1), place.repetition};
  node->item_repetition = ++inside.repetition;
  b->path[b->path_len++] = type->shape == SHAPE_LIST ? "list" : "key_value";
  bool ok = type->shape == SHAPE_LIST
                ? build(b, node->children, type->children, "element", "[]", true, inside)
                : build(b, node->children, &text_type, "key", ".", false, inside) &&
                      build(b, node->children + 1, &text_type, "value", ".", true, inside);
  b->path_len--;
  return ok;
}

static bool build(struct builder *b, struct tree_node *node, const struct type_node *type, const char *name,
                  const char *label, bool is_optional, struct place place) {
  size_t label_len = b->label.len;
  *node = (struct tree_node){.name = name,
                             .shape = type->shape,
                             .type = type,
                             .is_optional = is_optional,
                             .definition = (uint8_t)(place.definition + is_optional),
                             .leaf_first = b->schema->leaf_count};
  if (b->path_len) node->field_id = b->field_id++;
  buffer_append_string(&b->label, label);
  if (*label == '.' || b->path_len == 0) buffer_append_string(&b->label, name);
  b->path[b->path_len++] = name;
  bool ok = type->shape == SHAPE_SCALAR ? build_leaf(b, node, type, place) : build_children(b, node, type, place);
  b->path_len--;
  b->label.len = label_len;
  node->leaf_count = b->schema->leaf_count - node->leaf_first;
  return ok;
}

bool tree_build(struct tree_node *node, struct parquet_schema *s, const char *name, const struct type_node *type,
                bool is_optional, const struct type_choices *choices, int32_t *field_id, struct error *err) {
  struct builder b = {.schema = s, .choices = choices, .field_id = *field_id, .err = err};
  buffer_init(&b.label, LABEL_BYTES_MAX);
  bool ok = build(&b, node, type, name, "", is_optional, (struct place){0, 0});
  *field_id = b.field_id;
  buffer_deinit(&b.label);
  return ok;
}

void tree_deinit(struct tree_node *node) {
  for (size_t i = 0; i < node->child_count; i++) tree_deinit(&node->children[i]);
  free(node->children);
  node->children = NULL;
  node->child_count = 0;
}

bool tree_has_list(const struct tree_node *node) {
  if (node->shape == SHAPE_LIST) return true;
  for (size_t i = 0; i < node->child_count; i++)
    if (tree_has_list(&node->children[i])) return true;
  return false;
}

bool tree_has_infinity(const struct tree_node *node) {
  if (node->shape == SHAPE_INTERVAL) return node->type->has_infinity;
  for (size_t i = 0; i < node->child_count; i++)
    if (tree_has_infinity(&node->children[i])) return true;
  return false;
}

size_t tree_count_elements(const struct tree_node *node) {
  size_t count = node->shape == SHAPE_LIST || node->shape == SHAPE_MAP ? 2 : 1;
  for (size_t i = 0; i < node->child_count; i++) count += tree_count_elements(&node->children[i]);
  return count;
}

static void write_repeated(const char *name, size_t child_count, struct thrift_writer *w) {
  thrift_element_struct_begin(w);
  thrift_i32(w, 3, REPETITION_REPEATED);
  thrift_string(w, 4, name);
  thrift_i32(w, 5, (int32_t)child_count);
  thrift_struct_end(w);
}

static void write_group(const struct tree_node *node, struct thrift_writer *w) {
  bool is_list = node->shape == SHAPE_LIST, is_map = node->shape == SHAPE_MAP;
  thrift_element_struct_begin(w);
  thrift_i32(w, 3, node->is_optional ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
  thrift_string(w, 4, node->name);
  thrift_i32(w, 5, is_list || is_map ? 1 : (int32_t)node->child_count);
  if (is_list || is_map) thrift_i32(w, 6, is_list ? CONVERTED_LIST : CONVERTED_MAP);
  thrift_i32(w, 9, node->field_id);
  if (is_list || is_map) {
    thrift_struct_begin(w, 10);
    thrift_empty_struct(w, is_list ? LOGICAL_LIST : LOGICAL_MAP);
    thrift_struct_end(w);
  }
  thrift_struct_end(w);
  if (is_list) write_repeated("list", 1, w);
  if (is_map) write_repeated("key_value", 2, w);
}

void tree_write(const struct tree_node *node, const struct parquet_schema *s, struct thrift_writer *w) {
  if (node->shape == SHAPE_SCALAR) {
    leaf_write(&s->leaves[node->leaf_first], node, w);
    return;
  }
  write_group(node, w);
  for (size_t i = 0; i < node->child_count; i++) tree_write(&node->children[i], s, w);
}
