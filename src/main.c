/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkd: arguments, signals, the service manager, the loop. By its other name it is expresslinkctl, so that what
 * they share is on the disk once. */

#include "config.h"

#include "commands/commands.h"
#include "config/settings.h"
#include "control/control.h"
#include "ctl/ctl.h"
#include "module/module.h"
#include "util/log.h"
#include "util/macro.h"
#include "util/timer.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#define DEFAULT_CONFIG  SYSCONFDIR "/expresslinkd/expresslinkd.conf"
#define DEFAULT_STATE   "/var/lib/expresslinkd"
#define DEFAULT_RUNTIME "/run/expresslinkd"
#define STATUS_MS       1000 /* the service manager is told no more often */

struct options {
	const char *config;
	bool check;
};

static void print_usage(FILE *out)
{
	(void)fputs("Usage: expresslinkd [OPTION...]\n"
		    "An ExpressLink-compatible module: AT commands on a serial line, MQTT to AWS IoT Core.\n\n"
		    "  -c, --config FILE   settings (default " DEFAULT_CONFIG ")\n"
		    "      --check-config  say every problem of the settings, start nothing\n"
		    "  -V, --version       print the version\n"
		    "  -h, --help          print this\n",
		    out);
}

/* > 0: go on; else -(exit status). */
static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'C' },
		{ "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	*ret = (struct options){ .config = DEFAULT_CONFIG };
	while ((option = getopt_long(argc, argv, "c:Vh", options, NULL)) >= 0) {
		switch (option) {
		case 'c':
			ret->config = optarg;
			break;
		case 'C':
			ret->check = true;
			break;
		case 'V':
			(void)puts("expresslinkd " PACKAGE_VERSION);
			return -EXIT_SUCCESS;
		case 'h':
			print_usage(stdout);
			return -EXIT_SUCCESS;
		default:
			print_usage(stderr);
			return -EX_USAGE;
		}
	}
	if (optind < argc) {
		(void)fprintf(stderr, "expresslinkd: no argument is expected: %s\n", argv[optind]);
		return -EX_USAGE;
	}
	return 1;
}

static void on_problem(void *userdata, const char *file, unsigned line, const char *text)
{
	(void)userdata;
	if (line > 0)
		log_error("%s:%u: %s", file, line, text);
	else
		log_error("%s: %s", file, text);
}

/* Who is told what state the module is in. */
struct audience {
	struct control *control;
	struct timer pause; /* of what the service manager is told */
	enum state state, told;
};

/* sd_notify() waits for a manager that does not read, and its queue is short: pins can change the state a thousand
 * times a second. */
static void tell_manager(struct audience *a)
{
	a->told = a->state;
	(void)sd_notifyf(false, "STATUS=%s", state_name(a->state));
	timer_arm(&a->pause, STATUS_MS);
}

static void on_pause(void *userdata)
{
	struct audience *a = userdata;

	if (a->state != a->told)
		tell_manager(a);
}

static void on_state(void *userdata, enum state state)
{
	struct audience *a = userdata;

	a->state = state;
	if (a->control)
		control_on_state(a->control, state);
	if (!timer_armed(&a->pause))
		tell_manager(a);
}

static void audience_done(struct audience *a)
{
	control_free(a->control);
	timer_done(&a->pause);
}

/* The first folder of a list as the service manager gives it. */
static int folder_from_env(const char *name, const char *otherwise, char *ret, size_t size)
{
	const char *value = getenv(name);
	int n;

	if (!value || !value[0])
		value = otherwise;
	n = snprintf(ret, size, "%.*s", (int)strcspn(value, ":"), value);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int add_signals(sd_event *event)
{
	sigset_t set;
	int r;

	/* libmosquitto ignores it only in some versions, and TLS writes with write(). */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	r = sd_event_add_signal(event, NULL, SIGTERM, NULL, NULL);
	if (r < 0)
		return r;
	return sd_event_add_signal(event, NULL, SIGINT, NULL, NULL);
}

/* -errno, or an exit status. */
static int run(const struct settings *settings, const char *config)
{
	_cleanup_(sd_event_unrefp) sd_event *event = NULL;
	_cleanup_(module_freep) struct module *module = NULL;
	_cleanup_(audience_done) struct audience audience = { 0 };
	struct status_place place;
	_cleanup_(freep) char *path = realpath(config, NULL);
	char state[PATH_MAX], runtime[PATH_MAX];
	int r;

	r = folder_from_env("STATE_DIRECTORY", DEFAULT_STATE, state, sizeof(state));
	if (r == 0)
		r = folder_from_env("RUNTIME_DIRECTORY", DEFAULT_RUNTIME, runtime, sizeof(runtime));
	if (r == 0)
		r = sd_event_default(&event);
	if (r >= 0)
		r = add_signals(event);
	if (r >= 0)
		r = sd_event_set_watchdog(event, true);
	if (r >= 0)
		r = timer_init(&audience.pause, event, on_pause, &audience);
	if (r < 0)
		return log_errno(r, "Event loop");
	r = module_new(&module, event, settings, commands, state, runtime, on_state, &audience);
	if (r == 0) {
		place = (struct status_place){ .settings = path ? path : config,
					       .state_dir = state,
					       .runtime_dir = runtime };
		r = control_new(&audience.control, module, &place);
	}
	if (r < 0)
		return log_errno(r, "Module");
	r = module_start(module);
	if (r < 0)
		return pins_misnamed(module->pins) ? EX_CONFIG : r;
	control_start(audience.control);
	(void)sd_notify(false, "READY=1");
	r = sd_event_loop(event);
	(void)sd_notify(false, "STOPPING=1");
	return r;
}

int main(int argc, char **argv)
{
	_cleanup_(settings_freep) struct settings *settings = NULL;
	struct options options;
	int r;

	if (strcmp(program_invocation_short_name, "expresslinkctl") == 0)
		return ctl_main(argc, argv);
	r = parse_options(argc, argv, &options);
	if (r <= 0)
		return -r;
	log_open(LOG_JOURNAL);
	(void)umask(0077);

	/* The only threads are short and write a file: an arena for each would just be memory. */
	(void)mallopt(M_ARENA_MAX, 1);

	r = settings_load(&settings, options.config, on_problem, NULL);
	if (options.check)
		return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (r < 0)
		return EX_CONFIG;
	log_set_level(settings->log_level);
	r = run(settings, options.config);
	return r < 0 ? EXIT_FAILURE : r;
}
