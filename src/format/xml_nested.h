/*
 * JSON as nested elements. Private to src/format. One encoder's: not thread-safe.
 */
#pragma once
#include "format/text.h"
#include "format/xml_gaps.h"

struct xml_frame;

/* A key that has been met, and the name it has in XML: documents of one column have the same few keys. */
#define XML_KEY_BYTES 16
#define XML_NAME_BYTES 32
#define XML_KEYS_KEPT 128   /* a power of two */
struct xml_key {
  uint64_t text[XML_KEY_BYTES / 8];   /* zeros behind the key */
  uint8_t text_len, name_len;         /* text_len 0: none yet */
  uint8_t name[XML_NAME_BYTES];
};

/* Where a column's documents begin, and whether to try what was learned of them. */
struct xml_root { uint32_t place; struct gap_trust trust; };

/* Documents up to this are copied to where some bytes beyond the end can be read. */
#define XML_DOCUMENT_BYTES 4096
#define XML_SLACK_BYTES 64

/* What NULL becomes: <x xsi:nil="true"/>, nothing, <x/>. */
enum xml_null { XML_NULL_XSI, XML_NULL_ABSENT, XML_NULL_EMPTY };

struct xml_nested {
  enum special special;
  struct text_specials *specials;   /* the encoder's; borrowed */
  enum xml_null null_as;
  uint32_t nil_len;
  char nil[18];                 /* what takes the place of a start tag's > where the element is null */
  struct xml_frame *frames;     /* the open elements; kept from row to row */
  size_t frame_capacity;        /* at most JSON_DEPTH_MAX */
  struct buffer scratch;        /* an unescaped string, or a name */
  struct xml_gaps gaps;
  struct xml_root *roots;       /* per cell */
  uint32_t root_count;
  bool learns;                  /* the next document: it is one that is not known */
  struct xml_key keys[XML_KEYS_KEPT];   /* found by a hash of the key; a newcomer takes the place */
  uint8_t document[XML_DOCUMENT_BYTES + XML_SLACK_BYTES];   /* a short document, zeros behind it */
};

void xml_nested_init(struct xml_nested *n, enum special special, enum xml_null null_as,
                     struct text_specials *specials);
void xml_nested_deinit(struct xml_nested *n);

/*
 * Appends the content of a document that looks like those before it, which need not be known to be UTF-8: its strings
 * are looked at, and all else of it is compared with what was. False, and nothing appended, where it looks otherwise;
 * the next xml_nested_append may then learn from it.
 */
bool xml_nested_append_known(struct xml_nested *n, const struct text_column *column, const uint8_t *json, size_t len,
                             struct buffer *out) MUST_CHECK;

/*
 * The same for any JSON in UTF-8: the content of the element of a column whose start tag stands at the end of
 * `out`. *is_nil says that the element is null instead, and that nothing was appended.
 * ERR_SOURCE where the text is not JSON; ERR_VALUE under SPECIAL_ERROR.
 */
bool xml_nested_append(struct xml_nested *n, const struct text_column *column, const uint8_t *json, size_t len,
                       struct buffer *out, bool *is_nil, struct error *err) MUST_CHECK;

/* The value's text by the policy: *is_nil where it cannot be said and special is null. Counts. */
bool xml_append_text(struct xml_nested *n, const struct text_column *column, const uint8_t *text, size_t len,
                     struct buffer *out, bool *is_nil, struct error *err) MUST_CHECK;

/* Turns the start tag at the end of `out` into an empty element, which is nil unless null_as says otherwise. */
void xml_make_nil(const struct xml_nested *n, struct buffer *out);
