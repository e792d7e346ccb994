#include "row/typed.h"

#include "base/bytes.h"
#include "row/json_number.h"

#include <stdlib.h>

#define VALUE_BYTES_MAX 32     /* a numeric of 38 digits: a header of 8 bytes, at most 11 groups */
#define GROUP_BASE 10000       /* of numeric_send's digits */
#define GROUP_DIGITS 4
#define GROUPS_MAX 11
#define SIGN_NEGATIVE 0x4000
#define EXCERPT_MAX 80

struct typed_pick {
  uint32_t pick;
  struct path_type type;
  uint8_t value[VALUE_BYTES_MAX];   /* of the row at hand */
};

enum kind path_type_kind(const struct path_type *type) {
  switch (type->form) {
    case FLATTEN_BOOL: return KIND_BOOL;
    case FLATTEN_INT8: return KIND_INT8;
    case FLATTEN_FLOAT8: return KIND_FLOAT8;
    case FLATTEN_NUMERIC: return KIND_NUMERIC;
    case FLATTEN_TEXT:
    case FLATTEN_STRING: return KIND_TEXT;
    case FLATTEN_JSON: break;
  }
  return KIND_JSON;
}

int32_t path_type_typmod(const struct path_type *type) {
  return type->form == FLATTEN_NUMERIC ? numeric_typmod_make(type->precision, type->scale) : -1;
}

bool typed_init(struct typed *t, const struct flatten_set *set, const struct schema *schema,
                struct error *err) {
  *t = (struct typed){.set = set, .schema = schema, .picks = calloc(set->pick_count, sizeof *t->picks)};
  if (!t->picks) return fail_memory(err, "flattening JSON columns");
  for (uint32_t i = 1; i < set->pick_count; i++) {
    const struct pick *p = &set->picks[i];
    if (p->form == FLATTEN_TEXT || p->form == FLATTEN_JSON) continue;
    t->picks[t->count++] = (struct typed_pick){.pick = i, .type = {p->form, p->precision, p->scale}};
  }
  return true;
}

void typed_deinit(struct typed *t) {
  free(t->picks);
  *t = (struct typed){0};
}

/* What a path held, for messages. */
static const char *type_name(enum flatten_form form) {
  switch (form) {
    case FLATTEN_BOOL: return "true and false";
    case FLATTEN_INT8: return "whole numbers of 64 bits";
    case FLATTEN_FLOAT8: return "numbers that a double says exactly";
    case FLATTEN_NUMERIC: return "numbers of fewer digits";
    case FLATTEN_STRING: return "strings";
    case FLATTEN_TEXT:
    case FLATTEN_JSON: break;
  }
  return "JSON";
}

static bool fail_type(const struct typed *t, const struct typed_pick *p, const struct cell *c, struct error *err) {
  struct buffer path;
  size_t wire;
  buffer_init(&path, 1u << 20);
  (void)flatten_set_describe(t->set, p->pick - 1, &wire, &path);
  char *text = buffer_take_string(&path);
  fail(err, ERR_VALUE,
       "column \"%.200s\", path %.200s: the value %.*s came, but there were only %s when every row was "
       "looked at; a statement that does not give the same rows each time needs discover sample, which runs it once",
       t->schema->wire[wire].name, text ? text : "", c->len < EXCERPT_MAX ? (int)c->len : EXCERPT_MAX,
       (const char *)c->data, type_name(p->type.form));
  free(text);
  return false;
}

/* Groups of four digits of v, the last one at groups[count - 1]. */
static void split_groups(unsigned __int128 v, uint16_t *groups, int count) {
  for (; count > 0; v /= GROUP_BASE) groups[--count] = (uint16_t)(v % GROUP_BASE);
}

/* numeric_send: how many digits, weight of the first, sign, scale, digits. */
static int32_t store_numeric(uint8_t *to, __int128 unscaled, const struct path_type *type) {
  static const unsigned powers[GROUP_DIGITS + 1] = {1, 10, 100, 1000, GROUP_BASE};
  unsigned __int128 v = unscaled < 0 ? (unsigned __int128)-unscaled : (unsigned __int128)unscaled, point = 1;
  for (int i = 0; i < type->scale; i++) point *= 10;
  int whole = (type->precision - type->scale + GROUP_DIGITS - 1) / GROUP_DIGITS;
  int behind = (type->scale + GROUP_DIGITS - 1) / GROUP_DIGITS, missing = behind * GROUP_DIGITS - type->scale;
  uint16_t groups[GROUPS_MAX];
  split_groups(v / point, groups, whole);
  unsigned __int128 fraction = v % point;
  if (behind) {   /* the last group gets its zeros by itself: 128 bits have no room for more than 38 digits */
    unsigned divisor = powers[GROUP_DIGITS - missing];
    groups[whole + behind - 1] = (uint16_t)(fraction % divisor * powers[missing]);
    split_groups(fraction / divisor, groups + whole, behind - 1);
  }
  int first = 0, end = whole + behind;   /* the server's have no leading zeros */
  while (first < end && groups[first] == 0) first++;
  store_be16(to, (uint16_t)(end - first));
  store_be16(to + 2, (uint16_t)(first < end ? whole - 1 - first : 0));
  store_be16(to + 4, unscaled < 0 ? SIGN_NEGATIVE : 0);
  store_be16(to + 6, (uint16_t)type->scale);
  for (int i = first; i < end; i++) store_be16(to + 8 + 2 * (i - first), groups[i]);
  return 8 + 2 * (end - first);
}

static bool store_number(struct typed_pick *p, const struct cell *c, int32_t *len) {
  const uint8_t *at = c->data, *end = c->data + c->len;
  struct json_number n;
  int64_t whole;
  double real;
  __int128 unscaled;
  switch (p->type.form) {
    case FLATTEN_INT8:
      if (!json_number_to_int64(at, end, &whole)) return false;
      store_be64(p->value, (uint64_t)whole);
      *len = 8;
      return true;
    case FLATTEN_FLOAT8:
      if (!json_number_read(at, end, &n) || !json_number_to_double(&n, &real)) return false;
      memcpy(&whole, &real, sizeof whole);
      store_be64(p->value, (uint64_t)whole);
      *len = 8;
      return true;
    default:
      if (!json_number_read(at, end, &n)) return false;
      if (!json_number_to_decimal(&n, p->type.precision, p->type.scale, &unscaled)) return false;
      *len = store_numeric(p->value, unscaled, &p->type);
      return true;
  }
}

static bool store_bool(struct typed_pick *p, const struct cell *c, int32_t *len) {
  bool is_true = c->len == 4 && memcmp(c->data, "true", 4) == 0;
  if (!is_true && !(c->len == 5 && memcmp(c->data, "false", 5) == 0)) return false;
  p->value[0] = is_true;
  *len = 1;
  return true;
}

/* Without its quotes. False where it is no string; NULL data where memory is missing. */
static bool take_string(struct cell *c, struct scratch *scratch) {
  const uint8_t *at = c->data, *end = c->data + c->len;
  if (c->len < 2 || *at != '"') return false;
  if (!memchr(at, '\\', (size_t)c->len)) {
    *c = (struct cell){at + 1, c->len - 2};
    return true;
  }
  uint8_t *to = scratch_reserve(scratch, (size_t)c->len), *stop = to ? json_unescape_to(at, end, to) : NULL;
  *c = (struct cell){to, stop ? (int32_t)(stop - to) : 0};
  if (stop) scratch_keep(scratch, (size_t)(stop - to));
  return stop || !to;
}

static inline bool is_null_text(const struct cell *c) { return c->len == 4 && memcmp(c->data, "null", 4) == 0; }

bool typed_run(struct typed *t, struct cell *picked, struct scratch *scratch, struct error *err) {
  for (size_t i = 0; i < t->count; i++) {
    struct typed_pick *p = &t->picks[i];
    struct cell *c = &picked[p->pick];
    const struct cell json = *c;
    if (cell_is_null(c)) continue;
    if (is_null_text(c)) {
      c->len = -1;
      continue;
    }
    if (p->type.form == FLATTEN_STRING) {
      if (!take_string(c, scratch)) return fail_type(t, p, &json, err);
      if (!c->data) return fail_memory(err, "a string of a JSON column");
      continue;
    }
    int32_t len;
    if (!(p->type.form == FLATTEN_BOOL ? store_bool(p, c, &len) : store_number(p, c, &len)))
      return fail_type(t, p, &json, err);
    *c = (struct cell){p->value, len};
  }
  return true;
}
