#include "base/thread.h"

#include <pthread.h>

int thread_start_detached(void *(*main)(void *), void *argument, size_t stack_bytes) {
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, stack_bytes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  int code = pthread_create(&thread, &attributes, main, argument);
  pthread_attr_destroy(&attributes);
  return code;
}
