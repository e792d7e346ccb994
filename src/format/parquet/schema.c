#include "format/parquet/schema.h"

#include "format/parquet/decimal.h"
#include "format/parquet/thrift.h"

#include <stdlib.h>

#define LEAVES_MAX 65536   /* each has its pages; readers get slow long before */

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
static const struct type_row wkb_type = {PHYSICAL_BYTE_ARRAY, 0, CONVERTED_NONE, LOGICAL_NONE, ORDER_NONE};
static const struct type_row double_type = {PHYSICAL_DOUBLE, 8, CONVERTED_NONE, LOGICAL_NONE, ORDER_FLOAT};

static const struct type_row *type_of(enum kind kind, const struct type_choices *choices) {
  if (kind == KIND_UUID && choices->uuid) return &uuid_type;
  if (kind == KIND_TIME && choices->time) return &time_type;
  if (kind == KIND_GEOMETRY) return &wkb_type;
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
         l->logical == LOGICAL_TIMESTAMP || l->logical == LOGICAL_TIME || l->is_fitted ||
         (l->geometry && l->geometry->is_any);
}

static bool check_special(const struct leaf *l, enum special special, struct error *err) {
  if (special != SPECIAL_STRING || l->is_text || !can_be_special(l)) return true;
  const char *type = "TIMESTAMP";
  if (l->logical == LOGICAL_DECIMAL) type = "DECIMAL";
  if (l->logical == LOGICAL_DATE) type = "DATE";
  if (l->logical == LOGICAL_TIME) type = "TIME";
  if (l->physical == PHYSICAL_DOUBLE) type = "DOUBLE";
  if (l->geometry) type = "BYTE_ARRAY of WKB";
  return fail_field(err, "special",
                    "special=string cannot apply: column \"%s\" is a Parquet %s, which holds no text; "
                    "use error, null or replace",
                    l->name, type);
}

void leaf_choose(struct leaf *l, enum kind kind, int32_t typmod, const struct type_choices *choices) {
  *l = (struct leaf){.kind = kind};
  set_type(l, type_of(kind, choices));
  if (kind == KIND_NUMERIC) choose_numeric(l, typmod, choices);
  l->is_utc = kind == KIND_TIMESTAMPTZ;
  l->is_signed = kind != KIND_OID;
  l->bit_width = kind == KIND_INT2 ? 16 : 32;
  l->is_text = kind == KIND_TEXT || kind == KIND_JSON || kind == KIND_JSONB;
}

static bool add_flat(struct parquet_schema *s, struct tree_node *node, const struct output_column *c,
                     const struct wire_column *wire, enum special special, const struct type_choices *choices,
                     struct error *err) {
  struct leaf *l = &s->leaves[s->leaf_count];
  leaf_choose(l, c->kind, c->typmod, choices);
  if (c->kind == KIND_GEOMETRY) l->geometry = wire->geometry;
  l->name = c->name;
  l->path = &l->name;
  l->path_len = 1;
  bool is_optional = !c->not_null || (special == SPECIAL_NULL && can_be_special(l));
  l->definition_max = is_optional ? 1 : 0;
  *node = (struct tree_node){.name = c->name,
                             .is_optional = is_optional,
                             .definition = l->definition_max,
                             .leaf_first = s->leaf_count++,
                             .leaf_count = 1};
  return check_special(l, special, err);
}

/* What of a nested column follows `special` besides its leaves: dimensions of arrays, infinite intervals. */
static bool check_nested_special(const struct tree_node *node, enum special special, struct error *err) {
  if (special != SPECIAL_STRING) return true;
  if (tree_has_list(node))
    return fail_field(err, "special",
                      "special=string cannot apply: column \"%s\" is a Parquet LIST, which holds no text; use error, "
                      "null or replace, or nested=json",
                      node->name);
  if (tree_has_infinity(node))
    return fail_field(err, "special",
                      "special=string cannot apply: column \"%s\" has intervals as groups of numbers, which hold no "
                      "text; use error, null or replace, or interval=string",
                      node->name);
  return true;
}

static bool add_nested(struct parquet_schema *s, struct tree_node *node, const struct output_column *c,
                       const struct wire_column *wire, enum special special,
                       const struct type_choices *choices, int32_t *field_id, struct error *err) {
  bool is_optional = !c->not_null || special == SPECIAL_NULL;
  if (!tree_build(node, s, c->name, wire->tree, is_optional, choices, field_id, err)) return false;
  if (!check_nested_special(node, special, err)) return false;
  for (size_t i = 0; i < node->leaf_count; i++)
    if (!check_special(&s->leaves[node->leaf_first + i], special, err)) return false;
  return true;
}

static bool add_columns(struct parquet_schema *s, const struct schema *rows, enum special special,
                        const struct type_choices *choices, struct error *err) {
  int32_t field_id = (int32_t)rows->column_count + 1;   /* of what lies within columns; theirs come first */
  for (size_t i = 0; i < rows->column_count; i++) {
    const struct output_column *c = &rows->columns[i];
    const struct wire_column *wire = &rows->wire[c->wire];
    struct tree_node *node = &s->columns[s->column_count++];
    bool ok = c->kind == KIND_NESTED ? add_nested(s, node, c, wire, special, choices, &field_id, err)
                                     : add_flat(s, node, c, wire, special, choices, err);
    node->field_id = (int32_t)i + 1;
    if (!ok) return false;
  }
  return true;
}

bool parquet_schema_init(struct parquet_schema *s, const struct schema *rows, enum special special,
                         const struct type_choices *choices, struct error *err) {
  size_t leaf_count = schema_count_scalars(rows);
  *s = (struct parquet_schema){0};
  if (leaf_count > LEAVES_MAX)
    return fail_field(err, "columns",
                      "the file would have %zu columns where nested ones are counted by their parts, over %d: choose "
                      "some with columns, or write them as JSON with nested=json",
                      leaf_count, LEAVES_MAX);
  s->leaves = calloc(leaf_count, sizeof *s->leaves);
  s->columns = calloc(rows->column_count, sizeof *s->columns);
  if (!s->leaves || !s->columns) {
    parquet_schema_deinit(s);
    return fail_memory(err, "the Parquet schema");
  }
  if (add_columns(s, rows, special, choices, err)) return true;
  parquet_schema_deinit(s);
  return false;
}

void parquet_schema_deinit(struct parquet_schema *s) {
  for (size_t i = 0; i < s->leaf_count; i++) {
    struct leaf *l = &s->leaves[i];
    if (l->path == &l->name) continue;
    free((void *)l->path);
    free((void *)l->name);
  }
  for (size_t i = 0; i < s->column_count; i++) tree_deinit(&s->columns[i]);
  free(s->leaves);
  free(s->columns);
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
    case LOGICAL_MAP:
    case LOGICAL_LIST:
    case LOGICAL_JSON: break;
  }
  thrift_struct_end(w);
  thrift_struct_end(w);
}

void leaf_write(const struct leaf *l, const struct tree_node *node, struct thrift_writer *w) {
  thrift_element_struct_begin(w);
  thrift_i32(w, 1, l->physical);
  if (l->physical == PHYSICAL_FIXED) thrift_i32(w, 2, l->width);
  thrift_i32(w, 3, node->is_optional ? REPETITION_OPTIONAL : REPETITION_REQUIRED);
  thrift_string(w, 4, node->name);
  /* A zone-less time or timestamp has no converted type: the old ones mean UTC. */
  bool is_moment = l->logical == LOGICAL_TIMESTAMP || l->logical == LOGICAL_TIME;
  bool converted = l->converted != CONVERTED_NONE && (!is_moment || l->is_utc);
  if (converted) thrift_i32(w, 6, l->converted);
  if (l->logical == LOGICAL_DECIMAL) {
    thrift_i32(w, 7, l->scale);
    thrift_i32(w, 8, l->precision);
  }
  thrift_i32(w, 9, node->field_id);
  if (l->logical != LOGICAL_NONE) write_logical(l, w);
  thrift_struct_end(w);
}

void parquet_schema_write(const struct parquet_schema *s, struct thrift_writer *w) {
  size_t element_count = 1;
  for (size_t i = 0; i < s->column_count; i++) element_count += tree_count_elements(&s->columns[i]);
  thrift_list(w, 2, THRIFT_STRUCT, element_count);
  thrift_element_struct_begin(w);
  thrift_string(w, 4, "schema");
  thrift_i32(w, 5, (int32_t)s->column_count);
  thrift_struct_end(w);
  for (size_t i = 0; i < s->column_count; i++) tree_write(&s->columns[i], s, w);
}
