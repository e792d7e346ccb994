#include "unit.h"

#include "format/parquet/chunk.h"

/* --- out of memory: appending fails late, and what was counted is not all there --- */

static const uint8_t text[2000] = "the same forty bytes, again and again ...";

static void begin(struct chunk_shared *shared, struct chunk *c, const struct leaf *leaf) {
  *shared = (struct chunk_shared){.pages.codec = block_codecs[0], .dictionaries.max_bytes = 1 << 20,
                                  .number_page_bytes = 1024, .text_page_bytes = 1024,
                                  .page_bytes_max = 1024, .text_pool_bytes = 1 << 20, .scratch_bytes = 1024,
                                  .page_rows = 100, .uses_dictionary = true};
  buffer_init(&shared->sample_values, 1 << 20);
  buffer_init(&shared->sample_levels, 1 << 20);
  buffer_init(&shared->sample_repetitions, 1 << 20);
  assert_true(chunk_init(c, leaf, shared, &(struct error){0}));
}

static void put_texts(struct chunk *c, size_t count) {
  for (size_t i = 0; i < count; i++) {
    assert_true(chunk_put_bytes(c, text, 40, &(struct error){0}));
    if (c->leaf->repetition_max) levels_add(&c->repetition, i > 0);
  }
}

static void end(struct chunk_shared *shared, struct chunk *c) {
  chunk_deinit(c);
  buffer_deinit(&shared->sample_values);
  buffer_deinit(&shared->sample_levels);
  buffer_deinit(&shared->sample_repetitions);
}

static void test_a_page_without_all_of_its_values_is_not_looked_into(void **state) {
  static const struct leaf leaf = {.physical = PHYSICAL_BYTE_ARRAY, .order = ORDER_BYTES};
  struct chunk_shared shared;
  struct chunk c;
  struct error err = {0};
  begin(&shared, &c, &leaf);
  c.values.max = c.values.capacity;
  put_texts(&c, 99);
  assert_false(chunk_close_page(&c, &err));
  assert_int_equal(err.code, ERR_MEMORY);
  end(&shared, &c);
}

/* Below a list a value that no dictionary takes makes the whole page PLAIN. */
static void test_values_that_wait_and_are_not_all_there_are_not_put_again(void **state) {
  static const struct leaf leaf = {.physical = PHYSICAL_BYTE_ARRAY, .order = ORDER_BYTES, .repetition_max = 1};
  struct chunk_shared shared;
  struct chunk c;
  struct error err = {0};
  begin(&shared, &c, &leaf);
  c.waiting.max = 64;
  put_texts(&c, 3);
  assert_false(chunk_put_bytes(&c, text, sizeof text, &err));
  assert_int_equal(err.code, ERR_MEMORY);
  assert_non_null(strstr(err.message, "cannot hold a value: more than 64 bytes"));
  end(&shared, &c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_page_without_all_of_its_values_is_not_looked_into),
      cmocka_unit_test(test_values_that_wait_and_are_not_all_there_are_not_put_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
