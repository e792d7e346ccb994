/*
 * Runs a fuzz target without libFuzzer: over each seed of a folder as it is, cut at every byte, and with
 * every byte replaced by others. Every build can do that in a second; to find more is libFuzzer's. TAP.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>

#define SEED_MAX 65536

/* Each input lies in a heap block of its very size: a sanitizer sees any read beyond. */
static void run(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size ? size : 1);
  CHECK(copy);
  memcpy(copy, data, size);
  (void)LLVMFuzzerTestOneInput(copy, size);
  free(copy);
}

static void run_seed(uint8_t *data, size_t size) {
  static const char others[] = "\0\n \"\\{}[],:0a-u\xff";
  for (size_t cut = 0; cut <= size; cut++) run(data, cut);
  for (size_t at = 0; at < size; at++) {
    uint8_t was = data[at];
    for (size_t i = 0; i < sizeof others - 1; i++) {
      data[at] = (uint8_t)others[i];
      run(data, size);
    }
    data[at] = was;
  }
}

static bool read_seed(const char *folder, const char *name, uint8_t *data, size_t *size) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (!file) return false;
  *size = fread(data, 1, SEED_MAX, file);
  fclose(file);
  return true;
}

int main(int argc, char **argv) {
  static uint8_t data[SEED_MAX];
  DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
  if (!folder) {
    fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  size_t size, count = 0;
  for (const struct dirent *entry; (entry = readdir(folder));) {
    if (entry->d_name[0] == '.' || !read_seed(argv[1], entry->d_name, data, &size)) continue;
    run_seed(data, size);
    printf("ok %zu - %s\n", ++count, entry->d_name);
    fflush(stdout);
  }
  closedir(folder);
  printf("1..%zu\n", count);
  return count ? 0 : 1;
}
