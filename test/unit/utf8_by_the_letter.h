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

/*
 * Calls `look` with every byte above ASCII before three others at the ends of the ranges that matter, each at places
 * around the ends of 16 and 32 bytes: `before` and `behind` say how many other bytes are to stand around them.
 */
static inline void utf8_for_doubtful(void (*look)(void *context, const uint8_t bytes[4], size_t before, size_t behind),
                                     void *context) {
  static const uint8_t next[] = {'x', 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBD, 0xBE, 0xBF, 0xC0, 0xC3, 0xE0, 0xEF,
                                 0xF4};
  static const size_t places[][2] = {{0, 0}, {0, 30}, {11, 0}, {13, 9}, {28, 0}, {40, 20}, {9, 20}, {10, 21}};
  const size_t count = sizeof next;
  for (unsigned lead = 0x80; lead <= 0xFF; lead++)
    for (size_t i = 0; i < count * count; i++)
      for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        const uint8_t bytes[] = {(uint8_t)lead, next[i / count], next[i % count], i % 2 ? 'x' : 0x80};
        look(context, bytes, places[p][0], places[p][1]);
      }
}
