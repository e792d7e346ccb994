#include "http/guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255

/* The host without port and brackets. False if it is malformed. */
static bool strip_port(const char *host, char name[HOST_MAX + 1]) {
  bool is_bracketed = *host == '[';
  const char *start = host + is_bracketed;
  size_t len = strcspn(start, is_bracketed ? "]" : ":");
  const char *rest = start + len;
  if (is_bracketed && *rest++ != ']') return false;
  if (*rest == ':') rest += 1 + strspn(rest + 1, "0123456789");
  if (*rest != '\0' || len == 0 || len > HOST_MAX) return false;
  memcpy(name, start, len);
  name[len] = '\0';
  return true;
}

static bool is_address(const char *name) {
  unsigned char address[16];
  return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool is_listed(const char *name, const char *list) {
  size_t len = strlen(name);
  for (const char *at = list; at && *at;) {
    size_t entry = strcspn(at, ",");
    if (entry == len && strncasecmp(at, name, len) == 0) return true;
    at += entry;
    at += *at == ',';
  }
  return false;
}

static bool is_plain_name(const char *name) {
  for (const char *c = name; *c; c++)
    if (!isalnum((unsigned char)*c) && *c != '-' && *c != '.' && *c != '_') return false;
  return true;
}

bool guard_host_is_known(const char *host, const char *allowed) {
  char name[HOST_MAX + 1];
  if (!strip_port(host, name)) return false;
  if (is_address(name)) return true;
  if (!is_plain_name(name)) return false;
  size_t len = strlen(name);
  bool is_local = len > 10 && strcasecmp(name + len - 10, ".localhost") == 0;
  return is_local || !strchr(name, '.') || is_listed(name, allowed);
}

bool guard_origin_is_own(const char *origin, const char *host) {
  const char *scheme_end = strstr(origin, "://");
  return scheme_end && strcasecmp(scheme_end + 3, host) == 0;
}

bool guard_content_type_is_json(const char *content_type) {
  static const char json[] = "application/json";
  if (!content_type) return true;
  size_t len = sizeof json - 1;
  if (strncasecmp(content_type, json, len) != 0) return false;
  char next = content_type[len];
  return next == '\0' || next == ';' || next == ' ';
}
