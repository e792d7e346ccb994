#include "cli/json_text.h"

#include "base/utf8.h"

#include <stdint.h>
#include <stdio.h>

static void print_valid(const uint8_t *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    uint8_t c = text[i];
    if (c == '"' || c == '\\') printf("\\%c", c);
    else if (c < 0x20 || c == 0x7F) printf("\\u%04x", c);
    else putchar(c);
  }
}

void json_print_text(const void *bytes, size_t len) {
  const uint8_t *text = bytes;
  putchar('"');
  while (len) {
    size_t valid = utf8_valid_prefix(text, len);
    print_valid(text, valid);
    if (valid == len) break;
    fputs(UTF8_REPLACEMENT, stdout);
    text += valid + 1;
    len -= valid + 1;
  }
  putchar('"');
}
