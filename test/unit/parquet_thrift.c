#include "unit.h"

#include "format/parquet/thrift_read.h"

#include <stdio.h>
#include <unistd.h>

static FILE *file_of(const void *bytes, size_t len) {
  FILE *file = tmpfile();
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, len, file), len);
  assert_int_equal(fflush(file), 0);
  return file;
}

/* 1: -5, 2: true, 3: "long text" far over a window, 20: list of 40 i64, 21: {1: {}, 2: 7} */
static void write_sample(struct buffer *out) {
  static const char text[THRIFT_WINDOW_BYTES * 3];
  struct thrift_writer w = thrift_begin(out);
  thrift_i32(&w, 1, -5);
  thrift_bool(&w, 2, true);
  thrift_binary(&w, 3, text, sizeof text);
  thrift_list(&w, 20, THRIFT_I64, 40);
  for (int i = 0; i < 40; i++) thrift_element_i64(out, INT64_MIN + i);
  thrift_struct_begin(&w, 21);
  thrift_empty_struct(&w, 1);
  thrift_i64(&w, 2, INT64_MAX);
  thrift_struct_end(&w);
  thrift_struct_end(&w);
}

struct sample { int64_t first, last; bool flag; uint64_t count; int skipped; };

static void read_sample(struct thrift_reader *r, struct sample *s) {
  *s = (struct sample){0};
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    if (f.id == 1) s->first = thrift_read_int(r, &f);
    else if (f.id == 2) s->flag = f.type == THRIFT_TRUE;
    else if (f.id == 21 && thrift_is_struct(r, &f)) {
      for (struct thrift_field g = thrift_struct_enter(r); thrift_next(r, &g);) {
        if (g.id == 2) s->last = thrift_read_int(r, &g);
        else thrift_skip(r, &g);
      }
    } else {
      thrift_skip(r, &f);
      s->skipped++;
    }
  }
}

static void test_what_is_written_reads_back_and_the_rest_is_skipped(void **state) {
  struct buffer out;
  struct sample s;
  struct error err;
  static struct thrift_reader r;
  buffer_init(&out, 1 << 20);
  write_sample(&out);
  FILE *file = file_of(out.data, out.len);
  thrift_reader_init(&r, fileno(file), 0, out.len);
  read_sample(&r, &s);
  assert_true(thrift_reader_check(&r, "a sample", &err));
  assert_int_equal(thrift_reader_offset(&r), out.len);
  assert_int_equal(s.first, -5);
  assert_true(s.flag);
  assert_int_equal(s.skipped, 2);
  assert_true(s.last == INT64_MAX);
  fclose(file);
  buffer_deinit(&out);
}

static void test_a_struct_cut_anywhere_is_a_failure(void **state) {
  struct buffer out;
  struct sample s;
  struct error err;
  static struct thrift_reader r;
  buffer_init(&out, 1 << 20);
  write_sample(&out);
  FILE *file = file_of(out.data, out.len);
  for (size_t len = 0; len < out.len; len += len > 10 && len < THRIFT_WINDOW_BYTES * 3 ? 97 : 1) {
    thrift_reader_init(&r, fileno(file), 0, len);
    read_sample(&r, &s);
    assert_false(thrift_reader_check(&r, "a sample", &err));
    assert_int_equal(err.code, ERR_VALUE);
  }
  fclose(file);
  buffer_deinit(&out);
}

static void expect_failure(const char *bytes, size_t len) {
  static struct thrift_reader r;
  struct sample s;
  struct error err;
  FILE *file = file_of(bytes, len);
  thrift_reader_init(&r, fileno(file), 0, len);
  read_sample(&r, &s);
  assert_false(thrift_reader_check(&r, "a sample", &err));
  fclose(file);
}

static void test_lies_are_failures_and_take_no_time(void **state) {
  char deep[1000];
  memset(deep, 0x5C, sizeof deep);                             /* structs within structs without end */
  expect_failure(deep, sizeof deep);
  memset(deep, 0x59, sizeof deep);                             /* lists, too */
  expect_failure(deep, sizeof deep);
  expect_failure("\x49\xF6\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 11);      /* a list of 2^62 numbers */
  expect_failure("\x48\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11);      /* a text of 2^64 - 1 bytes */
  expect_failure("\x16\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F", 12);  /* a number longer than 64 bits */
  expect_failure("\x1F\x00", 2);                               /* a type that does not exist */
  expect_failure("\x13\x01\x00", 3);                           /* a byte where a number must be */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_written_reads_back_and_the_rest_is_skipped),
      cmocka_unit_test(test_a_struct_cut_anywhere_is_a_failure),
      cmocka_unit_test(test_lies_are_failures_and_take_no_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
