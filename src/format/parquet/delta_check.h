/*
 * Checks that values in the delta encodings are `count`, and end where their bytes end (Encodings.md,
 * "Delta Encoding" and the two that build on it). Lengths are followed, values are not kept.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>

bool delta_check_integers(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) MUST_CHECK;
/* DELTA_LENGTH_BYTE_ARRAY: lengths, then the bytes of all. */
bool delta_check_lengths(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) MUST_CHECK;
/* DELTA_BYTE_ARRAY: lengths of shared prefixes, then the rest of each as DELTA_LENGTH_BYTE_ARRAY. */
bool delta_check_strings(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) MUST_CHECK;
