#include "source/seed_row.h"

#include "pg/pg.h"

#include <inttypes.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

/*
 * Words are picked by bits of a hash, so each list has 32 or 64 of them. The texts hold what exporters
 * stumble over: quotes, commas, line breaks, tabs, backslashes, markup, and scripts of many kinds.
 */
static const char *const given_names[] = {
    "Zoë", "Ann", "José", "Olga", "Łukasz", "Mei", "李", "Noah", "Aïcha", "Björn", "Siân", "Priya", "Юлия",
    "Tom", "Eva", "Ivan", "Hélène", "Max", "Nuño", "Ayşe", "Jean-Luc", "Mary Ann", "さくら", "Omar", "Leïla",
    "Finn", "Ángel", "Ida", "Șerban", "Kofi", "Chloé", "Dr. Kim", "Ada", "Alan", "Barbara", "Dennis",
    "Edsger", "Frances", "Grace", "Hedy", "Jun", "Ken", "Leslie", "Margaret", "Niklaus", "Radia", "Sophie",
    "Tim", "김", "محمد", "Δήμητρα", "Søren", "Jürgen", "Ömer", "Đặng", "Anaïs", "Piotr", "Renée", "Sinéad",
    "Tomáš", "Ursula", "Vera", "Wim", "Yaël"};

static const char *const family_names[] = {
    "Müller", "O'Brien", "Smith", "Garcia", "Nowak", "\"Ace\" Hart", "Smith, Jr.", "Tom & Sons", "Nguyễn",
    "Silva", "Kowalski", "Ivanova", "Sørensen", "Becker <vip>", "Dubois", "Rossi", "Weiß", "Yılmaz", "Novák",
    "Haddad", "Okafor", "Tanaka", "Wang", "Kim", "Patel", "de la Cruz", "van den Berg", "McDonald",
    "D'Angelo", "Großmann", "Żak", "Łoś", "Petrov", "Popescu", "Horváth", "Nagy", "Larsson", "Hansen",
    "Virtanen", "Jansen", "Peeters", "Moreau", "Lefèvre", "Bianchi", "Ferrari", "Costa", "Pereira", "Santos",
    "Lopez", "Fernández", "Ortiz", "Díaz", "Kaya", "Demir", "Papadopoulos", "Cohen", "Ali", "Khan", "Singh",
    "Sato", "Lee", "Chen", "Line\nBreak", "Tab\tStop"};

/* JSON text. */
static const char *const tags[] = {
    "[]", "[\"new\"]", "[\"new\", \"b2b\"]", "[\"sale\"]", "[\"sale\", \"new\"]", "[\"vip\"]",
    "[\"vip\", \"b2b\"]", "[\"late\"]", "[\"a,b\"]", "[\"<html>\"]", "[\"R&D\"]", "[\"été\", \"hiver\"]",
    "[\"日本\"]", "[\"red\", \"green\", \"blue\"]", "[\"x\", null]", "[\"web\"]", "[\"web\", \"app\"]",
    "[\"app\"]", "[\"gift\"]", "[\"gift\", \"express\"]", "[\"express\"]", "[\"export\"]", "[\"import\"]",
    "[\"test\"]", "[\"beta\"]", "[\"beta\", \"web\"]", "[\"gold\"]", "[\"silver\"]", "[\"bronze\"]",
    "[\"\\\"quoted\\\"\"]", "[\"back\\\\slash\"]", "[\"north\", \"south\", \"east\", \"west\"]"};

/* JSON members, each with a comma before it; two rows of three have none. */
static const char *const notes[] = {
    "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", "", ", \"note\": null",
    ", \"note\": null", ", \"note\": null", ", \"note\": \"\"", ", \"note\": \"call, then ship\"",
    ", \"note\": \"said \\\"yes\\\"\"", ", \"note\": \"first line\\nsecond line\"",
    ", \"note\": \"a < b && c > d\"", ", \"note\": \"C:\\\\temp\\ttab\"", ", \"note\": \"naïve café ☕ 😀\"",
    ", \"note\": \"it's <b>\\\"fine\\\"</b> & done\""};

/* Whole degrees; the row's hash adds the decimals. */
static const struct city { const char *name, *latitude, *longitude; } cities[] = {
    {"Zürich", "47", "8"}, {"London", "51", "-0"}, {"Paris", "48", "2"}, {"Berlin", "52", "13"},
    {"München", "48", "11"}, {"Kraków", "50", "19"}, {"Łódź", "51", "19"}, {"São Paulo", "-23", "-46"},
    {"Bogotá", "4", "-74"}, {"México", "19", "-99"}, {"New York", "40", "-74"}, {"Los Angeles", "34", "-118"},
    {"東京", "35", "139"}, {"大阪", "34", "135"}, {"北京", "39", "116"}, {"서울", "37", "126"},
    {"Москва", "55", "37"}, {"Київ", "50", "30"}, {"Αθήνα", "37", "23"}, {"القاهرة", "30", "31"},
    {"İstanbul", "41", "29"}, {"Lagos", "6", "3"}, {"Nairobi", "-1", "36"}, {"Cape Town", "-33", "18"},
    {"Sydney", "-33", "151"}, {"Auckland", "-36", "174"}, {"Reykjavík", "64", "-21"}, {"Tromsø", "69", "18"},
    {"Malmö", "55", "13"}, {"Århus", "56", "10"}, {"Köln", "50", "6"}, {"Genève", "46", "6"}};

_Static_assert(COUNT(given_names) == 64 && COUNT(family_names) == 64, "picked by six bits");
_Static_assert(COUNT(tags) == 32 && COUNT(notes) == 32 && COUNT(cities) == 32, "picked by five bits");

/* (ARRAY[…])[the bits of a from `bit` on]: `words` is the first of `count` pointers, `stride` bytes apart. */
static void append_pick(struct buffer *sql, const char *const *words, size_t stride, size_t count, int bit) {
  buffer_append_string(sql, "(ARRAY[");
  for (size_t i = 0; i < count; i++) {
    if (i) buffer_append_byte(sql, ',');
    pg_quote_literal(sql, *(const char *const *)((const char *)words + i * stride));
  }
  buffer_appendf(sql, "])[1 + (a >> %d & %zu)]", bit, count - 1);
}

static void append_metadata(struct buffer *sql) {
  buffer_append_string(sql, "('{\"tags\": ' || ");
  append_pick(sql, tags, sizeof *tags, COUNT(tags), 24);
  buffer_append_string(sql, " || ', \"score\": ' || (a >> 29 & 127) || '.' || (a >> 36 & 7)"
                            " || CASE WHEN (a >> 39 & 1) = 1 THEN ', \"active\": true'"
                            " ELSE ', \"active\": false' END || ");
  append_pick(sql, notes, sizeof *notes, COUNT(notes), 40);
  /* One row in 65,536 has keys that a sample of the table is likely to miss. */
  buffer_append_string(sql, " || CASE WHEN (b >> 47 & 65535) = 0"
                            " THEN ', \"promo\": {\"code\": \"A&B\", \"percent\": 15}' ELSE '' END"
                            " || CASE a >> 57 & 31 WHEN 0 THEN ', \"address\": null}'"
                            " WHEN 1 THEN ', \"address\": {\"city\": \"Atlantis\"}}'"
                            " ELSE ', \"address\": {\"city\": \"' || ");
  append_pick(sql, &cities->name, sizeof *cities, COUNT(cities), 45);
  buffer_append_string(sql, " || '\", \"geo\": {\"lat\": ' || ");
  append_pick(sql, &cities->latitude, sizeof *cities, COUNT(cities), 45);
  buffer_append_string(sql, " || '.' || (1000 + (c & 8191)) || ', \"lon\": ' || ");
  append_pick(sql, &cities->longitude, sizeof *cities, COUNT(cities), 45);
  buffer_append_string(sql, " || '.' || (1000 + (c >> 13 & 8191)) || '}}}' END)::jsonb");
}

/*
 * hashint8extended decides where rows of hash-partitioned tables live, so no version of the server can
 * change it. OFFSET 0 keeps the planner from computing the hashes anew at each use.
 * Text cast to jsonb takes a third of the time of jsonb_build_object.
 */
void seed_row_select(struct buffer *sql, int64_t first, int64_t last) {
  buffer_append_string(sql, "SELECT i AS id, timestamptz '2020-01-01 00:00:00+00'"
                            " + (b & 140737488355327) * interval '1 microsecond' AS created_at, ");
  append_pick(sql, given_names, sizeof *given_names, COUNT(given_names), 0);
  buffer_append_string(sql, " || ' ' || ");
  append_pick(sql, family_names, sizeof *family_names, COUNT(family_names), 6);
  buffer_append_string(sql, " || ' ' || (a >> 12 & 4095) AS name,"
                            " (c >> (6 + (a >> 51 & 63) * 3 / 4)::int) * 0.0001 AS value, ");
  append_metadata(sql);
  buffer_appendf(sql, " AS metadata FROM (SELECT i, hashint8extended(i, 1) AS a, hashint8extended(i, 2) AS b,"
                      " hashint8extended(i, 3) AS c"
                      " FROM generate_series(%" PRId64 "::bigint, %" PRId64 "::bigint) AS i OFFSET 0) AS h",
                 first, last);
}
