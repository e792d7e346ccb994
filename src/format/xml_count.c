#include "format/xml_count.h"

#include "format/text.h"

#define NAME_MAX_BYTES 64   /* of the tags that are looked at: the root's and the rows' */

/* Where the reader is, between two bytes. */
struct tracker {
  enum { IN_TEXT, IN_TAG, IN_DECLARATION } state;
  uint64_t depth, rows;
  bool has_root, is_end_tag;
  uint8_t last;                  /* byte before, inside a tag */
  uint8_t quote;                 /* the quote that an attribute's value began with, or 0 */
  bool name_is_complete;
  size_t name_len;
  char name[NAME_MAX_BYTES];     /* of the tag */
  bool takes_any_names;          /* else the root's and the rows' must be the default ones */
  size_t root_len;
  char root[NAME_MAX_BYTES];     /* of the root's start tag */
};

static bool cut(const struct text_pieces *pieces, const uint8_t *at, const char *why, struct error *err) {
  return fail(err, ERR_VALUE, "the XML file is not whole: %s at byte %llu", why,
              (unsigned long long)(pieces->offset + (uint64_t)(at - pieces->bytes)));
}

static void begin_tag(struct tracker *t) {
  t->state = IN_TAG;
  t->last = '<';
  t->is_end_tag = t->name_is_complete = false;
  t->quote = 0;
  t->name_len = 0;
}

static bool name_is(const struct tracker *t, const char *name) {
  return t->name_len == strlen(name) && memcmp(t->name, name, t->name_len) == 0;
}

static bool is_root(const struct tracker *t) {
  if (!t->takes_any_names) return name_is(t, XML_ROOT_DEFAULT);
  return t->name_len == t->root_len && memcmp(t->name, t->root, t->root_len) == 0;
}

static bool is_row(const struct tracker *t) { return t->takes_any_names || name_is(t, XML_ROW_DEFAULT); }

/* The > of a tag. NULL, or what is wrong. */
static const char *end_tag(struct tracker *t) {
  t->state = IN_TEXT;
  if (t->is_end_tag) {
    if (t->depth == 0) return "an end tag without its start tag";
    t->depth--;
    if (t->depth == 0 && !is_root(t)) return "the root's end tag is another one";
    if (t->depth == 1 && !is_row(t)) return "a row's end tag is another one";
    return NULL;
  }
  bool is_empty = t->last == '/';
  if (t->depth == 0) {
    if (t->has_root) return "a second root";
    memcpy(t->root, t->name, t->name_len);
    t->root_len = t->name_len;
    if (is_empty || !is_root(t)) return "the root is not <" XML_ROOT_DEFAULT ">";
    t->has_root = true;
  }
  if (t->depth == 1) {
    if (!is_row(t)) return "a row is not <" XML_ROW_DEFAULT ">";
    t->rows++;
  }
  if (!is_empty) t->depth++;
  return NULL;
}

/* One byte inside a tag. */
static const char *pass_tag_byte(struct tracker *t, uint8_t c) {
  const char *wrong = NULL;
  if (t->quote) {
    if (c == t->quote) t->quote = 0;
  } else if (c == '"' || c == '\'') {
    t->quote = c;
  } else if (c == '>') {
    wrong = end_tag(t);
  } else if (t->last == '<' && c == '/' && !t->is_end_tag) {
    t->is_end_tag = true;
    return NULL;   /* last stays: the name comes now */
  } else if (t->last == '<' && c == '?') {
    t->state = IN_DECLARATION;
  } else if (c == ' ' || c == '/') {
    t->name_is_complete = true;
  } else if (!t->name_is_complete && t->name_len < NAME_MAX_BYTES) {
    t->name[t->name_len++] = (char)c;
  }
  t->last = c;
  return wrong;
}

/* Text: to the next tag. Outside the root only white space may stand. */
static const uint8_t *pass_text(struct tracker *t, const uint8_t *at, const uint8_t *end, const char **wrong) {
  if (t->depth <= 1) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    if (at < end && *at != '<') *wrong = "text between rows";
  } else {
    at = memchr(at, '<', (size_t)(end - at));
    if (!at) return end;
  }
  if (at == end || *wrong) return at;
  begin_tag(t);
  return at + 1;
}

static bool track(int fd, bool takes_any_names, uint64_t *rows, struct error *err) {
  struct text_pieces pieces = {.fd = fd};
  struct tracker t = {.state = IN_TEXT, .takes_any_names = takes_any_names};
  for (;;) {
    if (!text_next_piece(&pieces, err)) return false;
    const uint8_t *at = pieces.bytes, *end = at + pieces.len;
    if (at == end) break;
    while (at < end) {
      const char *wrong = NULL;
      if (t.state == IN_TEXT) {
        at = pass_text(&t, at, end, &wrong);
      } else if (t.state == IN_TAG) {
        wrong = pass_tag_byte(&t, *at++);
      } else {
        if (*at == '>' && t.last == '?') t.state = IN_TEXT;
        t.last = *at++;
      }
      if (wrong) return cut(&pieces, at, wrong, err);
    }
  }
  if (!t.has_root || t.depth > 0 || t.state != IN_TEXT)
    return cut(&pieces, pieces.bytes, "its end comes before the root's end tag", err);
  *rows = t.rows;
  return true;
}

bool xml_count_rows(int fd, uint64_t *rows, struct error *err) { return track(fd, false, rows, err); }

bool xml_check_whole(int fd, uint64_t *rows, struct error *err) { return track(fd, true, rows, err); }
