#include "unit.h"

#include "compress/block.h"
#include "compress/crc.h"

#include <lz4.h>
#include <snappy-c.h>
#include <stdio.h>
#include <zlib.h>
#include <zstd.h>

#define TEXT_BYTES 300000

static void inflate_gzip(const struct buffer *in, uint8_t *to, size_t len) {
  z_stream z = {.next_in = in->data, .avail_in = (uInt)in->len, .next_out = to, .avail_out = (uInt)len};
  assert_int_equal(inflateInit2(&z, 16 + MAX_WBITS), Z_OK);
  assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
  assert_int_equal(z.total_out, len);
  assert_int_equal(z.avail_in, 0);   /* one member, nothing behind it */
  inflateEnd(&z);
}

/* By the libraries' own decompressors: each codec's bytes are the format that Parquet's readers expect. */
static void expand(const char *name, const struct buffer *in, uint8_t *to, size_t len) {
  size_t got = len;
  if (len == 0 && in->len == 0) return;
  if (!strcmp(name, "none")) memcpy(to, in->data, len);
  else if (!strcmp(name, "snappy"))
    assert_int_equal(snappy_uncompress((char *)in->data, in->len, (char *)to, &got), 0);
  else if (!strcmp(name, "gzip")) inflate_gzip(in, to, len);
  else if (!strcmp(name, "zstd")) got = ZSTD_decompress(to, len, in->data, in->len);
  else got = (size_t)LZ4_decompress_safe((char *)in->data, (char *)to, (int)in->len, (int)len);
  assert_int_equal(got, len);
}

static void check_round_trip(const struct block_codec *codec, int level, const uint8_t *bytes, size_t len) {
  struct buffer out;
  struct error err;
  void *context;
  uint8_t *back = malloc(len + 1);
  buffer_init(&out, 1 << 20);
  assert_true(codec->open(level, &context, &err));
  for (int turn = 0; turn < 2 + BLOCK_WAYS_MAX; turn++) {   /* a context serves many pages, and switches its way between */
    if (codec->set_way) codec->set_way(context, turn % (1 + BLOCK_WAYS_MAX));
    buffer_reset(&out);
    assert_true(codec->compress(context, bytes, len, &out, &err));
    expand(codec->name, &out, back, len);
    assert_memory_equal(back, bytes, len);
  }
  codec->close(context);
  buffer_deinit(&out);
  free(back);
}

static void test_every_codec_gives_back_text_noise_and_nothing_at_every_level(void **state) {
  static uint8_t text[TEXT_BYTES], noise[TEXT_BYTES];
  uint32_t seed = 1;
  for (size_t i = 0; i < TEXT_BYTES; i++) {
    text[i] = (uint8_t)("{\"key\": \"value\"}, "[i % 18] + (i % 997 == 0));
    noise[i] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
  }
  for (const struct block_codec *const *c = block_codecs; *c; c++) {
    for (int level = (*c)->level_min; level <= (*c)->level_max; level++) {
      check_round_trip(*c, level, text, sizeof text);
      check_round_trip(*c, level, noise, sizeof noise);
      check_round_trip(*c, level, text, 1);
      check_round_trip(*c, level, text, 0);
    }
  }
}

static void test_a_codec_says_so_where_its_output_has_no_room(void **state) {
  static const uint8_t noise[4096] = {1};
  for (const struct block_codec *const *c = block_codecs; *c; c++) {
    struct buffer out;
    struct error err;
    void *context;
    buffer_init(&out, 16);
    assert_true((*c)->open((*c)->level_default, &context, &err));
    assert_false((*c)->compress(context, noise, sizeof noise, &out, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    (*c)->close(context);
    buffer_deinit(&out);
  }
}

static void test_the_checksum_is_that_of_gzip_in_pieces_or_whole(void **state) {
  assert_int_equal(crc_update(0, "123456789", 9), 0xCBF43926u);
  assert_int_equal(crc_update(crc_update(0, "1234", 4), "56789", 5), 0xCBF43926u);
  assert_int_equal(crc_update(0, "", 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_codec_gives_back_text_noise_and_nothing_at_every_level),
      cmocka_unit_test(test_a_codec_says_so_where_its_output_has_no_room),
      cmocka_unit_test(test_the_checksum_is_that_of_gzip_in_pieces_or_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
