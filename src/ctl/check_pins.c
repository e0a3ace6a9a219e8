/* SPDX-License-Identifier: Apache-2.0 */
/* EVENT, WAKE and RST: are these lines there, and free? */
#include "ctl/ask.h"
#include "ctl/check.h"
#include "util/num.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/gpio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TOPIC     "pins"
#define MAX_CHIPS 64

static int open_path(const char *path, struct gpiochip_info *ret)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	if (ioctl(fd, GPIO_GET_CHIPINFO_IOCTL, ret) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

/* By name, path or label, as the daemon does. -ENOENT; -ENOTUNIQ; or why one could not be looked at. */
static int open_chip(const char *wanted, struct gpiochip_info *ret)
{
	struct gpiochip_info one;
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s%s", wanted[0] == '/' ? "" : "/dev/", wanted);
	r = open_path(path, ret);
	if (r != -ENOENT || wanted[0] == '/')
		return r;
	for (unsigned i = 0; i < MAX_CHIPS; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "/dev/gpiochip%u", i);
		fd = open_path(path, &one);
		if (fd < 0) {
			r = fd == -ENOENT || r >= 0 ? r : fd;
		} else if (strcmp(wanted, one.label) != 0 || (r >= 0 && strcmp(one.name, ret->name) == 0)) {
			(void)close(fd); /* another one, or a link to the same */
		} else if (r >= 0) {
			(void)close(fd);
			(void)close(r);
			return -ENOTUNIQ;
		} else {
			*ret = one;
			r = fd;
		}
	}
	return r;
}

/* The line by offset or name; false: there is none. */
static bool find_line(int fd, unsigned lines, const char *wanted, struct gpio_v2_line_info *ret)
{
	uint64_t offset;
	bool by_number = num_parse(wanted, strlen(wanted), &offset) == 0;

	for (unsigned i = 0; i < lines; i++) {
		*ret = (struct gpio_v2_line_info){ .offset = i };
		if (ioctl(fd, GPIO_V2_GET_LINEINFO_IOCTL, ret) < 0)
			continue;
		if ((by_number && offset == i) || strcmp(ret->name, wanted) == 0)
			return true;
	}
	return false;
}

static void check_pin(struct check *c, int fd, const struct gpiochip_info *chip, const char *key, const char *line)
{
	struct gpio_v2_line_info info;

	if (!*line)
		return;
	if (!find_line(fd, chip->lines, line, &info))
		check_say(c, CHECK_FAIL, TOPIC, "%s (%s) has no line %s: correct [Pins] %s=", chip->name, chip->label,
			  line, key);
	else if (!c->pid && (info.flags & GPIO_V2_LINE_FLAG_USED))
		check_say(c, CHECK_FAIL, TOPIC, "%s: line %s of %s is used by %s: free it, or take another one", key,
			  line, chip->name, *info.consumer ? info.consumer : "the kernel");
	else
		check_say(c, CHECK_OK, TOPIC, "%s is line %u of %s%s%s", key, info.offset, chip->name,
			  *info.consumer ? ", used by " : "", info.consumer);
}

static void check_chip_rights(struct check *c, const struct gpiochip_info *chip)
{
	const char *group;
	char path[64];

	(void)snprintf(path, sizeof(path), "/dev/%.32s", chip->name);
	if (!c->user_known || check_rights(c, path, R_OK | W_OK, &group))
		return;
	check_say(c, c->pid ? CHECK_FAIL : CHECK_WARNING, "rights",
		  "%s may not use %s: a udev rule has to give it to "
		  "a group of that user%s%s",
		  check_user_name(c), path, group ? ", such as " : "", group ? group : "");
}

/* What the running module has. */
static bool check_by_module(struct check *c)
{
	static const char *const names[] = { "event", "wake", "reset" };
	const cJSON *pins = cJSON_GetObjectItemCaseSensitive(c->status, "pins");
	bool any = false;

	for (size_t i = 0; i < ELEMENTS(names); i++) {
		const cJSON *pin = cJSON_GetObjectItemCaseSensitive(pins, names[i]);

		if (!*ask_text(pin, "line"))
			continue;
		any = true;
		if (!*ask_text(pin, "level")) {
			check_say(c, CHECK_FAIL, TOPIC, "%s: %s is gone: plug it in, then systemctl restart %s",
				  names[i], ask_text(pins, "chip"), c->where.unit);
			continue;
		}
		check_say(c, CHECK_OK, TOPIC, "%s is line %s of %s, %s", names[i], ask_text(pin, "line"),
			  ask_text(pins, "chip"), ask_text(pin, "level"));
	}
	return any;
}

void check_pins(struct check *c)
{
	const struct settings *s = c->settings;
	struct gpiochip_info chip = { 0 };
	int fd;

	if (check_by_module(c) || !s)
		return;
	if (!*s->pin_event && !*s->pin_wake && !*s->pin_reset) {
		check_say(c, CHECK_OK, TOPIC, "none are set: the host asks with EVENT?");
		return;
	}
	fd = open_chip(s->pin_chip, &chip);
	if (fd == -ENOENT) {
		check_say(c, CHECK_FAIL, TOPIC,
			  "there is no chip %s (see gpiodetect): correct [Pins] Chip=", s->pin_chip);
		return;
	}
	if (fd == -ENOTUNIQ || fd == -ENOTTY) {
		check_say(c, CHECK_FAIL, TOPIC, "%s: %s: correct [Pins] Chip=", s->pin_chip,
			  fd == -ENOTTY ? "this is no chip" : "several chips have this label");
		return;
	}
	if (fd < 0) {
		check_say(c, CHECK_WARNING, TOPIC, "the chips cannot be looked at (%s): try as root", strerror(-fd));
		return;
	}
	check_pin(c, fd, &chip, "Event", s->pin_event);
	check_pin(c, fd, &chip, "Wake", s->pin_wake);
	check_pin(c, fd, &chip, "Reset", s->pin_reset);
	check_chip_rights(c, &chip);
	(void)close(fd);
}
