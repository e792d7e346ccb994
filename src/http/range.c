#include "http/range.h"

#include <string.h>
#include <strings.h>

/* Digits as a number, UINT64_MAX for what is larger. NULL if there is no digit. */
static const char *read_number(const char *text, uint64_t *value) {
  if (*text < '0' || *text > '9') return NULL;
  uint64_t v = 0;
  for (; *text >= '0' && *text <= '9'; text++) {
    uint64_t digit = (uint64_t)(*text - '0');
    v = v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : v * 10 + digit;
  }
  *value = v;
  return text;
}

static bool ends(const char *text) { return text && text[strspn(text, " \t")] == '\0'; }

/* "-500": the last bytes. */
static enum range_result parse_suffix(const char *text, uint64_t size, uint64_t *first, uint64_t *length) {
  uint64_t count;
  if (!ends(read_number(text, &count))) return RANGE_WHOLE;
  if (count == 0 || size == 0) return RANGE_UNSATISFIABLE;
  *length = count < size ? count : size;
  *first = size - *length;
  return RANGE_PART;
}

enum range_result range_parse(const char *header, uint64_t size, uint64_t *first, uint64_t *length) {
  if (!header || strncasecmp(header, "bytes=", 6) != 0) return RANGE_WHOLE;
  const char *text = header + 6 + strspn(header + 6, " \t");
  if (*text == '-') return parse_suffix(text + 1, size, first, length);
  uint64_t start, last = UINT64_MAX;
  text = read_number(text, &start);
  if (!text || *text++ != '-') return RANGE_WHOLE;
  if (!ends(text) && !ends(read_number(text, &last))) return RANGE_WHOLE;
  if (last < start) return RANGE_WHOLE;   /* no range at all, says the specification */
  if (start >= size) return RANGE_UNSATISFIABLE;
  if (last > size - 1) last = size - 1;
  *first = start;
  *length = last - start + 1;
  return RANGE_PART;
}
