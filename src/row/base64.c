#include "row/base64.h"

#define PIECE_BYTES (BUFFER_PIECE_BYTES / 4 * 3)   /* a multiple of three: padding stands at the end only */

/* To where there is room for (len + 2) / 3 * 4 bytes. */
static uint8_t *write_base64(uint8_t *to, const uint8_t *bytes, size_t len) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (; len >= 3; len -= 3, bytes += 3) {
    uint32_t group = (uint32_t)(bytes[0] << 16 | bytes[1] << 8 | bytes[2]);
    for (int shift = 18; shift >= 0; shift -= 6) *to++ = (uint8_t)alphabet[group >> shift & 63];
  }
  if (len > 0) {
    uint32_t group = (uint32_t)(bytes[0] << 16 | (len == 2 ? bytes[1] << 8 : 0));
    *to++ = (uint8_t)alphabet[group >> 18];
    *to++ = (uint8_t)alphabet[group >> 12 & 63];
    *to++ = len == 2 ? (uint8_t)alphabet[group >> 6 & 63] : '=';
    *to++ = '=';
  }
  return to;
}

void base64_append(struct buffer *out, const uint8_t *bytes, size_t len) {
  while (len > 0) {
    size_t piece = len < PIECE_BYTES ? len : PIECE_BYTES;
    buffer_let_go(out);
    uint8_t *to = buffer_reserve(out, (piece + 2) / 3 * 4);
    if (!to) return;
    out->len = (size_t)(write_base64(to, bytes, piece) - out->data);
    bytes += piece;
    len -= piece;
  }
}
