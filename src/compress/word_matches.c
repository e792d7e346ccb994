#include "compress/word_matches.h"

#include "base/vector.h"

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

enum kind { OTHER, DIGIT, LETTER };   /* of a byte */

static const uint8_t kinds[256] = {
    ['0' ... '9'] = DIGIT, ['A' ... 'Z'] = LETTER, ['a' ... 'z'] = LETTER,
    [0x80 ... 0xff] = LETTER,   /* the bytes of other letters in UTF-8 */
};

/*
 * Where a word begins, and the latest places before it with the same hashes, 0 where there is none. They
 * depend on the text, not on the matches chosen, so words are looked up many at a time: the processor fetches
 * many lines of the tables side by side, where it would wait for those of one word after the other.
 */
struct start {
  uint32_t place;
  uint32_t before[WORD_MATCHES_TABLES];
};

#define STARTS 64                  /* looked up at a time, and what the last 64 bytes have beyond */
#define STARTS_MAX (STARTS + 63)

/* The matches of one text while they are being found. */
struct finding {
  struct word_matches *m;
  const uint8_t *start, *end;
  const uint8_t *last;        /* behind where a match may begin */
  const uint8_t *literals;    /* begin of what no match holds yet */
  const uint8_t *block_end;
  uint32_t distance;          /* of the match before */
  size_t searched;            /* bytes whose words are in `starts` or were */
  size_t count;               /* of the starts */
  struct start starts[STARTS_MAX];
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

/* One bit for each of 64 bytes. */
struct kind_bits { uint64_t letters, digits; };

#if HAS_SSE2
/* Signed comparisons: a range's first byte is moved to the least. */
static int in_range(__m128i bytes, char first, int count) {
  __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8((char)(INT8_MIN - first)));
  return _mm_movemask_epi8(_mm_cmplt_epi8(moved, _mm_set1_epi8((char)(INT8_MIN + count))));
}

static struct kind_bits kinds_of_64(const uint8_t *at) {
  struct kind_bits bits = {0};
  for (int i = 0; i < 4; i++) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(at + 16 * i));
    int letters = in_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26) | _mm_movemask_epi8(bytes);
    bits.letters |= (uint64_t)letters << 16 * i;
    bits.digits |= (uint64_t)in_range(bytes, '0', 10) << 16 * i;
  }
  return bits;
}
#endif

static struct kind_bits kinds_of(const uint8_t *at, size_t count) {
#if HAS_SSE2
  if (count == 64) return kinds_of_64(at);
#endif
  struct kind_bits bits = {0};
  for (size_t i = 0; i < count; i++) {
    bits.letters |= (uint64_t)(kinds[at[i]] == LETTER) << i;
    bits.digits |= (uint64_t)(kinds[at[i]] == DIGIT) << i;
  }
  return bits;
}

/*
 * One bit for each of 64 bytes. A word begins where letters do, or what follows a number. Signs behind words
 * would be looked at in vain.
 */
static uint64_t starts_of(const struct finding *f, const uint8_t *at) {
  struct kind_bits bits = kinds_of(at, f->end - at < 64 ? (size_t)(f->end - at) : 64);
  enum kind before = at > f->start ? kinds[at[-1]] : OTHER;
  return (bits.letters & ~(bits.letters << 1 | (before == LETTER))) |
         (~bits.digits & (bits.digits << 1 | (before == DIGIT)));
}

/* The next ones; their hashes stand where look_up_starts puts what it finds by them. */
static void collect_starts(struct finding *f) {
  for (f->count = 0; f->count < STARTS && f->start + f->searched < f->last; f->searched += 64) {
    const uint8_t *at = f->start + f->searched;
    uint64_t starts = starts_of(f, at);
    if (f->last - at < 64) starts &= (UINT64_C(1) << (f->last - at)) - 1;
    if (!f->searched) starts &= ~UINT64_C(1);   /* place 0 means none */
    for (; starts; starts &= starts - 1) {
      int i = __builtin_ctzll(starts);
      struct start *s = &f->starts[f->count++];
      s->place = (uint32_t)(f->searched + i);
      hash(at + i, s->before);
    }
  }
}

/* Looks them up and puts them into the tables, in the text's order. */
static void look_up_starts(struct finding *f) {
  for (struct start *s = f->starts; s < f->starts + f->count; s++)
    for (int t = 0; t < WORD_MATCHES_TABLES; t++) {
      uint32_t *latest = &f->m->places[t][s->before[t]];
      s->before[t] = *latest;
      *latest = s->place;
    }
}

static int bits_saved(size_t length, uint32_t distance) {
  return (int)length * BITS_PER_LITERAL - (31 - __builtin_clz(distance)) - BITS_PER_MATCH;
}

/*
 * The place that most bytes led to, of those with the same SHORT_BYTES; 0: none. Without a branch, since no
 * processor foresees which it is.
 */
static uint32_t latest_place(const struct finding *f, const struct start *s) {
  uint64_t bytes = short_bytes(f->start + s->place);
  uint32_t latest = 0;
  for (int t = WORD_MATCHES_TABLES - 1; t >= 0; t--) {
    uint32_t place = s->before[t];
    bool is_near = (place != 0) & (s->place - place < 1u << WORD_MATCHES_WINDOW_LOG);
    latest = is_near & (short_bytes(f->start + place) == bytes) ? place : latest;
  }
  return latest;
}

/* What the latest place has, or the distance of the match before. */
static struct repeat look(const struct finding *f, const struct start *s) {
  const uint8_t *at = f->start + s->place;
  struct repeat best = {0};
  uint32_t latest = latest_place(f, s);
  if (latest) {
    size_t length = equal_bytes(f->start + latest, at, f->block_end);
    uint32_t distance = s->place - latest;
    if (length >= MATCH_BYTES_MIN) best = (struct repeat){length, distance, bits_saved(length, distance)};
  }
  if (s->place > f->distance) {
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

/* Takes the match, grown backwards over equal literals. The words within it will not be looked at. */
static bool take(struct finding *f, const uint8_t *at, struct repeat r) {
  const uint8_t *end = cut_word(at, at + r.length, f->end), *begin = at, *from = at - r.distance;
  while (begin > f->literals && from > f->start && begin[-1] == from[-1]) begin--, from--;
  if (!add(f, (size_t)(begin - f->literals), (size_t)(end - begin), r.distance)) return false;
  f->distance = r.distance;
  f->literals = end;
  return true;
}

static bool look_at_starts(struct finding *f) {
  for (const struct start *s = f->starts; s < f->starts + f->count; s++) {
    const uint8_t *at = f->start + s->place;
    if (at < f->literals) continue;
    while (at >= f->block_end)
      if (!end_block(f)) return false;
    struct repeat r = look(f, s);
    if (r.bits > 0 && !take(f, at, r)) return false;
  }
  return true;
}

bool word_matches_find(struct word_matches *m, const uint8_t *bytes, size_t len) {
  size_t first = len < ZSTD_BLOCKSIZE_MAX ? len : ZSTD_BLOCKSIZE_MAX;
  struct finding f = {.m = m, .start = bytes, .end = bytes + len, .literals = bytes,
                      .block_end = bytes + first,
                      .last = bytes + (len > TAIL_BYTES ? len - TAIL_BYTES : 0), .distance = 1};
  for (int i = 0; i < WORD_MATCHES_TABLES; i++) memset(m->places[i], 0, TABLE_BYTES);
  m->count = 0;
  while (f.start + f.searched < f.last) {
    collect_starts(&f);
    look_up_starts(&f);
    if (!look_at_starts(&f)) return false;
  }
  while (f.literals < f.end || m->count == 0 || m->found[m->count - 1].matchLength)
    if (!end_block(&f)) return false;
  return true;
}
