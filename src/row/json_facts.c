#include "row/json_facts.h"

#include "row/json_number.h"

#define SHORT_NUMBER 15   /* bytes: a double says exactly whatever is written in so few, without an exponent */

static void raise(uint8_t *most, int64_t n) {
  if (n > *most) *most = (uint8_t)(n < UINT8_MAX ? n : UINT8_MAX);
}

static void note_long_number(struct json_facts *f, const uint8_t *at, const uint8_t *end) {
  struct json_number n;
  int64_t whole;
  double real;
  if (!json_number_read(at, end, &n)) return;
  if (!n.is_plain || !json_number_to_int64(at, end, &whole)) f->not |= NOT_INT64;
  if (!(f->not & NOT_DOUBLE) && !json_number_to_double(&n, &real)) f->not |= NOT_DOUBLE;
  raise(&f->whole_digits, n.whole_digits);
  raise(&f->scale, n.scale);
}

static void note_number(struct json_facts *f, const uint8_t *at, const uint8_t *end) {
  const uint8_t *point = end;
  bool is_negative = *at == '-';
  if (end - at > SHORT_NUMBER || (is_negative && at[1] == '0')) {
    note_long_number(f, at, end);
    return;
  }
  for (const uint8_t *p = at; p < end; p++) {
    if (*p == '.') point = p;
    else if ((*p | 0x20) == 'e') {
      note_long_number(f, at, end);
      return;
    }
  }
  at += is_negative;
  raise(&f->whole_digits, *at == '0' ? 0 : point - at);
  if (point == end) return;
  f->not |= NOT_INT64;
  raise(&f->scale, end - point - 1);
}

void json_facts_note(struct json_facts *f, const uint8_t *at, const uint8_t *end) {
  enum json_type type = json_type_at(at, end);
  f->count++;
  f->types |= (uint8_t)(1u << (type == JSON_FALSE ? JSON_TRUE : type));
  if (type == JSON_NUMBER) note_number(f, at, end);
}

void json_facts_join(struct json_facts *f, const struct json_facts *other) {
  f->count += other->count;
  f->types |= other->types;
  f->not |= other->not;
  raise(&f->whole_digits, other->whole_digits);
  raise(&f->scale, other->scale);
}

static struct path_type number_type(const struct json_facts *f, bool prefers_decimal) {
  int precision = f->whole_digits + f->scale;
  bool is_decimal = precision <= JSON_NUMBER_DIGITS_MAX;
  if (!(f->not & NOT_INT64)) return (struct path_type){.form = FLATTEN_INT8};
  if (!(f->not & NOT_DOUBLE) && !(prefers_decimal && is_decimal)) return (struct path_type){.form = FLATTEN_FLOAT8};
  if (!is_decimal) return (struct path_type){.form = FLATTEN_JSON};
  /* Nothing but 0e0 has no digits. */
  return (struct path_type){.form = FLATTEN_NUMERIC, .precision = precision ? precision : 1, .scale = f->scale};
}

static struct path_type type_of(const struct json_facts *f, bool prefers_decimal) {
  unsigned types = f->types & ~(1u << JSON_NULL);
  if (types == 1u << JSON_TRUE) return (struct path_type){.form = FLATTEN_BOOL};
  if (types == 1u << JSON_NUMBER) return number_type(f, prefers_decimal);
  if (types == 1u << JSON_STRING) return (struct path_type){.form = FLATTEN_STRING};
  return (struct path_type){.form = FLATTEN_JSON};
}

struct path_type json_facts_type(const struct json_facts *f) { return type_of(f, false); }
struct path_type json_facts_decimal_type(const struct json_facts *f) { return type_of(f, true); }
