/* SPDX-License-Identifier: Apache-2.0 */
/* The serial line: is it there, is it one, is it ours? */
#include "ctl/check.h"
#include "util/file.h"
#include "util/rival.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOPIC "serial line"
#define SMALL 4096

/* A file of the kernel, up to its first line's end or NUL. False: there is none. */
static bool read_line(const char *path, char *ret, size_t size)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	if (file_read(path, SMALL, &text, &n) < 0)
		return false;
	text[strcspn(text, "\n")] = '\0';
	(void)snprintf(ret, size, "%s", text);
	return true;
}

/* 0: it is none. Compute modules and such count as 4: they are set up like that. */
static int raspberry_pi(void)
{
	char model[128];

	if (!read_line("/proc/device-tree/model", model, sizeof(model)) || !strstr(model, "Raspberry Pi"))
		return 0;
	return strstr(model, " 5") || strstr(model, "Pi 500") ? 5 : 4;
}

static void say_missing(struct check *c)
{
	int pi = raspberry_pi();

	if (pi)
		check_say(c, CHECK_FAIL, TOPIC,
			  "%s is not there: %s in /boot/firmware/config.txt enables the UART, then reboot", c->device,
			  pi == 5 ? "dtparam=uart0=on" : "enable_uart=1");
	else
		check_say(c, CHECK_FAIL, TOPIC, "%s: %s: plug it in, or correct [Serial] Device=", c->device,
			  strerror(errno));
}

/* A driver makes nodes for more UARTs than the board may have. */
static bool has_hardware(const char *name)
{
	char path[PATH_MAX], type[16];

	(void)snprintf(path, sizeof(path), "/sys/class/tty/%.64s/type", name);
	return !read_line(path, type, sizeof(type)) || strcmp(type, "0") != 0;
}

static void check_rivals(struct check *c, const char *name)
{
	char who[256];

	rival_find("", c->device, c->pid, who, sizeof(who));
	if (strstr(who, "console"))
		check_say(c, CHECK_FAIL, TOPIC,
			  "%s: %s is on it: take console=%s%s out of the kernel's command line, then reboot", c->device,
			  who, name, raspberry_pi() ? " or serial0 (/boot/firmware/cmdline.txt)" : "");
	else if (strstr(who, "getty"))
		check_say(c, CHECK_FAIL, TOPIC,
			  "%s: a login prompt is on it (%s): systemctl disable --now serial-getty@%s.service",
			  c->device, who, name);
	else if (*who)
		check_say(c, CHECK_FAIL, TOPIC, "%s: %s has it open%s: end it", c->device, who, c->pid ? ", too" : "");
	else if (c->pid)
		check_say(c, CHECK_OK, TOPIC, "%s, the module has it", c->device);
	else if (geteuid() != 0)
		check_say(c, CHECK_WARNING, TOPIC, "%s is there; only root can see whether somebody has it open",
			  c->device);
	else
		check_say(c, CHECK_OK, TOPIC, "%s, nobody has it open", c->device);
	if (raspberry_pi() == 5 && strcmp(name, "ttyAMA10") == 0)
		check_say(c, CHECK_WARNING, TOPIC,
			  "this is the small connector between the HDMI plugs; the header's is /dev/ttyAMA0, with "
			  "dtparam=uart0=on in /boot/firmware/config.txt");
	if (raspberry_pi() && strcmp(name, "ttyS0") == 0)
		check_say(c, CHECK_WARNING, TOPIC,
			  "this is the mini UART, whose rate depends on the core's clock: dtoverlay=disable-bt in "
			  "/boot/firmware/config.txt gives the better one");
}

static void check_use(struct check *c)
{
	const char *group, *user = check_user_name(c);

	if (!c->user_known) {
		check_say(c, CHECK_WARNING, "rights", "there is no user expresslinkd, and the module does not run");
		return;
	}
	if (check_rights(c, c->device, R_OK | W_OK, &group))
		check_say(c, CHECK_OK, "rights", "%s may use %s", user, c->device);
	else if (group)
		check_say(c, c->pid ? CHECK_FAIL : CHECK_WARNING, "rights",
			  "%s may not use %s, unless its unit has SupplementaryGroups=%s: adduser %s %s", user,
			  c->device, group, user, group);
	else
		check_say(c, CHECK_FAIL, "rights",
			  "%s may not use %s, and no group may. If a login prompt has left it so: udevadm trigger "
			  "--action=change %s; else a udev rule has to give it a group",
			  user, c->device, c->device);
}

void check_device(struct check *c)
{
	char real[PATH_MAX];
	const char *name;
	struct stat st;

	if (!*c->device)
		return;
	if (strncmp(c->device, "pty:", 4) == 0) {
		check_say(c, CHECK_OK, TOPIC, "a pseudo terminal, %s", c->device);
		return;
	}
	if (!realpath(c->device, real) || stat(real, &st) < 0) {
		say_missing(c);
		return;
	}
	name = strrchr(real, '/') + 1;
	if (!S_ISCHR(st.st_mode)) {
		check_say(c, CHECK_FAIL, TOPIC, "%s is no tty: correct [Serial] Device=", c->device);
		return;
	}
	if (!has_hardware(name)) {
		check_say(c, CHECK_FAIL, TOPIC,
			  "there is no UART behind %s: enable it in the board's device tree, or "
			  "correct [Serial] Device=",
			  c->device);
		return;
	}
	check_rivals(c, name);
	check_use(c);
}
