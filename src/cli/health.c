/* decant health: asks a service whether it is alive. For container health checks: exit 0 or 1. */
#include "cli/command.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define TIMEOUT_SECONDS 4

struct target { char host[256], port[8], path[256]; };

/* "http://host:port/path"; the parts but the host may be missing. */
static bool parse_url(const char *url, struct target *t, struct error *err) {
  static const char scheme[] = "http://";
  if (strncmp(url, scheme, sizeof scheme - 1) != 0)
    return fail_field(err, "url", "\"%.100s\" is no URL like http://127.0.0.1:8080", url);
  const char *host = url + sizeof scheme - 1;
  bool is_bracketed = *host == '[';
  host += is_bracketed;
  size_t host_len = strcspn(host, is_bracketed ? "]" : ":/");
  const char *rest = host + host_len + is_bracketed;
  size_t port_len = *rest == ':' ? strspn(rest + 1, "0123456789") : 0;
  const char *path = rest + (*rest == ':' ? 1 + port_len : 0);
  if (host_len == 0 || host_len >= sizeof t->host || port_len >= sizeof t->port ||
      strlen(path) >= sizeof t->path || (*path && *path != '/'))
    return fail_field(err, "url", "\"%.100s\" is no URL like http://127.0.0.1:8080", url);
  snprintf(t->host, sizeof t->host, "%.*s", (int)host_len, host);
  snprintf(t->port, sizeof t->port, "%.*s", port_len ? (int)port_len : 2, port_len ? rest + 1 : "80");
  snprintf(t->path, sizeof t->path, "%s", *path && path[1] ? path : "/health");
  return true;
}

static bool connect_to(const struct target *t, int *out, struct error *err) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
  struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
  int code = getaddrinfo(t->host, t->port, &hints, &found);
  if (code != 0) return fail(err, ERR_NOT_FOUND, "cannot find %s: %s", t->host, gai_strerror(code));
  int fd = -1;
  for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
    close(fd);
    fd = -1;
  }
  int saved = errno;
  freeaddrinfo(found);
  errno = saved;
  *out = fd;
  return fd >= 0 || fail_errno(err, ERR_CONFLICT, "cannot connect to %s port %s", t->host, t->port);
}

static bool ask(int fd, const struct target *t, struct error *err) {
  char text[1024];
  int len = snprintf(text, sizeof text, "GET %s HTTP/1.0\r\nHost: %s%s%s:%s\r\n\r\n", t->path,
                     strchr(t->host, ':') ? "[" : "", t->host, strchr(t->host, ':') ? "]" : "", t->port);
  if (write(fd, text, (size_t)len) != len) return fail_errno(err, ERR_CONFLICT, "cannot ask %s", t->host);
  size_t have = 0;
  ssize_t got;
  while (have < sizeof text - 1 && (got = read(fd, text + have, sizeof text - 1 - have)) > 0)
    have += (size_t)got;
  text[have] = '\0';
  if (strncmp(text, "HTTP/1.", 7) == 0 && strncmp(text + 8, " 200", 4) == 0) return true;
  text[strcspn(text, "\r\n")] = '\0';
  return fail(err, ERR_CONFLICT, "%s port %s is not healthy: %s", t->host, t->port,
              *text ? text : "no answer");
}

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *err) {
  (void)context, (void)flag, (void)value, (void)err;
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  const char **url = context;
  if (*url) return fail(err, ERR_USAGE, "health takes one URL, not also \"%.100s\"", text);
  *url = text;
  return true;
}

static int run(int argc, char **argv) {
  const char *url = NULL, *port = getenv("PORT");
  char local[64];
  struct target target;
  struct error err;
  int fd = -1;
  if (!flags_parse(&command_health, argc, argv, on_flag, on_argument, &url, &err))
    return command_failed(&err);
  snprintf(local, sizeof local, "http://127.0.0.1:%.5s", port && *port ? port : "8080");
  if (!parse_url(url ? url : local, &target, &err)) return command_failed(&err);
  bool ok = connect_to(&target, &fd, &err) && ask(fd, &target, &err);
  if (fd >= 0) close(fd);
  if (ok) return 0;
  (void)command_failed(&err);
  return 1;   /* a health check knows well and unwell, nothing in between */
}

static const struct flag flags[] = {{NULL}};

const struct command command_health = {
    .name = "health",
    .usage = "health [URL]",
    .help = "asks a service whether it is alive; default http://127.0.0.1:8080, or PORT",
    .flags = flags,
    .run = run,
};
