#include "format/parquet/schema.h"

#include "format/parquet/decimal.h"
#include "format/parquet/thrift.h"

#include <stdlib.h>

struct type_row {
  enum physical physical;
  int32_t width;
  enum converted converted;
  enum logical logical;
  enum order order;
};

/* By kind. NUMERIC's depends on its typmod; here it is the text of one without precision. */
static const struct type_row types[KIND_COUNT] = {
    [KIND_BOOL] = {PHYSICAL_BOOLEAN, 0, CONVERTED_NONE, LOGICAL_NONE, ORDER_BOOL},
    [KIND_INT2] = {PHYSICAL_INT32, 4, CONVERTED_INT_16, LOGICAL_INTEGER, ORDER_SIGNED},
    [KIND_INT4] = {PHYSICAL_INT32, 4, CONVERTED_NONE, LOGICAL_NONE, ORDER_SIGNED},
    [KIND_INT8] = {PHYSICAL_INT64, 8, CONVERTED_NONE, LOGICAL_NONE, ORDER_SIGNED},
    [KIND_OID] = {PHYSICAL_INT32, 4, CONVERTED_UINT_32, LOGICAL_INTEGER, ORDER_UNSIGNED},
    [KIND_FLOAT4] = {PHYSICAL_FLOAT, 4, CONVERTED_NONE, LOGICAL_NONE, ORDER_FLOAT},
    [KIND_FLOAT8] = {PHYSICAL_DOUBLE, 8, CONVERTED_NONE, LOGICAL_NONE, ORDER_FLOAT},
    [KIND_NUMERIC] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_UTF8, LOGICAL_STRING, ORDER_BYTES},
    [KIND_TEXT] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_UTF8, LOGICAL_STRING, ORDER_BYTES},
    [KIND_JSON] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_JSON, LOGICAL_JSON, ORDER_BYTES},
    [KIND_JSONB] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_JSON, LOGICAL_JSON, ORDER_BYTES},
    [KIND_BYTEA] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_NONE, LOGICAL_NONE, ORDER_BYTES},
    [KIND_DATE] = {PHYSICAL_INT32, 4, CONVERTED_DATE, LOGICAL_DATE, ORDER_SIGNED},
    [KIND_TIME] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_UTF8, LOGICAL_STRING, ORDER_BYTES},
    [KIND_TIMESTAMP] = {PHYSICAL_INT64, 8, CONVERTED_TIMESTAMP_MICROS, LOGICAL_TIMESTAMP, ORDER_SIGNED},
    [KIND_TIMESTAMPTZ] = {PHYSICAL_INT64, 8, CONVERTED_TIMESTAMP_MICROS, LOGICAL_TIMESTAMP, ORDER_SIGNED},
    [KIND_UUID] = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_UTF8, LOGICAL_STRING, ORDER_BYTES},
};

static void set_decimal(struct leaf *l, int precision, int scale) {
  l->logical = LOGICAL_DECIMAL;
  l->converted = CONVERTED_DECIMAL;
  l->precision = precision;
  l->scale = scale;
  l->order = precision > 18 ? ORDER_DECIMAL : ORDER_SIGNED;
  if (precision <= 9) l->physical = PHYSICAL_INT32, l->width = 4;
  else if (precision <= 18) l->physical = PHYSICAL_INT64, l->width = 8;
  else l->physical = PHYSICAL_FIXED, l->width = decimal_width(precision);
}

static const struct type_row uuid_type = {PHYSICAL_FIXED, 16, CONVERTED_NONE, LOGICAL_UUID, ORDER_BYTES};
static const struct type_row time_type = {PHYSICAL_INT64, 8, CONVERTED_TIME_MICROS, LOGICAL_TIME, ORDER_SIGNED};
static const struct type_row double_type = {PHYSICAL_DOUBLE, 8, CONVERTED_NONE, LOGICAL_NONE, ORDER_FLOAT};

static const struct type_row *type_of(enum kind kind, const struct type_choices *choices) {
  if (kind == KIND_UUID && choices->uuid) return &uuid_type;
  if (kind == KIND_TIME && choices->time) return &time_type;
  return &types[kind];
}

static void set_type(struct leaf *l, const struct type_row *t) {
  l->physical = t->physical;
  l->width = t->width;
  l->converted = t->converted;
  l->logical = t->logical;
  l->order = t->order;
}

/* numeric(p,s) holds |x| < 10^(p-s) in steps of 10^-s; Parquet wants 0 <= s <= p. */
static void choose_numeric(struct leaf *l, int32_t typmod, const struct type_choices *choices) {
  int precision, scale;
  if (!numeric_typmod(typmod, &precision, &scale)) {
    l->is_fitted = choices->numeric != NUMERIC_STRING;
    if (choices->numeric == NUMERIC_DOUBLE) set_type(l, &double_type);
    if (choices->numeric == NUMERIC_DECIMAL) set_decimal(l, choices->precision, choices->scale);
    return;
  }
  if (scale < 0) precision -= scale, scale = 0;
  if (scale > precision) precision = scale;
  if (precision <= DECIMAL_PRECISION_MAX) set_decimal(l, precision, scale);
}

/* Can this leaf meet a value that it cannot hold? */
static bool can_be_special(const struct leaf *l) {
  return l->is_text || l->logical == LOGICAL_DECIMAL || l->logical == LOGICAL_DATE ||
         l->logical == LOGICAL_TIMESTAMP || l->logical == LOGICAL_TIME || l->is_fitted;
}

static bool check_special(const struct leaf *l, enum special special, struct error *err) {
  if (special != SPECIAL_STRING || l->is_text || !can_be_special(l)) return true;
  const char *type = "TIMESTAMP";
  if (l->logical == LOGICAL_DECIMAL) type = "DECIMAL";
  if (l->logical == LOGICAL_DATE) type = "DATE";
  if (l->logical == LOGICAL_TIME) type = "TIME";
  if (l->physical == PHYSICAL_DOUBLE) type = "DOUBLE";
  return fail_field(err, "special",
                    "special=string cannot apply: column \"%s\" is a Parquet %s, which holds no text; "
                    "use error, null or replace",
                    l->name, type);
}

static void choose(struct leaf *l, const struct output_column *c, enum special special,
                   const struct type_choices *choices) {
  *l = (struct leaf){.name = c->name, .kind = c->kind, .cell = c->cell};
  set_type(l, type_of(c->kind, choices));
  if (c->kind == KIND_NUMERIC) choose_numeric(l, c->typmod, choices);
  l->is_utc = c->kind == KIND_TIMESTAMPTZ;
  l->is_signed = c->kind != KIND_OID;
  l->bit_width = c->kind == KIND_INT2 ? 16 : 32;
  l->is_text = c->kind == KIND_TEXT || c->kind == KIND_JSON || c->kind == KIND_JSONB;
  bool nullable = !c->not_null || (special == SPECIAL_NULL && can_be_special(l));
  l->definition_max = nullable ? 1 : 0;
}

bool parquet_schema_init(struct parquet_schema *s, const struct schema *rows, enum special special,
                         const struct type_choices *choices, struct error *err) {
  *s = (struct parquet_schema){.leaves = calloc(rows->column_count, sizeof *s->leaves)};
  if (!s->leaves) return fail_memory(err, "the Parquet schema");
  s->leaf_count = rows->column_count;
  for (size_t i = 0; i < rows->column_count; i++) {
    choose(&s->leaves[i], &rows->columns[i], special, choices);
    if (check_special(&s->leaves[i], special, err)) continue;
    parquet_schema_deinit(s);
    return false;
  }
  return true;
}

void parquet_schema_deinit(struct parquet_schema *s) {
  free(s->leaves);
  *s = (struct parquet_schema){0};
}

static void write_logical(const struct leaf *l, struct thrift_writer *w) {
  thrift_struct_begin(w, 10);
  thrift_struct_begin(w, l->logical);
  switch (l->logical) {
    case LOGICAL_DECIMAL:
      thrift_i32(w, 1, l->scale);
      thrift_i32(w, 2, l->precision);
      break;
    case LOGICAL_TIME:
    case LOGICAL_TIMESTAMP:
      thrift_bool(w, 1, l->is_utc);
      thrift_struct_begin(w, 2);
      thrift_empty_struct(w, TIME_UNIT_MICROS);
      thrift_struct_end(w);
      break;
    case LOGICAL_INTEGER:
      thrift_i8(w, 1, (int8_t)l->bit_width);
      thrift_bool(w, 2, l->is_signed);
      break;
    case LOGICAL_NONE:
    case LOGICAL_STRING:
    case LOGICAL_DATE:
    case LOGICAL_UUID:
    case LOGICAL_JSON: break;
  }
  thrift_struct_end(w);
  thrift_struct_end(w);
}

static void write_leaf(const struct leaf *l, int32_t field_id, struct thrift_writer *w) {
  thrift_element_struct_begin(w);
  thrift_i32(w, 1, l->physical);
  if (l->physical == PHYSICAL_FIXED) thrift_i32(w, 2, l->width);
  thrift_i32(w, 3, l->definition_max ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
  thrift_string(w, 4, l->name);
  /* A zone-less time or timestamp has no converted type: the old ones mean UTC. */
  bool is_moment = l->logical == LOGICAL_TIMESTAMP || l->logical == LOGICAL_TIME;
  bool converted = l->converted != CONVERTED_NONE && (!is_moment || l->is_utc);
  if (converted) thrift_i32(w, 6, l->converted);
  if (l->logical == LOGICAL_DECIMAL) {
    thrift_i32(w, 7, l->scale);
    thrift_i32(w, 8, l->precision);
  }
  thrift_i32(w, 9, field_id);
  if (l->logical != LOGICAL_NONE) write_logical(l, w);
  thrift_struct_end(w);
}

void parquet_schema_write(const struct parquet_schema *s, struct thrift_writer *w) {
  thrift_list(w, 2, THRIFT_STRUCT, s->leaf_count + 1);
  thrift_element_struct_begin(w);
  thrift_string(w, 4, "schema");
  thrift_i32(w, 5, (int32_t)s->leaf_count);
  thrift_struct_end(w);
  for (size_t i = 0; i < s->leaf_count; i++) write_leaf(&s->leaves[i], (int32_t)i + 1, w);
}
