/* Threads that nobody joins. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/* Starts main(argument) in a detached thread with a stack of stack_bytes. 0, or an errno value. */
int thread_start_detached(void *(*main)(void *), void *argument, size_t stack_bytes);
