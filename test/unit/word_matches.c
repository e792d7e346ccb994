#include "unit.h"

#include "compress/block.h"
#include "compress/word_matches.h"

#include <stdio.h>

#define TEXT_BYTES (3u << 20)

/* What the matches say, put together again as a decompressor would: each must add up to the text. */
static void check_matches(const struct word_matches *m, const uint8_t *bytes, size_t len) {
  uint8_t *back = malloc(len + 1);
  size_t at = 0, block = 0;
  for (size_t i = 0; i < m->count; i++) {
    const ZSTD_Sequence *q = &m->found[i];
    assert_true(q->litLength + q->matchLength <= len - at);
    memcpy(back + at, bytes + at, q->litLength);
    at += q->litLength;
    if (q->matchLength) {
      assert_in_range(q->offset, 1, at);
      assert_true(q->offset < 1u << WORD_MATCHES_WINDOW_LOG);
      assert_true(q->matchLength >= 3);
      for (size_t k = 0; k < q->matchLength; k++, at++) back[at] = back[at - q->offset];
    } else {
      assert_true(at - block <= ZSTD_BLOCKSIZE_MAX && (at == len || at - block == ZSTD_BLOCKSIZE_MAX));
      block = at;
    }
  }
  assert_int_equal(at, len);
  assert_int_equal(block, len);   /* the last block is ended, too */
  assert_memory_equal(back, bytes, len);
  free(back);
}

static uint32_t next(uint32_t *seed) { return *seed = *seed * 1664525 + 1013904223; }

static size_t write_documents(char *to, size_t room, uint32_t seed) {
  static const char *const cities[] = {"Nairobi", "São Paulo", "Łódź", "Київ", "東京", "Sydney"};
  size_t len = 0;
  while (len + 200 < room) {
    uint32_t a = next(&seed), b = next(&seed);
    const char *active = a >> 16 & 1 ? "true" : "false", *city = cities[(b >> 4) % 6];
    len += (size_t)snprintf(to + len, 200, "{\"score\": %u.%u, \"on\": %s, \"lat\": %u.%04u, \"city\": \"%s\"}",
                            a >> 25, a >> 8 & 7, active, b >> 25, b >> 8 & 8191, city);
  }
  return len;
}

static void test_matches_and_literals_are_the_text(void **state) {
  struct word_matches m;
  struct error err;
  static char text[TEXT_BYTES];
  size_t len = write_documents(text, sizeof text, 1);
  assert_true(word_matches_open(&m, &err));
  static const size_t lengths[] = {1, 2, 31, 32, 33, 100, ZSTD_BLOCKSIZE_MAX - 1, ZSTD_BLOCKSIZE_MAX,
                                   ZSTD_BLOCKSIZE_MAX + 1, 2 * ZSTD_BLOCKSIZE_MAX,
                                   2 * ZSTD_BLOCKSIZE_MAX + 40};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    assert_true(word_matches_find(&m, (uint8_t *)text, lengths[i]));
    check_matches(&m, (uint8_t *)text, lengths[i]);
  }
  assert_true(word_matches_find(&m, (uint8_t *)text, len));
  check_matches(&m, (uint8_t *)text, len);
  assert_true(m.count * 20 < len);   /* it has found the pattern */
  word_matches_close(&m);
}

static void test_any_bytes_are_put_together_again(void **state) {
  static const char *const alphabets[] = {"ab ", "a1", "\xc3\xa9 1,", "x"};
  struct word_matches m;
  struct error err;
  uint32_t seed = 7;
  uint8_t *text = malloc(300000);
  assert_true(word_matches_open(&m, &err));
  for (int turn = 0; turn < 40; turn++) {
    const char *alphabet = alphabets[turn % 4];
    size_t count = strlen(alphabet), len = 1 + next(&seed) % 300000;
    for (size_t i = 0; i < len; i++) text[i] = (uint8_t)alphabet[(next(&seed) >> 20) % count];
    if (turn % 5 == 0) for (size_t i = 0; i < len; i++) text[i] = (uint8_t)(next(&seed) >> 24);
    if (word_matches_find(&m, text, len)) check_matches(&m, text, len);
    else assert_int_equal(m.count, WORD_MATCHES_MAX);
  }
  free(text);
  word_matches_close(&m);
}

static void test_too_many_matches_are_refused(void **state) {
  struct word_matches m;
  struct error err;
  size_t len = 4u << 20, at = 0;
  char *text = malloc(len + 64);
  assert_true(word_matches_open(&m, &err));
  assert_non_null(text);
  for (uint32_t i = 0, seed = 3; at < len; i++)
    at += (size_t)snprintf(text + at, 64, "%cbcdefgh%u", (char)('a' + next(&seed) % 9), i % 7);
  assert_false(word_matches_find(&m, (uint8_t *)text, len));
  free(text);
  word_matches_close(&m);
}

/* By zstd's own reader: the frame is one that knows its size, and holds the text. */
static void test_the_way_of_words_makes_documents_smaller_than_the_level(void **state) {
  static char text[TEXT_BYTES];
  static uint8_t back[TEXT_BYTES];
  const struct block_codec *zstd = block_codec_find("zstd");
  size_t len = write_documents(text, sizeof text, 5), sizes[1 + BLOCK_WAYS_MAX];
  struct buffer out;
  struct error err;
  void *context;
  buffer_init(&out, 8u << 20);
  assert_true(zstd->open(zstd->level_default, &context, &err));
  for (int way = 0; way <= BLOCK_WAYS_MAX; way++) {
    zstd->set_way(context, way);
    buffer_reset(&out);
    assert_true(zstd->compress(context, (uint8_t *)text, len, &out, &err));
    assert_int_equal(ZSTD_getFrameContentSize(out.data, out.len), len);
    assert_int_equal(ZSTD_decompress(back, sizeof back, out.data, out.len), len);
    assert_memory_equal(back, text, len);
    sizes[way] = out.len;
  }
  assert_true(sizes[2] < sizes[0] - sizes[0] / 6);   /* by matches at the distance of the one before, too */
  assert_true(sizes[1] < sizes[0] + sizes[0] / 8);   /* the fast way is worth its trial */
  zstd->close(context);
  buffer_deinit(&out);
}

/* Which row group a lane has made before is chance: its bytes must not show in the next one's. */
static void test_a_way_makes_the_same_bytes_whichever_was_before(void **state) {
  static char text[TEXT_BYTES];
  const struct block_codec *zstd = block_codec_find("zstd");
  size_t len = write_documents(text, sizeof text, 9);
  struct buffer alone, after;
  struct error err;
  void *context;
  buffer_init(&alone, 8u << 20);
  buffer_init(&after, 8u << 20);
  for (int way = 0; way <= BLOCK_WAYS_MAX; way++) {
    for (int before = 0; before <= BLOCK_WAYS_MAX; before++) {
      buffer_reset(&alone);
      assert_true(zstd->open(zstd->level_default, &context, &err));
      zstd->set_way(context, way);
      assert_true(zstd->compress(context, (uint8_t *)text, len, &alone, &err));
      zstd->close(context);
      assert_true(zstd->open(zstd->level_default, &context, &err));
      zstd->set_way(context, before);
      assert_true(zstd->compress(context, (uint8_t *)text, 1000, &after, &err));
      zstd->set_way(context, way);
      buffer_reset(&after);
      assert_true(zstd->compress(context, (uint8_t *)text, len, &after, &err));
      zstd->close(context);
      assert_int_equal(after.len, alone.len);
      assert_memory_equal(after.data, alone.data, alone.len);
    }
  }
  buffer_deinit(&alone);
  buffer_deinit(&after);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_matches_and_literals_are_the_text),
      cmocka_unit_test(test_any_bytes_are_put_together_again),
      cmocka_unit_test(test_too_many_matches_are_refused),
      cmocka_unit_test(test_the_way_of_words_makes_documents_smaller_than_the_level),
      cmocka_unit_test(test_a_way_makes_the_same_bytes_whichever_was_before),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
