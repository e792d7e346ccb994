#include "unit.h"

#include "base/buffer.h"
#include "compress/expand.h"

#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PLAIN_BYTES 1000000

static void make_plain(struct buffer *plain) {
  buffer_init(plain, 2 * PLAIN_BYTES);
  for (int i = 0; plain->len < PLAIN_BYTES; i++) buffer_appendf(plain, "%d,row %d\n", i, i * 7919 % 1000);
}

static void make_gzip(const struct buffer *plain, struct buffer *packed) {
  z_stream z = {0};
  buffer_init(packed, 2 * PLAIN_BYTES);
  assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  z.next_in = plain->data;
  z.avail_in = (uInt)plain->len;
  z.next_out = buffer_reserve(packed, 2 * PLAIN_BYTES);
  z.avail_out = 2 * PLAIN_BYTES;
  assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
  packed->len = z.total_out;
  deflateEnd(&z);
}

static void make_zstd(const struct buffer *plain, struct buffer *packed) {
  ZSTD_CCtx *c = ZSTD_createCCtx();
  buffer_init(packed, 2 * PLAIN_BYTES);
  ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
  packed->len = ZSTD_compress2(c, buffer_reserve(packed, 2 * PLAIN_BYTES), 2 * PLAIN_BYTES, plain->data,
                               plain->len);
  assert_false(ZSTD_isError(packed->len));
  ZSTD_freeCCtx(c);
}

/* Through files, so that neither end can fill up. */
static bool expand(const char *codec, const uint8_t *packed, size_t len, struct buffer *plain,
                   struct error *err) {
  FILE *from = tmpfile(), *to = tmpfile();
  fwrite(packed, 1, len, from);
  fflush(from);
  lseek(fileno(from), 0, SEEK_SET);
  bool ok = expand_stream(codec, fileno(from), fileno(to), err);
  off_t size = lseek(fileno(to), 0, SEEK_END);
  buffer_init(plain, 4 * PLAIN_BYTES);
  assert_int_equal(pread(fileno(to), buffer_reserve(plain, (size_t)size + 1), (size_t)size, 0), size);
  plain->len = (size_t)size;
  fclose(from);
  fclose(to);
  return ok;
}

static void check_codec(const char *codec, void (*make)(const struct buffer *, struct buffer *)) {
  struct buffer plain, packed, back;
  struct error err;
  make_plain(&plain);
  make(&plain, &packed);
  assert_true(expand(codec, packed.data, packed.len, &back, &err));
  assert_int_equal(back.len, plain.len);
  assert_memory_equal(back.data, plain.data, plain.len);
  buffer_deinit(&back);
  static const size_t cuts[] = {1, 4, 5, 8, 9, 100, 10000};
  for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
    assert_false(expand(codec, packed.data, packed.len - cuts[i], &back, &err));
    assert_int_equal(err.code, ERR_VALUE);
    buffer_deinit(&back);
  }
  assert_false(expand(codec, packed.data, 0, &back, &err));
  buffer_deinit(&back);
  packed.data[packed.len / 2] ^= 0x10;
  assert_false(expand(codec, packed.data, packed.len, &back, &err));
  buffer_deinit(&back);
  packed.data[packed.len / 2] ^= 0x10;
  buffer_append_byte(&packed, 'x');
  assert_false(expand(codec, packed.data, packed.len, &back, &err));
  assert_non_null(strstr(err.message, "behind its end"));
  buffer_deinit(&back);
  buffer_deinit(&packed);
  buffer_deinit(&plain);
}

static void test_gzip_comes_back_whole_or_is_refused(void **state) { check_codec("gzip", make_gzip); }
static void test_zstd_comes_back_whole_or_is_refused(void **state) { check_codec("zstd", make_zstd); }

static void test_a_second_member_is_refused(void **state) {
  struct buffer plain, packed, back;
  struct error err;
  make_plain(&plain);
  make_gzip(&plain, &packed);
  size_t one = packed.len;
  buffer_reserve(&packed, one);
  buffer_append(&packed, packed.data, one);
  assert_false(expand("gzip", packed.data, packed.len, &back, &err));
  buffer_deinit(&back);
  buffer_deinit(&packed);
  buffer_deinit(&plain);
}

static void test_a_codec_without_reader_is_named(void **state) {
  struct error err;
  assert_false(expand_stream("lzma", 0, 1, &err));
  assert_int_equal(err.code, ERR_USAGE);
  assert_non_null(strstr(err.message, "lzma"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gzip_comes_back_whole_or_is_refused),
      cmocka_unit_test(test_zstd_comes_back_whole_or_is_refused),
      cmocka_unit_test(test_a_second_member_is_refused),
      cmocka_unit_test(test_a_codec_without_reader_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
