#include "compress/crc.h"

#include <isa-l/crc.h>

uint32_t crc_update(uint32_t crc, const void *bytes, size_t len) { return crc32_gzip_refl(crc, bytes, len); }
