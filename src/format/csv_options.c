#include "format/csv_options.h"

#include <string.h>

static const char *const newlines[] = {"lf", "crlf", NULL};
static const char *const force_quotes[] = {"none", "all", "non-numeric", NULL};

#define OPTION(field) offsetof(struct csv_options, field)
const struct option csv_option_table[] = {
    {"delimiter", OPTION_TEXT, OPTION(delimiter), 1, 1, NULL, ",", "between fields; \\t for a tab"},
    {"quote", OPTION_TEXT, OPTION(quote), 1, 1, NULL, "\"", "around fields that need it"},
    {"escape", OPTION_TEXT, OPTION(escape), 0, 1, NULL, "",
     "before a quote, or itself, within quotes; empty: the quote"},
    {"null", OPTION_TEXT, OPTION(null_text), 0, CSV_NULL_TEXT_MAX, NULL, "", "what stands, unquoted, for NULL"},
    {"header", OPTION_BOOL, OPTION(header), 0, 0, NULL, "true", "a first line with the columns' names"},
    {"newline", OPTION_CHOICE, OPTION(newline), 0, 0, newlines, "lf", "ends a line"},
    {"force-quote", OPTION_CHOICE, OPTION(force_quote), 0, 0, force_quotes, "none",
     "quotes also where none are needed, NULL aside; non-numeric: all but numbers, and the header"},
    {"force-quote-columns", OPTION_TEXT, OPTION(force_quote_columns), 0, CSV_COLUMN_LIST_MAX, NULL, "",
     "a,b: the columns that are always quoted, by their names in the output; odd names in double quotes"},
    {"bom", OPTION_BOOL, OPTION(bom), 0, 0, NULL, "false", "begin with a UTF-8 byte order mark"},
    {"excel", OPTION_BOOL, OPTION(excel), 0, 0, NULL, "false",
     "a byte order mark, and a ' before text that a spreadsheet would run as a formula"},
    TEXT_STYLE_OPTIONS(OPTION(style), "postgresql", "hex"),
    {NULL},
};

/* One of the three signs of a dialect. */
static bool check_sign(const char *field, const char *what, char sign, struct error *err) {
  if (sign != '\n' && sign != '\r' && (uint8_t)sign < 0x80) return true;
  return fail_field(err, field, "option \"%s\": the %s must be one ASCII character, and no line break", field, what);
}

static bool check_null_text(const struct csv_options *o, struct error *err) {
  static const char again[] = "; take another text for NULL, as \\N";
  if (strpbrk(o->null_text, "\r\n"))
    return fail_field(err, "csv.null", "option \"csv.null\": it must hold no line break%s", again);
  if (strchr(o->null_text, o->delimiter[0]))
    return fail_field(err, "csv.null", "option \"csv.null\": it must not hold the delimiter %s%s", o->delimiter, again);
  if (strchr(o->null_text, o->quote[0]))
    return fail_field(err, "csv.null", "option \"csv.null\": it must not hold the quote %s%s", o->quote, again);
  return true;
}

bool csv_options_check(const struct csv_options *o, struct error *err) {
  if (!check_sign("csv.delimiter", "delimiter", o->delimiter[0], err) ||
      !check_sign("csv.quote", "quote", o->quote[0], err) || !check_sign("csv.escape", "escape", o->escape[0], err))
    return false;
  if (o->delimiter[0] == o->quote[0])
    return fail_field(err, "csv.delimiter",
                      "option \"csv.delimiter\": it is the quote %s, too; choose another delimiter or quote", o->quote);
  if (o->force_quote != FORCE_QUOTE_NONE && *o->force_quote_columns)
    return fail_field(err, "csv.force-quote-columns",
                      "option \"csv.force-quote-columns\": which columns are quoted is said by their kind, too; give one of the two");
  return check_null_text(o, err);
}

static bool is_number(enum kind kind) {
  return kind == KIND_INT2 || kind == KIND_INT4 || kind == KIND_INT8 || kind == KIND_OID || kind == KIND_FLOAT4 ||
         kind == KIND_FLOAT8 || kind == KIND_NUMERIC;
}

/*
 * The name at the start of a list, without its quotes ("" in them is one), to where there is room for all of the
 * list. The comma or the end behind it.
 */
static const char *take_name(const char *list, char *name) {
  char *to = name;
  while (*list == ' ') list++;
  bool quoted = *list == '"';
  if (quoted) list++;
  while (*list && (quoted || *list != ',')) {
    if (quoted && *list == '"' && *++list != '"') quoted = false;
    else *to++ = *list++;
  }
  while (to > name && to[-1] == ' ' && list[-1] == ' ') to--;
  *to = '\0';
  return list;
}

static bool force_columns(const struct csv_options *o, const struct schema *schema, bool *forced, struct error *err) {
  char name[CSV_COLUMN_LIST_MAX + 1];
  const char *list = o->force_quote_columns;
  while (*list) {
    list = take_name(list, name);
    size_t i = 0;
    while (i < schema->column_count && strcmp(schema->columns[i].name, name) != 0) i++;
    if (i < schema->column_count) forced[i] = true;
    else if (!schema_awaits_column(schema, name))
      return fail_field(err, "csv.force-quote-columns",
                        "option \"csv.force-quote-columns\": the output has no column \"%.100s\"", name);
    if (*list) list++;
  }
  return true;
}

bool csv_options_forced(const struct csv_options *o, const struct schema *schema, bool *forced, struct error *err) {
  for (size_t i = 0; i < schema->column_count; i++)
    forced[i] = o->force_quote == FORCE_QUOTE_ALL ||
                (o->force_quote == FORCE_QUOTE_NON_NUMERIC && !is_number(schema->columns[i].kind));
  return force_columns(o, schema, forced, err);
}
