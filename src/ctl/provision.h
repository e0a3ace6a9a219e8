#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What `expresslinkctl provision` was asked to do, and the doing of it. */

#include "crypto/issue.h"

#include <stdbool.h>
#include <stdint.h>

#define PROVISION_OUT SYSCONFDIR "/expresslinkd"

struct provision {
	const char *out;
	const char *ca, *ca_key, *ca_pin_file;
	const char *certificate;
	const char *key, *pin_file;
	const char *uid_text;
	bool force;
	bool thing_name;

	uint8_t uid[ISSUE_UID_SIZE];
	int lock;
};

/* Each returns the exit status, after one line on stderr when it is not 0. */
int provision_print_name(const struct provision *p) _must_check_; /* --thing-name */
int provision_install(struct provision *p) _must_check_;          /* --certificate FILE */
int provision_make(struct provision *p) _must_check_;             /* a new identity */
