/* GET /exports/benchmark: minutes of work, in a thread of its own while the connection is suspended. */
#include "base/log.h"
#include "base/thread.h"
#include "http/api.h"
#include "http/peers.h"
#include "http/router.h"
#include "job/benchmark.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define STACK_BYTES (512u << 10)

struct benchmark_task {
  struct exchange *exchange;
  struct scheduler_share share;   /* of the memory and connections: the exports leave it free */
  struct cancel cancel;
};

/* Nobody waits for the figures any more, or the service stops: then the work ends, too. */
static void on_progress(void *context, enum benchmark_phase phase, const struct benchmark_result *result,
                        double phase_seconds) {
  struct benchmark_task *task = context;
  struct exchange *x = task->exchange;
  (void)phase_seconds;
  if (peer_is_gone(exchange_fd(x)) || cancel_requested(&x->service->stopping)) cancel_request(&task->cancel);
  if (phase == BENCHMARK_COUNTED)
    log_line(LOG_INFO, "benchmark: %s, %llu rows, %.1f s", result->name, (unsigned long long)result->rows,
             result->duration_seconds);
}

static void answer_report(struct exchange *x, const struct benchmark_report *report) {
  char *text = benchmark_report_json(report);
  json_t *body = text ? json_loads(text, 0, NULL) : NULL;
  free(text);
  answer_json(x, MHD_HTTP_OK, body);
}

static void *run(void *argument) {
  struct benchmark_task *task = argument;
  struct exchange *x = task->exchange;
  struct scheduler *scheduler = x->service->scheduler;
  struct benchmark_settings settings = {.conninfo = scheduler_settings(scheduler)->conninfo,
                                        .table = scheduler_settings(scheduler)->default_table,
                                        .directory = scheduler_spool_folder(scheduler), .limit = -1, .lanes = task->share.lanes,
                                        .gentle = scheduler_settings(scheduler)->gentle,
                                        .max_rate_bytes = scheduler_settings(scheduler)->max_rate_bytes,
                                        .on_progress = on_progress, .context = task};
  struct benchmark_report report = {0};
  struct error err;
  if (benchmark_run(&settings, &report, &task->cancel, &err)) answer_report(x, &report);
  else answer_error(x, &err);
  scheduler_give_back(scheduler, &task->share);
  free(task);
  struct service *service = x->service;
  exchange_finished(x);   /* the exchange is no longer ours */
  atomic_store(&service->benchmark_runs, false);
  return NULL;
}

static bool start(struct exchange *x, struct error *err) {
  struct benchmark_task *task = calloc(1, sizeof *task);
  if (!task) return fail_memory(err, "the benchmark");
  task->exchange = x;
  if (!scheduler_reserve(x->service->scheduler, &task->share, err)) {
    free(task);
    return false;
  }
  int code = thread_start_detached(run, task, STACK_BYTES);
  if (code == 0) return true;
  scheduler_give_back(x->service->scheduler, &task->share);
  free(task);
  return fail(err, ERR_BUSY, "cannot start the benchmark: %s", strerror(code));
}

void api_exports_benchmark(struct exchange *x) {
  struct error err;
  if (strcmp(x->method, "GET") != 0) {
    answer_refusal(x, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed", "a benchmark is run by GET only");
    answer_header(x, MHD_HTTP_HEADER_ALLOW, "GET");
  } else if (atomic_exchange(&x->service->benchmark_runs, true)) {
    error_set(&err, ERR_CONFLICT, "a benchmark runs already; one at a time");
    answer_error(x, &err);
  } else if (start(x, &err)) {
    return;
  } else {
    atomic_store(&x->service->benchmark_runs, false);
    answer_error(x, &err);
  }
  exchange_finished(x);
}
