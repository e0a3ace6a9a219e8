#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The words of DIAG (guide 7.3) whose answers come from elsewhere; see diag.c for the others. rest is what follows the
 * word. */

#include "commands/commands.h"
#include "commands/words.h"

int diag_ping(struct at_call *call, struct module *m, const struct word *rest);
int diag_dns(struct at_call *call, struct module *m, const struct word *rest);
int diag_tls(struct at_call *call, struct module *m, const struct word *rest);
