/* JSON strings on standard output, of bytes that anybody may have written. */
#pragma once
#include <stddef.h>

/* In quotes; what is no UTF-8 becomes U+FFFD. */
void json_print_text(const void *bytes, size_t len);
