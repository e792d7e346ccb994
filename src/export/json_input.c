#include "export/json_input.h"

#include "format/json_grammar.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const type_names[] = {
    [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a string", [JSON_NUMBER] = "a number",
    [JSON_TRUE] = "true",        [JSON_FALSE] = "false",   [JSON_NULL] = "null",       [JSON_INVALID] = "no JSON",
};

/* The length of the UTF-8 character at `at` (RFC 3629: shortest form, no surrogates), or 0. */
static size_t utf8_length(const uint8_t *at, const uint8_t *end) {
  uint8_t lead = *at;
  if (lead < 0x80) return 1;
  size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || (size_t)(end - at) < len) return 0;
  for (size_t i = 1; i < len; i++)
    if ((at[i] & 0xC0) != 0x80) return 0;
  if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] >= 0xA0)) return 0;
  if ((lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] >= 0x90)) return 0;
  return len;
}

static bool check_utf8(const uint8_t *text, const uint8_t *end, struct error *err) {
  for (const uint8_t *at = text; at < end;) {
    size_t len = utf8_length(at, end);
    if (!len) return fail(err, ERR_USAGE, "the body is not UTF-8: byte %zu", (size_t)(at - text));
    at += len;
  }
  return true;
}

static bool check_depth(const uint8_t *text, const uint8_t *end, int depth_max, struct error *err) {
  int depth = 0;
  bool in_string = false;
  for (const uint8_t *at = text; at < end; at++) {
    if (in_string) {
      if (*at == '\\' && at + 1 < end) at++;
      else if (*at == '"') in_string = false;
    } else if (*at == '"') {
      in_string = true;
    } else if (*at == '{' || *at == '[') {
      if (++depth > depth_max) return fail(err, ERR_USAGE, "the body nests deeper than %d levels", depth_max);
    } else if (*at == '}' || *at == ']') {
      depth--;
    }
  }
  return true;
}

/* Read once more, to say where: who wrote it by hand has lost a quote or a comma. */
static bool fail_invalid(const uint8_t *text, size_t len, struct error *err) {
  struct json_grammar *g = malloc(sizeof *g);
  if (!g) return fail_memory(err, "a request");
  const char *why = NULL;
  size_t at = 0;
  json_grammar_begin(g);
  while (at < len && !(why = json_grammar_pass(g, text[at]))) at++;
  free(g);
  return fail(err, ERR_USAGE, "the body is not valid JSON: %s at byte %zu", why ? why : "it is cut", at);
}

bool json_input_open(const char *text, size_t len, size_t len_max, int depth_max, struct json_value *root,
                     struct error *err) {
  if (len > len_max) return fail(err, ERR_USAGE, "the body has more than %zu bytes", len_max);
  const uint8_t *start = (const uint8_t *)text, *end = start + len;
  if (!check_utf8(start, end, err) || !check_depth(start, end, depth_max, err)) return false;
  const uint8_t *at = json_skip_space(start, end);
  if (at == end) return fail(err, ERR_USAGE, "the body is empty; a JSON object is needed");
  const uint8_t *after = json_skip_value(at, end);
  if (!after) return fail_invalid(start, len, err);
  if (json_skip_space(after, end) != end)
    return fail(err, ERR_USAGE, "the body goes on behind its JSON value, at byte %zu",
                (size_t)(after - start));
  *root = (struct json_value){.type = json_type_at(at, end), .at = at, .end = after};
  return true;
}

static bool expect(const struct json_value *v, enum json_type type, const char *path, struct error *err) {
  if (v->type == type) return true;
  const char *shown = *path ? path : "the body";
  return fail_field(err, path, "%s: %s is needed, not %s", shown, type_names[type], type_names[v->type]);
}

/* Walks an object or array that has been checked: the value at *at, and past the comma behind it. */
static struct json_value take_value(const uint8_t **at, const uint8_t *end) {
  const uint8_t *start = json_skip_space(*at, end);
  struct json_value v = {.type = json_type_at(start, end), .at = start, .end = json_skip_value(start, end)};
  *at = json_skip_space(v.end, end);
  if (**at == ',') ++*at;
  return v;
}

/* The next member of an object, its name in `key` (zero-terminated; U+0000 in it shows as '?'). */
static bool next_member(const uint8_t **at, const uint8_t *end, struct buffer *key, struct json_value *v) {
  *at = json_skip_space(*at, end);
  if (**at == '}') return false;
  bool escaped;
  const uint8_t *name_end = json_skip_string(*at, end, &escaped);
  buffer_reset(key);
  bool ok = json_unescape(*at, name_end, key);
  for (size_t i = 0; ok && i < key->len; i++)
    if (key->data[i] == '\0') key->data[i] = '?';
  buffer_append_byte(key, '\0');
  *at = json_skip_space(name_end, end) + 1;   /* the colon */
  *v = take_value(at, end);
  return true;
}

static void join_path(char *to, const char *path, const char *name) {
  snprintf(to, ERROR_FIELD_MAX, "%s%s%.80s", path, *path ? "." : "", name);
}

static bool fail_unknown(const struct json_field *fields, const char *path, struct error *err) {
  char allowed[512] = "";
  size_t len = 0;
  for (const struct json_field *f = fields; f->name && len < sizeof allowed; f++)
    len += (size_t)snprintf(allowed + len, sizeof allowed - len, "%s%s", f == fields ? "" : ", ", f->name);
  return fail_field(err, path, "unknown field \"%s\"; known are %s", path, allowed);
}

struct object_walk {
  const struct json_field *fields;
  bool (*other)(void *context, const char *name, const struct json_value *v, bool *known, struct error *err);
  void *context;
  uint64_t seen;   /* bit i: fields[i] has come */
};

static bool read_member(struct object_walk *w, const char *name, const struct json_value *v, const char *path,
                        struct error *err) {
  for (size_t i = 0; w->fields[i].name; i++) {
    const struct json_field *f = &w->fields[i];
    if (strcmp(f->name, name) != 0) continue;
    if (w->seen & (UINT64_C(1) << i)) return fail_field(err, path, "the field \"%s\" comes twice", path);
    w->seen |= UINT64_C(1) << i;
    return (f->null_is_absent && v->type == JSON_NULL) || f->read(w->context, v, path, err);
  }
  bool known = false;
  if (w->other && !w->other(w->context, name, v, &known, err)) return false;
  return known || fail_unknown(w->fields, path, err);
}

bool json_input_object(const struct json_value *v, const char *path, const struct json_field *fields,
                       bool (*other)(void *context, const char *name, const struct json_value *v, bool *known,
                                     struct error *err),
                       void *context, struct error *err) {
  if (!expect(v, JSON_OBJECT, path, err)) return false;
  struct object_walk walk = {.fields = fields, .other = other, .context = context};
  struct buffer key;
  buffer_init(&key, (size_t)(v->end - v->at) + 1);
  struct json_value member;
  bool ok = true;
  for (const uint8_t *at = v->at + 1; ok && next_member(&at, v->end, &key, &member);) {
    if (!buffer_check(&key, "a field's name", err)) {
      ok = false;
      break;
    }
    char member_path[ERROR_FIELD_MAX];
    join_path(member_path, path, (const char *)key.data);
    ok = read_member(&walk, (const char *)key.data, &member, member_path, err);
  }
  buffer_deinit(&key);
  return ok;
}

bool json_input_array(const struct json_value *v, const char *path,
                      bool (*item)(void *context, const struct json_value *v, const char *path,
                                   struct error *err),
                      void *context, struct error *err) {
  if (!expect(v, JSON_ARRAY, path, err)) return false;
  size_t index = 0;
  for (const uint8_t *at = json_skip_space(v->at + 1, v->end); *at != ']'; at = json_skip_space(at, v->end)) {
    struct json_value entry = take_value(&at, v->end);
    char item_path[ERROR_FIELD_MAX];
    snprintf(item_path, sizeof item_path, "%.100s[%zu]", path, index++);
    if (!item(context, &entry, item_path, err)) return false;
  }
  return true;
}

bool json_input_find(const struct json_value *object, const char *name, struct json_value *found) {
  if (object->type != JSON_OBJECT) return false;
  struct buffer key;
  buffer_init(&key, (size_t)(object->end - object->at) + 1);
  bool is_found = false;
  for (const uint8_t *at = object->at + 1; !is_found && next_member(&at, object->end, &key, found);)
    is_found = !key.failed && strcmp((const char *)key.data, name) == 0;
  buffer_deinit(&key);
  return is_found;
}

bool json_input_string(const struct json_value *v, const char *path, char **text, struct error *err) {
  if (!expect(v, JSON_STRING, path, err)) return false;
  struct buffer out;
  buffer_init(&out, (size_t)(v->end - v->at) * 2 + 1);
  bool ok = json_unescape(v->at, v->end, &out);
  if (ok && !out.failed && memchr(out.data ? out.data : (const uint8_t *)"", '\0', out.len)) {
    buffer_deinit(&out);
    return fail_field(err, path, "%s: PostgreSQL's texts cannot hold U+0000", path);
  }
  *text = ok ? buffer_take_string(&out) : NULL;
  if (*text) return true;
  buffer_deinit(&out);
  return fail_memory(err, "a request's text");
}

bool json_input_bool(const struct json_value *v, const char *path, bool *value, struct error *err) {
  if (v->type != JSON_TRUE && v->type != JSON_FALSE)
    return fail_field(err, path, "%s: true or false is needed, not %s", path, type_names[v->type]);
  *value = v->type == JSON_TRUE;
  return true;
}

bool json_input_scalar(const struct json_value *v, const char *path, char **text, struct error *err) {
  if (v->type == JSON_STRING) return json_input_string(v, path, text, err);
  if (v->type != JSON_NUMBER && v->type != JSON_TRUE && v->type != JSON_FALSE)
    return fail_field(err, path, "%s: a string, number, true or false is needed, not %s", path,
                      type_names[v->type]);
  *text = strndup((const char *)v->at, (size_t)(v->end - v->at));
  return *text ? true : fail_memory(err, "a request's value");
}
