/* RFC 4648 base64 with padding, no line breaks. */
#pragma once
#include "base/buffer.h"

void base64_append(struct buffer *out, const uint8_t *bytes, size_t len);   /* in pieces: see buffer_let_go */
