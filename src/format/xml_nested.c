#include "format/xml_nested.h"

#include "base/utf8.h"
#include "format/xml_text.h"
#include "row/json_scan.h"

#include <stdio.h>
#include <stdlib.h>

#define SCRATCH_KEEP_BYTES 65536

/* An open object or array, and the name of the element within it that is being written. */
struct xml_frame {
  bool is_object;
  size_t name_at, name_len;   /* in the output: the end tag copies it from the start tag */
};

/* One walk through one document. */
struct walk {
  struct xml_nested *n;
  const struct text_column *column;
  const uint8_t *at, *end;
  const uint8_t *readable;      /* so far bytes can be read; at least `end` */
  struct buffer *out;
  size_t depth;
  struct error *err;
  /* Where it learns: since the last scalar, or the beginning. */
  bool learns;
  bool gap_fits;                /* what was read and written since is the same for all documents with these bytes */
  uint32_t gap_from;            /* that scalar's place */
  const uint8_t *gap_at;
  size_t gap_xml_at;            /* in the output */
};

void xml_nested_init(struct xml_nested *n, enum special special, enum xml_null null_as,
                     struct text_specials *specials) {
  *n = (struct xml_nested){.special = special, .null_as = null_as, .specials = specials};
  n->nil_len = (uint32_t)snprintf(n->nil, sizeof n->nil, "%s", null_as == XML_NULL_XSI ? " xsi:nil=\"true\"/>" : "/>");
  buffer_init(&n->scratch, SIZE_MAX / 2);
  xml_gaps_init(&n->gaps);
}

void xml_nested_deinit(struct xml_nested *n) {
  free(n->frames);
  free(n->roots);
  xml_gaps_deinit(&n->gaps);
  buffer_deinit(&n->scratch);
}

void xml_make_nil(const struct xml_nested *n, struct buffer *out) {
  if (out->len == 0) return;   /* only of a buffer that has failed */
  out->len--;                  /* the > of the start tag */
  buffer_append(out, n->nil, n->nil_len);
}

bool xml_append_text(struct xml_nested *n, const struct text_column *column, const uint8_t *text, size_t len,
                     struct buffer *out, bool *is_nil, struct error *err) {
  size_t valid = xml_valid_prefix(text, len);
  if (valid == len) {
    xml_append_escaped(out, text, len);
    return true;
  }
  if (n->special == SPECIAL_ERROR) {
    char excerpt[TEXT_EXCERPT_SIZE];
    text_excerpt(text, len, valid, excerpt);
    text_fail_special(column, "XML", excerpt, err);
    return false;
  }
  text_specials_count(n->specials, column);
  if (n->special == SPECIAL_NULL) *is_nil = true;
  else xml_append_repaired(out, text, len);
  return true;
}

static bool malformed(const struct walk *w) {
  return fail(w->err, ERR_SOURCE, "column \"%s\": the server sent text that is not JSON, or nests deeper than %d levels",
              w->column->output->name, JSON_DEPTH_MAX);
}

static bool push(struct walk *w, bool is_object) {
  struct xml_nested *n = w->n;
  if (w->depth == n->frame_capacity) {
    if (n->frame_capacity == JSON_DEPTH_MAX) return malformed(w);
    size_t capacity = n->frame_capacity ? 2 * n->frame_capacity : 32;
    if (capacity > JSON_DEPTH_MAX) capacity = JSON_DEPTH_MAX;
    struct xml_frame *frames = realloc(n->frames, capacity * sizeof *frames);
    if (!frames) return fail_memory(w->err, "nested JSON");
    n->frames = frames;
    n->frame_capacity = capacity;
  }
  n->frames[w->depth++] = (struct xml_frame){.is_object = is_object};
  return true;
}

/* A lone surrogate is no character, and json_unescape replaces it without a word. */
static bool has_lone_surrogate(const uint8_t *at, const uint8_t *end) {
  bool high_before = false;   /* the escape just passed was a high surrogate */
  for (;;) {
    const uint8_t *backslash = memchr(at, '\\', (size_t)(end - at));
    if (high_before && backslash != at) return true;
    if (!backslash || end - backslash < 2) return false;
    bool is_unicode = backslash[1] == 'u' && end - backslash >= 6;
    bool is_surrogate = is_unicode && (backslash[2] | 0x20) == 'd' && backslash[3] >= '8';
    bool is_low = is_surrogate && (backslash[3] | 0x20) >= 'c';
    if (is_low != high_before) return true;
    high_before = is_surrogate && !is_low;
    at = backslash + (is_unicode ? 6 : 2);
  }
}

/* The string w->at..stop, quotes included, as its text in *text; unescaped in the scratch where it must be. */
static bool string_text(struct walk *w, const uint8_t *stop, bool escaped, const uint8_t **text, size_t *len) {
  *text = w->at + 1;
  *len = (size_t)(stop - w->at) - 2;
  if (!escaped) return true;
  struct buffer *scratch = &w->n->scratch;
  buffer_reset(scratch);
  if (!json_unescape(w->at, stop, scratch)) return malformed(w);
  *text = scratch->data;
  *len = scratch->len;
  return buffer_check(scratch, "a JSON string", w->err);
}

/* By the policy: true if U+FFFD may stand for half a surrogate pair, or there is none. */
static bool accept_surrogates(struct walk *w, const uint8_t *stop, bool escaped) {
  if (!escaped || !has_lone_surrogate(w->at + 1, stop - 1)) return true;
  if (w->n->special != SPECIAL_ERROR) {
    text_specials_count(w->n->specials, w->column);
    w->gap_fits = false;   /* of a key, it is to be counted each time */
    return true;
  }
  text_fail_special(w->column, "XML", "half a surrogate pair in a JSON string", w->err);
  return false;
}

static bool append_string(struct walk *w, bool *is_nil) {
  bool escaped;
  const uint8_t *stop = json_skip_string_inline(w->at, w->end, &escaped), *text;
  size_t len;
  if (!stop) return malformed(w);
  if (!accept_surrogates(w, stop, escaped) || !string_text(w, stop, escaped, &text, &len)) return false;
  if (!xml_append_text(w->n, w->column, text, len, w->out, is_nil, w->err)) return false;
  w->at = stop;
  return true;
}

/* The place of the scalar or, at depth 0, of the document. */
static uint32_t place_of(const struct walk *w) {
  uint8_t path[XML_PLACE_MAX];
  size_t len = sizeof w->column->cell;
  memcpy(path, &w->column->cell, len);
  for (size_t i = 0; i < w->depth; i++) {
    const struct xml_frame *frame = &w->n->frames[i];
    size_t name_len = frame->is_object ? frame->name_len : 0;
    if (len + 1 + name_len > sizeof path) return XML_PLACE_NONE;
    path[len++] = frame->is_object ? '{' : '[';   /* neither can be in a name */
    memcpy(path + len, w->out->data + frame->name_at, name_len);
    len += name_len;
  }
  return xml_gaps_place(&w->n->gaps, path, len);
}

/* A gap begins behind a scalar of this place. */
static void begin_gap(struct walk *w, uint32_t from) {
  w->gap_from = from;
  w->gap_fits = from != XML_PLACE_NONE && !w->out->failed;
  w->gap_at = w->at;
  w->gap_xml_at = w->out->len;
}

static void end_gap(struct walk *w, uint32_t to) {
  if (!w->gap_fits || w->out->failed) return;
  xml_gaps_learn(&w->n->gaps, w->gap_from, to, w->gap_at, (size_t)(w->at - w->gap_at),
                 w->out->data + w->gap_xml_at, w->out->len - w->gap_xml_at);
}

static bool append_scalar_itself(struct walk *w, bool *is_nil);

/* A string, number, true, false or null. A null is no scalar to stop at, but part of a gap. */
static bool append_scalar(struct walk *w, bool *is_nil) {
  if (!w->learns || w->depth == 0 || (w->at < w->end && *w->at == 'n')) return append_scalar_itself(w, is_nil);
  uint32_t place = place_of(w);
  if (place == XML_PLACE_NONE) w->gap_fits = false;
  else end_gap(w, place);
  if (!append_scalar_itself(w, is_nil)) return false;
  begin_gap(w, *is_nil ? XML_PLACE_NONE : place);
  return true;
}

static bool append_scalar_itself(struct walk *w, bool *is_nil) {
  if (w->at < w->end && *w->at == '"') return append_string(w, is_nil);
  const uint8_t *stop = json_skip_scalar(w->at, w->end);
  if (!stop) return malformed(w);
  if (*w->at == 'n') *is_nil = true;
  else buffer_append(w->out, w->at, (size_t)(stop - w->at));
  w->at = stop;
  return true;
}

/* A key of 1 to XML_KEY_BYTES bytes, with zeros behind it. */
static inline void load_key(const uint8_t *text, size_t len, const uint8_t *readable, uint64_t words[2]) {
  static const uint8_t keep[2 * XML_KEY_BYTES] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                  255, 255, 255, 255, 255, 255, 255, 255};
  uint8_t bytes[XML_KEY_BYTES] = {0};
  if (readable - text >= XML_KEY_BYTES) memcpy(bytes, text, XML_KEY_BYTES);
  else memcpy(bytes, text, len);
  uint64_t mask[2];
  memcpy(words, bytes, sizeof bytes);
  memcpy(mask, keep + XML_KEY_BYTES - len, sizeof mask);
  words[0] &= mask[0];
  words[1] &= mask[1];
}

/* The place where the key is kept; it may hold another one. */
static inline struct xml_key *place_of_key(struct xml_nested *n, const uint64_t words[2]) {
  uint64_t mixed = (words[0] ^ (words[1] << 29 | words[1] >> 35)) * 0x9E3779B97F4A7C15u;
  return &n->keys[mixed >> 57 & (XML_KEYS_KEPT - 1)];
}

/* A key without escapes, with its name. NULL: the name is too long to be kept. */
static inline const struct xml_key *kept_key(struct walk *w, const uint8_t *text, size_t len) {
  uint64_t words[2];
  load_key(text, len, w->readable, words);
  struct xml_key *key = place_of_key(w->n, words);
  if (key->text_len == len && key->text[0] == words[0] && key->text[1] == words[1]) return key;
  struct buffer *name = &w->n->scratch;
  buffer_reset(name);
  xml_append_name(name, text, len);
  if (name->failed || name->len > XML_NAME_BYTES) return NULL;
  *key = (struct xml_key){.text = {words[0], words[1]}, .text_len = (uint8_t)len, .name_len = (uint8_t)name->len};
  memcpy(key->name, name->data, name->len);
  return key;
}

/* The same, its name appended. False: the name is too long to be kept. */
static bool append_kept_name(struct walk *w, const uint8_t *text, size_t len) {
  const struct xml_key *key = kept_key(w, text, len);
  if (!key) return false;
  buffer_append(w->out, key->name, key->name_len);
  return true;
}

/* The key at w->at as a name; w->at ends up at its value. */
static bool append_key(struct walk *w) {
  if (w->at == w->end || *w->at != '"') return malformed(w);
  bool escaped;
  const uint8_t *stop = json_skip_string_inline(w->at, w->end, &escaped), *text;
  if (!stop) return malformed(w);
  size_t len = (size_t)(stop - w->at) - 2;
  bool is_short = !escaped && len - 1 < XML_KEY_BYTES;   /* and not empty */
  if (!is_short || !append_kept_name(w, w->at + 1, len)) {
    if (!accept_surrogates(w, stop, escaped) || !string_text(w, stop, escaped, &text, &len)) return false;
    xml_append_name(w->out, text, len);
  }
  w->at = json_skip_space_inline(stop, w->end);
  if (w->at == w->end || *w->at != ':') return malformed(w);
  w->at = json_skip_space_inline(w->at + 1, w->end);
  return true;
}

/* The start tag of the member or item at w->at; w->at ends up at its value. */
static bool open_element(struct walk *w) {
  struct xml_frame *frame = &w->n->frames[w->depth - 1];
  buffer_append_byte(w->out, '<');
  frame->name_at = w->out->len;
  if (!frame->is_object) buffer_append(w->out, "item", 4);
  else if (!append_key(w)) return false;
  frame->name_len = w->out->len - frame->name_at;
  buffer_append_byte(w->out, '>');
  return true;
}

static void close_element(struct walk *w) {
  const struct xml_frame *frame = &w->n->frames[w->depth - 1];
  size_t name_room = frame->name_len > XML_NAME_BYTES ? frame->name_len : XML_NAME_BYTES;
  uint8_t *to = buffer_reserve(w->out, name_room + 3);
  if (!to) return;
  const uint8_t *name = w->out->data + frame->name_at;
  to[0] = '<';
  to[1] = '/';
  if (frame->name_len <= XML_NAME_BYTES) {
    uint8_t copy[XML_NAME_BYTES];   /* what lies behind the name may overlap with where it goes */
    memcpy(copy, name, sizeof copy);
    memcpy(to + 2, copy, sizeof copy);
  } else {
    memcpy(to + 2, name, frame->name_len);
  }
  to[2 + frame->name_len] = '>';
  w->out->len += frame->name_len + 3;
}

/* An array's item is never left out: those behind it keep their places. */
static inline bool leaves_out_null(const struct walk *w) {
  return w->n->null_as == XML_NULL_ABSENT && w->n->frames[w->depth - 1].is_object;
}

static void end_null(struct walk *w) {
  if (!leaves_out_null(w)) xml_make_nil(w->n, w->out);
  else if (!w->out->failed) w->out->len = w->n->frames[w->depth - 1].name_at - 1;
}

#define PLAIN_BYTES 16                                            /* of a value that is copied at once */
#define PLAIN_ELEMENT_ROOM (2 * XML_NAME_BYTES + PLAIN_BYTES + 32)
#define PLAIN_READ_BYTES 64                                       /* a key, a value, what stands between, loads of 16 */

/* The plain key at *at; moves *at to its value. NULL, *at then anywhere, where it is not plain. */
static inline const struct xml_key *plain_key(struct walk *w, const uint8_t **at) {
  const uint8_t *text = *at + 1, *stop = json_find_string_stop(text, text + XML_KEY_BYTES);
  if (**at != '"' || *stop != '"' || stop == text) return NULL;
  if (stop[1] != ':') return NULL;
  *at = stop + 2 + (stop[2] == ' ');
  return kept_key(w, text, (size_t)(stop - text));
}

/*
 * Appends a whole element with a short scalar, as nearly all are, in one go: <key>value</key>. False, and
 * nothing done, where anything about it is out of the ordinary: the general way is for that.
 */
static inline bool append_plain_element(struct walk *w) {
  static const struct xml_key item = {.name_len = 4, .name = "item"};
  if (w->readable - w->at < PLAIN_READ_BYTES || w->learns) return false;
  const uint8_t *at = w->at;
  const struct xml_key *key = w->n->frames[w->depth - 1].is_object ? plain_key(w, &at) : &item;
  uint8_t *to = key ? buffer_reserve(w->out, PLAIN_ELEMENT_ROOM) : NULL;
  if (!to) return false;
  *to++ = '<';
  memcpy(to, key->name, XML_NAME_BYTES);
  to += key->name_len;
  size_t len;
  const uint8_t *text = at;
  bool is_null = *at == 'n';
  if (*at == '"') {
    len = xml_plain_prefix(++text);
    if (text[len] != '"') return false;
    at = text + len + 1;
  } else if ((len = json_plain_number(text))) {
    at = text + len;
  } else {
    at = json_skip_scalar(at, w->end);
    if (!at || at - text > PLAIN_BYTES) return false;
    len = (size_t)(at - text);
  }
  if (is_null && leaves_out_null(w)) {
    to = w->out->data + w->out->len;
  } else if (is_null) {
    memcpy(to, w->n->nil, sizeof w->n->nil);
    to += w->n->nil_len;
  } else {
    *to++ = '>';
    memcpy(to, text, PLAIN_BYTES);
    to += len;
    memcpy(to, "</", 2);
    memcpy(to + 2, key->name, XML_NAME_BYTES);
    to += 2 + key->name_len;
    *to++ = '>';
  }
  w->out->len = (size_t)(to - w->out->data);
  w->at = at;
  return true;
}

/* What the element whose value was just passed still needs. */
enum element_end { ELEMENT_NEEDS_END_TAG, ELEMENT_IS_NIL, ELEMENT_IS_WHOLE };

/* Behind a value: ends its element and those of the containers that close here; opens the next one, if any. */
static bool go_on(struct walk *w, enum element_end end) {
  while (w->depth > 0) {
    if (end == ELEMENT_NEEDS_END_TAG) close_element(w);
    else if (end == ELEMENT_IS_NIL) end_null(w);
    w->at = json_skip_space_inline(w->at, w->end);
    if (w->at == w->end) return malformed(w);
    if (*w->at == ',') {
      w->at = json_skip_space_inline(w->at + 1, w->end);
      if (!append_plain_element(w)) return open_element(w);
      end = ELEMENT_IS_WHOLE;
      continue;
    }
    if (*w->at != (w->n->frames[w->depth - 1].is_object ? '}' : ']')) return malformed(w);
    w->at++;
    w->depth--;
    end = ELEMENT_NEEDS_END_TAG;
  }
  return true;
}

/* Into the container at w->at, and on to the next value that is not plain; past the container if it is empty. */
static bool enter(struct walk *w) {
  bool is_object = *w->at == '{';
  w->at = json_skip_space_inline(w->at + 1, w->end);
  if (w->at == w->end) return malformed(w);
  if (*w->at == (is_object ? '}' : ']')) {
    w->at++;
    return go_on(w, ELEMENT_NEEDS_END_TAG);
  }
  if (!push(w, is_object)) return false;
  return append_plain_element(w) ? go_on(w, ELEMENT_IS_WHOLE) : open_element(w);
}

static bool walk_document(struct walk *w, bool *is_nil) {
  w->at = json_skip_space_inline(w->at, w->end);
  do {
    bool nil_here = false;
    if (w->at < w->end && (*w->at == '{' || *w->at == '[')) {
      if (!enter(w)) return false;
      continue;
    }
    if (!append_scalar(w, &nil_here)) return false;
    if (w->depth == 0) *is_nil = nil_here;
    else if (!go_on(w, nil_here ? ELEMENT_IS_NIL : ELEMENT_NEEDS_END_TAG)) return false;
  } while (w->depth > 0);
  w->at = json_skip_space_inline(w->at, w->end);
  if (w->at < w->end) return malformed(w);
  if (w->learns) end_gap(w, XML_PLACE_NONE);
  return true;
}

/* The string at `at`, long or with escapes, or not UTF-8. NULL where it is not to be said. */
static const uint8_t *append_any_string(struct walk *w, const uint8_t *at) {
  bool escaped, is_nil = false;
  const uint8_t *stop = json_skip_string_inline(at, w->end, &escaped);
  if (!stop || utf8_valid_prefix(at, (size_t)(stop - at)) < (size_t)(stop - at)) return NULL;
  w->at = at;
  return append_string(w, &is_nil) && !is_nil ? stop : NULL;
}

/* A number that is not plain. */
static const uint8_t *append_any_number(struct walk *w, const uint8_t *at) {
  const uint8_t *stop = at < w->end && *at != 'n' ? json_skip_scalar(at, w->end) : NULL;
  if (stop) buffer_append(w->out, at, (size_t)(stop - at));
  return stop;
}

/* Past the scalar at `at`, behind which 17 bytes can be read. NULL: it is none, or not to be said. */
static inline const uint8_t *append_known_scalar(struct walk *w, const uint8_t *at, uint8_t *to) {
  size_t len;
  const uint8_t *text = at;
  if (*at == '"') {
    len = xml_plain_string(++text);
    if (len == PLAIN_BYTES) return append_any_string(w, at);
    at = text + len + 1;
  } else if ((len = json_plain_number(text)) || (len = json_plain_word(text))) {
    at = text + len;
  } else {
    return append_any_number(w, at);
  }
  memcpy(to, text, PLAIN_BYTES);
  w->out->len += len;
  return at <= w->end ? at : NULL;
}

/* The document, if it is made of scalars and known gaps alone. False: what was appended is to be taken back. */
static bool append_by_gaps(struct walk *w, uint32_t place) {
  const struct gaps *gaps = &w->n->gaps.known;
  const uint8_t *at = w->at, *end = w->end, *readable = w->readable;
  for (;;) {
    const struct xml_gap *gap = (const void *)gaps_find(gaps, place, at, end, readable);
    uint8_t *to = gap ? buffer_reserve(w->out, XML_GAP_XML_MAX + 32 + PLAIN_BYTES) : NULL;
    if (!to) return false;
    for (size_t i = 0; i < gap->xml_len; i += 32) memcpy(to + i, gap->xml + i, 32);
    w->out->len += gap->xml_len;
    place = gap->gap.to;
    if (place == XML_PLACE_NONE) return true;
    at = append_known_scalar(w, at + gap->gap.len, to + gap->xml_len);
    if (!at) return false;
  }
}

static struct xml_root *root_of(struct walk *w) {
  struct xml_nested *n = w->n;
  uint32_t cell = w->column->cell;
  if (cell >= n->root_count) {
    struct xml_root *roots = realloc(n->roots, (cell + 1) * sizeof *roots);
    if (!roots) return NULL;
    memset(roots + n->root_count, 0, (cell + 1 - n->root_count) * sizeof *roots);
    n->roots = roots;
    n->root_count = cell + 1;
  }
  struct xml_root *root = &n->roots[cell];
  if (root->place == XML_PLACE_NONE) root->place = place_of(w);
  return root->place == XML_PLACE_NONE ? NULL : root;
}

/* A copy of the document, if it is short, with zeros behind it. */
static void copy_document(struct walk *w) {
  size_t len = (size_t)(w->end - w->at);
  if (len > XML_DOCUMENT_BYTES) return;
  uint8_t *copy = w->n->document;
  memcpy(copy, w->at, len);
  memset(copy + len, 0, XML_SLACK_BYTES);
  w->at = copy;
  w->end = copy + len;
  w->readable = w->end + XML_SLACK_BYTES;
}

bool xml_nested_append_known(struct xml_nested *n, const struct text_column *column, const uint8_t *json, size_t len,
                             struct buffer *out) {
  struct error unused;
  struct walk w = {.n = n, .column = column, .at = json, .end = json + len, .readable = json + len, .out = out,
                   .err = &unused};
  n->learns = false;
  /* A scalar alone may be nil, which no gap can say of the element around. */
  if (len == 0 || len > XML_DOCUMENT_BYTES || (*json != '{' && *json != '[')) return false;
  struct xml_root *root = root_of(&w);
  if (!root || !gap_trust_asks_to_try(&root->trust)) return false;
  if (text_may_load_behind(w.end, XML_SLACK_BYTES)) w.readable = w.end + XML_SLACK_BYTES;
  else copy_document(&w);
  size_t out_len = out->len;   /* no string of a short document is so long that the buffer is drained */
  _Static_assert(XML_DOCUMENT_BYTES <= BUFFER_PIECE_BYTES, "what was appended can be taken back");
  uint64_t specials = n->specials->total;
  if (append_by_gaps(&w, root->place)) {
    gap_trust_hit(&root->trust);
    return true;
  }
  gap_trust_missed(&root->trust);
  out->len = out_len;
  text_specials_take_back(n->specials, column, specials);
  n->learns = true;
  return false;
}

bool xml_nested_append(struct xml_nested *n, const struct text_column *column, const uint8_t *json, size_t len,
                       struct buffer *out, bool *is_nil, struct error *err) {
  struct walk w = {.n = n, .column = column, .at = json, .end = json + len, .readable = json + len, .out = out,
                   .err = err, .learns = n->learns};
  copy_document(&w);
  struct xml_root *root = w.learns ? root_of(&w) : NULL;
  begin_gap(&w, root ? root->place : XML_PLACE_NONE);
  n->learns = false;
  *is_nil = false;
  /* End tags are copied from start tags in `out`: until the last one stands, it must all stay. */
  const struct buffer_drain *drain = out->drain;
  out->drain = NULL;
  bool ok = walk_document(&w, is_nil);
  out->drain = drain;
  buffer_reset(&n->scratch);
  buffer_shrink(&n->scratch, SCRATCH_KEEP_BYTES);
  return ok;
}
