/* Which requests are let in at all: pure checks of what a browser of another site could have been made to send. */
#pragma once
#include <stdbool.h>

/*
 * Does a Host header name this machine directly? A page of another site can make its own name resolve to
 * 127.0.0.1 (DNS rebinding); the browser then sends that name. So only what no stranger can own is let in: IP
 * addresses, localhost and names under it, single-label names (a container's), and `allowed` (a list separated
 * by commas, or NULL) . A port is ignored.
 */
bool guard_host_is_known(const char *host, const char *allowed);

/* Is an Origin header of the very host that is asked? Others' pages may not call. */
bool guard_origin_is_own(const char *origin, const char *host);

/* Is this Content-Type JSON? NULL (none given) is taken as JSON. */
bool guard_content_type_is_json(const char *content_type);
