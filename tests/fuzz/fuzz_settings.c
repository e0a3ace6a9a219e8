/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "config/settings.h"

#include <errno.h>
#include <string.h>

static void report(void *userdata, const char *file, unsigned line, const char *text)
{
	unsigned *problems = userdata;

	FUZZ_HOLDS(strcmp(file, "fuzz.conf") == 0);
	FUZZ_HOLDS(text[0] != '\0' && !strchr(text, '\n'));
	(void)line;
	(*problems)++;
}

static void judge(const struct settings *s)
{
	FUZZ_HOLDS(s->event_queue >= 64 && s->event_queue <= 4096);
	FUZZ_HOLDS(s->message_queue >= 64 && s->message_queue <= 65536);
	FUZZ_HOLDS(s->message_bytes >= 256 * 1024 && s->message_bytes <= 64 * 1024 * 1024);
	FUZZ_HOLDS(s->max_topic >= 16 && s->max_topic <= 49);
	FUZZ_HOLDS(s->keep_alive >= 30 && s->keep_alive <= 1200);
	FUZZ_HOLDS(s->connect_timeout >= 5 && s->connect_timeout <= 115);
	FUZZ_HOLDS(s->device && s->about && s->staging_endpoint && s->gpsd && s->default_ssid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	_cleanup_(settings_freep) struct settings *s = NULL;
	unsigned problems = 0;
	int r;

	r = settings_parse(&s, "fuzz.conf", data, n, report, &problems);
	FUZZ_HOLDS(r == 0 || r == -EINVAL || r == -ENOMEM);
	FUZZ_HOLDS((r == 0) == (s != NULL));
	FUZZ_HOLDS((r == -EINVAL) == (problems > 0));
	if (s)
		judge(s);
	return 0;
}
