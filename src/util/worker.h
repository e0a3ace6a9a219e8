#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one blocking call at a time on a short-lived thread and brings its result to the loop. */

#include "util/macro.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

struct worker;

int worker_new(struct worker **ret, sd_event *event) _must_check_;

/* Waits for a running job, without calling its finished(). */
struct worker *worker_free(struct worker *w);
DEFINE_CLEANUP(struct worker *, worker_free)

bool worker_busy(const struct worker *w);

/* job(arg) runs on the thread and touches nothing but arg; finished(arg, r) then runs from the loop with what
 * job() returned. 0, -EBUSY while another job runs, -errno when no thread could be made. */
int worker_run(struct worker *w, int (*job)(void *arg), void (*finished)(void *arg, int r), void *arg) _must_check_;
