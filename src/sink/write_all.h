/* write(2) until everything is written: EINTR and short writes are gone on from. ERR_DESTINATION, ERR_NO_SPACE. */
#pragma once
#include "base/error.h"

#include <stdint.h>

bool write_all(int fd, const uint8_t *bytes, size_t len, const char *path, struct error *err) MUST_CHECK;
