/*
 * Where a text repeats itself, for Zstandard's sequences (RFC 8878, 3.1.1.3.2): literals, then a match.
 *
 * The rows of a text column are often made after one pattern: documents with the same keys, names of two
 * words, lines of a log. What differs between them is mostly digits, which compress to their entropy as
 * literals; the matches of a few digits that a finder for all kinds of bytes comes upon cost more than they
 * save. So this one looks only where a word begins or a number ends, for the latest place with the same 32
 * bytes, or 14, or 7, and cuts a match that ends within a word back to the word's beginning, where the next
 * one may begin.
 *
 * One thread's.
 */
#pragma once
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#define ZSTD_STATIC_LINKING_ONLY   /* for ZSTD_Sequence, as zstd.h says; block_zstd.c says what we rely on */
#include <zstd.h>

#define WORD_MATCHES_WINDOW_LOG 19   /* matches are nearer than 2^19 bytes */
#define WORD_MATCHES_MAX (1u << 17)  /* of one text */
#define WORD_MATCHES_TABLES 3

struct word_matches {
  uint32_t *places[WORD_MATCHES_TABLES];   /* hash of so many bytes at a place -> the place, 0: none */
  ZSTD_Sequence *found;                    /* with explicit block delimiters */
  size_t count;
};

/* ERR_MEMORY. 2.5 MiB of address space, of which short texts touch a part. */
bool word_matches_open(struct word_matches *m, struct error *err) MUST_CHECK;
void word_matches_close(struct word_matches *m);   /* of one that is all zeros, too */

/*
 * Finds the matches of a text of 1 to 2^31 bytes, cut into blocks of ZSTD_BLOCKSIZE_MAX bytes and a shorter
 * one. The literals and lengths of all add up to `len`. False where there are more than WORD_MATCHES_MAX.
 */
bool word_matches_find(struct word_matches *m, const uint8_t *bytes, size_t len);
