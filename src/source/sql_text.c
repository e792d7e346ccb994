#include "source/sql_text.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static bool is_name_byte(char c) { return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80; }

/* Behind the closing quote; a doubled one goes on by itself, as two strings. */
static const char *skip_quoted(const char *p, char quote, bool has_escapes) {
  for (p++; *p && *p != quote; p++)
    if (has_escapes && *p == '\\' && p[1]) p++;
  return *p ? p + 1 : p;
}

static const char *skip_line(const char *p) { return p + strcspn(p, "\r\n"); }

/* Comments of this kind nest. */
static const char *skip_block_comment(const char *p) {
  int depth = 0;
  while (*p) {
    bool opens = p[0] == '/' && p[1] == '*', closes = p[0] == '*' && p[1] == '/';
    depth += opens - closes;
    p += opens || closes ? 2 : 1;
    if (depth == 0) break;
  }
  return p;
}

/* $$ … $$ or $tag$ … $tag$; a lone dollar is one byte. */
static const char *skip_dollar_quoted(const char *p) {
  size_t tag = 1;
  while (is_name_byte(p[tag]) && p[tag] != '$') tag++;
  if (p[tag] != '$' || isdigit((unsigned char)p[1])) return p + 1;
  size_t len = tag + 1;
  for (const char *at = p + len; (at = strchr(at, '$')); at++)
    if (strncmp(at, p, len) == 0) return at + len;
  return p + strlen(p);
}

/* Behind the token at p: a string, quoted name, comment, word, or one byte. */
static const char *skip_token(const char *p) {
  if (*p == '\'' || *p == '"') return skip_quoted(p, *p, false);
  if ((*p == 'e' || *p == 'E') && p[1] == '\'') return skip_quoted(p + 1, '\'', true);
  if (p[0] == '-' && p[1] == '-') return skip_line(p);
  if (p[0] == '/' && p[1] == '*') return skip_block_comment(p);
  if (*p == '$') return skip_dollar_quoted(p);
  if (!is_name_byte(*p)) return p + 1;
  while (is_name_byte(*p)) p++;
  return p;
}

static bool is_comment(const char *p) { return (p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'); }

size_t sql_statement_length(const char *sql) {
  const char *end = NULL;
  for (const char *p = sql; *p; p = skip_token(p)) {
    if (*p == ';' && !end) end = p;
    else if (end && *p != ';' && !isspace((unsigned char)*p) && !is_comment(p)) return strlen(sql);
  }
  return end ? (size_t)(end - sql) : strlen(sql);
}
