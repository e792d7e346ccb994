/* Compressed streams, judged by zlib and libzstd themselves. */
#include "unit.h"

#include "codec/codec.h"

#include <zlib.h>
#include <zstd.h>

#define STREAM_MAX (64u << 20)
#define LANES 3

/* A stream in the making, as the engine makes it: lanes compress, the writer joins. */
struct stream {
  const struct codec *codec;
  void *self;
  void *lanes[LANES];
  int next_lane;
  struct buffer plain, out;    /* what went in, what came out */
};

static void open_stream(struct stream *s, const struct codec *codec, int level) {
  struct error err;
  *s = (struct stream){.codec = codec};
  buffer_init(&s->plain, STREAM_MAX);
  buffer_init(&s->out, STREAM_MAX);
  assert_true(codec->open(level, LANES, &s->self, &err));
  for (int i = 0; i < LANES; i++) assert_true(codec->lane_new(s->self, &s->lanes[i], &err));
  assert_true(codec->begin(s->self, &s->out, &err));
}

static void close_stream(struct stream *s) {
  for (int i = 0; i < LANES; i++)
    if (s->lanes[i]) s->codec->lane_free(s->lanes[i]);
  s->codec->close(s->self);
  buffer_deinit(&s->plain);
  buffer_deinit(&s->out);
}

static void add_chunk(struct stream *s, const void *bytes, size_t len) {
  struct error err;
  struct codec_chunk chunk = {0};
  struct buffer piece;
  buffer_init(&piece, STREAM_MAX);
  buffer_append(&s->plain, bytes, len);
  if (s->codec->compresses_in_lane)
    assert_true(s->codec->compress(s->lanes[s->next_lane++ % LANES], bytes, len, &piece, &chunk, &err));
  else
    buffer_append(&piece, bytes, len);
  assert_true(s->codec->write(s->self, piece.data, piece.len, &chunk, &s->out, &err));
  if (s->codec->final_in_lane) buffer_append(&s->out, piece.data, piece.len);
  buffer_deinit(&piece);
}

static void add_plain(struct stream *s, const void *bytes, size_t len) {
  struct error err;
  buffer_append(&s->plain, bytes, len);
  assert_true(s->codec->write_plain(s->self, bytes, len, &s->out, &err));
}

static void end_stream(struct stream *s) {
  struct error err;
  assert_true(s->codec->end(s->self, &s->out, &err));
  assert_true(buffer_check(&s->out, "a stream", &err));
}

/* Whether zlib sees exactly one whole member in len bytes; *plain gets what it holds. */
static bool gunzip(const uint8_t *bytes, size_t len, struct buffer *plain) {
  z_stream z = {.next_in = (uint8_t *)(uintptr_t)bytes, .avail_in = (uInt)len};
  int status = Z_OK;
  assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
  while (status == Z_OK) {
    uint8_t *to = buffer_reserve(plain, 65536);
    assert_non_null(to);
    z.next_out = to;
    z.avail_out = 65536;
    status = inflate(&z, Z_NO_FLUSH);
    plain->len += 65536 - z.avail_out;
  }
  inflateEnd(&z);
  return status == Z_STREAM_END && z.avail_in == 0;
}

static bool unzstd(const uint8_t *bytes, size_t len, struct buffer *plain) {
  if (ZSTD_findFrameCompressedSize(bytes, len) != len) return false;   /* not one frame, or not whole */
  ZSTD_DCtx *context = ZSTD_createDCtx();
  ZSTD_inBuffer in = {bytes, len, 0};
  size_t left = 1;
  while (left != 0 && !ZSTD_isError(left)) {
    uint8_t *to = buffer_reserve(plain, 65536);
    assert_non_null(to);
    ZSTD_outBuffer out = {to, 65536, 0};
    left = ZSTD_decompressStream(context, &out, &in);
    plain->len += out.pos;
    if (in.pos == in.size && out.pos < out.size) break;
  }
  ZSTD_freeDCtx(context);
  return left == 0;
}

static bool expand(const struct codec *codec, const uint8_t *bytes, size_t len, struct buffer *plain) {
  buffer_reset(plain);
  return codec == &codec_gzip ? gunzip(bytes, len, plain) : unzstd(bytes, len, plain);
}

static void assert_expands_to_what_went_in(const struct stream *s) {
  struct buffer plain;
  buffer_init(&plain, STREAM_MAX);
  assert_true(expand(s->codec, s->out.data, s->out.len, &plain));
  assert_int_equal(plain.len, s->plain.len);
  if (plain.len) assert_memory_equal(plain.data, s->plain.data, plain.len);
  buffer_deinit(&plain);
}

/* Text that compresses, or noise that does not. */
static void fill(uint8_t *to, size_t len, bool noise) {
  static uint64_t x = 88172645463325252u;
  for (size_t i = 0; i < len; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    to[i] = noise ? (uint8_t)x : (uint8_t)("0123456789,\n"[x % 12]);
  }
}

static const struct codec *const compressing[] = {&codec_gzip, &codec_zstd, NULL};

static void test_chunks_and_plain_bytes_of_any_size_make_one_stream(void **state) {
  static const size_t sizes[] = {1, 7, 65535, 65536, 300000, 2, 4096, 1u << 20, 65537, 3u << 20};
  uint8_t *bytes = malloc(3u << 20);
  for (const struct codec *const *c = compressing; *c; c++)
    for (int level = (*c)->level_min; level <= 3; level++) {
      struct stream s;
      open_stream(&s, *c, level);
      for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        size_t len = sizes[i / 2];
        fill(bytes, len, i % 2 == 0);
        add_chunk(&s, bytes, len);
        add_plain(&s, i % 3 ? ",\n" : "", i % 3 ? 2 : 0);
      }
      end_stream(&s);
      assert_expands_to_what_went_in(&s);
      assert_true(s.out.len < s.plain.len);
      close_stream(&s);
    }
  free(bytes);
}

static void test_every_length_of_a_short_chunk_passes(void **state) {
  uint8_t bytes[300];
  for (const struct codec *const *c = compressing; *c; c++) {
    struct stream s;
    open_stream(&s, *c, (*c)->level_default);
    for (size_t len = 1; len <= sizeof bytes; len++) {
      fill(bytes, len, len % 2);
      add_chunk(&s, bytes, len);
    }
    end_stream(&s);
    assert_expands_to_what_went_in(&s);
    close_stream(&s);
  }
}

static void test_a_stream_without_chunks_is_whole_and_empty(void **state) {
  for (const struct codec *const *c = compressing; *c; c++) {
    struct stream s;
    open_stream(&s, *c, (*c)->level_default);
    end_stream(&s);
    assert_true(s.out.len > 0);
    assert_expands_to_what_went_in(&s);
    close_stream(&s);
  }
}

static void test_plain_bytes_alone_make_a_stream(void **state) {
  uint8_t *bytes = malloc(200000);
  fill(bytes, 200000, true);
  for (const struct codec *const *c = compressing; *c; c++) {
    struct stream s;
    open_stream(&s, *c, (*c)->level_default);
    add_plain(&s, "[]", 2);
    add_plain(&s, bytes, 200000);   /* more than a stored block of deflate holds */
    end_stream(&s);
    assert_expands_to_what_went_in(&s);
    close_stream(&s);
  }
  free(bytes);
}

static void small_stream(struct stream *s, const struct codec *codec) {
  uint8_t bytes[500];
  open_stream(s, codec, codec->level_default);
  add_plain(s, "id,name\n", 8);
  for (int i = 0; i < 4; i++) {
    fill(bytes, sizeof bytes, i == 2);
    add_chunk(s, bytes, sizeof bytes);
    add_plain(s, ",", 1);
  }
  end_stream(s);
}

static void test_a_stream_cut_at_any_byte_is_refused(void **state) {
  struct buffer plain;
  buffer_init(&plain, STREAM_MAX);
  for (const struct codec *const *c = compressing; *c; c++) {
    struct stream s;
    small_stream(&s, *c);
    for (size_t len = 0; len < s.out.len; len++) assert_false(expand(*c, s.out.data, len, &plain));
    assert_expands_to_what_went_in(&s);
    close_stream(&s);
  }
  buffer_deinit(&plain);
}

static void test_a_stream_that_lacks_any_of_its_chunks_is_refused(void **state) {
  for (const struct codec *const *c = compressing; *c; c++) {
    struct stream s;
    struct error err;
    struct buffer plain;
    uint8_t bytes[500];
    if (!(*c)->final_in_lane) continue;   /* else the writer makes the stream of what it has */
    buffer_init(&plain, STREAM_MAX);
    open_stream(&s, *c, (*c)->level_default);
    fill(bytes, sizeof bytes, false);
    add_chunk(&s, bytes, sizeof bytes);
    struct codec_chunk lost = {.crc = 12345, .plain_bytes = 10};
    assert_true((*c)->write(s.self, bytes, 10, &lost, &s.out, &err));   /* counted, but its bytes never came */
    end_stream(&s);
    assert_false(expand(*c, s.out.data, s.out.len, &plain));
    close_stream(&s);
    buffer_deinit(&plain);
  }
}

static void test_a_byte_that_changed_in_a_chunk_is_noticed(void **state) {
  struct buffer plain;
  buffer_init(&plain, STREAM_MAX);
  for (const struct codec *const *c = compressing; *c; c++) {
    struct stream s;
    small_stream(&s, *c);
    size_t noticed = 0;
    /* Behind gzip's header, whose hints nobody checks. */
    for (size_t at = 10; at < s.out.len; at += 3) {
      s.out.data[at] ^= 0x40;
      bool whole = expand(*c, s.out.data, s.out.len, &plain);
      noticed += !whole;
      /* A bit that only pads to the next byte may change: nothing else does. */
      if (whole) assert_memory_equal(plain.data, s.plain.data, s.plain.len);
      s.out.data[at] ^= 0x40;
    }
    assert_true(noticed > s.out.len / 4);
    close_stream(&s);
  }
  buffer_deinit(&plain);
}

static void test_no_compression_hands_bytes_on_as_they_are(void **state) {
  struct stream s;
  open_stream(&s, &codec_none, 0);
  add_plain(&s, "a", 1);
  add_chunk(&s, "bcd", 3);
  add_plain(&s, "e", 1);
  end_stream(&s);
  assert_int_equal(s.out.len, 5);
  assert_memory_equal(s.out.data, "abcde", 5);
  close_stream(&s);
}

static void test_a_buffer_that_is_full_is_an_error_and_no_short_stream(void **state) {
  uint8_t bytes[4000];
  fill(bytes, sizeof bytes, true);
  for (const struct codec *const *c = compressing; *c; c++) {
    struct error err = {0};
    struct codec_chunk chunk;
    struct buffer small;
    void *self, *lane;
    buffer_init(&small, 100);
    assert_true((*c)->open((*c)->level_default, 1, &self, &err));
    assert_true((*c)->lane_new(self, &lane, &err));
    assert_false((*c)->compress(lane, bytes, sizeof bytes, &small, &chunk, &err));
    assert_int_equal(err.code, ERR_MEMORY);
    if (lane) (*c)->lane_free(lane);
    (*c)->close(self);
    buffer_deinit(&small);
  }
}

static void assert_parses(const char *text, const struct codec *expect, int expect_level) {
  const struct codec *codec = NULL;
  int level = -1;
  struct error err;
  assert_true(codec_parse(text, "compression", &codec, &level, &err));
  assert_ptr_equal(codec, expect);
  assert_int_equal(level, expect_level);
}

static void test_a_codec_is_named_with_or_without_a_level(void **state) {
  assert_parses("none", &codec_none, 0);
  assert_parses("gzip", &codec_gzip, 1);
  assert_parses("gzip:3", &codec_gzip, 3);
  assert_parses("zstd", &codec_zstd, 1);
  assert_parses("zstd:19", &codec_zstd, 19);
}

static void test_a_codec_or_level_that_does_not_exist_is_refused_with_what_is_allowed(void **state) {
  static const struct { const char *text, *says; } wrong[] = {
      {"", "none, gzip, zstd"}, {"bzip2", "none, gzip, zstd"}, {"GZIP", "none, gzip, zstd"},
      {"a name that is far too long to be one of ours", "none, gzip, zstd"},
      {"gzip:0", "1 to 3"}, {"gzip:4", "1 to 3"}, {"gzip:", "1 to 3"}, {"gzip: 1", "1 to 3"}, {"gzip:1x", "1 to 3"},
      {"zstd:20", "1 to 19"}, {"zstd:-1", "1 to 19"}, {"none:1", "takes no level"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const struct codec *codec;
    int level;
    struct error err = {0};
    assert_false(codec_parse(wrong[i].text, "compression", &codec, &level, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_string_equal(err.field, "compression");
    assert_non_null(strstr(err.message, wrong[i].says));
  }
}

static void test_codecs_are_found_by_the_extension_of_a_file(void **state) {
  assert_ptr_equal(codec_find_extension("gz"), &codec_gzip);
  assert_ptr_equal(codec_find_extension("zst"), &codec_zstd);
  assert_null(codec_find_extension(""));
  assert_null(codec_find_extension("csv"));
  assert_ptr_equal(codecs[0], &codec_none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunks_and_plain_bytes_of_any_size_make_one_stream),
      cmocka_unit_test(test_every_length_of_a_short_chunk_passes),
      cmocka_unit_test(test_a_stream_without_chunks_is_whole_and_empty),
      cmocka_unit_test(test_plain_bytes_alone_make_a_stream),
      cmocka_unit_test(test_a_stream_cut_at_any_byte_is_refused),
      cmocka_unit_test(test_a_stream_that_lacks_any_of_its_chunks_is_refused),
      cmocka_unit_test(test_a_byte_that_changed_in_a_chunk_is_noticed),
      cmocka_unit_test(test_no_compression_hands_bytes_on_as_they_are),
      cmocka_unit_test(test_a_buffer_that_is_full_is_an_error_and_no_short_stream),
      cmocka_unit_test(test_a_codec_is_named_with_or_without_a_level),
      cmocka_unit_test(test_a_codec_or_level_that_does_not_exist_is_refused_with_what_is_allowed),
      cmocka_unit_test(test_codecs_are_found_by_the_extension_of_a_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
