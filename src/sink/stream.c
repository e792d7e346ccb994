/* A file descriptor that is not ours: standard output, a pipe. There is nothing to commit but the last byte. */
#include "sink/sink.h"
#include "sink/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME "standard output"

struct stream_sink {
  struct sink sink;
  int fd;
  bool fd_is_ours;
};

/*
 * A pipe whose reader does not read (a pager) would hold a write for ever, deaf to Ctrl-C. Non-blocking it does
 * not; but that is a flag of the open file, which others share. Linux opens the same pipe once more for us.
 */
static int open_pipe_again(int fd) {
  struct stat st;
  char path[32];
  if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode)) return -1;
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

static bool stream_write(struct sink *s, const uint8_t *bytes, size_t len, struct error *err) {
  return write_all(((struct stream_sink *)s)->fd, bytes, len, NAME, s->cancel, err);
}

/* NFS and quotas report a failed write when a descriptor is closed: any, so a copy will do. */
static bool stream_commit(struct sink *s, struct error *err) {
  int copy = dup(((struct stream_sink *)s)->fd);
  return copy < 0 || close(copy) == 0 || fail_write(err, "cannot write to \"%s\"", NAME);
}

static void stream_close(struct sink *s) {
  struct stream_sink *stream = (struct stream_sink *)s;
  if (stream->fd_is_ours) close(stream->fd);
  free(stream);
}

static const struct sink_ops stream_ops = {stream_write, stream_commit, stream_close};

struct sink *sink_stream_open(int fd, const struct cancel *cancel, struct error *err) {
  struct stream_sink *s = calloc(1, sizeof *s);
  if (!s) {
    fail_memory(err, "the output");
    return NULL;
  }
  s->sink.ops = &stream_ops;
  s->sink.cancel = cancel;
  int again = cancel ? open_pipe_again(fd) : -1;
  s->fd_is_ours = again >= 0;
  s->fd = again >= 0 ? again : fd;
  return &s->sink;
}
