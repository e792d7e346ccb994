/* The encodings of page values. Other people's readers judge them, too (test/interop); here are the bytes. */
#include "unit.h"

#include "format/parquet/byte_split.h"
#include "format/parquet/delta_binary.h"
#include "format/parquet/delta_length.h"
#include "format/parquet/delta_strings.h"
#include "format/parquet/little_endian.h"

#define VALUES_MAX 3000

struct reader { const uint8_t *at, *end; };

static uint64_t read_varint(struct reader *r) {
  uint64_t v = 0;
  for (unsigned shift = 0;; shift += 7) {
    assert_true(r->at < r->end && shift < 64);
    v |= (uint64_t)(*r->at & 0x7F) << shift;
    if (*r->at++ < 0x80) return v;
  }
}

static int64_t read_zigzag(struct reader *r) {
  uint64_t v = read_varint(r);
  return (int64_t)(v >> 1 ^ -(v & 1));
}

static uint64_t read_bits(const uint8_t *bytes, size_t at, unsigned count) {
  uint64_t v = 0;
  for (unsigned i = 0; i < count; i++, at++) v |= (uint64_t)(bytes[at / 8] >> at % 8 & 1) << i;
  return v;
}

/* As Encodings.md says, one bit after the other. Gives how many values there are. */
static uint64_t decode_delta(struct reader *r, unsigned width, int64_t *to) {
  uint64_t block = read_varint(r), miniblocks = read_varint(r), count = read_varint(r);
  uint64_t size = block / miniblocks, done = 1;
  assert_int_equal(block % 128, 0);
  assert_int_equal(size % 32, 0);
  int64_t last = read_zigzag(r);
  if (count) to[0] = last;
  while (done < count) {
    int64_t least = read_zigzag(r);
    const uint8_t *widths = r->at;
    r->at += miniblocks;
    for (uint64_t m = 0; m < miniblocks && done < count; m++) {
      assert_true(widths[m] <= 8 * width);
      assert_true((size_t)(r->end - r->at) >= size * widths[m] / 8);
      for (uint64_t i = 0; i < size && done < count; i++) {
        uint64_t v = (uint64_t)last + (uint64_t)least + read_bits(r->at, i * widths[m], widths[m]);
        last = width == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
        to[done++] = last;
      }
      r->at += size * widths[m] / 8;
    }
  }
  return count;
}

static void check_delta(const int64_t *numbers, uint32_t count, uint32_t width) {
  static uint8_t plain[8 * VALUES_MAX];
  static int64_t decoded[VALUES_MAX];
  struct buffer out;
  buffer_init(&out, 1 << 20);
  for (uint32_t i = 0; i < count; i++)
    if (width == 4) store_le32(plain + 4 * i, (uint32_t)numbers[i]);
    else store_le64(plain + 8 * i, (uint64_t)numbers[i]);
  delta_binary_encode(&(struct plain_values){plain, (size_t)count * width, count, width}, &out);
  assert_false(out.failed);
  struct reader r = {out.data, out.data + out.len};
  assert_int_equal(decode_delta(&r, width, decoded), count);
  assert_ptr_equal(r.at, r.end);
  for (uint32_t i = 0; i < count; i++) assert_int_equal(decoded[i], width == 4 ? (int32_t)numbers[i] : numbers[i]);
  buffer_deinit(&out);
}

static void test_differences_are_laid_out_as_the_specification_shows(void **state) {
  /* Encodings.md, example 2: 7 5 3 1 2 3 4 5, whose least difference is -2. */
  static const uint8_t numbers[] = {7, 0, 0, 0, 5, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0,
                                    2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0};
  static const uint8_t expected[] = {0x80, 0x02, 4, 8, 14, /* block, miniblocks, values, the first */
                                     3, 2, 0, 0, 0,        /* -2, bits of each miniblock */
                                     0xC0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  struct buffer out;
  buffer_init(&out, 1 << 20);
  delta_binary_encode(&(struct plain_values){numbers, sizeof numbers, 8, 4}, &out);
  assert_int_equal(out.len, sizeof expected);
  assert_memory_equal(out.data, expected, sizeof expected);
  buffer_deinit(&out);
}

static void test_differences_wrap_around_between_the_least_and_the_greatest_numbers(void **state) {
  static const int64_t wide[] = {INT64_MAX, INT64_MIN, INT64_MAX, 0, INT64_MIN, -1, 1, INT64_MAX};
  static const int64_t narrow[] = {INT32_MAX, INT32_MIN, INT32_MAX, 0, INT32_MIN, -1, 1, INT32_MAX};
  check_delta(wide, 8, 8);
  check_delta(narrow, 8, 4);
}

static void test_differences_of_every_count_and_width_read_back(void **state) {
  static int64_t numbers[VALUES_MAX];
  uint64_t seed = 42;
  for (uint32_t count = 0; count < 600; count += count < 70 ? 1 : 31) check_delta(numbers, count, 8);
  for (unsigned bits = 1; bits <= 64; bits++) {
    for (uint32_t i = 0; i < VALUES_MAX; i++) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      numbers[i] = (int64_t)(seed >> (64 - bits)) - (i % 7 ? 0 : INT64_C(1) << (bits - 1) / 2);
    }
    check_delta(numbers, VALUES_MAX, 8);
    check_delta(numbers, 257, 8);
    check_delta(numbers, 258, 8);
    if (bits <= 32) check_delta(numbers, VALUES_MAX - 17, 4);
  }
}

static const uint8_t texts[] = "\5\0\0\0apple\0\0\0\0\3\0\0\0app\7\0\0\0applied\1\0\0\0b";
static const struct plain_values text_values = {texts, sizeof texts - 1, 5, 0};

static void test_lengths_come_before_all_bytes(void **state) {
  static const int64_t lengths[] = {5, 0, 3, 7, 1};
  int64_t decoded[5];
  struct buffer scratch, out;
  buffer_init(&scratch, 1 << 20);
  buffer_init(&out, 1 << 20);
  delta_length_encode(&text_values, &scratch, &out);
  struct reader r = {out.data, out.data + out.len};
  assert_int_equal(decode_delta(&r, 4, decoded), 5);
  for (int i = 0; i < 5; i++) assert_int_equal(decoded[i], lengths[i]);
  assert_int_equal(r.end - r.at, 16);
  assert_memory_equal(r.at, "appleappappliedb", 16);
  buffer_deinit(&scratch);
  buffer_deinit(&out);
}

static void test_each_text_keeps_only_what_it_does_not_share_with_the_one_before(void **state) {
  static const int64_t shared[] = {0, 0, 0, 3, 0}, lengths[] = {5, 0, 3, 4, 1};
  int64_t decoded[5];
  struct buffer scratch, suffixes, out;
  buffer_init(&scratch, 1 << 20);
  buffer_init(&suffixes, 1 << 20);
  buffer_init(&out, 1 << 20);
  delta_strings_encode(&text_values, &scratch, &suffixes, &out);
  struct reader r = {out.data, out.data + out.len};
  assert_int_equal(decode_delta(&r, 4, decoded), 5);
  for (int i = 0; i < 5; i++) assert_int_equal(decoded[i], shared[i]);
  assert_int_equal(decode_delta(&r, 4, decoded), 5);
  for (int i = 0; i < 5; i++) assert_int_equal(decoded[i], lengths[i]);
  assert_int_equal(r.end - r.at, 13);
  assert_memory_equal(r.at, "appleapplied" "b", 13);
  buffer_deinit(&scratch);
  buffer_deinit(&suffixes);
  buffer_deinit(&out);
}

static void test_bytes_are_split_into_a_stream_for_each_place(void **state) {
  struct buffer out;
  buffer_init(&out, 1 << 20);
  for (uint32_t width = 4; width <= 8; width += 4) {
    for (uint32_t count = 1; count < 200; count += 13) {
      uint8_t plain[200 * 8];
      for (uint32_t i = 0; i < count * width; i++) plain[i] = (uint8_t)(i * 37 + i / 7);
      buffer_reset(&out);
      byte_split_encode(&(struct plain_values){plain, (size_t)count * width, count, width}, &out);
      assert_int_equal(out.len, count * width);
      for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < width; k++) assert_int_equal(out.data[k * count + i], plain[i * width + k]);
    }
  }
  buffer_deinit(&out);
}

static void test_an_encoding_without_memory_marks_the_buffer(void **state) {
  struct buffer small, scratch, suffixes;
  buffer_init(&small, 4);
  buffer_init(&scratch, 1 << 10);
  buffer_init(&suffixes, 4);
  delta_length_encode(&text_values, &scratch, &small);
  assert_true(small.failed);
  buffer_reset(&small);
  byte_split_encode(&(struct plain_values){texts, 16, 4, 4}, &small);
  assert_true(small.failed);
  struct buffer out;
  buffer_init(&out, 1 << 10);
  delta_strings_encode(&text_values, &scratch, &suffixes, &out);
  assert_true(out.failed);
  buffer_deinit(&small);
  buffer_deinit(&scratch);
  buffer_deinit(&suffixes);
  buffer_deinit(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_differences_are_laid_out_as_the_specification_shows),
      cmocka_unit_test(test_differences_wrap_around_between_the_least_and_the_greatest_numbers),
      cmocka_unit_test(test_differences_of_every_count_and_width_read_back),
      cmocka_unit_test(test_lengths_come_before_all_bytes),
      cmocka_unit_test(test_each_text_keeps_only_what_it_does_not_share_with_the_one_before),
      cmocka_unit_test(test_bytes_are_split_into_a_stream_for_each_place),
      cmocka_unit_test(test_an_encoding_without_memory_marks_the_buffer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
