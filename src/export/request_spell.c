/* Errors in the words of whoever asked: request_spell_error. */
#include "export/request.h"

#include <stdio.h>

/* Fields that the body of POST /exports and the flags of decant export spell differently, and those they do not. */
static const struct { const char *field, *flag; } names[] = {
    {"compression", "compress"}, {"orderBy", "order-by"}, {"sampleRows", "sample-rows"}, {"maxPaths", "max-paths"},
    {"maxRate", "max-rate"},     {"table", "table"},      {"query", "query"},            {"columns", "columns"},
    {"where", "where"},          {"limit", "limit"},      {"format", "format"},          {"flatten", "flatten"},
    {"discover", "discover"},    {"special", "special"},  {"gentle", "gentle"},
    {"memory", "memory"},        {"max-rate", "max-rate"},
};

/* Where the message begins with `old` it begins with `new` instead. False: it does not, and is as it was. */
static bool begin_otherwise(struct error *err, const char *old, const char *new) {
  size_t len = strlen(old);
  if (strncmp(err->message, old, len) != 0) return false;
  char rest[ERROR_MESSAGE_MAX];
  memcpy(rest, err->message + len, strlen(err->message + len) + 1);
  err->message[0] = '\0';
  error_prefix(err, "%s%s", new, rest);
  return true;
}

/* columns[2].target: --columns. Entries of a list have no number to whoever wrote a,b,c. */
static void spell_flag(struct error *err) {
  char old[ERROR_FIELD_MAX + 1], flag[64];
  size_t len = strcspn(err->field, ".[");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strlen(names[i].field) != len || strncmp(names[i].field, err->field, len) != 0) continue;
    snprintf(old, sizeof old, "%s:", err->field);
    snprintf(flag, sizeof flag, "--%s:", names[i].flag);
    (void)begin_otherwise(err, old, flag);
    snprintf(err->field, sizeof err->field, "%s", names[i].flag);
    return;
  }
}

/* option "csv.force-quote-columns", of the request's format: csv.forceQuoteColumns. */
static void spell_option(const char *group, struct error *err) {
  char quoted[ERROR_FIELD_MAX + 16], json_name[100], path[ERROR_FIELD_MAX];
  size_t len = strlen(group);
  if (strncmp(err->field, group, len) != 0 || err->field[len] != '.') return;
  snprintf(quoted, sizeof quoted, "option \"%s\"", err->field);
  request_option_json_name(err->field + len + 1, json_name, sizeof json_name);
  snprintf(path, sizeof path, "%.20s.%s", group, json_name);
  if (begin_otherwise(err, quoted, path)) snprintf(err->field, sizeof err->field, "%s", path);
}

void request_spell_error(const struct export_request *r, struct error *err) {
  if (!*err->field) return;
  if (r->spelling == SPELLING_FLAGS) spell_flag(err);
  else if (r->format) spell_option(r->format->group, err);
}
