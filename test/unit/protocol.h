/* A server's answer, written down by a test: protocol 3.0 messages and binary COPY rows. */
#pragma once
#include "base/buffer.h"
#include "base/bytes.h"

#include <stdio.h>
#include <sys/socket.h>

#define MESSAGE_HEADER_BYTES 5

static inline void add_u16(struct buffer *b, uint16_t v) {
  buffer_append_byte(b, (uint8_t)(v >> 8));
  buffer_append_byte(b, (uint8_t)v);
}

static inline void add_u32(struct buffer *b, uint32_t v) {
  uint8_t bytes[4];
  store_be32(bytes, v);
  buffer_append(b, bytes, sizeof bytes);
}

static inline void add_message(struct buffer *b, char type, const void *body, size_t len) {
  buffer_append_byte(b, (uint8_t)type);
  add_u32(b, (uint32_t)len + 4);
  buffer_append(b, body, len);
}

static inline void add_copy_response(struct buffer *b) { add_message(b, 'H', "\1\0\0", 3); }

static inline void add_copy_header(struct buffer *b) {
  add_message(b, 'd', "PGCOPY\n\xFF\r\n\0\0\0\0\0\0\0\0\0", 19);
}

static inline void add_copy_trailer(struct buffer *b) { add_message(b, 'd', "\xFF\xFF", 2); }

/* CopyDone, CommandComplete "COPY n", ReadyForQuery. */
static inline void add_copy_end(struct buffer *b, int rows) {
  char complete[32];
  snprintf(complete, sizeof complete, "COPY %d", rows);
  add_message(b, 'c', "", 0);
  add_message(b, 'C', complete, strlen(complete) + 1);
  add_message(b, 'Z', "T", 1);
}

/* ErrorResponse or NoticeResponse (type 'E' or 'N'). */
static inline void add_report(struct buffer *b, char type, const char *sqlstate, const char *message) {
  struct buffer body;
  buffer_init(&body, 1 << 16);
  buffer_append_string(&body, "SERROR");
  buffer_append_byte(&body, 0);
  buffer_append_byte(&body, 'C');
  buffer_append(&body, sqlstate, strlen(sqlstate) + 1);
  buffer_append_byte(&body, 'M');
  buffer_append(&body, message, strlen(message) + 1);
  buffer_append_byte(&body, 0);
  add_message(b, type, body.data, body.len);
  buffer_deinit(&body);
}

/* Everything, or as much as the other side takes before it closes. */
static inline void send_bytes(int fd, const uint8_t *bytes, size_t len) {
  while (len > 0) {
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes += n;
    len -= (size_t)n;
  }
}
