#include "source/explain.h"

#include "row/json.h"

#include <math.h>
#include <stdlib.h>

#define SQL_MAX (64u << 20)
/*
 * What servers before PostgreSQL 18 add for each scan or sort that is switched off and yet the only way. Far above
 * every real cost, and so exact a multiple that the rest is the real one.
 */
#define DISABLE_COST 1e10

/* A string at `at`, quotes and all, that holds just `text`. */
static bool is_string(const uint8_t *at, const uint8_t *end, const char *text) {
  size_t len = strlen(text);
  return (size_t)(end - at) == len + 2 && memcmp(at + 1, text, len) == 0;
}

/* The first plan node is the whole plan: its numbers count. Node types count wherever they stand. */
static void take_member(const uint8_t *key, const uint8_t *key_end, const uint8_t *value, const uint8_t *value_end,
                        struct explained *e, bool *has_rows, bool *has_cost) {
  if (is_string(key, key_end, "Node Type")) {
    e->uses_index |= is_string(value, value_end, "Index Scan") || is_string(value, value_end, "Index Only Scan") ||
                     is_string(value, value_end, "Bitmap Index Scan");
    e->tid_range |= is_string(value, value_end, "Tid Range Scan");
  } else if (!*has_rows && is_string(key, key_end, "Plan Rows")) {
    e->rows = strtoull((const char *)value, NULL, 10);
    *has_rows = true;
  } else if (!*has_cost && is_string(key, key_end, "Total Cost")) {
    e->cost = fmod(strtod((const char *)value, NULL), DISABLE_COST);
    *has_cost = true;
  }
}

/*
 * A member's key is a string before a colon, wherever it stands: the nesting need not be followed. Names of tables
 * and texts of conditions are values, and cannot be taken for keys or node types.
 */
bool explain_read(const char *json, size_t len, struct explained *e) {
  const uint8_t *at = (const uint8_t *)json, *end = at + len;
  bool has_rows = false, has_cost = false, escaped;
  *e = (struct explained){0};
  if (json_type_at(at = json_skip_space(at, end), end) != JSON_ARRAY || !json_skip_value(at, end)) return false;
  while (at < end) {
    if (*at != '"') {
      at++;
      continue;
    }
    const uint8_t *key = at, *key_end = json_skip_string(at, end, &escaped);
    at = json_skip_space(key_end, end);
    if (at == end || *at != ':') continue;
    const uint8_t *value = json_skip_space(at + 1, end);
    enum json_type type = json_type_at(value, end);
    if (type == JSON_OBJECT || type == JSON_ARRAY) continue;
    at = json_skip_value(value, end);
    take_member(key, key_end, value, at, e, &has_rows, &has_cost);
  }
  return has_rows && has_cost;
}

bool explain(struct pg *c, const char *sql, struct explained *e, struct error *err) {
  struct buffer b;
  buffer_init(&b, SQL_MAX);
  buffer_appendf(&b, "EXPLAIN (FORMAT JSON) %s", sql);
  char *text = buffer_take_string(&b);
  if (!text) return fail_memory(err, "a statement");
  struct pg_result *r;
  bool ok = pg_query(c, text, NULL, 0, &r, err);
  free(text);
  if (!ok) return false;
  const char *json = pg_row_count(r) > 0 ? pg_value(r, 0, 0) : NULL;
  ok = json && explain_read(json, strlen(json), e);
  pg_result_free(r);
  return ok ? true : fail(err, ERR_SOURCE, "cannot read the server's answer to EXPLAIN (FORMAT JSON)");
}
