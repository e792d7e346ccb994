/*
 * May 16-byte vector instructions be used? HAS_SSE2: every x86-64 has them, so nothing is asked at run time. Other
 * processors take the ways beside it, in words of 8 bytes, and so does a build with -Dportable=true, which tests them.
 */
#pragma once
#if defined __SSE2__ && !defined DECANT_PORTABLE
#define HAS_SSE2 1
#include <emmintrin.h>
#else
#define HAS_SSE2 0
#endif
