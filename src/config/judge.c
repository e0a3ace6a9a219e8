/* SPDX-License-Identifier: Apache-2.0 */
#include "config/judge.h"

#include "at/error.h"
#include "crypto/cert.h"
#include "util/num.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int copy(const void *value, size_t n, char **ret, size_t *ret_n)
{
	char *data = malloc(n + 1);

	if (!data)
		return -ENOMEM;
	if (n)
		memcpy(data, value, n);
	data[n] = '\0';
	*ret = data;
	*ret_n = n;
	return 0;
}

static int form_text(const struct key_row *row, const void *value, size_t n, char **ret, size_t *ret_n)
{
	return n > row->size ? AT_ERR_PARAMETER : copy(value, n, ret, ret_n);
}

static int form_qos(const char *value, size_t n, char **ret, size_t *ret_n)
{
	if (n != 1 || (*value != '0' && *value != '1'))
		return AT_ERR_PARAMETER;
	return copy(value, n, ret, ret_n);
}

static int form_seconds(const void *value, size_t n, char **ret, size_t *ret_n)
{
	char text[24];
	uint64_t number;
	int k;

	if (num_parse(value, n, &number) < 0 || number > KEY_MAX_SECONDS)
		return AT_ERR_PARAMETER;
	k = snprintf(text, sizeof(text), "%" PRIu64, number);
	return copy(text, (size_t)k, ret, ret_n);
}

static int form_certificate(const struct key_row *row, const void *value, size_t n, char **ret, size_t *ret_n)
{
	_cleanup_(freep) char *pem = NULL;
	size_t pem_n;
	int r;

	r = cert_canonical(value, n, row->kind == KEY_ROOTS, &pem, &pem_n);
	if (r)
		return r;
	if (pem_n > row->size)
		return AT_ERR_PARAMETER;
	*ret = TAKE_PTR(pem);
	*ret_n = pem_n;
	return 0;
}

int judge_form(const struct key_row *row, const void *value, size_t n, char **ret, size_t *ret_n)
{
	switch (row->kind) {
	case KEY_TEXT:
		return form_text(row, value, n, ret, ret_n);
	case KEY_QOS:
		return form_qos(value, n, ret, ret_n);
	case KEY_SECONDS:
		return form_seconds(value, n, ret, ret_n);
	case KEY_CERTIFICATE:
	case KEY_ROOTS:
		return form_certificate(row, value, n, ret, ret_n);
	}
	return AT_ERR_PARAMETER;
}

/* Only the host's certificate may be nothing, and only FACTORY_RESET makes it so (guide 8.11). */
static int change_to_nothing(const struct key_row *row, size_t present_n, char **ret, size_t *ret_n)
{
	if (row->id != KEY_HOTACERTIFICATE)
		return AT_ERR_PARAMETER;
	if (present_n)
		return AT_ERR_SIGNATURE;
	return copy("", 0, ret, ret_n);
}

static int may_follow(const struct key_row *row, const char *present, size_t present_n, const char *pem, size_t n)
{
	if (n == present_n && memcmp(pem, present, n) == 0)
		return 0;
	if (row->kind == KEY_ROOTS)
		return cert_roots_acceptable(pem, n, present, present_n);
	if (present_n)
		return cert_signed_by(pem, n, present, present_n);
	/* guide 8.11: the first certificate of the host has nothing to be verified with */
	return row->id == KEY_HOTACERTIFICATE ? cert_self_consistent(pem, n) : AT_ERR_SIGNATURE;
}

int judge_change(const struct key_row *row, const char *present, size_t present_n, const void *value, size_t n,
		 char **ret, size_t *ret_n)
{
	_cleanup_(freep) char *data = NULL;
	size_t data_n;
	int r;

	if (key_is_pem(row) && n == 0)
		return change_to_nothing(row, present_n, ret, ret_n);
	r = judge_form(row, value, n, &data, &data_n);
	if (r)
		return r;
	if (key_is_pem(row)) {
		r = may_follow(row, present, present_n, data, data_n);
		if (r)
			return r;
	}
	*ret = TAKE_PTR(data);
	*ret_n = data_n;
	return 0;
}
