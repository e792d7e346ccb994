#include "cli/progress.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DRAW_INTERVAL_MS 200
#define BAR_WIDTH 24

struct progress_bar {
  const struct export_progress *progress;
  pthread_t thread;
  pthread_mutex_t mutex;
  pthread_cond_t stop;
  bool stopping;           /* guarded by mutex */
  uint64_t started_us;
};

void progress_format_bytes(uint64_t bytes, char *text) {
  static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  double v = (double)bytes;
  size_t unit = 0;
  while (v >= 1000 && unit + 1 < sizeof units / sizeof *units) {
    v /= 1000;
    unit++;
  }
  snprintf(text, 32, unit && v < 10 ? "%.2f %s" : unit && v < 100 ? "%.1f %s" : "%.0f %s", v, units[unit]);
}

void progress_format_count(uint64_t count, char *text) {
  char digits[32];
  int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)count), at = 0;
  for (int i = 0; i < len; i++) {
    if (i && (len - i) % 3 == 0) text[at++] = ',';
    text[at++] = digits[i];
  }
  text[at] = '\0';
}

static void format_left(double seconds, char *text, size_t size) {
  if (seconds < 0 || seconds > 359999) snprintf(text, size, "--:--");
  else if (seconds < 3600) snprintf(text, size, "%d:%02d", (int)seconds / 60, (int)seconds % 60);
  else snprintf(text, size, "%d:%02d:%02d", (int)seconds / 3600, (int)seconds / 60 % 60, (int)seconds % 60);
}

static void draw(const struct progress_bar *bar) {
  struct export_progress *p = (struct export_progress *)(uintptr_t)bar->progress;
  double seconds = (double)(clock_monotonic_us() - bar->started_us) / 1e6;
  double percent = export_progress_percent(p);
  uint64_t rows = atomic_load(&p->rows);
  char bytes[32], count[32], left[32], filled[BAR_WIDTH + 1];
  uint64_t written = atomic_load(&p->bytes);   /* none where the work is not an export */
  progress_format_bytes(written, bytes);
  progress_format_count(rows, count);
  format_left(percent > 0 ? seconds * (100 - percent) / percent : -1, left, sizeof left);
  int full = percent > 0 ? (int)(percent * BAR_WIDTH / 100) : 0;
  for (int i = 0; i < BAR_WIDTH; i++) filled[i] = i < full ? '#' : '.';
  filled[BAR_WIDTH] = '\0';
  if (rows == 0) fprintf(stderr, "\r\033[K[%s] starting", filled);
  else
    fprintf(stderr, "\r\033[K[%s] %3.0f%%  %s rows  %.2f M rows/s  %s%s%s left", filled,
            percent < 0 ? 0 : percent, count, (double)rows / 1e6 / (seconds > 0.001 ? seconds : 0.001),
            written ? bytes : "", written ? "  " : "", left);
  fflush(stderr);
}

static void *bar_main(void *argument) {
  struct progress_bar *bar = argument;
  pthread_mutex_lock(&bar->mutex);
  while (!bar->stopping) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += DRAW_INTERVAL_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    if (pthread_cond_timedwait(&bar->stop, &bar->mutex, &until) != 0) draw(bar);
  }
  pthread_mutex_unlock(&bar->mutex);
  return NULL;
}

struct progress_bar *progress_bar_start(const struct export_progress *progress) {
  if (!isatty(STDERR_FILENO)) return NULL;
  struct progress_bar *bar = calloc(1, sizeof *bar);
  if (!bar) return NULL;
  bar->progress = progress;
  bar->started_us = clock_monotonic_us();
  pthread_mutex_init(&bar->mutex, NULL);
  pthread_cond_init(&bar->stop, NULL);
  if (pthread_create(&bar->thread, NULL, bar_main, bar) == 0) return bar;
  free(bar);
  return NULL;
}

void progress_bar_stop(struct progress_bar *bar) {
  if (!bar) return;
  pthread_mutex_lock(&bar->mutex);
  bar->stopping = true;
  pthread_cond_signal(&bar->stop);
  pthread_mutex_unlock(&bar->mutex);
  pthread_join(bar->thread, NULL);
  fprintf(stderr, "\r\033[K");
  pthread_mutex_destroy(&bar->mutex);
  pthread_cond_destroy(&bar->stop);
  free(bar);
}
