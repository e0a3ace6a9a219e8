/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/where.h"

#include "ctl/ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DONE(status) ((status) + 1)

struct given {
	const char *instance, *runtime, *state, *settings;
	bool json;
};

/* The first folder of a list, as the service manager gives it. */
static const char *first_of(const char *name, const char *otherwise, int *ret_n)
{
	const char *value = getenv(name);

	if (!value || !*value)
		value = otherwise;
	*ret_n = (int)strcspn(value, ":");
	return value;
}

static bool set_folder(char *to, const char *given, const char *instance, const char *variable, const char *usual)
{
	int n;

	if (given) {
		n = snprintf(to, PATH_MAX, "%s", given);
	} else if (instance) {
		n = snprintf(to, PATH_MAX, "%s-%s", usual, instance);
	} else {
		int value_n;
		const char *value = first_of(variable, usual, &value_n);

		n = snprintf(to, PATH_MAX, "%.*s", value_n, value);
	}
	return n > 0 && n < PATH_MAX;
}

static int find(struct where *w, const struct given *given, const char *command)
{
	int n, k;

	if (given->instance && (!*given->instance || strchr(given->instance, '/')))
		return ctl_usage_error(command, "%s cannot be the name of an instance", given->instance);
	if (given->settings)
		n = snprintf(w->settings, PATH_MAX, "%s", given->settings);
	else if (given->instance)
		n = snprintf(w->settings, PATH_MAX, SYSCONFDIR "/expresslinkd/%s.conf", given->instance);
	else
		n = snprintf(w->settings, PATH_MAX, "%s", WHERE_SETTINGS);
	k = snprintf(w->unit_text, sizeof(w->unit_text), "expresslinkd%s%s", given->instance ? "@" : "",
		     given->instance ? given->instance : "");
	if (n >= PATH_MAX || k >= (int)sizeof(w->unit_text) ||
	    !set_folder(w->runtime, given->runtime, given->instance, "RUNTIME_DIRECTORY", WHERE_RUNTIME) ||
	    !set_folder(w->state, given->state, given->instance, "STATE_DIRECTORY", WHERE_STATE))
		return ctl_usage_error(command, "a path is empty or too long");
	w->settings_given = given->settings != NULL;
	w->json = given->json;
	w->unit = w->unit_text;
	return 0;
}

int where_parse(struct where *ret, int argc, char **argv, const char *help, bool json)
{
	enum { RUNTIME = 256, STATE, JSON };
	static const struct option options[] = {
		{ "instance", required_argument, NULL, 'i' },
		{ "runtime", required_argument, NULL, RUNTIME },
		{ "state", required_argument, NULL, STATE },
		{ "config", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, JSON },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct given given = { 0 };
	char command[32];
	int option;

	(void)snprintf(command, sizeof(command), "%.20s ", argv[0]);
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":i:c:h", options, NULL)) != -1) {
		if (option == 'i')
			given.instance = optarg;
		else if (option == RUNTIME)
			given.runtime = optarg;
		else if (option == STATE)
			given.state = optarg;
		else if (option == 'c')
			given.settings = optarg;
		else if (option == JSON && json)
			given.json = true;
		else if (option == 'h')
			return DONE(puts(help) < 0);
		else if (option == ':')
			return DONE(ctl_usage_error(command, "%s needs a value", argv[optind - 1]));
		else
			return DONE(ctl_usage_error(command, "unknown option %s", argv[optind - 1]));
	}
	if (optind < argc)
		return DONE(ctl_usage_error(command, "unexpected argument %s", argv[optind]));
	option = find(ret, &given, command);
	return option ? DONE(option) : 0;
}
