/* A file descriptor that is not ours: standard output, a pipe. There is nothing to commit but the last byte. */
#include "sink/sink.h"
#include "sink/write_all.h"

#include <stdlib.h>

struct stream_sink {
  struct sink sink;
  int fd;
};

static bool stream_write(struct sink *s, const uint8_t *bytes, size_t len, struct error *err) {
  return write_all(((struct stream_sink *)s)->fd, bytes, len, "standard output", err);
}

static bool stream_commit(struct sink *s, struct error *err) { return true; }

static void stream_close(struct sink *s) { free(s); }

static const struct sink_ops stream_ops = {stream_write, stream_commit, stream_close};

struct sink *sink_stream_open(int fd, struct error *err) {
  struct stream_sink *s = calloc(1, sizeof *s);
  if (!s) {
    fail_memory(err, "the output");
    return NULL;
  }
  s->sink.ops = &stream_ops;
  s->fd = fd;
  return &s->sink;
}
