/* SPDX-License-Identifier: Apache-2.0 */
#include "config/settings.h"

#include "config/ini.h"
#include "config/loader.h"
#include "config/named.h"
#include "config/setting.h"
#include "util/file.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SETTINGS (256 * 1024) /* bytes of a settings file */

static void loader_done(struct loader *l)
{
	settings_free(l->s);
	for (size_t i = 0; i < SETTING_MAX; i++)
		free(l->origins[i].file);
}

static void report(struct loader *l, const char *file, unsigned line, const char *text)
{
	l->problems++;
	if (l->report)
		l->report(l->userdata, file, line, text);
}

static _printf_(4, 5) void say(struct loader *l, const char *file, unsigned line, const char *format, ...)
{
	char text[LOADER_TEXT];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	report(l, file, line, text);
}

static struct origin *origin_of(struct loader *l, const struct setting *row)
{
	return &l->origins[row - setting_rows];
}

void loader_say(struct loader *l, const struct setting *row, const char *format, ...)
{
	const struct origin *o = origin_of(l, row);
	char text[LOADER_TEXT];
	va_list ap;
	int n;

	n = snprintf(text, sizeof(text), "[%s] %s= ", row->section, row->key);
	va_start(ap, format);
	(void)vsnprintf(text + n, sizeof(text) - (size_t)n, format, ap);
	va_end(ap);
	report(l, o->file ? o->file : l->main_file, o->line, text);
}

static void on_section(void *userdata, unsigned line, const char *name)
{
	struct loader *l = userdata;

	if (!setting_has_section(name))
		say(l, l->file, line, "there is no section [%.60s]", name);
}

static void on_problem(void *userdata, unsigned line, const char *text)
{
	struct loader *l = userdata;

	say(l, l->file, line, "%s", text);
}

static bool remember(struct loader *l, const struct setting *row, unsigned line)
{
	struct origin *o = origin_of(l, row);
	char *file;

	if (o->file && o->generation == l->generation) {
		say(l, l->file, line, "[%s] %s= is given twice, first in line %u", row->section, row->key, o->line);
		return false;
	}
	file = strdup(l->file);
	if (!file) {
		l->error = -ENOMEM;
		return false;
	}
	free(o->file);
	*o = (struct origin){ file, line, l->generation, false };
	return true;
}

static void refuse(struct loader *l, const struct setting *row, const char *why)
{
	origin_of(l, row)->refused = true;
	loader_say(l, row, "%s", why);
}

static void on_pair(void *userdata, unsigned line, const char *section, const char *key, const char *value)
{
	const struct setting *row = setting_find(section, key);
	struct loader *l = userdata;
	char why[LOADER_TEXT];
	int r;

	if (!row) {
		if (!*section)
			say(l, l->file, line, "%.60s= stands before the first [Section]", key);
		else if (setting_has_section(section))
			say(l, l->file, line, "there is no key %.60s= in section [%s]", key, section);
		/* An unknown section was a problem already. */
		return;
	}
	if (!remember(l, row, line))
		return;
	r = setting_apply(row, l->s, value, why, sizeof(why));
	if (r == -EINVAL)
		refuse(l, row, why);
	else if (r < 0)
		l->error = r;
}

static void read_text(struct loader *l, const char *name, const void *text, size_t n)
{
	static const struct ini_sink sink = { on_section, on_pair, on_problem };

	l->file = name;
	l->generation++;
	ini_read(text, n, &sink, l);
}

static bool read_settings(struct loader *l, const char *path)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = file_read(path, MAX_SETTINGS, &text, &n);

	if (r < 0) {
		say(l, path, 0, "cannot be read: %s", strerror(-r));
		return false;
	}
	read_text(l, path, text, n);
	return true;
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

static void read_dropins(struct loader *l)
{
	_cleanup_(freep) char *dir = NULL;
	struct dirent **entries;
	int n;

	if (asprintf(&dir, "%s.d", l->main_file) < 0) {
		dir = NULL;
		l->error = -ENOMEM;
		return;
	}
	n = scandir(dir, &entries, is_dropin, by_name);
	if (n < 0) {
		if (errno != ENOENT)
			say(l, dir, 0, "cannot be read: %s", strerror(errno));
		return;
	}
	for (int i = 0; i < n; i++) {
		_cleanup_(freep) char *path = NULL;

		if (asprintf(&path, "%s/%s", dir, entries[i]->d_name) < 0) {
			path = NULL;
			l->error = -ENOMEM;
		} else {
			(void)read_settings(l, path);
		}
		free(entries[i]);
	}
	free(entries);
}

static int set_initial(struct settings *s)
{
	char why[LOADER_TEXT];

	assert(setting_count <= SETTING_MAX);

	for (size_t i = 0; i < setting_count; i++) {
		int r = setting_apply(&setting_rows[i], s, setting_rows[i].initial, why, sizeof(why));

		if (r < 0)
			return r;
	}
	return 0;
}

static void check_required(struct loader *l)
{
	for (size_t i = 0; i < setting_count; i++) {
		const struct setting *row = &setting_rows[i];

		/* What was refused is not missing as well. */
		if (row->required && !**setting_text(row, l->s) && !l->origins[i].refused)
			loader_say(l, row, "is missing");
	}
}

static int loader_init(struct loader *l, const char *name, settings_report_fn report_fn, void *userdata)
{
	*l = (struct loader){ .main_file = name, .report = report_fn, .userdata = userdata };
	l->s = calloc(1, sizeof(*l->s));
	if (!l->s)
		return -ENOMEM;
	return set_initial(l->s);
}

static int loader_result(const struct loader *l)
{
	return l->error ? l->error : l->problems ? -EINVAL : 0;
}

int settings_load(struct settings **ret, const char *path, settings_report_fn report_fn, void *userdata)
{
	_cleanup_(loader_done) struct loader l;
	int r;

	r = loader_init(&l, path, report_fn, userdata);
	if (r < 0)
		return r;
	if (read_settings(&l, path)) {
		read_dropins(&l);
		check_required(&l);
		named_load(&l);
	}
	r = loader_result(&l);
	if (r == 0)
		*ret = TAKE_PTR(l.s);
	return r;
}

int settings_parse(struct settings **ret, const char *name, const void *text, size_t n, settings_report_fn report_fn,
		   void *userdata)
{
	_cleanup_(loader_done) struct loader l;
	int r;

	r = loader_init(&l, name, report_fn, userdata);
	if (r < 0)
		return r;
	read_text(&l, name, text, n);
	check_required(&l);
	named_forget(&l);
	r = loader_result(&l);
	if (r == 0)
		*ret = TAKE_PTR(l.s);
	return r;
}

struct settings *settings_free(struct settings *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < setting_count; i++) {
		if (setting_is_text(&setting_rows[i]))
			free(*setting_text(&setting_rows[i], s));
	}
	free(s);
	return NULL;
}
