#include "row/wire.h"

#include "base/bytes.h"

bool wire_split(const uint8_t *tuple, size_t len, size_t wire_count, struct cell *cells, size_t *used,
                struct error *err) {
  const uint8_t *p = tuple, *end = tuple + len;
  if (len < 2 || (size_t)((p[0] << 8) | p[1]) != wire_count)
    return fail(err, ERR_SOURCE, "the server sent a row of %d fields where %zu were asked for",
                len < 2 ? 0 : (int16_t)((p[0] << 8) | p[1]), wire_count);
  p += 2;
  for (size_t i = 0; i < wire_count; i++) {
    if (end - p < 4) return fail(err, ERR_SOURCE, "the server sent a row that ends within field %zu", i + 1);
    int32_t field_len = (int32_t)load_be32(p);
    p += 4;
    cells[i].data = p;
    cells[i].len = field_len;
    if (field_len < 0) {
      if (field_len != -1) return fail(err, ERR_SOURCE, "the server sent a field of length %d", field_len);
      continue;
    }
    if (end - p < field_len) return fail(err, ERR_SOURCE, "the server sent a row that ends within field %zu", i + 1);
    p += field_len;
  }
  *used = (size_t)(p - tuple);
  return true;
}
