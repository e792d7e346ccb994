#include "format/xml_count.h"

#include "format/text.h"
#include "format/xml_grammar.h"

#include <stdlib.h>

struct walk {
  bool takes_any_shape;          /* else root and rows have their default names, and only rows stand in the root */
  uint64_t rows;
  struct text_pieces pieces;
  struct xml_grammar grammar;
};

static bool cut(const struct walk *w, const uint8_t *at, const char *why, struct error *err) {
  return fail(err, ERR_VALUE, "at byte %llu of the XML: %s",
              (unsigned long long)(w->pieces.offset + (uint64_t)(at - w->pieces.bytes)), why);
}

/* After a byte: counts rows, and holds decant's own shape against them. */
static const char *look(struct walk *w) {
  const struct xml_grammar *g = &w->grammar;
  bool begins = g->event == XML_START || g->event == XML_EMPTY;
  uint64_t level = g->depth - (g->event == XML_START);   /* of the element that begins */
  if (begins && level == 1) w->rows++;
  if (w->takes_any_shape) return NULL;
  if (begins && level == 0 && !xml_grammar_name_is(g, XML_ROOT_DEFAULT))
    return "the root is not <" XML_ROOT_DEFAULT ">";
  if (begins && level == 1 && !xml_grammar_name_is(g, XML_ROW_DEFAULT))
    return "a row is not <" XML_ROW_DEFAULT ">";
  return g->has_text && g->depth == 1 && g->place == XML_IN_TEXT && g->event == XML_NOTHING
             ? "text between rows"
             : NULL;
}

/* Inside of a row the grammar goes on alone. */
static bool pass_piece(struct walk *w, struct error *err) {
  const uint8_t *at = w->pieces.bytes + text_mark_len(&w->pieces), *end = w->pieces.bytes + w->pieces.len;
  for (; at < end; at++) {
    const char *wrong;
    at = xml_grammar_pass_below(&w->grammar, 1, at, end, &wrong);
    if (at == end) break;
    if (!wrong) wrong = xml_grammar_pass(&w->grammar, *at);
    if (!wrong) wrong = look(w);
    if (wrong) return cut(w, at, wrong, err);
  }
  return true;
}

static bool walk(int fd, bool takes_any_shape, uint64_t *rows, struct error *err) {
  struct walk *w = calloc(1, sizeof *w);
  if (!w) return fail_memory(err, "reading XML");
  w->takes_any_shape = takes_any_shape;
  w->pieces.fd = fd;
  xml_grammar_begin(&w->grammar);
  bool ok = true;
  do ok = text_next_piece(&w->pieces, err) && text_check_encoding(&w->pieces, err) && pass_piece(w, err);
  while (ok && w->pieces.len > 0);
  if (ok && !xml_grammar_is_complete(&w->grammar))
    ok = cut(w, w->pieces.bytes, "its end comes before the root's end tag", err);
  *rows = w->rows;
  free(w);
  return ok;
}

bool xml_count_rows(int fd, uint64_t *rows, struct error *err) { return walk(fd, false, rows, err); }

bool xml_check_whole(int fd, struct file_facts *facts, struct error *err) {
  return walk(fd, true, &facts->rows, err);
}
