/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/where.h"

#include <stdio.h>
#include <stdlib.h>

static const char help_text[] =
	"Usage: expresslinkctl status [OPTION]...\n"
	"What the running module does, and how it is.\n\n"
	"      --json           for programs: see " PKGDATADIR "/status.schema.json\n" WHERE_HELP;

int ctl_status(int argc, char **argv)
{
	_cleanup_(ask_forgetp) cJSON *status = NULL;
	_cleanup_(freep) char *text = NULL;
	struct where where;
	int r = where_parse(&where, argc, argv, help_text, true);

	if (r)
		return r - 1;
	r = ask_once(where.runtime, "status", ASK_MS, &status, &text);
	if (r < 0)
		return ask_error(where.runtime, r, status);
	if (where.json)
		(void)puts(text);
	else
		show_status(status);
	return 0;
}
