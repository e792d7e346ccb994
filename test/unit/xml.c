#include "rows.h"
#include "utf8_by_the_letter.h"
#include "whole.h"

#include "format/xml.h"
#include "format/xml_text.h"

#define CELL(bytes) ((struct cell){(const uint8_t *)(bytes), (int32_t)sizeof(bytes) - 1})
#define HEAD                                                                                             \
  "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                         \
  "<records xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">"
#define NIL " xsi:nil=\"true\"/>"

static void expect_name(const char *text, const char *expected) {
  struct buffer out;
  buffer_init(&out, 1000);
  xml_append_name(&out, (const uint8_t *)text, strlen(text));
  buffer_append_byte(&out, 0);
  assert_string_equal(out.data, expected);
  buffer_deinit(&out);
}

static void test_names_are_escaped_as_sql_xml_says(void **state) {
  expect_name("plain_name-1.x", "plain_name-1.x");
  expect_name("a b", "a_x0020_b");
  expect_name("1st", "_x0031_st");
  expect_name("-a", "_x002D_a");
  expect_name("a:b", "a_x003A_b");
  expect_name("_x0020_", "_x005F_x0020_");
  expect_name("a_xb", "a_x005F_xb");
  expect_name("__x", "__x005F_x");
  expect_name("xml", "_x0078_ml");
  expect_name("XmLa", "_x0058_mLa");
  expect_name("axml", "axml");
  expect_name("", "_x_");
  expect_name("_x_", "_x005F_x_");
  expect_name("h\xC3\xA9\xD0\x96", "h\xC3\xA9\xD0\x96");
  expect_name("\xC2\xB7" "a\xC2\xB7", "_x00B7_a\xC2\xB7");
  expect_name("\xF0\x9F\x98\x80", "_x1F600_");
  expect_name("<&>\"'/", "_x003C__x0026__x003E__x0022__x0027__x002F_");
}

static void test_no_rows_are_an_empty_root(void **state) {
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "a", KIND_INT4);
  rows_begin(&r);
  rows_end(&r);
  rows_expect(&r, HEAD "</records>\n");
  rows_expect_count_and_no_cut(&r, 0);
  rows_deinit(&r);
}

static void test_text_is_escaped_so_that_a_parser_gives_it_back(void **state) {
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "a b", KIND_TEXT);
  rows_add_column(&r, "c", KIND_TEXT);
  rows_begin(&r);
  r.cells[0] = rows_text("<a href=\"x\">&amp; ]]>\r\n\t\xC3\xA9 and more than sixteen bytes & so on");
  r.cells[1] = rows_null();
  rows_encode(&r);
  r.cells[0] = rows_text("");
  r.cells[1] = rows_text("0123456789abcde<");
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, HEAD "\n<record><a_x0020_b>&lt;a href=\"x\"&gt;&amp;amp; ]]&gt;&#x0d;\n\t\xC3\xA9 and more "
                       "than sixteen "
                       "bytes &amp; so on</a_x0020_b><c" NIL "</record>\n"
                       "<record><a_x0020_b></a_x0020_b><c>0123456789abcde&lt;</c></record>\n</records>\n");
  rows_expect_count_and_no_cut(&r, 2);
  rows_deinit(&r);
}

static void test_scalars_have_the_text_of_xmlforest(void **state) {
  struct rows r;
  rows_init(&r, &format_xml, "root=all,row=one");
  static const struct { const char *name; enum kind kind; struct cell cell; } columns[] = {
      {"bool", KIND_BOOL, {(const uint8_t *)"\0", 1}},
      {"int2", KIND_INT2, {(const uint8_t *)"\0\7", 2}},
      {"inf", KIND_FLOAT8, {(const uint8_t *)"\x7F\xF0\0\0\0\0\0\0", 8}},
      {"minf", KIND_FLOAT4, {(const uint8_t *)"\xFF\x80\0\0", 4}},
      {"nan", KIND_FLOAT8, {(const uint8_t *)"\x7F\xF8\0\0\0\0\0\0", 8}},
      {"third", KIND_FLOAT8, {(const uint8_t *)"\x3F\xD5\x55\x55\x55\x55\x55\x55", 8}},
      {"num", KIND_NUMERIC, {(const uint8_t *)"\0\0\0\0\xD0\0\0\0", 8}},
      {"bytes", KIND_BYTEA, {(const uint8_t *)"\xFB\xEF\xBE\0", 4}},
      {"ts", KIND_TIMESTAMPTZ, {(const uint8_t *)"\0\0\0\0\0\0\0\0", 8}},
      {"date", KIND_DATE, {(const uint8_t *)"\0\0\0\0", 4}},
  };
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
    rows_add_column(&r, columns[i].name, columns[i].kind);
    r.cells[i] = columns[i].cell;
  }
  rows_begin(&r);
  buffer_reset(&r.out);
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, "\n<one><bool>false</bool><int2>7</int2><inf>INF</inf><minf>-INF</minf><nan>NaN</nan>"
                  "<third>0.3333333333333333</third><num>Infinity</num><bytes>++++AA==</bytes>"
                  "<ts>2000-01-01T00:00:00+00:00</ts><date>2000-01-01</date></one>\n</all>\n");
  rows_deinit(&r);
}

/* The element that one JSON text becomes, under a policy; NULL for an error. */
static void expect_json(const char *json, size_t len, enum special special, const char *expected) {
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "j", KIND_JSON);
  r.spec.special = special;
  rows_begin(&r);
  r.cells[0] = (struct cell){(const uint8_t *)json, (int32_t)len};
  for (int i = 0; i < 3; i++) {   /* the first time it learns the document's gaps, then it uses them */
    buffer_reset(&r.out);
    assert_int_equal(rows_try_encode(&r), expected != NULL);
    char whole[2000];
    snprintf(whole, sizeof whole, "\n<record>%s</record>", expected ? expected : "");
    if (expected) rows_expect(&r, whole);
  }
  rows_deinit(&r);
}

static void expect_nested(const char *json, const char *expected) {
  expect_json(json, strlen(json), SPECIAL_ERROR, expected);
}

static void test_json_becomes_nested_elements(void **state) {
  expect_nested("{\"a\": {\"b\":[1,[true , null],{}], \"c d\":\"x<y\"}, \"\":-1.5e3}",
                "<j><a><b><item>1</item><item><item>true</item><item" NIL "</item><item></item></b>"
                "<c_x0020_d>x&lt;y</c_x0020_d></a><_x_>-1.5e3</_x_></j>");
  expect_nested(" \"text \\u00e9\\n\\\"\" ", "<j>text \xC3\xA9\n\"</j>");
  expect_nested("null", "<j" NIL);
  expect_nested("[]", "<j></j>");
  expect_nested("false", "<j>false</j>");
  expect_nested("[null]", "<j><item" NIL "</j>");
  expect_nested("{\"\\u0061\":\"\\ud83d\\ude00\",\"a\":null}", "<j><a>\xF0\x9F\x98\x80</a><a" NIL "</j>");
}

/* Names of keys are kept from one to the next: of every length, and more of them than can be kept. */
static void test_keys_keep_their_own_names_however_many_have_been_met(void **state) {
  struct rows r;
  struct buffer json, expected;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "j", KIND_JSON);
  rows_begin(&r);
  buffer_init(&json, 1 << 20);
  buffer_init(&expected, 1 << 20);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 500; i++) {
      int width = 1 + i % 36;
      buffer_reset(&json);
      buffer_reset(&expected);
      buffer_appendf(&json, "{\"%0*d\":\"%.*s\",\"k%0*d\":[%d]}", width, i, i % 20, "<aaaaaaaaaaaaaaaaaaa",
                     width, i, i);
      buffer_appendf(&expected,
                     "\n<record><j><_x0030_%0*d>%s%.*s</_x0030_%0*d><k%0*d><item>%d</item></k%0*d></j></"
                     "record>",
                     width - 1, i, i % 20 ? "&lt;" : "", i % 20 ? i % 20 - 1 : 0, "aaaaaaaaaaaaaaaaaaa",
                     width - 1, i, width, i, i, width, i);
      if (width <= 3) continue;   /* the first digit is no zero, or there is no other */
      buffer_append_byte(&expected, '\0');
      buffer_reset(&r.out);
      r.cells[0] = (struct cell){json.data, (int32_t)json.len};
      rows_encode(&r);
      rows_expect(&r, (const char *)expected.data);
    }
  }
  buffer_deinit(&json);
  buffer_deinit(&expected);
  rows_deinit(&r);
}

/* Keys and strings of all lengths, with each odd character at each place: short plain ones have a way of their own. */
static void test_strings_of_every_length_are_escaped_wherever_it_is_needed(void **state) {
  static const struct { const char *json, *xml; } odd[] = {
      {"x", "x"}, {"<", "&lt;"}, {"&", "&amp;"}, {">", "&gt;"}, {"\\\"", "\""}, {"\\r", "&#x0d;"}, {"\\n", "\n"},
      {"\xC3\xA9", "\xC3\xA9"}, {"\xEF\xBC\x8C", "\xEF\xBC\x8C"}, {"\\u20ac", "\xE2\x82\xAC"}, {"'", "'"}};
  for (size_t o = 0; o < sizeof odd / sizeof *odd; o++) {
    for (int len = 0; len < 36; len++) {
      for (int at = 0; at <= len; at++) {
        char json[300], expected[300], filler[40] = "";
        memset(filler, 'n', (size_t)len);
        snprintf(json, sizeof json, "{\"k%.*s\":\"%.*s%s%s\", \"z\": [\"%s\"]}", len, filler, at, filler,
                 odd[o].json, filler + at, odd[o].json);
        snprintf(expected, sizeof expected, "<j><k%.*s>%.*s%s%s</k%.*s><z><item>%s</item></z></j>", len,
                 filler, at, filler, odd[o].xml, filler + at, len, filler, odd[o].xml);
        expect_nested(json, expected);
      }
    }
  }
}

static void test_numbers_and_words_are_written_as_they_stand(void **state) {
  static const char *const good[] = {"0", "-0", "0.5", "-12.25", "1e5", "1.5E-10", "123456789012345", "1234567890123456",
                                     "12345678901234567890.123", "true", "false", "100", "\"null\"", "\"now\"", "\"\""};
  static const char *const bad[] = {"01", "-", "1.", ".5", "1.2.3", "--1", "1e", "1-2", "00.5", "-01", "tru", "nul", "nulll",
                                    "+1", "1.5.", "TRUE"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char json[200], expected[300];
    bool is_string = good[i][0] == '"';
    int len = (int)strlen(good[i]) - 2 * is_string;
    const char *text = good[i] + is_string;
    snprintf(json, sizeof json, "{\"a\":%s,\"bc\" : %s , \"d\":[%s, %s]}", good[i], good[i], good[i],
             good[i]);
    snprintf(expected, sizeof expected,
             "<j><a>%.*s</a><bc>%.*s</bc><d><item>%.*s</item><item>%.*s</item></d></j>", len, text, len, text,
             len, text, len, text);
    expect_nested(json, expected);
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char json[200];
    snprintf(json, sizeof json,
             "{\"a\":%s, \"b\":\"some more text behind it, so that it is far from the end\"}", bad[i]);
    expect_nested(json, NULL);
    snprintf(json, sizeof json, "[%s]", bad[i]);
    expect_nested(json, NULL);
  }
}

static void test_a_long_document_is_written_like_a_short_one(void **state) {
  struct rows r;
  struct buffer json, expected;
  buffer_init(&json, 1 << 20);
  buffer_init(&expected, 1 << 20);
  buffer_append_string(&json, "[");
  buffer_append_string(&expected, "\n<record><j>");
  for (int i = 0; i < 1000; i++) {
    buffer_appendf(&json, "%s{\"key_%d\": [%d, null, \"a%d\"]}", i ? ", " : "", i, i, i);
    buffer_appendf(&expected, "<item><key_%d><item>%d</item><item" NIL "<item>a%d</item></key_%d></item>", i,
                   i, i, i);
  }
  buffer_append_string(&json, "]");
  buffer_append_string(&expected, "</j></record>");
  buffer_append_byte(&expected, 0);
  uint8_t *exact = malloc(json.len);
  assert_non_null(exact);
  memcpy(exact, json.data, json.len);
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "j", KIND_JSON);
  rows_begin(&r);
  buffer_reset(&r.out);
  r.cells[0] = (struct cell){exact, (int32_t)json.len};
  rows_encode(&r);
  rows_expect(&r, (const char *)expected.data);
  rows_deinit(&r);
  free(exact);
  buffer_deinit(&json);
  buffer_deinit(&expected);
}

static void test_text_that_is_no_json_is_an_error_not_a_broken_document(void **state) {
  static const char *const texts[] = {"{", "[1", "{\"a\"}", "{\"a\":}", "[1,]", "[1]]", "{\"a\":1,}", "\"", "x", "[1}",
                                      "{\"a\" 1}", " "};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) expect_nested(texts[i], NULL);
}

static void test_depth_is_bounded_by_the_scanner_not_by_the_stack(void **state) {
  enum { DEPTH = 6000 };
  char *json = malloc(2 * DEPTH);
  assert_non_null(json);
  memset(json, '[', DEPTH);
  memset(json + DEPTH, ']', DEPTH);
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "j", KIND_JSON);
  rows_begin(&r);
  r.cells[0] = (struct cell){(const uint8_t *)json, 2 * DEPTH};
  rows_encode(&r);
  rows_end(&r);
  uint64_t rows;
  assert_true(rows_count(&format_xml, r.out.data, r.out.len, &rows, &r.err));
  r.cells[0].len = DEPTH;
  assert_false(rows_try_encode(&r));
  rows_deinit(&r);
  free(json);
}

static void test_what_xml_cannot_hold_follows_the_policy_at_its_own_element(void **state) {
  static const char json[] = "{\"a\":\"x\\u0001y\",\"b\":\"\xEF\xBF\xBF\",\"c\":\"ok\"}";
  expect_json(json, sizeof json - 1, SPECIAL_ERROR, NULL);
  expect_json(json, sizeof json - 1, SPECIAL_NULL, "<j><a" NIL "<b" NIL "<c>ok</c></j>");
  expect_json(json, sizeof json - 1, SPECIAL_REPLACE,
              "<j><a>x\xEF\xBF\xBDy</a><b>\xEF\xBF\xBD</b><c>ok</c></j>");
  static const char bytes[] = "{\"k\xFF\":1}";
  expect_json(bytes, sizeof bytes - 1, SPECIAL_ERROR, NULL);
  expect_json(bytes, sizeof bytes - 1, SPECIAL_NULL, "<j" NIL);
  expect_json(bytes, sizeof bytes - 1, SPECIAL_STRING, "<j><k_xFFFD_>1</k_xFFFD_></j>");
  static const char half[] = "[\"\\ud800\", \"\\udc00\\ud83d\\ude00\", \"\\\\ud800\", \"\\ud83dx\"]";
  expect_json(half, sizeof half - 1, SPECIAL_ERROR, NULL);
  expect_json(half, sizeof half - 1, SPECIAL_REPLACE,
              "<j><item>\xEF\xBF\xBD</item><item>\xEF\xBF\xBD\xF0\x9F\x98\x80</item><item>\\ud800</item>"
              "<item>\xEF\xBF\xBDx</item></j>");
  expect_nested("[\"\\\\ud800\", \"\\ud83d\\ude00\"]",
                "<j><item>\\ud800</item><item>\xF0\x9F\x98\x80</item></j>");
}

/* Also of documents that come again, whose keys are known by then. */
static void test_half_a_surrogate_pair_in_a_key_is_counted_each_time(void **state) {
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "j", KIND_JSON);
  r.spec.special = SPECIAL_REPLACE;
  rows_begin(&r);
  r.cells[0] = rows_text("{\"a\": 1, \"\\ud800\": 2}");
  for (int i = 0; i < 4; i++) rows_encode(&r);
  assert_int_equal(r.format->counts(r.encoder).specials, 4);
  rows_deinit(&r);
}

/* `bytes` behind `before` letters, in front of `behind`: as a text, and in a document like one before it. */
static void expect_refused_if_wrong(void *rows, const uint8_t bytes[4], size_t before, size_t behind) {
  struct rows *r = rows;
  char text[200], document[200];
  memset(text, 'x', sizeof text);
  memcpy(text + before, bytes, 4);
  size_t len = before + 4 + behind;
  bool is_right = is_utf8_by_the_letter(text, len, 0xFFFD);
  snprintf(document, sizeof document, "{\"a\": \"%.*s\"}", (int)len, text);
  const struct cell texts[] = {{(const uint8_t *)text, (int32_t)len}, rows_text("y")};
  const struct cell documents[] = {rows_text("{\"a\": \"y\"}"), rows_text(document)};
  for (int i = 0; i < 2; i++) {
    buffer_reset(&r->out);
    r->cells[0] = texts[i];
    r->cells[1] = documents[i];
    assert_int_equal(rows_try_encode(r), is_right);
    if (!is_right) continue;
    char whole[500];
    snprintf(whole, sizeof whole, "\n<record><t>%.*s</t><j><a>%.*s</a></j></record>",
             i ? 1 : (int)len, i ? "y" : text, i ? (int)len : 1, i ? text : "y");
    rows_expect(r, whole);
  }
}

static void test_no_byte_that_is_not_utf8_comes_through_wherever_it_stands(void **state) {
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "t", KIND_TEXT);
  rows_add_column(&r, "j", KIND_JSON);
  rows_begin(&r);
  utf8_for_doubtful(expect_refused_if_wrong, &r);
  rows_deinit(&r);
}

/* Its bytes may stand in keys as well as in values, so it is nil or repaired as a whole. */
static void test_a_document_that_is_not_utf8_follows_the_policy_also_where_its_like_is_known(void **state) {
  static const char *const broken[] = {"{\"a\": \"x\xC3\"}", "{\"a\": \"a string of more than 16 bytes\xC3\"}",
                                       "{\"a\": \"\\n\xC3\"}", "{\"a\xC3\": \"x\"}"};
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    struct rows r;
    rows_init(&r, &format_xml, "");
    rows_add_column(&r, "j", KIND_JSON);
    r.spec.special = SPECIAL_NULL;
    rows_begin(&r);
    r.cells[0] = rows_text("{\"a\": \"y\"}");
    for (int k = 0; k < 3; k++) rows_encode(&r);
    buffer_reset(&r.out);
    r.cells[0] = rows_text(broken[i]);
    rows_encode(&r);
    rows_expect(&r, "\n<record><j" NIL "</record>");
    assert_int_equal(r.format->counts(r.encoder).specials, 1);
    rows_deinit(&r);
  }
}

static void expect_specials(enum special special, const char *expected) {
  struct rows r;
  rows_init(&r, &format_xml, "");
  rows_add_column(&r, "d", KIND_DATE);
  rows_add_column(&r, "t", KIND_TIMESTAMP);
  rows_add_column(&r, "x", KIND_TEXT);
  r.spec.special = special;
  rows_begin(&r);
  buffer_reset(&r.out);
  r.cells[0] = CELL("\x80\0\0\0");
  r.cells[1] = CELL("\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF");
  r.cells[2] = CELL("a\0b");
  rows_encode(&r);
  rows_expect(&r, expected);
  assert_int_equal(r.format->counts(r.encoder).specials, 3);
  rows_deinit(&r);
}

static void test_infinite_dates_and_control_characters_follow_the_policy(void **state) {
  expect_specials(SPECIAL_NULL, "\n<record><d" NIL "<t" NIL "<x" NIL "</record>");
  expect_specials(SPECIAL_STRING, "\n<record><d>-infinity</d><t>infinity</t><x>a\xEF\xBF\xBD"
                                  "b</x></record>");
  expect_specials(SPECIAL_REPLACE, "\n<record><d>4714-11-24 BC</d><t>294276-12-31T23:59:59.999999</t>"
                                   "<x>a\xEF\xBF\xBD" "b</x></record>");
}

static void test_a_special_is_by_default_an_error_that_names_the_column(void **state) {
  static const struct { enum kind kind; struct cell cell; } cases[] = {
      {KIND_DATE, {(const uint8_t *)"\x7F\xFF\xFF\xFF", 4}},
      {KIND_TIMESTAMPTZ, {(const uint8_t *)"\x80\0\0\0\0\0\0\0", 8}},
      {KIND_TEXT, {(const uint8_t *)"\x1F", 1}},
      {KIND_TEXT, {(const uint8_t *)"\xED\xA0\x80", 3}},
      {KIND_TEXT, {(const uint8_t *)"0123456789abcdef\xC0\x80", 18}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct rows r;
    rows_init(&r, &format_xml, "");
    rows_add_column(&r, "col", cases[i].kind);
    rows_begin(&r);
    r.cells[0] = cases[i].cell;
    assert_false(rows_try_encode(&r));
    assert_int_equal(r.err.code, ERR_VALUE);
    assert_non_null(strstr(r.err.message, "\"col\""));
    rows_deinit(&r);
  }
}

static void test_names_of_elements_that_are_no_names_are_refused(void **state) {
  static const char *const wrong[][2] = {{"root=a b", "xml.root"}, {"row=1", "xml.row"}, {"row=xmlx", "xml.row"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    struct rows r;
    rows_init(&r, &format_xml, wrong[i][0]);
    rows_add_column(&r, "a", KIND_TEXT);
    assert_false(r.format->open(&r.spec, &r.self, &r.err));
    assert_string_equal(r.err.field, wrong[i][1]);
    rows_deinit(&r);
  }
}

static void expect_count(const char *text, int64_t expected) {
  uint64_t rows = 0;
  struct error err;
  bool ok = rows_count(&format_xml, text, strlen(text), &rows, &err);
  if (ok != (expected >= 0)) print_error("%s\n", text);
  assert_int_equal(ok, expected >= 0);
  if (ok) assert_int_equal(rows, expected);
}

static void test_counting_follows_tags_to_the_roots_end(void **state) {
  expect_count("<records></records>", 0);
  expect_count("<?xml version='1.0'?><records><record><record>1</record></record>\n<record/></records>\n", 2);
  expect_count("", -1);
  expect_count("<records>", -1);
  expect_count("<records><record></records>", -1);
  expect_count("<records><record></record>", -1);
  expect_count("<records></records", -1);
  expect_count("<records></records>x", -1);
  expect_count("<records>x</records>", -1);
  expect_count("<records></record>", -1);
  expect_count("<records></records><records></records>", -1);
  expect_count("<other></other>", -1);
}

static void test_attributes_keep_quotes_tabs_and_line_feeds(void **state) {
  struct rows r;
  rows_init(&r, &format_xml, "values=attributes,declaration=no,indent=1");
  rows_add_column(&r, "a b", KIND_TEXT);
  rows_add_column(&r, "n", KIND_TEXT);
  rows_add_column(&r, "j", KIND_JSON);
  rows_begin(&r);
  r.cells[0] = rows_text("<\"\t\n\r&");
  r.cells[1] = rows_null();
  r.cells[2] = rows_text("[1,\"x\"]");
  rows_encode(&r);
  rows_end(&r);
  rows_expect(&r, "<records>\n <record a_x0020_b=\"&lt;&quot;&#x09;&#x0a;&#x0d;&amp;\" "
                  "j=\"[1,&quot;x&quot;]\"/>\n</records>\n");
  rows_deinit(&r);
}

static void test_quotes_in_comments_of_a_document_type_are_none(void **state) {
  expect_whole(&format_xml, "<!DOCTYPE a [<!-- it's - here > -->\n<?p '?><!ENTITY b '-->]'>]><a><b/></a>", 1);
  expect_whole(&format_xml, "<!DOCTYPE a SYSTEM 'it-->\"s'><a/>", 0);
  expect_whole(&format_xml, "<!DOCTYPE a [<!--->'-->]><a/>", 0);
  expect_whole(&format_xml, "<!DOCTYPE a [<!-- ]><a/>", -1);
  expect_whole(&format_xml, "<!DOCTYPE a [<?p ]><a/>", -1);
}

static void test_control_characters_and_hyphens_in_comments_are_not_well_formed(void **state) {
  expect_whole(&format_xml, "<a b='\x01'/>", -1);
  expect_whole(&format_xml, "<a><![CDATA[\x1F]]></a>", -1);
  expect_whole(&format_xml, "<a><!-- \x02 --></a>", -1);
  expect_whole(&format_xml, "<a>x\x0Cy</a>", -1);
  expect_whole(&format_xml, "<a><!-- b -- c --></a>", -1);
  expect_whole(&format_xml, "<a><!-- b ---></a>", -1);
  expect_whole(&format_xml, "<a b='\t'>\r\n<!-- - - -->\t</a>", 0);
}

static void test_xml_of_any_writer_is_whole_where_it_is_well_formed(void **state) {
  expect_whole(&format_xml, "<a/>", 0);
  expect_whole(&format_xml, "<a>text &amp; more &#xE9;</a>", 0);
  expect_whole(&format_xml, "\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- a > b -->\n<a x = '<' />", -1);
  expect_whole(&format_xml, "\xEF\xBB\xBF<?xml version='1.0'?>\n<!-- a > b -->\n<a x = '>' y=\"'\"/>\n<!-- <end> "
               "-->\n<?pi a?b?>\n",
               0);
  expect_whole(&format_xml, "<!DOCTYPE a [<!ENTITY b \"]>\">]><a><b><![CDATA[</b>]]]></b><!-- <b> --><b/>&b;</a>", 2);
  expect_whole(&format_xml, "<a><b><c></b></c></a>", -1);
  expect_whole(&format_xml, "<a><![CDATA[</a>", -1);
  expect_whole(&format_xml, "<a><!-- </a>", -1);
  expect_whole(&format_xml, "<a><?pi </a>", -1);
  expect_whole(&format_xml, "<a b></a>", -1);
  expect_whole(&format_xml, "<a b=c></a>", -1);
  expect_whole(&format_xml, "<a b='c'd='e'></a>", -1);
  expect_whole(&format_xml, "<a>a & b</a>", -1);
  expect_whole(&format_xml, "<a>a &b</a>", -1);
  expect_whole(&format_xml, "<a>a < b</a>", -1);
  expect_whole(&format_xml, "<a></a", -1);
  expect_whole(&format_xml, "<a></a><b/>", -1);
  expect_whole(&format_xml, "<a></a>x", -1);
  expect_whole(&format_xml, "<a></a ></a>", -1);
  expect_whole(&format_xml, "x<a/>", -1);
  expect_whole(&format_xml, "<a/><![CDATA[]]>", -1);
  expect_whole(&format_xml, "<a/><!DOCTYPE a>", -1);
  expect_whole(&format_xml, "<!-- -->", -1);
}

/* As many levels as there are names kept for, and more, which are counted. */
static void test_elements_nest_as_deep_as_they_like(void **state) {
  enum { DEPTH = 10000 };
  struct buffer text;
  buffer_init(&text, 1u << 20);
  for (int i = 0; i < DEPTH; i++) buffer_append_string(&text, "<a>");
  for (int i = 0; i < DEPTH; i++) buffer_append_string(&text, "</a>");
  buffer_append_byte(&text, 0);
  expect_whole(&format_xml, (const char *)text.data, 1);
  text.data[text.len - 2] = ' ';
  expect_whole(&format_xml, (const char *)text.data, -1);
  buffer_deinit(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_are_escaped_as_sql_xml_says),
      cmocka_unit_test(test_no_rows_are_an_empty_root),
      cmocka_unit_test(test_text_is_escaped_so_that_a_parser_gives_it_back),
      cmocka_unit_test(test_scalars_have_the_text_of_xmlforest),
      cmocka_unit_test(test_json_becomes_nested_elements),
      cmocka_unit_test(test_keys_keep_their_own_names_however_many_have_been_met),
      cmocka_unit_test(test_strings_of_every_length_are_escaped_wherever_it_is_needed),
      cmocka_unit_test(test_numbers_and_words_are_written_as_they_stand),
      cmocka_unit_test(test_a_long_document_is_written_like_a_short_one),
      cmocka_unit_test(test_text_that_is_no_json_is_an_error_not_a_broken_document),
      cmocka_unit_test(test_depth_is_bounded_by_the_scanner_not_by_the_stack),
      cmocka_unit_test(test_what_xml_cannot_hold_follows_the_policy_at_its_own_element),
      cmocka_unit_test(test_infinite_dates_and_control_characters_follow_the_policy),
      cmocka_unit_test(test_a_special_is_by_default_an_error_that_names_the_column),
      cmocka_unit_test(test_half_a_surrogate_pair_in_a_key_is_counted_each_time),
      cmocka_unit_test(test_no_byte_that_is_not_utf8_comes_through_wherever_it_stands),
      cmocka_unit_test(test_a_document_that_is_not_utf8_follows_the_policy_also_where_its_like_is_known),
      cmocka_unit_test(test_names_of_elements_that_are_no_names_are_refused),
      cmocka_unit_test(test_attributes_keep_quotes_tabs_and_line_feeds),
      cmocka_unit_test(test_counting_follows_tags_to_the_roots_end),
      cmocka_unit_test(test_quotes_in_comments_of_a_document_type_are_none),
      cmocka_unit_test(test_control_characters_and_hyphens_in_comments_are_not_well_formed),
      cmocka_unit_test(test_xml_of_any_writer_is_whole_where_it_is_well_formed),
      cmocka_unit_test(test_elements_nest_as_deep_as_they_like),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
