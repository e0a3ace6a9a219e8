/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cloud/mqtt.h"
#include "config/ini.h"
#include "config/setting.h"
#include "crypto/library.h"
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/where.h"
#include "util/file.h"
#include "util/log.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <time.h>

#define MAX_FILE (256 * 1024)
#define MASK     "***"

static const char help_text[] = "Usage: expresslinkctl report [OPTION]...\n"
				"Prints what support needs to know, to be mailed: versions, settings, status, the\n"
				"last attempts to connect. No key, PIN or passphrase is in it.\n\n" WHERE_HELP;

/* --- versions --- */

/* The value of NAME= in os-release, without its quotes. */
static void print_distribution(void)
{
	static const char key[] = "\nPRETTY_NAME=";
	_cleanup_(freep) char *text = NULL;
	const char *at;
	size_t n;

	if (file_read("/etc/os-release", MAX_FILE, &text, &n) < 0)
		return;
	at = strncmp(text, key + 1, strlen(key) - 1) == 0 ? text - 1 : strstr(text, key);
	if (!at)
		return;
	at += strlen(key);
	at += *at == '"';
	printf("%-16s%.*s\n", "distribution", (int)strcspn(at, "\"\n"), at);
}

static void print_machine(void)
{
	static const char *const paths[] = { "/proc/device-tree/model", "/sys/class/dmi/id/product_name" };

	for (size_t i = 0; i < ELEMENTS(paths); i++) {
		_cleanup_(freep) char *text = NULL;
		char shown[256];
		size_t n;

		if (file_read(paths[i], 4096, &text, &n) < 0)
			continue;
		(void)log_printable(text, strcspn(text, "\n"), shown, sizeof(shown));
		printf("%-16s%s\n", "machine", shown);
		return;
	}
}

static void print_versions(void)
{
	char mosquitto[MQTT_VERSION];
	struct utsname name;

	mqtt_version(mosquitto);
	printf("%-16s%s\n", "expresslinkctl", PACKAGE_VERSION);
	printf("%-16s%s\n", "libmosquitto", mosquitto);
	printf("%-16s%s\n", "OpenSSL", library_version());
	printf("%-16s%s\n", "libsystemd", SYSTEMD_VERSION);
	printf("%-16s%s\n", "cJSON", cJSON_Version());
	if (uname(&name) == 0)
		printf("%-16s%s %s %s\n", "kernel", name.sysname, name.release, name.machine);
	print_distribution();
	print_machine();
}

/* --- settings --- */

/* What a person may have put into a URI. */
static void print_uri(const char *value)
{
	static const char *const secret[] = { "pin-value=", "pin-source=", "pin=", "password=" };

	while (*value) {
		for (size_t i = 0; i < ELEMENTS(secret); i++) {
			size_t n = strlen(secret[i]);

			if (strncasecmp(value, secret[i], n) != 0)
				continue;
			printf("%.*s" MASK, (int)n, value);
			value += n;
			value += strcspn(value, ";&?");
			break;
		}
		if (*value)
			putchar(*value++);
	}
}

static bool is_secret(const struct setting *row)
{
	return strcasestr(row->key, "passphrase") || strcasestr(row->key, "password");
}

static void on_pair(void *userdata, unsigned line, const char *section, const char *key, const char *value)
{
	const struct setting *row = setting_find(section, key);
	char shown[2048];

	(void)userdata;
	(void)line;
	(void)log_printable(key, strlen(key), shown, sizeof(shown));
	printf("%s=", shown);
	(void)log_printable(value, strlen(value), shown, sizeof(shown));
	if (!row || is_secret(row))
		(void)fputs(*value ? MASK : "", stdout); /* what is misspelt may be meant to be one */
	else if (row->kind == SETTING_KEY)
		print_uri(shown);
	else
		(void)fputs(shown, stdout);
	putchar('\n');
}

static void on_section(void *userdata, unsigned line, const char *name)
{
	(void)userdata;
	(void)line;
	printf("[%s]\n", setting_has_section(name) ? name : MASK);
}

static void on_problem(void *userdata, unsigned line, const char *text)
{
	(void)userdata;
	(void)text;
	printf("(line %u is no setting)\n", line);
}

static int print_file(const char *path)
{
	static const struct ini_sink sink = { on_section, on_pair, on_problem };
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = file_read(path, MAX_FILE, &text, &n);

	if (r < 0) {
		printf("(%s: %s)\n", path, strerror(-r));
		return r;
	}
	printf("# %s\n", path);
	ini_read(text, n, &sink, NULL);
	explicit_bzero(text, n);
	return 0;
}

static int is_dropin(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".conf") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void print_settings(const char *path)
{
	_cleanup_(freep) char *dir = NULL;
	struct dirent **entries;
	int n;

	if (print_file(path) < 0 || asprintf(&dir, "%s.d", path) < 0)
		return;
	n = scandir(dir, &entries, is_dropin, by_name);
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *one = NULL;

		if (asprintf(&one, "%s/%s", dir, entries[i]->d_name) >= 0)
			(void)print_file(one);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

/* --- the whole --- */

static void print_attempts(const char *runtime)
{
	_cleanup_(ask_forgetp) cJSON *answer = NULL;
	const cJSON *one, *array;

	if (ask_once(runtime, "attempts", ASK_MS, &answer, NULL) < 0)
		return;
	array = cJSON_GetObjectItemCaseSensitive(answer, "attempts");
	cJSON_ArrayForEach(one, array)
	{
		show_attempt(one);
	}
	if (cJSON_GetArraySize(array) == 0)
		puts("(none since the start)");
}

int ctl_report(int argc, char **argv)
{
	_cleanup_(ask_forgetp) cJSON *status = NULL;
	const char *settings;
	struct where where;
	char now[32] = "";
	time_t at = time(NULL);
	struct tm tm;
	int r = where_parse(&where, argc, argv, help_text, false);

	if (r)
		return r - 1;
	if (gmtime_r(&at, &tm))
		(void)strftime(now, sizeof(now), "%FT%TZ", &tm);
	r = ask_once(where.runtime, "status", ASK_MS, &status, NULL);
	settings = r == 0 && !where.settings_given ? ask_text(status, "settings") : where.settings;
	printf("Report of %s, %s\n\n== Versions\n", where.unit, now);
	print_versions();
	puts("\n== Settings");
	print_settings(settings);
	puts("\n== Status");
	if (r == 0) {
		show_status(status);
		puts("\n== The last attempts to connect, the newest first");
		print_attempts(where.runtime);
	} else {
		printf("(no answer in %s: %s)\n", where.runtime,
		       *ask_text(status, "error") ? ask_text(status, "error") : strerror(-r));
	}
	return 0;
}
