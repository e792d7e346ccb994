/* Writing to a descriptor. */
#pragma once
#include "base/cancel.h"

#include <stdint.h>

/*
 * write(2) until everything is written: EINTR and short writes are gone on from. A non-blocking descriptor is
 * waited for, until cancel (which may be NULL) says otherwise. ERR_DESTINATION, ERR_NO_SPACE, ERR_CANCELLED.
 */
bool write_all(int fd, const uint8_t *bytes, size_t len, const char *path, const struct cancel *cancel,
               struct error *err) MUST_CHECK;

/* The error of a failed write, by errno: ERR_NO_SPACE where there is no room, else ERR_DESTINATION. False. */
#define fail_write(err, ...) \
  fail_errno((err), errno == ENOSPC || errno == EDQUOT ? ERR_NO_SPACE : ERR_DESTINATION, __VA_ARGS__)
