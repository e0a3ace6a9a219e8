/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/stage.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

const uint64_t stage_sizes[STAGE_SIZES] = { 1,           STAGE_W - 1, STAGE_W,
					    STAGE_W + 1, 2 * STAGE_W, STAGING_JOURNAL_BYTES + 1,
					    STAGE_SIZE };

void stage_fill(struct stage *s)
{
	uint32_t x = 1;

	s->file = malloc(STAGE_SIZE);
	ck_assert_ptr_nonnull(s->file);
	for (size_t i = 0; i < STAGE_SIZE; i++) {
		x = x * 1664525 + 1013904223;
		s->file[i] = (unsigned char)(x >> 24);
	}
}

void stage_unfill(struct stage *s)
{
	free(s->file);
}

void stage_make(struct stage *s)
{
	s->dir = temp_dir();
	ck_assert_int_eq(staging_new(&s->staging, s->dir), 0);
}

void stage_done(struct stage *s)
{
	staging_free(s->staging);
	temp_remove(s->dir);
}

void stage_anew(struct stage *s)
{
	s->staging = staging_free(s->staging);
	ck_assert_int_eq(staging_new(&s->staging, s->dir), 0);
}

void stage_create(struct stage *s, uint64_t size)
{
	ck_assert_int_eq(staging_create(s->staging, "tag", size), 0);
	ck_assert_uint_eq(staging_have(s->staging), 0);
}

int stage_try_append(struct stage *s, uint64_t to, size_t piece)
{
	int r = 0;

	while (r == 0 && staging_have(s->staging) < to) {
		uint64_t at = staging_have(s->staging);
		size_t n = to - at < piece ? (size_t)(to - at) : piece;

		r = staging_append(s->staging, s->file + at, n);
		if (r == 0)
			ck_assert_uint_eq(staging_have(s->staging), at + n);
	}
	return r;
}

void stage_append(struct stage *s, uint64_t to, size_t piece)
{
	ck_assert_int_eq(stage_try_append(s, to, piece), 0);
}

void stage_finish(struct stage *s, uint64_t size)
{
	stage_append(s, size, 50000);
	ck_assert_int_eq(staging_finish(s->staging), 0);
	stage_digest_is(s, size);
	stage_disk_has(s, size);
}

uint64_t stage_resume(struct stage *s, uint64_t size)
{
	int r;

	ck_assert_int_eq(staging_open(s->staging, "tag", size), 0);
	while ((r = staging_resume(s->staging)) == 1)
		;
	ck_assert_int_eq(r, 0);
	stage_disk_has(s, staging_have(s->staging));
	return staging_have(s->staging);
}

int stage_verify(struct stage *s, uint64_t size)
{
	int r = staging_open_whole(s->staging, size);

	if (r < 0)
		return r;
	while ((r = staging_verify(s->staging)) == 1)
		;
	return r;
}

void stage_goes_on(struct stage *s, uint64_t size, uint64_t from)
{
	stage_anew(s);
	ck_assert_uint_eq(stage_resume(s, size), from);
	stage_finish(s, size);
	ck_assert_int_eq(stage_verify(s, size), 0);
	stage_digest_is(s, size);
}

void stage_digest_is(const struct stage *s, uint64_t size)
{
	unsigned char want[DIGEST_SIZE];

	ck_assert_int_eq(EVP_Digest(s->file, (size_t)size, want, NULL, EVP_sha256(), NULL), 1);
	ck_assert_mem_eq(staging_digest(s->staging), want, DIGEST_SIZE);
}

void stage_disk_has(const struct stage *s, uint64_t n)
{
	_cleanup_(freep) char *data = NULL;
	size_t have;

	data = temp_read(s->dir, STAGING_FILE, &have);
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_ge(have, n);
	ck_assert(memcmp(data, s->file, (size_t)n) == 0);
}
