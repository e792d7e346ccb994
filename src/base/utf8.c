#include "base/utf8.h"

#include <string.h>

/* Past the ASCII at `at`, by words; stops up to 15 bytes early. */
static const uint8_t *skip_ascii(const uint8_t *at, const uint8_t *end) {
  while (end - at >= 16) {
    uint64_t words[2];
    memcpy(words, at, sizeof words);
    if ((words[0] | words[1]) & 0x8080808080808080u) break;
    at += 16;
  }
  return at;
}

size_t utf8_valid_prefix(const uint8_t *text, size_t len) {
  const uint8_t *at = text, *end = text + len;
  for (;;) {
    at = skip_ascii(at, end);
    while (at < end && *at < 0x80) at++;
    if (at == end) return len;
    /* Text that is not ASCII mostly goes on so, with blanks between. */
    for (unsigned i = 0; i < 16 && at < end; i++) {
      unsigned bytes = *at < 0x80 ? 1 : utf8_sequence(at, (size_t)(end - at));
      if (bytes == 0) return (size_t)(at - text);
      at += bytes;
    }
  }
}
