#include "codec/codec.h"

#include <stdio.h>

const struct codec *const codecs[] = {&codec_none, &codec_gzip, &codec_zstd, NULL};

const struct codec *codec_find(const char *name) {
  for (size_t i = 0; codecs[i]; i++)
    if (strcmp(codecs[i]->name, name) == 0) return codecs[i];
  return NULL;
}

const struct codec *codec_find_extension(const char *extension) {
  for (size_t i = 0; codecs[i]; i++)
    if (*codecs[i]->extension && strcmp(codecs[i]->extension, extension) == 0) return codecs[i];
  return NULL;
}

static bool refuse(const char *text, const char *field, struct error *err) {
  char allowed[256];
  size_t len = 0;
  for (size_t i = 0; codecs[i]; i++)
    len += (size_t)snprintf(allowed + len, sizeof allowed - len, "%s%s", i ? ", " : "", codecs[i]->name);
  return fail_field(err, field, "%s: \"%.100s\" is no compression; %s are", field, text, allowed);
}

bool codec_parse(const char *text, const char *field, const struct codec **codec, int *level,
                 struct error *err) {
  char name[32];
  const char *colon = strchr(text, ':');
  size_t len = colon ? (size_t)(colon - text) : strlen(text);
  if (len >= sizeof name) return refuse(text, field, err);
  memcpy(name, text, len);
  name[len] = '\0';
  const struct codec *found = codec_find(name);
  if (!found) return refuse(text, field, err);
  *codec = found;
  *level = found->level_default;
  if (!colon) return true;
  int64_t v;
  if (!found->level_max || !parse_int64(colon + 1, &v) || v < found->level_min || v > found->level_max)
    return found->level_max
               ? fail_field(err, field, "%s: \"%.100s\": %s takes a level from %d to %d", field, text,
                            name, found->level_min, found->level_max)
               : fail_field(err, field, "%s: \"%.100s\": %s takes no level", field, text, name);
  *level = (int)v;
  return true;
}
