#include "sink/write_all.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#define CANCEL_POLL_MS 50   /* how often a write that waits looks at the flag */

static bool wait_until_writable(int fd, const char *path, const struct cancel *cancel, struct error *err) {
  struct pollfd p = {.fd = fd, .events = POLLOUT};
  if (cancel && !cancel_check(cancel, err)) return false;
  if (poll(&p, 1, cancel ? CANCEL_POLL_MS : -1) >= 0 || errno == EINTR) return true;
  return fail_errno(err, ERR_DESTINATION, "cannot write to \"%s\"", path);
}

bool write_all(int fd, const uint8_t *bytes, size_t len, const char *path, const struct cancel *cancel,
               struct error *err) {
  while (len > 0) {
    ssize_t n = write(fd, bytes, len);
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    } else if (n == 0) {
      return fail(err, ERR_DESTINATION, "cannot write to \"%s\": it takes no more bytes", path);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_until_writable(fd, path, cancel, err)) return false;
    } else if (errno != EINTR) {
      return fail_write(err, "cannot write to \"%s\"", path);
    }
  }
  return true;
}
