/* SPDX-License-Identifier: Apache-2.0 */
#include "board/pins.h"

#include "util/log.h"

#include <errno.h>
#include <stdlib.h>

struct pins {
	bool event;
};

int pins_new(struct pins **ret)
{
	struct pins *p;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*ret = p;
	return 0;
}

struct pins *pins_free(struct pins *p)
{
	free(p);
	return NULL;
}

void pins_set_event(struct pins *p, bool high)
{
	p->event = high;
	log_debug("EVENT %s", high ? "high" : "low");
}

bool pins_event(const struct pins *p)
{
	return p->event;
}
