/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder, and the certificates. */
#include "control/certificates.h"
#include "ctl/ask.h"
#include "ctl/check.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define LEAST_FREE (1024U * 1024U) /* bytes: two generations of the dictionary */
#define SOON_DAYS  30
#define DAY        86400

static void check_room(struct check *c, const char *dir)
{
	struct statvfs fs;
	unsigned long long left;

	if (statvfs(dir, &fs) < 0)
		return;
	left = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY)
		check_say(c, CHECK_FAIL, "state", "%s is mounted read-only: no setting of the host will be kept", dir);
	else if (left < LEAST_FREE || (fs.f_files > 0 && fs.f_favail == 0))
		check_say(c, CHECK_FAIL, "state", "%s: the disk is full: no setting of the host will be kept", dir);
	else
		check_say(c, CHECK_OK, "state", "%s, %llu MiB free", dir, left >> 20);
}

void check_state(struct check *c)
{
	const char *dir =
		*ask_text(c->status, "state_directory") ? ask_text(c->status, "state_directory") : c->where.state;
	const char *group;
	struct stat st;

	if (stat(dir, &st) < 0) {
		if (errno == ENOENT && !c->pid)
			check_say(c, CHECK_OK, "state", "%s will be made at the first start", dir);
		else
			check_say(c, CHECK_FAIL, "state", "%s: %s", dir, strerror(errno));
	} else if (!S_ISDIR(st.st_mode)) {
		check_say(c, CHECK_FAIL, "state", "%s is no folder: take it away", dir);
	} else if (c->user_known && !check_rights(c, dir, R_OK | W_OK | X_OK, &group)) {
		check_say(c, CHECK_FAIL, "state", "%s may not write in %s: chown -R %s: %s", check_user_name(c), dir,
			  check_user_name(c), dir);
	} else {
		check_room(c, dir);
	}
	if (ask_number(cJSON_GetObjectItemCaseSensitive(c->status, "counters"), "damaged") > 0)
		check_say(c, CHECK_WARNING, "state",
			  "keys were damaged at the last start and have fallen back: see the log");
}

/* "2026-11-23T07:00:00Z"; 0: no time. */
static time_t time_of(const char *text)
{
	struct tm tm = { 0 };

	return strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) ? timegm(&tm) : 0;
}

static void check_certificate(struct check *c, const cJSON *one)
{
	const char *use = ask_text(one, "use"), *subject = ask_text(one, "subject"),
		   *until = ask_text(one, "not_after"), *unfit = ask_text(one, "unfit");
	time_t from = time_of(ask_text(one, "not_before")), to = time_of(until), now = time(NULL);
	/* One root of several may well have gone out of date. */
	bool own = strcmp(use, "own") == 0;
	enum verdict bad = own ? CHECK_FAIL : CHECK_WARNING;

	if (from == 0 || to == 0)
		check_say(c, bad, "certificate", "%s: cannot be read", use);
	else if (now > to)
		check_say(c, bad, "certificate", "%s: %s has expired at %s: a new one is needed%s", use, subject, until,
			  own ? " (expresslinkctl provision)" : "");
	else if (now < from)
		check_say(c, bad, "certificate", "%s: %s is valid from %s only: check the clock", use, subject,
			  ask_text(one, "not_before"));
	else if (*unfit)
		check_say(c, bad, "certificate", "%s: %s verifies no image: %s", use, subject, unfit);
	else if (to - now < SOON_DAYS * DAY)
		check_say(c, CHECK_WARNING, "certificate", "%s: %s expires soon, at %s", use, subject, until);
	else
		check_say(c, CHECK_OK, "certificate", "%s: %s, valid until %s", use, subject, until);
}

void check_certificates(struct check *c)
{
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(c->status, "certificates"), *one;
	struct json j;

	json_init(&j);
	if (!array && c->settings) {
		const char *own = c->settings->certificate_pem, *root = c->settings->root_ca_pem;
		const char *ota = c->settings->ota_certificate_pem;
		cJSON *made = json_array(&j, NULL, "certificates");

		certificates_add(&j, made, "own", own, strlen(own));
		certificates_add(&j, made, "RootCA", root, strlen(root));
		certificates_add(&j, made, "OTAcertificate", ota, strlen(ota));
		array = made;
	}
	cJSON_ArrayForEach(one, array)
	{
		check_certificate(c, one);
	}
	json_done(&j);
}
