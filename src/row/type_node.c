#include "row/type_node.h"

#include <stdlib.h>

void type_node_deinit(struct type_node *node) {
  for (size_t i = 0; i < node->child_count; i++) type_node_deinit(&node->children[i]);
  free(node->children);
  free(node->name);
  *node = (struct type_node){0};
}

size_t type_node_count_scalars(const struct type_node *node) {
  size_t count = 0;
  if (node->shape == SHAPE_SCALAR) return 1;
  if (node->shape == SHAPE_MAP) return 2;
  if (node->shape == SHAPE_INTERVAL) return INTERVAL_PARTS;
  for (size_t i = 0; i < node->child_count; i++) count += type_node_count_scalars(&node->children[i]);
  return count;
}

size_t schema_count_scalars(const struct schema *s) {
  size_t count = 0;
  for (size_t i = 0; i < s->column_count; i++) {
    const struct output_column *c = &s->columns[i];
    count += c->kind == KIND_NESTED ? type_node_count_scalars(s->wire[c->wire].tree) : 1;
  }
  return count;
}
