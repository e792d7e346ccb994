/*
 * The server as judge of value_text: random and extreme wire values go in by COPY BINARY and come back as
 * the text that the server's own output functions print. Needs DECANT_TEST_DB, a connection string.
 * DECANT_TEST_ROWS (default 20,000) sets how many random values each kind gets.
 */
#include "unit.h"

#include "base/bytes.h"
#include "row/value_text.h"

#include <libpq-fe.h>
#include <stdio.h>

struct values {
  struct buffer bytes;     /* int32 length and bytes of each value, as in a COPY tuple */
  size_t count;
};

static uint64_t random_state = 88172645463325252U;
static uint64_t random_u64(void) {   /* xorshift64*: the same values every time */
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 2685821657736338717U;
}

static void put_be(struct buffer *b, uint64_t v, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) buffer_append_byte(b, (uint8_t)(v >> shift));
}

static void add(struct values *v, uint64_t value, int bytes) {
  put_be(&v->bytes, (uint64_t)bytes, 4);
  put_be(&v->bytes, value, bytes);
  v->count++;
}

static PGconn *connect_or_skip(void) {
  const char *conninfo = getenv("DECANT_TEST_DB");
  if (!conninfo) skip();
  PGconn *c = PQconnectdb(conninfo);
  if (PQstatus(c) != CONNECTION_OK) print_error("%s", PQerrorMessage(c));
  assert_int_equal(PQstatus(c), CONNECTION_OK);
  PQclear(PQexec(c, "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1"));
  return c;
}

static void run(PGconn *c, const char *sql, ExecStatusType expected) {
  PGresult *r = PQexec(c, sql);
  if (PQresultStatus(r) != expected) print_error("%s: %s", sql, PQerrorMessage(c));
  assert_int_equal(PQresultStatus(r), expected);
  PQclear(r);
}

static void copy_in(PGconn *c, const char *type, const struct values *v) {
  char sql[100];
  snprintf(sql, sizeof sql, "CREATE TEMP TABLE judged (n int4, v %s)", type);
  run(c, sql, PGRES_COMMAND_OK);
  run(c, "COPY judged FROM STDIN (FORMAT binary)", PGRES_COPY_IN);
  struct buffer message;
  buffer_init(&message, SIZE_MAX / 2);
  buffer_append(&message, "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0", 19);
  const uint8_t *at = v->bytes.data;
  for (size_t i = 0; i < v->count; i++) {
    uint32_t len = load_be32(at);
    put_be(&message, 2, 2);
    put_be(&message, 4, 4);
    put_be(&message, i, 4);
    buffer_append(&message, at, 4 + len);
    at += 4 + len;
  }
  put_be(&message, 0xFFFF, 2);
  assert_false(message.failed);
  for (size_t sent = 0; sent < message.len;) {
    size_t part = message.len - sent < 1 << 20 ? message.len - sent : 1 << 20;
    assert_int_equal(PQputCopyData(c, (const char *)message.data + sent, (int)part), 1);
    sent += part;
  }
  buffer_deinit(&message);
  assert_int_equal(PQputCopyEnd(c, NULL), 1);
  PGresult *r = PQgetResult(c);
  if (PQresultStatus(r) != PGRES_COMMAND_OK) print_error("%s", PQresultErrorMessage(r));
  assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
  PQclear(r);
  while ((r = PQgetResult(c))) PQclear(r);
}

/* Every value's text must be the server's. `expression` is what the server prints of v. */
static void judge(PGconn *c, enum kind kind, const struct value_text *texts, const char *expression,
                  const struct values *v) {
  char sql[200];
  snprintf(sql, sizeof sql, "COPY (SELECT %s FROM judged ORDER BY n) TO STDOUT", expression);
  run(c, sql, PGRES_COPY_OUT);
  struct buffer ours;
  buffer_init(&ours, 1 << 20);
  const uint8_t *at = v->bytes.data;
  char *line;
  for (size_t i = 0; i < v->count; i++) {
    int len = PQgetCopyData(c, &line, 0);
    assert_true(len > 0);
    struct cell cell = {at + 4, (int32_t)load_be32(at)};
    at += 4 + cell.len;
    buffer_reset(&ours);
    if (texts) {
      assert_non_null(buffer_reserve(&ours, VALUE_TEXT_MAX));
      uint8_t *end = texts[kind].write(ours.data, cell.data);
      if (end) ours.len = (size_t)(end - ours.data);
    } else {
      assert_true(value_append(kind, &cell, &ours));
    }
    if (ours.len != (size_t)len - 1 || memcmp(ours.data, line, ours.len) != 0) {
      print_error("value %zu: ours %.*s, the server's %.*s\n", i, (int)ours.len, ours.data, len - 1, line);
      assert_true(false);
    }
    PQfreemem(line);
  }
  assert_int_equal(PQgetCopyData(c, &line, 0), -1);
  PGresult *r;
  while ((r = PQgetResult(c))) PQclear(r);
  buffer_deinit(&ours);
}

static size_t random_rows(void) {
  const char *text = getenv("DECANT_TEST_ROWS");
  return text ? (size_t)strtoull(text, NULL, 10) : 20000;
}

static struct values values_new(void) {
  struct values v = {.count = 0};
  buffer_init(&v.bytes, SIZE_MAX / 2);
  return v;
}

static void judge_and_free(PGconn *c, const char *type, enum kind kind, struct values *v) {
  copy_in(c, type, v);
  judge(c, kind, NULL, "v", v);
  run(c, "DROP TABLE judged", PGRES_COMMAND_OK);
  buffer_deinit(&v->bytes);
}

static uint64_t bits_of(double d) {
  uint64_t bits;
  memcpy(&bits, &d, sizeof bits);
  return bits;
}

static uint32_t bits_of_float(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

static void add_doubles_near(struct values *v, uint64_t bits) {
  for (int64_t step = -3; step <= 3; step++) add(v, bits + (uint64_t)step, 8);
}

static void test_doubles_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  for (int e = 0; e < 2048; e++) add_doubles_near(&v, (uint64_t)e << 52);        /* powers of two, zero, inf, NaN */
  for (int e = -324; e <= 308; e++) {
    char text[16];
    snprintf(text, sizeof text, "1e%d", e);
    add_doubles_near(&v, bits_of(strtod(text, NULL)));
    add_doubles_near(&v, bits_of(-strtod(text, NULL)));
  }
  for (int i = 0; i < 52; i++) add_doubles_near(&v, UINT64_C(1) << i);            /* denormals */
  add(&v, bits_of(-0.0), 8);
  for (size_t i = 0; i < random_rows(); i++) {
    add(&v, random_u64(), 8);
    add(&v, bits_of((double)(int64_t)random_u64() / 1000), 8);
    add(&v, bits_of((double)(random_u64() % 100000000) / 100), 8);
    add(&v, random_u64() >> (12 + random_u64() % 52), 8);
  }
  judge_and_free(c, "float8", KIND_FLOAT8, &v);
  PQfinish(c);
}

static void test_floats_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  for (uint32_t e = 0; e < 512; e++)
    for (int step = -3; step <= 3; step++) add(&v, (e << 23) + (uint32_t)step, 4);
  for (size_t i = 0; i < random_rows(); i++) {
    add(&v, (uint32_t)random_u64(), 4);
    add(&v, bits_of_float((float)(random_u64() % 10000000) / 100), 4);
    add(&v, (uint32_t)random_u64() >> (9 + random_u64() % 23), 4);
  }
  judge_and_free(c, "float4", KIND_FLOAT4, &v);
  PQfinish(c);
}

static void add_numeric(struct values *v, uint16_t sign, int weight, unsigned scale, unsigned groups) {
  put_be(&v->bytes, 8 + 2 * groups, 4);
  put_be(&v->bytes, groups, 2);
  put_be(&v->bytes, (uint64_t)weight, 2);
  put_be(&v->bytes, sign, 2);
  put_be(&v->bytes, scale, 2);
  for (unsigned i = 0; i < groups; i++) {
    unsigned group = (unsigned)(random_u64() % 10000);
    if (random_u64() % 4 == 0) group = (unsigned)(random_u64() % 10);
    if (i == 0 && group == 0) group = 1;   /* the server's are normalised */
    put_be(&v->bytes, group, 2);
  }
  v->count++;
}

static void test_numerics_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  add_numeric(&v, 0xC000, 0, 0, 0);
  add_numeric(&v, 0xD000, 0, 0, 0);
  add_numeric(&v, 0xF000, 0, 0, 0);
  for (unsigned scale = 0; scale < 20; scale++) add_numeric(&v, 0, 0, scale, 0);
  for (size_t i = 0; i < random_rows(); i++) {
    unsigned groups = (unsigned)(random_u64() % 8);
    int weight = groups ? (int)(random_u64() % 12) - 5 : 0;
    int below = (int)groups - 1 - weight;   /* groups behind the point */
    unsigned cut = groups > 1 ? (unsigned)(random_u64() % 4) : 0;
    unsigned scale = below <= 0 ? (unsigned)(random_u64() % 9) : (unsigned)(4 * below) - cut;
    add_numeric(&v, groups && random_u64() % 2 ? 0x4000 : 0, weight, scale, groups);
  }
  judge_and_free(c, "numeric", KIND_NUMERIC, &v);
  PQfinish(c);
}

static void test_dates_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  int32_t low = -2451545, high = 2147483493 - 2451545;
  add(&v, (uint32_t)INT32_MAX, 4);
  add(&v, (uint32_t)INT32_MIN, 4);
  for (int i = 0; i < 1000; i++) {
    add(&v, (uint32_t)(low + i), 4);
    add(&v, (uint32_t)(high - i), 4);
  }
  for (int32_t day = -800000; day<3200000; day += random_rows()> 1000000 ? 1 : 97) add(&v, (uint32_t)day, 4);
  for (size_t i = 0; i < random_rows(); i++)
    add(&v, (uint32_t)(low + (int64_t)(random_u64() % (uint64_t)((int64_t)high - low))), 4);
  judge_and_free(c, "date", KIND_DATE, &v);
  PQfinish(c);
}

static void test_timestamps_are_the_servers_in_both_styles(void **state) {
  PGconn *c = connect_or_skip();
  static const struct { const char *type; enum kind kind; } types[] = {
      {"timestamp", KIND_TIMESTAMP}, {"timestamptz", KIND_TIMESTAMPTZ}};
  for (int t = 0; t < 2; t++) {
    struct values v = values_new();
    int64_t low = INT64_C(-211813488000000000), high = INT64_C(9223371331200000000) - 1;
    int64_t extremes[] = {low, high, 0, -1, 1, 100000, 999999, -86400000000, INT64_C(86399999999)};
    for (size_t i = 0; i < sizeof extremes / sizeof *extremes; i++) add(&v, (uint64_t)extremes[i], 8);
    for (size_t i = 0; i < random_rows(); i++) {
      add(&v, (uint64_t)low + random_u64() % ((uint64_t)high - (uint64_t)low), 8);
      add(&v, random_u64() % UINT64_C(2000000000000000), 8);
      add(&v, random_u64() % 2000000000 * 1000000, 8);
      add(&v, (uint64_t)low + random_u64() % UINT64_C(300000000000000000), 8);
    }
    copy_in(c, types[t].type, &v);
    judge(c, types[t].kind, NULL, "v", &v);
    judge(c, types[t].kind, value_iso_texts, "to_json(v)#>>'{}'", &v);
    run(c, "DROP TABLE judged", PGRES_COMMAND_OK);
    buffer_deinit(&v.bytes);
  }
  PQfinish(c);
}

static void test_infinite_timestamps_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  add(&v, (uint64_t)INT64_MAX, 8);
  add(&v, (uint64_t)INT64_MIN, 8);
  judge_and_free(c, "timestamptz", KIND_TIMESTAMPTZ, &v);
  PQfinish(c);
}

static void test_times_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  add(&v, 0, 8);
  add(&v, UINT64_C(86400000000), 8);
  for (size_t i = 0; i < random_rows(); i++) {
    add(&v, random_u64() % UINT64_C(86400000000), 8);
    add(&v, random_u64() % 86400 * 1000000, 8);
    add(&v, random_u64() % 86400000 * 1000, 8);
  }
  judge_and_free(c, "time", KIND_TIME, &v);
  PQfinish(c);
}

static void test_integers_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  static const struct { const char *type; enum kind kind; int bytes; } types[] = {
      {"int2", KIND_INT2, 2}, {"int4", KIND_INT4, 4}, {"int8", KIND_INT8, 8}, {"oid", KIND_OID, 4}};
  for (int t = 0; t < 4; t++) {
    struct values v = values_new();
    uint64_t power = 1;
    for (int i = 0; i < 20; i++, power *= 10)
      for (int64_t d = -1; d <= 1; d++) {
        add(&v, power + (uint64_t)d, types[t].bytes);
        add(&v, 0 - (power + (uint64_t)d), types[t].bytes);
      }
    for (int i = 0; i < 64; i++) add(&v, UINT64_C(1) << i, types[t].bytes);
    for (size_t i = 0; i < random_rows(); i++) add(&v, random_u64() >> (random_u64() % 64), types[t].bytes);
    if (t == 0)
      for (uint64_t i = 0; i < 65536; i++) add(&v, i, 2);
    judge_and_free(c, types[t].type, types[t].kind, &v);
  }
  PQfinish(c);
}

static void test_uuids_and_booleans_are_the_servers(void **state) {
  PGconn *c = connect_or_skip();
  struct values v = values_new();
  for (int i = 0; i < 1000; i++) {
    put_be(&v.bytes, 16, 4);
    put_be(&v.bytes, random_u64(), 8);
    put_be(&v.bytes, random_u64(), 8);
    v.count++;
  }
  judge_and_free(c, "uuid", KIND_UUID, &v);
  v = values_new();
  add(&v, 0, 1);
  add(&v, 1, 1);
  copy_in(c, "bool", &v);
  judge(c, KIND_BOOL, NULL, "v", &v);
  judge(c, KIND_BOOL, value_iso_texts, "to_json(v)", &v);
  buffer_deinit(&v.bytes);
  PQfinish(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_doubles_are_the_servers),
      cmocka_unit_test(test_floats_are_the_servers),
      cmocka_unit_test(test_numerics_are_the_servers),
      cmocka_unit_test(test_dates_are_the_servers),
      cmocka_unit_test(test_timestamps_are_the_servers_in_both_styles),
      cmocka_unit_test(test_infinite_timestamps_are_the_servers),
      cmocka_unit_test(test_times_are_the_servers),
      cmocka_unit_test(test_integers_are_the_servers),
      cmocka_unit_test(test_uuids_and_booleans_are_the_servers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
