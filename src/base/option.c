#include "base/option.h"

#include "base/buffer.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

bool parse_int64(const char *text, int64_t *value) {
  char *end;
  if (*text == '\0' || *text == ' ' || *text == '+') return false;
  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (errno || *end != '\0' || end == text) return false;
  *value = v;
  return true;
}

bool parse_size(const char *text, int64_t *bytes) {
  static const struct { const char *suffix; int shift; } units[] = {
      {"", 0}, {"b", 0}, {"k", 10}, {"kb", 10}, {"kib", 10}, {"m", 20}, {"mb", 20}, {"mib", 20},
      {"g", 30}, {"gb", 30}, {"gib", 30}, {"t", 40}, {"tb", 40}, {"tib", 40}};
  if (*text < '0' || *text > '9') return false;
  char *end;
  errno = 0;
  long long v = strtoll(text, &end, 10);
  if (errno) return false;
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcasecmp(end, units[i].suffix) != 0) continue;
    if (v > (INT64_MAX >> units[i].shift)) return false;
    *bytes = (int64_t)v << units[i].shift;
    return true;
  }
  return false;
}

static bool parse_bool(const char *text, bool *value) {
  if (!strcmp(text, "true") || !strcmp(text, "on") || !strcmp(text, "yes") || !strcmp(text, "1"))
    *value = true;
  else if (!strcmp(text, "false") || !strcmp(text, "off") || !strcmp(text, "no") || !strcmp(text, "0"))
    *value = false;
  else return false;
  return true;
}

static void list_choices(const struct option *o, char *to, size_t size) {
  size_t len = 0;
  to[0] = '\0';
  for (const char *const *c = o->choices; *c && len < size; c++)
    len += (size_t)snprintf(to + len, size - len, "%s%s", c == o->choices ? "" : ", ", *c);
}

static void list_names(const struct option *table, char *to, size_t size) {
  size_t len = 0;
  to[0] = '\0';
  for (const struct option *o = table; o->name && len < size; o++)
    len += (size_t)snprintf(to + len, size - len, "%s%s", o == table ? "" : ", ", o->name);
}

static bool set_choice(const struct option *o, int *to, const char *field, const char *text,
                       struct error *err) {
  for (int i = 0; o->choices[i]; i++) {
    if (strcmp(o->choices[i], text) != 0) continue;
    *to = i;
    return true;
  }
  char allowed[512];
  list_choices(o, allowed, sizeof allowed);
  return fail_field(err, field, "option \"%s\": \"%.100s\" is not one of %s", field, text, allowed);
}

static bool set_number(const struct option *o, int64_t *to, const char *field, const char *text,
                       struct error *err) {
  int64_t v;
  bool parsed = o->type == OPTION_SIZE ? parse_size(text, &v) : parse_int64(text, &v);
  if (!parsed || v < o->min || v > o->max)
    return fail_field(err, field, "option \"%s\": \"%.100s\" is not a %s from %lld to %lld", field, text,
                      o->type == OPTION_SIZE ? "size" : "whole number", (long long)o->min, (long long)o->max);
  *to = v;
  return true;
}

static bool set_text(const struct option *o, char *to, const char *field, const char *text,
                     struct error *err) {
  size_t len = strlen(text);
  if (o->min == o->max && len != (size_t)o->min)
    return fail_field(err, field, "option \"%s\": exactly %lld byte%s needed, not \"%.100s\"", field,
                      (long long)o->min, o->min == 1 ? " is" : "s are", text);
  if (len < (size_t)o->min || len > (size_t)o->max)
    return fail_field(err, field, "option \"%s\": a text of %lld to %lld bytes is needed, not \"%.100s\"",
                      field, (long long)o->min, (long long)o->max, text);
  memcpy(to, text, len + 1);
  return true;
}

static bool set_value(const struct option *o, void *values, const char *field, const char *text,
                      struct error *err) {
  void *at = (char *)values + o->offset;
  switch (o->type) {
    case OPTION_BOOL:
      if (parse_bool(text, at)) return true;
      return fail_field(err, field, "option \"%s\": \"%.100s\" is neither true nor false", field, text);
    case OPTION_INT:
    case OPTION_SIZE: return set_number(o, at, field, text, err);
    case OPTION_CHOICE: return set_choice(o, at, field, text, err);
    case OPTION_TEXT: return set_text(o, at, field, text, err);
  }
  return fail(err, ERR_INTERNAL, "option \"%s\" has no type", field);
}

void options_defaults(const struct option *table, void *values) {
  for (const struct option *o = table; o && o->name; o++) {
    struct error err;
    bool ok = set_value(o, values, o->name, o->default_text, &err);
    assert(ok && "a default that its own option refuses");
    (void)ok;
  }
}

bool option_set(const struct option *table, void *values, const char *group, const char *name,
                const char *text, struct error *err) {
  char field[ERROR_FIELD_MAX];
  snprintf(field, sizeof field, "%s.%.80s", group, name);
  for (const struct option *o = table; o && o->name; o++)
    if (strcmp(o->name, name) == 0) return set_value(o, values, field, text, err);
  char allowed[512] = "";
  if (table) list_names(table, allowed, sizeof allowed);
  return fail_field(err, field, "unknown option \"%s\"; %s takes %s", field, group,
                    *allowed ? allowed : "no options");
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * The character that the escape at *from (its backslash) stands for; *from ends up behind it. Where it stands for none,
 * as in the \N that COPY writes for NULL, the backslash is itself.
 */
static char read_escape(const char **from) {
  static const char letters[] = "tnr", meanings[] = "\t\n\r";
  char c = (*from)[1];
  const char *letter = c ? strchr(letters, c) : NULL;
  int high = c == 'x' ? hex_digit((*from)[2]) : -1, low = high < 0 ? -1 : hex_digit((*from)[3]);
  bool is_sign = c && !isalnum((unsigned char)c);
  *from += letter || is_sign ? 2 : low >= 0 && high + low > 0 ? 4 : 1;
  if (letter) return meanings[letter - letters];
  if (is_sign) return c;
  return (char)(low >= 0 && high + low > 0 ? high << 4 | low : '\\');
}

/* Copies one token of "k=v,…" up to an unescaped stop character. Returns where it stopped, NULL if too long. */
static const char *read_token(const char *from, const char *stops, char *to, size_t size) {
  size_t len = 0;
  while (*from && !strchr(stops, *from)) {
    char c = *from == '\\' ? read_escape(&from) : *from++;
    if (len + 1 >= size) return NULL;
    to[len++] = c;
  }
  to[len] = '\0';
  return from;
}

bool options_parse(const struct option *table, void *values, const char *group, const char *text,
                   struct error *err) {
  while (*text) {
    char name[64], value[OPTION_TEXT_LIMIT];
    text = read_token(text, "=,", name, sizeof name);
    if (!text) return fail_field(err, group, "--%s: an option's name is longer than 63 bytes", group);
    if (*text == '=') {
      text = read_token(text + 1, ",", value, sizeof value);
      if (!text)
        return fail_field(err, group, "--%s: the value of \"%s\" is longer than %d bytes", group, name,
                          OPTION_TEXT_LIMIT - 1);
    } else {
      strcpy(value, "true");
    }
    if (!option_set(table, values, group, name, value, err)) return false;
    if (*text == ',') text++;
  }
  return true;
}
