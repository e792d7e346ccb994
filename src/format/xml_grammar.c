#include "format/xml_grammar.h"

#include "format/text.h"

#include <string.h>

#define FNV_START 2166136261u
#define FNV_PRIME 16777619u

void xml_grammar_begin(struct xml_grammar *g) {
  g->place = XML_IN_TEXT;
  g->event = XML_NOTHING;
  g->depth = 0;
  g->has_root = g->has_text = false;
}

static bool is_space(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/* Letters, and all that is beyond ASCII: which of it are letters is left to readers. */
static bool begins_name(uint8_t c) {
  uint8_t letter = c | 0x20;
  return (letter >= 'a' && letter <= 'z') || c == '_' || c == ':' || c >= 0x80;
}

static bool is_of_name(uint8_t c) { return begins_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.'; }

/* ---- elements --------------------------------------------------------------------------------------- */

static void begin_name(struct xml_grammar *g, enum xml_place place) {
  g->place = place;
  g->name_hash = FNV_START;
  g->name_len = 0;
}

static void add_to_name(struct xml_grammar *g, uint8_t c) {
  g->name_hash = (g->name_hash ^ c) * FNV_PRIME;
  if (g->name_len < XML_NAME_KEPT_MAX) g->name[g->name_len] = (char)c;
  g->name_len++;
}

static const char *open_element(struct xml_grammar *g, bool is_empty) {
  if (g->depth == 0 && g->has_root) return "a second root";
  g->has_root = true;
  g->place = XML_IN_TEXT;
  g->event = is_empty ? XML_EMPTY : XML_START;
  if (is_empty) return NULL;
  if (g->depth < XML_LEVELS_MAX) g->open_hashes[g->depth] = g->name_hash;
  g->depth++;
  return NULL;
}

static const char *close_element(struct xml_grammar *g) {
  if (g->depth == 0) return "an end tag without its start tag";
  g->depth--;
  if (g->depth < XML_LEVELS_MAX && g->open_hashes[g->depth] != g->name_hash)
    return "an end tag of another name";
  g->place = XML_IN_TEXT;
  g->event = XML_END;
  return NULL;
}

/* Behind a start tag's name, or a value of it. */
static const char *end_or_go_on(struct xml_grammar *g, uint8_t c) {
  if (c == '>') return open_element(g, false);
  if (c != '/' && !is_space(c)) return "no space in a tag";
  g->place = c == '/' ? XML_AFTER_SLASH : XML_IN_START_TAG;
  return NULL;
}

static const char *pass_start_tag(struct xml_grammar *g, uint8_t c) {
  if (is_space(c)) return NULL;
  if (c == '>' || c == '/') return end_or_go_on(g, c);
  if (!begins_name(c)) return "no attribute in a tag";
  g->place = XML_IN_ATTRIBUTE;
  return NULL;
}

static const char *pass_attribute(struct xml_grammar *g, uint8_t c) {
  if (c == '=') g->place = XML_BEFORE_VALUE;
  else if (is_space(c)) g->place = XML_AFTER_ATTRIBUTE;
  else if (g->place == XML_AFTER_ATTRIBUTE || !is_of_name(c)) return "an attribute without a value";
  return NULL;
}

static const char *pass_before_value(struct xml_grammar *g, uint8_t c) {
  if (is_space(c)) return NULL;
  if (c != '"' && c != '\'') return "an attribute's value without quotes";
  g->place = XML_IN_VALUE;
  g->quote = c;
  return NULL;
}

static void begin_reference(struct xml_grammar *g, bool in_value) {
  g->place = XML_IN_REFERENCE;
  g->reference_in_value = in_value;
  g->is_in_reference = false;
}

static const char *pass_value(struct xml_grammar *g, uint8_t c) {
  if (c == '<') return "a < in an attribute's value";
  if (c == g->quote) g->place = XML_AFTER_VALUE;
  else if (c == '&') begin_reference(g, true);
  return NULL;
}

/* &name; or &#123;: which names there are is left to readers. */
static const char *pass_reference(struct xml_grammar *g, uint8_t c) {
  if (c == ';' && g->is_in_reference) {
    g->place = g->reference_in_value ? XML_IN_VALUE : XML_IN_TEXT;
    return NULL;
  }
  bool is_right = g->is_in_reference ? is_of_name(c) : begins_name(c) || c == '#';
  g->is_in_reference = true;
  return is_right ? NULL : "an & that begins no reference";
}

static const char *pass_end_name(struct xml_grammar *g, uint8_t c) {
  if (c == '>' && g->name_len > 0) return close_element(g);
  bool begins = g->name_len == 0;
  if (g->place == XML_IN_END_NAME && (begins ? begins_name(c) : is_of_name(c))) {
    add_to_name(g, c);
    return NULL;
  }
  if (begins || !is_space(c)) return "an end tag that does not end";
  g->place = XML_AFTER_END_NAME;
  return NULL;
}

/* ---- what is no element ----------------------------------------------------------------------------- */

static const char *begin_word(struct xml_grammar *g, const char *word, enum xml_place after) {
  g->place = XML_IN_WORD;
  g->word = word;
  g->place_after_word = after;
  return NULL;
}

static const char *pass_bang(struct xml_grammar *g, uint8_t c) {
  if (c == '-') return begin_word(g, "-", XML_IN_COMMENT);
  if (c == '[' && g->depth > 0) return begin_word(g, "CDATA[", XML_IN_CDATA);
  if (c == 'D' && !g->has_root) return begin_word(g, "OCTYPE", XML_IN_DOCTYPE);
  return "a declaration in the wrong place";
}

static const char *pass_word(struct xml_grammar *g, uint8_t c) {
  if (c != (uint8_t)*g->word) return "a declaration that there is not";
  if (*++g->word) return NULL;
  g->place = g->place_after_word;
  g->before[0] = g->before[1] = 0;
  g->subset_depth = 0;
  g->quote = 0;
  return NULL;
}

static void note_before(struct xml_grammar *g, uint8_t c) {
  g->before[0] = g->before[1];
  g->before[1] = c;
}

/* Up to the three (or, of instructions, two) bytes that end it. */
static const char *pass_section(struct xml_grammar *g, uint8_t c, const char *end) {
  bool is_instruction = g->place == XML_IN_INSTRUCTION;
  bool may_end = g->before[1] == (uint8_t)end[1] && (is_instruction || g->before[0] == (uint8_t)end[0]);
  if (may_end && c == '>') g->place = XML_IN_TEXT;
  else if (may_end && g->place == XML_IN_COMMENT) return "two hyphens within a comment";
  note_before(g, c);
  return NULL;
}

/* Comments and instructions of the document type, in which a quote is none: `quote` is what they end with. */
static bool begins_doctype_section(struct xml_grammar *g, uint8_t c) {
  bool is_comment = c == '-' && g->before[0] == '!' && g->before[1] == '-';
  if (g->quote || !(is_comment || (c == '?' && g->before[1] == '<'))) return false;
  g->quote = c;
  g->before[0] = g->before[1] = 0;
  return true;
}

/* Passed over: quotes and brackets say where it ends. */
static const char *pass_doctype(struct xml_grammar *g, uint8_t c) {
  if (begins_doctype_section(g, c)) return NULL;
  if (g->quote == '-' || g->quote == '?') {
    if (c == '>' && g->before[1] == g->quote && (g->quote == '?' || g->before[0] == '-')) g->quote = 0;
  } else if (g->quote) {
    if (c == g->quote) g->quote = 0;
  } else if (c == '"' || c == '\'') {
    g->quote = c;
  } else if (c == '[') {
    g->subset_depth++;
  } else if (c == ']' && g->subset_depth > 0) {
    g->subset_depth--;
  } else if (c == '>' && g->subset_depth == 0) {
    g->place = XML_IN_TEXT;
  }
  note_before(g, c);
  return NULL;
}

static const char *pass_less(struct xml_grammar *g, uint8_t c) {
  if (c == '/') {
    begin_name(g, XML_IN_END_NAME);
  } else if (c == '?') {
    g->place = XML_IN_INSTRUCTION;
    g->before[0] = g->before[1] = 0;
  } else if (c == '!') {
    g->place = XML_AFTER_BANG;
  } else if (begins_name(c)) {
    begin_name(g, XML_IN_START_NAME);
    add_to_name(g, c);
  } else {
    return "a < that begins no tag";
  }
  return NULL;
}

static const char *pass_text(struct xml_grammar *g, uint8_t c) {
  if (c == '<') {
    g->place = XML_AFTER_LESS;
    return NULL;
  }
  if (is_space(c)) return NULL;
  g->has_text = true;
  if (g->depth == 0) return "text outside of the root";
  if (c == '&') begin_reference(g, false);
  return NULL;
}

static const char *pass(struct xml_grammar *g, uint8_t c) {
  switch (g->place) {
    case XML_IN_TEXT: return pass_text(g, c);
    case XML_IN_REFERENCE: return pass_reference(g, c);
    case XML_AFTER_LESS: return pass_less(g, c);
    case XML_IN_START_NAME:
      if (!is_of_name(c)) return end_or_go_on(g, c);
      add_to_name(g, c);
      return NULL;
    case XML_IN_START_TAG: return pass_start_tag(g, c);
    case XML_IN_ATTRIBUTE:
    case XML_AFTER_ATTRIBUTE: return pass_attribute(g, c);
    case XML_BEFORE_VALUE: return pass_before_value(g, c);
    case XML_IN_VALUE: return pass_value(g, c);
    case XML_AFTER_VALUE: return end_or_go_on(g, c);
    case XML_AFTER_SLASH: return c == '>' ? open_element(g, true) : "a tag that does not end";
    case XML_IN_END_NAME:
    case XML_AFTER_END_NAME: return pass_end_name(g, c);
    case XML_AFTER_BANG: return pass_bang(g, c);
    case XML_IN_WORD: return pass_word(g, c);
    case XML_IN_COMMENT: return pass_section(g, c, "--");
    case XML_IN_CDATA: return pass_section(g, c, "]]");
    case XML_IN_INSTRUCTION: return pass_section(g, c, "??");
    case XML_IN_DOCTYPE: return pass_doctype(g, c);
  }
  return "a place that there is not";
}

const char *xml_grammar_pass(struct xml_grammar *g, uint8_t c) {
  if (g->event != XML_NOTHING) g->has_text = false;
  g->event = XML_NOTHING;
  return c < 0x20 && !is_space(c) ? "a control character" : pass(g, c);
}

const uint8_t *xml_grammar_pass_below(struct xml_grammar *g, uint64_t depth, const uint8_t *at,
                                      const uint8_t *end, const char **why) {
  for (*why = NULL; at < end && g->depth > depth; at++) {
    if (g->place == XML_IN_TEXT) at = text_skip_plain(at, end, '<', '&');
    else if (g->place == XML_IN_START_NAME || (g->place == XML_IN_END_NAME && g->name_len > 0))
      while (at < end && is_of_name(*at)) add_to_name(g, *at++);
    if (at == end || (*why = xml_grammar_pass(g, *at))) break;
  }
  return at;
}

bool xml_grammar_is_complete(const struct xml_grammar *g) {
  return g->has_root && g->depth == 0 && g->place == XML_IN_TEXT;
}

bool xml_grammar_name_is(const struct xml_grammar *g, const char *name) {
  return g->name_len == strlen(name) && g->name_len <= XML_NAME_KEPT_MAX &&
         memcmp(g->name, name, g->name_len) == 0;
}
