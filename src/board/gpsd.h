#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What gpsd knows: the last place since the start, and when it was told. The connection is kept open and made again;
 * that there is no gpsd is no failure. See gpsd_json(5). */

#include "board/fix.h"
#include "config/endpoint.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define GPSD_FRESH_MS   60000        /* a fix tells the time for so long */
#define GPSD_NAME_MS    6000         /* its name has to be known by then, */
#define GPSD_CONNECT_MS 5000         /* each of its addresses has to answer by then */
#define GPSD_FIRST_MS   2000         /* at most until it is tried once more: it may be just starting; */
#define GPSD_SECOND_MS  60000        /* then twice as long each time, */
#define GPSD_LAST_MS    600000       /* and at last this */
#define GPSD_ASK_MS     5000         /* between two attempts that somebody wants at once */
#define GPSD_LASTING_MS 60000        /* what was open for so long was a success */
#define GPSD_FLOOD      (256 * 1024) /* bytes: no gpsd says more in a second */

struct gpsd;

/* at: "HOST:PORT", or "" for none. */
int gpsd_new(struct gpsd **ret, sd_event *event, const char *at) _must_check_;
struct gpsd *gpsd_free(struct gpsd *g);
DEFINE_CLEANUP(struct gpsd *, gpsd_free)

void gpsd_start(struct gpsd *g);

/* Somebody wants to know. If there is no connection, one is tried now, however long the pause would be. */
void gpsd_ask(struct gpsd *g);

bool gpsd_is_connected(const struct gpsd *g);

/* False: there was none since the start. Its age in ms is that of its first report, by CLOCK_BOOTTIME; ret_age may be
 * NULL. */
bool gpsd_fix(const struct gpsd *g, struct fix *ret, uint64_t *ret_age);

/* The time of the last fix, and what has passed since. False, unless it is a fresh one. */
bool gpsd_time(const struct gpsd *g, struct timespec *ret);
