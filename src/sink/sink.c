#include "sink/sink.h"

bool sink_write(struct sink *s, const uint8_t *bytes, size_t len, struct error *err) {
  if (s->committed) return fail(err, ERR_INTERNAL, "a sink is written to after its commit");
  if (len == 0) return true;
  if (!s->ops->write(s, bytes, len, err)) return false;
  s->bytes_written += len;
  return true;
}

bool sink_commit(struct sink *s, struct error *err) {
  if (s->committed) return fail(err, ERR_INTERNAL, "a sink is committed twice");
  if (!s->ops->commit(s, err)) return false;
  s->committed = true;
  return true;
}

void sink_close(struct sink *s) {
  if (s) s->ops->close(s);
}

bool sink_can_restart(const struct sink *s) {
  return !s->committed && (s->is_private || s->bytes_written == 0);
}
