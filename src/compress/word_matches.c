#include "compress/word_matches.h"

#include <stdlib.h>
#include <string.h>

/*
 * Bytes that are hashed: a key with its value and what comes next; a key and the beginning of a value; a
 * word. Found by trial on documents and names. The tables of all three fit a second-level cache.
 */
#define LONG_BYTES 32
#define MIDDLE_BYTES 14
#define SHORT_BYTES 7
#define TABLE_LOG 16
#define TABLE_BYTES (sizeof(uint32_t) << TABLE_LOG)
#define TAIL_BYTES 32        /* at the end no match begins: hashing reads so far */
#define MATCH_BYTES_MIN 5
#define AGAIN_BYTES_MIN 3    /* at the distance of the match before, which costs next to nothing */

/* A literal takes about 4 bits, a match its distance's bits and about 6 for the rest; in bits. */
#define BITS_PER_LITERAL 4
#define BITS_PER_MATCH 6
#define BITS_AGAIN 2

enum kind { DIGIT, LETTER, SIGN, CONTROL };   /* of a byte */

#define D DIGIT
#define L LETTER
#define S SIGN
#define C CONTROL
#define TIMES16(k) k, k, k, k, k, k, k, k, k, k, k, k, k, k, k, k
static const uint8_t kinds[256] = {
    TIMES16(C), TIMES16(C),
    TIMES16(S),                                         /* space to / */
    D, D, D, D, D, D, D, D, D, D, S, S, S, S, S, S,     /* 0 to ? */
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,     /* @ to O */
    L, L, L, L, L, L, L, L, L, L, L, S, S, S, S, S,     /* P to _ */
    S, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L,     /* ` to o */
    L, L, L, L, L, L, L, L, L, L, L, S, S, S, S, C,     /* p to DEL */
    TIMES16(L), TIMES16(L), TIMES16(L), TIMES16(L),     /* the bytes of other letters in UTF-8 */
    TIMES16(L), TIMES16(L), TIMES16(L), TIMES16(L),
};
#undef D
#undef L
#undef S
#undef C

/* The matches of one text while they are being found. */
struct finding {
  struct word_matches *m;
  const uint8_t *start, *end;
  const uint8_t *last;        /* where a match may begin */
  const uint8_t *literals;    /* begin of what no match holds yet */
  const uint8_t *block_end;
  uint32_t distance;          /* of the match before */
};

/* What a place may repeat. */
struct repeat {
  size_t length;
  uint32_t distance;
  int bits;                   /* saved, about; 0 or less: it is none */
};

bool word_matches_open(struct word_matches *m, struct error *err) {
  *m = (struct word_matches){.found = malloc(sizeof *m->found * WORD_MATCHES_MAX)};
  bool ok = m->found != NULL;
  for (int i = 0; i < WORD_MATCHES_TABLES; i++) ok = (m->places[i] = malloc(TABLE_BYTES)) && ok;
  if (ok) return true;
  word_matches_close(m);
  return fail_memory(err, "the matches of a text");
}

void word_matches_close(struct word_matches *m) {
  for (int i = 0; i < WORD_MATCHES_TABLES; i++) free(m->places[i]);
  free(m->found);
  *m = (struct word_matches){0};
}

/* Little-endian, so that a machine's order changes no file. */
static uint64_t load_le64(const uint8_t *at) {
  uint64_t word;
  memcpy(&word, at, sizeof word);
  return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* Multiplicative hashing (Knuth, The Art of Computer Programming 3, 6.4) by odd numbers without a pattern. */
#define MIX UINT64_C(0x9e3779b97f4a7c15)
#define MIX_2 UINT64_C(0xc2b2ae3d27d4eb4f)
#define MIX_3 UINT64_C(0xd6e8feb86659fd93)

static uint64_t short_bytes(const uint8_t *at) { return load_le64(at) << (64 - 8 * SHORT_BYTES); }

static void hash(const uint8_t *at, uint32_t hashes[WORD_MATCHES_TABLES]) {
  uint64_t head = load_le64(at) * MIX, middle = load_le64(at + MIDDLE_BYTES - 8) * MIX_2;
  uint64_t tail = load_le64(at + MIDDLE_BYTES) * MIX_3 ^ load_le64(at + LONG_BYTES - 8) * MIX;
  tail ^= load_le64(at + LONG_BYTES - 14) * MIX_2;
  uint64_t both = head ^ middle ^ (middle >> 7), all = both ^ tail ^ (tail >> 9);
  hashes[0] = (uint32_t)(all * MIX >> (64 - TABLE_LOG));
  hashes[1] = (uint32_t)(both * MIX >> (64 - TABLE_LOG));
  hashes[2] = (uint32_t)(short_bytes(at) * MIX >> (64 - TABLE_LOG));
}

static size_t equal_bytes(const uint8_t *a, const uint8_t *b, const uint8_t *b_end) {
  const uint8_t *begin = b;
  for (; b + 8 <= b_end; a += 8, b += 8) {
    uint64_t differs = load_le64(a) ^ load_le64(b);
    if (differs) return (size_t)(b - begin) + (size_t)(__builtin_ctzll(differs) >> 3);
  }
  while (b < b_end && *a == *b) a++, b++;
  return (size_t)(b - begin);
}

/* A word, or what follows a number. Runs of signs behind words would be looked at in vain. */
static bool begins_word(const uint8_t *at) {
  enum kind before = kinds[at[-1]], kind = kinds[*at];
  return kind != before && (kind == LETTER || (before == DIGIT && kind != DIGIT));
}

static int bits_saved(size_t length, uint32_t distance) {
  return (int)length * BITS_PER_LITERAL - (31 - __builtin_clz(distance)) - BITS_PER_MATCH;
}

/* The latest places with the same hash, 0 where there is none; `at` is the latest from now on. */
static void put(struct finding *f, const uint8_t *at, uint32_t before[WORD_MATCHES_TABLES]) {
  uint32_t hashes[WORD_MATCHES_TABLES];
  hash(at, hashes);
  for (int i = 0; i < WORD_MATCHES_TABLES; i++) {
    uint32_t *place = &f->m->places[i][hashes[i]];
    before[i] = *place;
    *place = (uint32_t)(at - f->start);
  }
}

/* The first of what the tables have that is worth it; or the distance of before, where that is better. */
static struct repeat look(struct finding *f, const uint8_t *at) {
  uint32_t place = (uint32_t)(at - f->start), before[WORD_MATCHES_TABLES];
  struct repeat best = {0};
  put(f, at, before);
  for (int i = 0; i < WORD_MATCHES_TABLES && best.bits <= 0; i++) {
    uint32_t distance = place - before[i];
    if (!before[i] || distance >= 1u << WORD_MATCHES_WINDOW_LOG) continue;
    if (short_bytes(f->start + before[i]) != short_bytes(at)) continue;
    size_t length = equal_bytes(f->start + before[i], at, f->block_end);
    if (length < MATCH_BYTES_MIN) continue;   /* at a block's end */
    best = (struct repeat){length, distance, bits_saved(length, distance)};
  }
  if (place > f->distance) {
    size_t length = equal_bytes(at - f->distance, at, f->block_end);
    int bits = (int)length * BITS_PER_LITERAL - BITS_AGAIN;
    if (length >= AGAIN_BYTES_MIN && bits > best.bits) best = (struct repeat){length, f->distance, bits};
  }
  return best;
}

/* The end of a match; at the beginning of a word that it does not hold whole, where that leaves enough. */
static const uint8_t *cut_word(const uint8_t *at, const uint8_t *end, const uint8_t *text_end) {
  if (end >= text_end || kinds[*end] != LETTER || kinds[end[-1]] != LETTER) return end;
  const uint8_t *word = end;
  while (word > at && kinds[word[-1]] == LETTER) word--;
  return word - at >= MATCH_BYTES_MIN ? word : end;
}

static bool add(struct finding *f, size_t literals, size_t length, uint32_t distance) {
  if (f->m->count == WORD_MATCHES_MAX) return false;
  f->m->found[f->m->count++] = (ZSTD_Sequence){
      .offset = distance, .litLength = (unsigned)literals, .matchLength = (unsigned)length};
  return true;
}

static bool end_block(struct finding *f) {
  if (!add(f, (size_t)(f->block_end - f->literals), 0, 0)) return false;
  f->literals = f->block_end;
  f->block_end += f->end - f->block_end < ZSTD_BLOCKSIZE_MAX ? f->end - f->block_end : ZSTD_BLOCKSIZE_MAX;
  return true;
}

/* Takes the match, grown backwards over equal literals, and puts the words within it into the tables. */
static bool take(struct finding *f, const uint8_t **at, struct repeat r) {
  const uint8_t *end = cut_word(*at, *at + r.length, f->end), *begin = *at, *from = *at - r.distance;
  while (begin > f->literals && from > f->start && begin[-1] == from[-1]) begin--, from--;
  if (!add(f, (size_t)(begin - f->literals), (size_t)(end - begin), r.distance)) return false;
  f->distance = r.distance;
  const uint8_t *stop = end < f->last ? end : f->last;
  for (const uint8_t *word = *at + 1; word < stop; word++) {
    uint32_t ignored[WORD_MATCHES_TABLES];
    if (begins_word(word)) put(f, word, ignored);
  }
  f->literals = *at = end;
  return true;
}

bool word_matches_find(struct word_matches *m, const uint8_t *bytes, size_t len) {
  size_t first = len < ZSTD_BLOCKSIZE_MAX ? len : ZSTD_BLOCKSIZE_MAX;
  struct finding f = {.m = m, .start = bytes, .end = bytes + len, .literals = bytes,
                      .block_end = bytes + first,
                      .last = bytes + (len > TAIL_BYTES ? len - TAIL_BYTES : 0), .distance = 1};
  for (int i = 0; i < WORD_MATCHES_TABLES; i++) memset(m->places[i], 0, TABLE_BYTES);
  m->count = 0;
  const uint8_t *at = bytes + 1;   /* place 0 means none */
  while (at < f.last) {
    if (at >= f.block_end && !end_block(&f)) return false;
    struct repeat r = begins_word(at) ? look(&f, at) : (struct repeat){0};
    if (r.bits <= 0) at++;
    else if (!take(&f, &at, r)) return false;
  }
  while (f.literals < f.end || m->count == 0 || m->found[m->count - 1].matchLength)
    if (!end_block(&f)) return false;
  return true;
}
