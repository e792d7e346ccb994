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

struct plan_reader {
  struct explained *e;
  bool has_rows, has_cost;
  int scans, conditions;   /* scans but those of a bitmap, whose index scans are counted; conditions of indexes */
};

static void take_node(struct plan_reader *p, const uint8_t *type, const uint8_t *end) {
  bool index = is_string(type, end, "Index Scan") || is_string(type, end, "Index Only Scan") ||
               is_string(type, end, "Bitmap Index Scan");
  bool tid_range = is_string(type, end, "Tid Range Scan");
  p->e->uses_index |= index;
  p->e->tid_range |= tid_range;
  p->scans += index || tid_range || is_string(type, end, "Seq Scan") || is_string(type, end, "Foreign Scan") ||
              is_string(type, end, "Custom Scan") || is_string(type, end, "Sample Scan");
}

/* The first plan node is the whole plan: its numbers count. Node types and conditions count wherever they stand. */
static void take_member(struct plan_reader *p, const uint8_t *key, const uint8_t *key_end, const uint8_t *value,
                        const uint8_t *value_end) {
  if (is_string(key, key_end, "Node Type")) {
    take_node(p, value, value_end);
  } else if (is_string(key, key_end, "Index Cond")) {
    p->conditions++;
  } else if (!p->has_rows && is_string(key, key_end, "Plan Rows")) {
    p->e->rows = strtoull((const char *)value, NULL, 10);
    p->has_rows = true;
  } else if (!p->has_cost && is_string(key, key_end, "Total Cost")) {
    p->e->cost = fmod(strtod((const char *)value, NULL), DISABLE_COST);
    p->has_cost = true;
  }
}

/*
 * A member's key is a string before a colon, wherever it stands: the nesting need not be followed. Names of tables
 * and texts of conditions are values, and cannot be taken for keys or node types.
 */
bool explain_read(const char *json, size_t len, struct explained *e) {
  const uint8_t *at = (const uint8_t *)json, *end = at + len;
  struct plan_reader p = {.e = e};
  bool escaped;
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
    take_member(&p, key, key_end, value, at);
  }
  e->is_narrowed = p.scans == p.conditions;
  return p.has_rows && p.has_cost;
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
