#include "row/type_node.h"

#include <stdlib.h>

void type_node_deinit(struct type_node *node) {
  for (size_t i = 0; i < node->child_count; i++) type_node_deinit(&node->children[i]);
  free(node->children);
  free(node->name);
  *node = (struct type_node){0};
}
