/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/check.h"

#include "config/epoch.h"
#include "control/json.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "util/log.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define DAEMON_USER "expresslinkd"

static const char help_text[] = "Usage: expresslinkctl check [OPTION]...\n"
				"Looks for what keeps a module from working, whether it runs or not. Exit status 1\n"
				"if anything fails.\n\n" WHERE_HELP;

void check_say(struct check *c, enum verdict verdict, const char *topic, const char *format, ...)
{
	static const char *const words[] = { [CHECK_OK] = "ok", [CHECK_WARNING] = "warning", [CHECK_FAIL] = "FAIL" };
	va_list ap;

	printf("%-8s %-12s ", words[verdict], topic);
	va_start(ap, format);
	(void)vprintf(format, ap);
	va_end(ap);
	putchar('\n');
	(void)fflush(stdout);
	c->failed = c->failed || verdict == CHECK_FAIL;
}

void check_detail(const char *format, ...)
{
	va_list ap;

	printf("%22s", "");
	va_start(ap, format);
	(void)vprintf(format, ap);
	va_end(ap);
	putchar('\n');
}

static void find_user(struct check *c)
{
	const struct passwd *p;

	if (c->status) {
		c->user = (uid_t)ask_number(c->status, "user");
		c->user_known = true;
		return;
	}
	p = getpwnam(DAEMON_USER);
	c->user_known = p != NULL;
	c->user = p ? p->pw_uid : geteuid();
}

static void check_module(struct check *c)
{
	int r = ask_once(c->where.runtime, "status", ASK_MS, &c->status, NULL);

	if (r == 0) {
		c->pid = (pid_t)ask_number(c->status, "pid");
		check_say(c, CHECK_OK, "module", "runs, pid %ld, %s", (long)c->pid, ask_text(c->status, "state"));
	} else if (r == -ENOENT || r == -ECONNREFUSED) {
		check_say(c, CHECK_WARNING, "module", "does not run: systemctl start %s", c->where.unit);
	} else if (r == -EACCES) {
		check_say(c, CHECK_WARNING, "module", "does not talk to this user: try as root");
	} else if (r == -EPERM) {
		check_say(c, CHECK_WARNING, "module", "refuses: %s", ask_text(c->status, "error"));
	} else if (r == -ETIME) {
		check_say(c, CHECK_FAIL, "module", "hangs, or is stopped: systemctl restart %s", c->where.unit);
	} else {
		check_say(c, CHECK_FAIL, "module", "%s/control: %s", c->where.runtime, strerror(-r));
	}
	if (r < 0) {
		ask_forget(c->status);
		c->status = NULL;
	}
}

static void on_problem(void *userdata, const char *file, unsigned line, const char *text)
{
	struct check *c = userdata;

	if (line > 0)
		check_say(c, CHECK_FAIL, "settings", "%s:%u: %s", file, line, text);
	else
		check_say(c, CHECK_FAIL, "settings", "%s: %s", file, text);
}

static void check_settings(struct check *c)
{
	const char *path = c->where.settings;
	int r;

	if (c->status && !c->where.settings_given)
		path = ask_text(c->status, "settings");
	if (access(path, R_OK) < 0 && errno == EACCES) {
		check_say(c, CHECK_WARNING, "settings", "%s cannot be read by this user: try as root", path);
	} else {
		r = settings_load(&c->settings, path, on_problem, c);
		if (r == 0)
			check_say(c, CHECK_OK, "settings", "%s", path);
		else if (r != -EINVAL)
			check_say(c, CHECK_FAIL, "settings", "%s: %s", path, strerror(-r));
	}
	c->device = c->settings ? c->settings->device : ask_text(c->status, "device");
}

/* Somebody, NTP mostly, keeps the clock right, says the kernel. */
static bool is_synchronised(void)
{
	struct timex t = { 0 };
	int r = adjtimex(&t);

	return r >= 0 && r != TIME_ERROR && !(t.status & STA_UNSYNC);
}

static void check_clock(struct check *c)
{
	time_t now = time(NULL);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		(void)strftime(text, sizeof(text), "%FT%TZ", &tm);
	if (now < EPOCH_RELEASE)
		check_say(c, CHECK_FAIL, "clock",
			  "%s is wrong, no certificate can be checked: timedatectl set-ntp true", text);
	else if (is_synchronised())
		check_say(c, CHECK_OK, "clock", "%s, synchronised", text);
	else
		check_say(c, CHECK_WARNING, "clock",
			  "%s, not synchronised, so TIME? has no answer but by GPS: timedatectl set-ntp true", text);
}

int ctl_check(int argc, char **argv)
{
	struct check c = { .device = "" };
	int r = where_parse(&c.where, argc, argv, help_text, false);

	if (r)
		return r - 1;
	/* What is wrong is said here, once. */
	log_set_level(LOG_CRIT);
	check_module(&c);
	check_settings(&c);
	find_user(&c);
	check_device(&c);
	check_pins(&c);
	check_state(&c);
	check_clock(&c);
	check_certificates(&c);
	check_cloud(&c);
	settings_free(c.settings);
	ask_forget(c.status);
	return c.failed ? CTL_FAILURE : 0;
}
