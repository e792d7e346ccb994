/* The handlers of all calls; see routes[]. */
#pragma once
#include "http/exchange.h"

void api_exports_create(struct exchange *x);
void api_exports_list(struct exchange *x);
void api_exports_show(struct exchange *x);
void api_exports_delete(struct exchange *x);
void api_exports_benchmark(struct exchange *x);
void api_download(struct exchange *x);
void api_events(struct exchange *x);
void api_tables_list(struct exchange *x);
void api_tables_show(struct exchange *x);
void api_formats(struct exchange *x);
void api_health(struct exchange *x);
void api_ready(struct exchange *x);
void api_metrics(struct exchange *x);
void api_openapi(struct exchange *x);
void api_index(struct exchange *x);

/* An export as status, list and events show it. NULL without memory. */
json_t *api_status_json(const struct job_status *status);
