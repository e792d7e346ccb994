/*
 * XML, byte by byte: is a text that comes in pieces well-formed, as far as constant memory can tell? Tags, attributes,
 * comments, CDATA sections, processing instructions and a document type (passed over, not read); the names of end tags
 * for XML_LEVELS_MAX elements that are open, deeper ones are counted only. The text's encoding is not looked at: it must
 * be one that agrees with ASCII. Attributes that come twice and ]]> in text are let pass.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XML_LEVELS_MAX 4096
#define XML_NAME_KEPT_MAX 64

enum xml_place {
  XML_IN_TEXT, XML_IN_REFERENCE, XML_AFTER_LESS,
  XML_IN_START_NAME, XML_IN_START_TAG, XML_IN_ATTRIBUTE, XML_AFTER_ATTRIBUTE, XML_BEFORE_VALUE, XML_IN_VALUE,
  XML_AFTER_VALUE, XML_AFTER_SLASH, XML_IN_END_NAME, XML_AFTER_END_NAME,
  XML_AFTER_BANG, XML_IN_WORD, XML_IN_COMMENT, XML_IN_CDATA, XML_IN_INSTRUCTION, XML_IN_DOCTYPE,
};

/* What has just ended. */
enum xml_event { XML_NOTHING, XML_START, XML_END, XML_EMPTY };

struct xml_grammar {
  enum xml_place place;
  enum xml_event event;              /* of the byte that was passed last */
  uint64_t depth;                    /* open elements; XML_START: the new one included */
  bool has_root;
  bool has_text;                     /* since the last tag: other than white space */
  uint8_t quote;                     /* that the open value began with;
                                        - or ?: of a document type's comment, instruction */
  uint8_t before[2];                 /* the last two bytes, of comments, sections and the like */
  const char *word;                  /* what is still to come of <![CDATA[ or <!DOCTYPE */
  enum xml_place place_after_word;
  unsigned subset_depth;             /* brackets of the document type */
  bool is_in_reference;              /* a character of &name; has come */
  bool reference_in_value;
  uint32_t name_hash;                /* of the tag */
  size_t name_len;
  char name[XML_NAME_KEPT_MAX];      /* its first bytes */
  uint32_t open_hashes[XML_LEVELS_MAX];
};

void xml_grammar_begin(struct xml_grammar *g);

/* One byte; `event` says what it ended. NULL, or why it is wrong: nothing can follow then. */
const char *xml_grammar_pass(struct xml_grammar *g, uint8_t c);

/*
 * As many bytes as there are while more than `depth` elements are open. Behind the last byte; at the wrong one, where
 * *why says how.
 */
const uint8_t *xml_grammar_pass_below(struct xml_grammar *g, uint64_t depth, const uint8_t *at,
                                      const uint8_t *end, const char **why);

/* Could the text end here? */
bool xml_grammar_is_complete(const struct xml_grammar *g);

/* Is the tag that ended last called so? */
bool xml_grammar_name_is(const struct xml_grammar *g, const char *name);
