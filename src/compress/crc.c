#include "compress/crc.h"

#include <isa-l/crc.h>
#include <zlib.h>

uint32_t crc_update(uint32_t crc, const void *bytes, size_t len) { return crc32_gzip_refl(crc, bytes, len); }

uint32_t crc_join(uint32_t first, uint32_t second, uint64_t second_len) {
  return (uint32_t)crc32_combine(first, second, (z_off_t)second_len);
}
