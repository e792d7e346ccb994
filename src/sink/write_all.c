#include "sink/write_all.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

bool write_all(int fd, const uint8_t *bytes, size_t len, const char *path, struct error *err) {
  while (len > 0) {
    ssize_t n = write(fd, bytes, len);
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      struct pollfd p = {.fd = fd, .events = POLLOUT};   /* a pipe that somebody made non-blocking */
      if (poll(&p, 1, -1) < 0 && errno != EINTR)
        return fail_errno(err, ERR_DESTINATION, "cannot write to \"%s\"", path);
    } else if (n == 0) {
      return fail(err, ERR_DESTINATION, "cannot write to \"%s\": it takes no more bytes", path);
    } else if (errno != EINTR) {
      bool full = errno == ENOSPC || errno == EDQUOT;
      return fail_errno(err, full ? ERR_NO_SPACE : ERR_DESTINATION, "cannot write to \"%s\"", path);
    }
  }
  return true;
}
