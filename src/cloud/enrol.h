#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the module subscribes to and asks for before it counts as connected (guide 3.7.2.2, hint 6; 10.3.1.1). */

#include "cloud/mqtt.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>

struct enrolment {
	const char *thing_name;
	bool staging;
	struct done jobs;     /* of the subscription and of the first request */
	struct done endpoint; /* of the endpoint-update topic, in the staging state */
};

/* 0: so many acknowledgements are to come, each to its done; -errno: it could not all be sent. */
int enrol(struct mqtt *mqtt, const struct enrolment *e, unsigned *ret_open) _must_check_;
