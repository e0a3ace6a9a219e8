#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the operator may ask the running module over its control socket, and the monitor. Looks at the module, changes
 * nothing of it. */

#include "control/status.h"
#include "module/module.h"
#include "module/state.h"
#include "util/macro.h"

struct control;

/* All of these outlive it. */
int control_new(struct control **ret, struct module *m, const struct status_place *place) _must_check_;
struct control *control_free(struct control *c);
DEFINE_CLEANUP(struct control *, control_free)

/* From here on it answers. A socket that cannot be made is logged, and the module does without. */
void control_start(struct control *c);

/* The run state has changed, or was entered again. */
void control_on_state(struct control *c, enum state state);
