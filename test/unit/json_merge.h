/* An independent judge of flattening: documents as jansson reads them, put together from their pieces. */
#pragma once
#include "row/flatten.h"

#include <jansson.h>

/* The value at a path, or NULL. */
static inline json_t *merge_at_path(json_t *document, const struct json_path *path) {
  for (size_t i = 0; document && i < path->key_count; i++)
    document = json_is_object(document) ? json_object_get(document, path->keys[i]) : NULL;
  return document;
}

static inline bool merge_is_leaf(const json_t *value) {
  return value && !(json_is_object(value) && json_object_size(value) > 0);
}

/* Puts a value at its path, making the objects on the way. False where something is there already. */
static inline bool merge_put(json_t **document, const struct json_path *path, json_t *value) {
  if (path->key_count == 0) {
    bool is_free = json_is_object(*document) && json_object_size(*document) == 0;
    json_decref(*document);
    *document = json_incref(value);
    return is_free;
  }
  json_t *at = *document;
  for (size_t i = 0; i + 1 < path->key_count; i++) {
    json_t *inner = json_object_get(at, path->keys[i]);
    if (!inner) {
      inner = json_object();
      json_object_set_new(at, path->keys[i], inner);
    }
    if (!json_is_object(inner)) return false;
    at = inner;
  }
  if (json_object_get(at, path->keys[path->key_count - 1])) return false;
  return json_object_set(at, path->keys[path->key_count - 1], value) == 0;
}
