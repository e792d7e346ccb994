/* server_bind: from "127.0.0.1:8080" to a listening socket. */
#include "http/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 511

/* "host:port", "[address]:port", ":port", "port". */
static bool split_address(const char *text, char host[256], char port[8], struct error *err) {
  const char *colon = strrchr(text, ':');
  bool is_port_only = !colon && text[strspn(text, "0123456789")] == '\0';
  const char *port_text = is_port_only ? text : colon ? colon + 1 : "";
  size_t host_len = is_port_only || !colon ? 0 : (size_t)(colon - text);
  int64_t number;
  if (!parse_int64(port_text, &number) || number < 0 || number > 65535 || host_len >= 255 ||
      (!colon && !is_port_only))
    return fail_field(err, "listen", "--listen: \"%.100s\" is no address like 127.0.0.1:8080 or [::1]:8080",
                      text);
  if (host_len >= 2 && text[0] == '[' && text[host_len - 1] == ']') {
    text++;
    host_len -= 2;
  }
  snprintf(host, 256, "%.*s", (int)host_len, text);
  if (!*host) strcpy(host, "127.0.0.1");
  snprintf(port, 8, "%lld", (long long)number);
  return true;
}

static bool is_loopback(const struct sockaddr *address) {
  if (address->sa_family == AF_INET)
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
  return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static void show_address(int fd, char where[64]) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  char host[48], port[8];
  snprintf(where, 64, "?");
  if (getsockname(fd, (struct sockaddr *)&address, &len) != 0 ||
      getnameinfo((struct sockaddr *)&address, len, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV))
    return;
  snprintf(where, 64, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static bool bind_one(const struct addrinfo *a, const char *listen_text, int *out, struct error *err) {
  int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  int on = 1;
  bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
            bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
  if (ok) {
    *out = fd;
    return true;
  }
  error_set_errno(err, ERR_DESTINATION, "cannot listen on %s", listen_text);
  if (fd >= 0) close(fd);
  return false;
}

bool server_bind(const struct server_settings *settings, int *fd, char where[64], struct error *err) {
  char host[256], port[8];
  if (!split_address(settings->listen, host, port, err)) return false;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found;
  int code = getaddrinfo(host, port, &hints, &found);
  if (code != 0)
    return fail_field(err, "listen", "--listen: cannot find the address \"%s\": %s", host,
                      gai_strerror(code));
  bool ok = settings->insecure_listen || is_loopback(found->ai_addr);
  if (!ok)
    fail_field(err, "listen",
               "--listen: %s can be reached by others, and this service asks nobody for a password;"
               " listen on 127.0.0.1, or say --insecure-listen where something else keeps strangers out",
               host);
  else
    ok = bind_one(found, settings->listen, fd, err);
  freeaddrinfo(found);
  if (ok) show_address(*fd, where);
  return ok;
}
