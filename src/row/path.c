#include "row/flatten.h"
#include "row/json.h"

#include <stdlib.h>

void json_path_deinit(struct json_path *path) {
  for (size_t i = 0; i < path->key_count; i++) free(path->keys[i]);
  free(path->keys);
  *path = (struct json_path){0};
}

static bool add_key(struct json_path *path, struct buffer *key, struct error *err) {
  char *text = buffer_take_string(key);
  if (!text) return fail_memory(err, "a path");
  path->keys[path->key_count++] = text;
  return true;
}

/* A key written as a JSON string. Moves *at behind it. */
static bool read_quoted(const char **at, struct json_path *path, const char *text, struct error *err) {
  const uint8_t *begin = (const uint8_t *)*at, *end = begin + strlen(*at);
  bool escaped;
  const uint8_t *behind = json_skip_string(begin, end, &escaped);
  if (!behind) return fail(err, ERR_USAGE, "path \"%.200s\": a key in quotes is not a JSON string", text);
  struct buffer key;
  buffer_init(&key, (size_t)(behind - begin) + 1);
  bool ok = json_unescape(begin, behind, &key);
  if (key.len && memchr(key.data, '\0', key.len))
    ok = fail(err, ERR_USAGE, "path \"%.200s\": a key with \\u0000 cannot be picked", text);
  else if (json_find_half_pair(begin, behind))
    ok = fail(err, ERR_USAGE, "path \"%.200s\": a key with half a surrogate pair cannot be picked", text);
  else
    ok = ok && add_key(path, &key, err);
  buffer_deinit(&key);
  *at = (const char *)behind;
  return ok;
}

/* A key written as it is, up to the next dot. */
static bool read_bare(const char **at, struct json_path *path, const char *text, struct error *err) {
  size_t len = strcspn(*at, ".");
  if (len == 0) return fail(err, ERR_USAGE, "path \"%.200s\": an empty key is written \"\"", text);
  if (memchr(*at, '"', len))
    return fail(err, ERR_USAGE, "path \"%.200s\": a key with a quote is written as a JSON string: \"a\\\"b\"",
                text);
  struct buffer key;
  buffer_init(&key, len + 1);
  buffer_append(&key, *at, len);
  *at += len;
  return add_key(path, &key, err);
}

static bool read_keys(const char *text, struct json_path *path, struct error *err) {
  const char *at = text;
  for (;;) {
    if (path->key_count == PATH_KEYS_MAX)
      return fail(err, ERR_USAGE, "path \"%.200s\" has more than %d keys", text, PATH_KEYS_MAX);
    if (!(*at == '"' ? read_quoted(&at, path, text, err) : read_bare(&at, path, text, err))) return false;
    if (*at == '\0') return true;
    if (*at != '.')
      return fail(err, ERR_USAGE, "path \"%.200s\": a dot is missing behind a key in quotes", text);
    at++;
  }
}

bool json_path_parse(const char *text, struct json_path *path, struct error *err) {
  *path = (struct json_path){.keys = calloc(PATH_KEYS_MAX, sizeof *path->keys)};
  if (!path->keys) return fail_memory(err, "a path");
  if (read_keys(text, path, err)) return true;
  json_path_deinit(path);
  return false;
}

void json_path_spell(const struct json_path *path, struct buffer *out) {
  for (size_t i = 0; i < path->key_count; i++) {
    if (i) buffer_append_byte(out, '.');
    buffer_append_string(out, path->keys[i]);
  }
}

void json_path_write(const struct json_path *path, struct buffer *out) {
  for (size_t i = 0; i < path->key_count; i++) {
    const char *key = path->keys[i];
    if (i) buffer_append_byte(out, '.');
    if (*key == '\0' || strpbrk(key, ".\"")) json_append_string(out, key, strlen(key));
    else buffer_append_string(out, key);
  }
}
