/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/gpsd.h"

#include <errno.h>
#include <stdlib.h>

struct gpsd {
	int nothing;
};

static struct fake_gpsd fake;

struct fake_gpsd *fake_gpsd(void)
{
	return &fake;
}

void fake_gpsd_fix(void)
{
	fake.have = true;
	fake.fix = (struct fix){
		.time = { .tv_sec = 1795350614, .tv_nsec = 250000000 },
		.mode = 3,
		.latitude = 47.285233,
		.longitude = -8.565265,
		.elevation = 499.6,
		.accuracy = 7.8,
	};
}

int gpsd_new(struct gpsd **ret, sd_event *event, const char *at)
{
	(void)event;
	(void)at;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct gpsd *gpsd_free(struct gpsd *g)
{
	free(g);
	return NULL;
}

void gpsd_start(struct gpsd *g)
{
	(void)g;
}

void gpsd_ask(struct gpsd *g)
{
	(void)g;
	fake.asked++;
}

bool gpsd_is_connected(const struct gpsd *g)
{
	(void)g;
	return fake.connected;
}

bool gpsd_fix(const struct gpsd *g, struct fix *ret, uint64_t *ret_age)
{
	(void)g;
	if (!fake.have)
		return false;
	*ret = fake.fix;
	if (ret_age)
		*ret_age = fake.age;
	return true;
}

bool gpsd_time(const struct gpsd *g, struct timespec *ret)
{
	(void)g;
	if (!fake.have || !fake.fresh)
		return false;
	*ret = fake.fix.time;
	return true;
}
