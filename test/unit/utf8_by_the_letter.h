/* RFC 3629 as it is written down, one character after the other: what faster ways are compared with. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* of_plane_0: the last code point of the first 65,536 that is allowed; 0xFFFF where all are. */
static inline bool is_utf8_by_the_letter(const char *text, size_t len, uint32_t of_plane_0) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const uint8_t *at = (const uint8_t *)text, *end = at + len;
  while (at < end) {
    uint8_t lead = *at++;
    unsigned bytes = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    uint32_t code = bytes == 1 ? lead : lead & (0x7Fu >> bytes);
    if ((lead >= 0x80 && lead < 0xC0) || lead >= 0xF8 || end - at < (int)bytes - 1) return false;
    for (unsigned i = 1; i < bytes; i++) {
      if ((*at & 0xC0) != 0x80) return false;
      code = code << 6 | (*at++ & 0x3Fu);
    }
    bool is_surrogate = code >= 0xD800 && code < 0xE000;
    if (code < least[bytes] || is_surrogate || code > 0x10FFFF || (code > of_plane_0 && code < 0x10000)) return false;
  }
  return true;
}
