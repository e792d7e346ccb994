#include "base/clock.h"
#include "pg/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define KEPT_BYTES (1u << 20)               /* a buffer that grew for a row, up to here, is kept for the next ones */
#define MESSAGE_MAX ((1u << 30) + (1u << 20))  /* a row's limit is 1 GB (MaxAllocSize) */
#define HEADER_BYTES 5
#define LOW_WATER_BYTES (PG_RECEIVE_BYTES / 2)  /* the kernel wakes us for no less while a COPY runs … */
#define LOW_WATER_WAIT_MS 1                  /* … unless so long has passed: the end of a COPY may be shorter */
#define LOW_WATER_WAIT_MAX_MS 64             /* a server that is silent for long is asked less and less often */
#define PACE_BYTES (64u << 10)               /* a local socket knows no mark: where a read got less than this, we … */
#define PACE_MIN_US 100                      /* … sleep before the next, longer each time, and shorter where it got more */
#define PACE_MAX_US 1000
#define WAIT_MS 250                          /* how often cancellation and silence are looked at where nothing comes */

void pg_stream_init(struct pg_stream *s, int fd) { *s = (struct pg_stream){.fd = fd, .silence_ms = PG_SILENCE_MS}; }

void pg_stream_deinit(struct pg_stream *s) {
  free(s->data);
  pg_stream_init(s, -1);
}

static uint32_t read_u32(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* timeout_ms -1: for ever. Also true when the time has passed. */
static bool wait_for(struct pg_stream *s, short events, int timeout_ms, struct error *err) {
  struct pollfd p = {.fd = s->fd, .events = events};
  while (poll(&p, 1, timeout_ms) < 0)
    if (errno != EINTR) return fail_errno(err, ERR_SOURCE_LOST, "cannot wait for the server");
  return true;
}

/*
 * A server flushes every 8 KB, and each flush would wake a lane that waits: a tenth of the wake-ups saves two
 * thirds of the CPU time of reading. Only while a COPY runs, since libpq knows nothing of it and would wait
 * for ever for the end of a short answer. Refused by some sockets: then we wake more often, no more.
 */
static void set_low_water(struct pg_stream *s, int bytes) {
  struct sockaddr_storage address = {0};
  socklen_t len = sizeof address;
  (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
  s->low_water = bytes > 1;
  bool is_local = getsockname(s->fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_UNIX;
  s->pace_us = s->low_water && is_local ? PACE_MIN_US : 0;
}

/* What a mark does for TCP, a pause does for a local socket: `got` bytes came last time. */
static void pace(struct pg_stream *s, size_t got) {
  if (got >= PACE_BYTES) {
    if (s->pace_us > PACE_MIN_US) s->pace_us /= 2;
    return;
  }
  const struct timespec pause = {.tv_nsec = s->pace_us * 1000L};
  nanosleep(&pause, NULL);
  s->pace_us = s->pace_us < PACE_MAX_US / 2 ? s->pace_us * 2 : PACE_MAX_US;
}

static bool send_all(struct pg_stream *s, const uint8_t *bytes, size_t len, struct error *err) {
  while (len > 0) {
    ssize_t n = send(s->fd, bytes, len, MSG_NOSIGNAL);
    if (n >= 0) {
      bytes += n;
      len -= (size_t)n;
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait_for(s, POLLOUT, -1, err)) return false;
    } else if (errno != EINTR) {
      return fail_errno(err, ERR_SOURCE_LOST, "cannot send to the server");
    }
  }
  return true;
}

bool pg_stream_query(struct pg_stream *s, const char *sql, struct error *err) {
  size_t text_len = strlen(sql) + 1;
  if (text_len > (1u << 28)) return fail(err, ERR_USAGE, "a query of %zu bytes is too long", text_len);
  struct buffer message;
  buffer_init(&message, text_len + HEADER_BYTES);
  uint32_t len = (uint32_t)text_len + 4;
  const uint8_t header[HEADER_BYTES] = {'Q', (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
                                        (uint8_t)len};
  buffer_append(&message, header, sizeof header);
  buffer_append(&message, sql, text_len);
  bool ok = buffer_check(&message, "a query", err) && send_all(s, message.data, message.len, err);
  buffer_deinit(&message);
  return ok;
}

/* The row before is used up: what was grown for it goes back, also while we wait for leave to grow again. */
static bool may_grow(struct pg_stream *s, size_t need, struct error *err) {
  if (!s->before_large || need < s->large_bytes) return true;
  return s->before_large(s->large_context, err);
}

/* Makes room for a message of `need` bytes at data[at]; a large one gets its own size and gives it back later. */
static bool make_room(struct pg_stream *s, size_t need, struct error *err) {
  size_t held = s->end - s->at;
  size_t capacity = need > PG_RECEIVE_BYTES ? need : PG_RECEIVE_BYTES;
  if (capacity < held) capacity = held;
  if (s->capacity < need || (s->capacity > KEPT_BYTES && capacity <= KEPT_BYTES)) {
    if (!may_grow(s, need, err)) return false;
    uint8_t *data = malloc(capacity);
    if (!data) return fail(err, ERR_MEMORY, "out of memory for a row of %zu bytes", need);
    if (held) memcpy(data, s->data + s->at, held);
    free(s->data);
    s->data = data;
    s->capacity = capacity;
  } else if (s->at > 0) {
    memmove(s->data, s->data + s->at, held);
  }
  s->at = 0;
  s->end = held;
  return true;
}

bool pg_stream_pay(struct pg_stream *s, struct error *err) {
  size_t bytes = s->unpaid;
  s->unpaid = 0;
  return !s->rate || bytes == 0 || rate_pay(s->rate, bytes, s->cancel, err);
}

bool pg_stream_bear(struct pg_stream *s, struct pg_silence *silence, struct error *err) {
  uint64_t now_us = clock_monotonic_us();
  if (!silence->since_us) silence->since_us = now_us;
  if (s->cancel && cancel_requested(s->cancel)) {
    if (!silence->cancelled_us) silence->cancelled_us = now_us;
    if (now_us - silence->cancelled_us >= PG_CANCEL_GRACE_MS * 1000u) return fail(err, ERR_CANCELLED, "cancelled");
  }
  if (!s->on_silence || now_us - silence->since_us < (uint64_t)s->silence_ms * 1000) return true;
  bool ok = s->on_silence(s->context, err);
  silence->since_us = clock_monotonic_us();
  return ok;
}

/*
 * Takes what is there, but not so much at once that the rate limit would pause for long; and behind a large message
 * nothing, so that its memory is free when it is used up.
 */
static ssize_t take(struct pg_stream *s, size_t need) {
  size_t room = (s->capacity > KEPT_BYTES ? s->at + need : s->capacity) - s->end;
  size_t piece = s->rate ? rate_piece(s->rate) : SIZE_MAX;
  ssize_t n = recv(s->fd, s->data + s->end, room < piece ? room : piece, MSG_DONTWAIT);
  if (n <= 0) return n;
  s->end += (size_t)n;
  s->unpaid += (size_t)n;
  s->taken = (size_t)n;
  return n;
}

/* Receives until data[at .. end) holds `need` bytes. */
static bool receive(struct pg_stream *s, size_t need, struct error *err) {
  int patience_ms = s->low_water ? LOW_WATER_WAIT_MS : WAIT_MS;
  struct pg_silence silence = {0};
  /* Past the middle what is left is less than a row: moving it costs less than a short read. */
  bool is_late = s->at > s->capacity / 2;
  if ((is_late || s->capacity - s->at < need) && !make_room(s, need, err)) return false;
  while (s->end - s->at < need) {
    /* Paid before the next bytes are taken: what is here already has been worked on meanwhile. */
    if (!pg_stream_pay(s, err)) return false;
    if (s->pace_us) pace(s, s->taken);
    if (!wait_for(s, POLLIN, patience_ms, err)) return false;
    ssize_t n = take(s, need);
    if (n > 0) silence = (struct pg_silence){0};
    else if (n == 0) return fail(err, ERR_SOURCE_LOST, "the server closed the connection");
    else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (patience_ms < LOW_WATER_WAIT_MAX_MS) patience_ms *= 2;
      if (!pg_stream_bear(s, &silence, err)) return false;
    } else if (errno != EINTR) {
      return fail_errno(err, ERR_SOURCE_LOST, "the connection to the server is lost");
    }
  }
  return true;
}

/* The next message: its type and its body, which stays valid until the next call. */
static inline bool next_message(struct pg_stream *s, uint8_t *type, const uint8_t **body, size_t *len,
                                struct error *err) {
  if (s->end - s->at < HEADER_BYTES && !receive(s, HEADER_BYTES, err)) return false;
  uint32_t length = read_u32(s->data + s->at + 1);
  if (length < 4 || length > MESSAGE_MAX)
    return fail(err, ERR_SOURCE_LOST, "the server sent a message of %u bytes: not the PostgreSQL protocol", length);
  size_t whole = (size_t)length + 1;
  if (s->end - s->at < whole && !receive(s, whole, err)) return false;
  *type = s->data[s->at];
  *body = s->data + s->at + HEADER_BYTES;
  *len = whole - HEADER_BYTES;
  s->at += whole;
  return true;
}

/* ErrorResponse: fields of a type byte and a zero-terminated text; a zero byte ends them. */
static bool server_error(const uint8_t *body, size_t len, struct error *err) {
  const char *sqlstate = "", *message = "", *detail = NULL;
  for (size_t i = 0; i + 1 < len && body[i];) {
    const char *text = (const char *)body + i + 1;
    size_t text_len = strnlen(text, len - i - 1);
    if (i + 1 + text_len >= len) break;   /* not terminated */
    if (body[i] == 'C') sqlstate = text;
    else if (body[i] == 'M') message = text;
    else if (body[i] == 'D') detail = text;
    i += text_len + 2;
  }
  fail(err, pg_sqlstate_code(sqlstate), "cannot read: %s%s%s", message, detail ? "; " : "", detail ? detail : "");
  snprintf(err->sqlstate, sizeof err->sqlstate, "%s", sqlstate);
  return false;
}

/* After an ErrorResponse: up to ReadyForQuery, so that the connection can be used again. */
static bool fail_and_drain(struct pg_stream *s, const uint8_t *body, size_t len, struct error *err) {
  set_low_water(s, 1);
  server_error(body, len, err);
  struct error ignored;
  uint8_t type;
  while (next_message(s, &type, &body, &len, &ignored))
    if (type == 'Z') break;
  return false;
}

/* NoticeResponse, ParameterStatus, NotificationResponse: may come at any time and mean nothing here. */
static bool is_asynchronous(uint8_t type) { return type == 'N' || type == 'S' || type == 'A'; }

bool pg_stream_copy_begin(struct pg_stream *s, struct error *err) {
  for (;;) {
    uint8_t type;
    const uint8_t *body;
    size_t len;
    if (!next_message(s, &type, &body, &len, err)) return false;
    if (type == 'H') {
      set_low_water(s, LOW_WATER_BYTES);
      return true;
    }
    if (type == 'E') return fail_and_drain(s, body, len, err);
    if (!is_asynchronous(type))
      return fail(err, ERR_SOURCE_LOST, "the server answered a COPY with message type 0x%02x", type);
  }
}

/* CommandComplete, "COPY n", then ReadyForQuery: the only proof that the stream is whole. */
static bool copy_end(struct pg_stream *s, uint64_t *rows, struct error *err) {
  bool complete = false;
  for (;;) {
    uint8_t type;
    const uint8_t *body;
    size_t len;
    if (!next_message(s, &type, &body, &len, err)) return false;
    if (type == 'E') return fail_and_drain(s, body, len, err);
    if (type == 'C' && len > 5 && !memcmp(body, "COPY ", 5) && body[len - 1] == '\0') {
      *rows = strtoull((const char *)body + 5, NULL, 10);
      complete = true;
    } else if (type == 'Z') {
      if (complete) return true;
      return fail(err, ERR_SOURCE_LOST, "the server ended a COPY without saying how many rows it sent");
    } else if (!is_asynchronous(type)) {
      return fail(err, ERR_SOURCE_LOST, "the server ended a COPY with message type 0x%02x", type);
    }
  }
}

bool pg_stream_copy_next(struct pg_stream *s, const uint8_t **data, size_t *len, uint64_t *rows, struct error *err) {
  for (;;) {
    uint8_t type;
    const uint8_t *body;
    if (!next_message(s, &type, &body, len, err)) return false;
    if (__builtin_expect(type == 'd', 1)) {
      *data = body;
      return true;
    }
    *data = NULL;
    if (type == 'c') {
      *len = 0;
      set_low_water(s, 1);
      return copy_end(s, rows, err);
    }
    if (type == 'E') return fail_and_drain(s, body, *len, err);
    if (!is_asynchronous(type))
      return fail(err, ERR_SOURCE_LOST, "the server sent message type 0x%02x in the middle of a COPY", type);
  }
}
