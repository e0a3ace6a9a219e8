/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/parcel.h"

#include "fake/temp.h"

#include <check.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void on_room(void *userdata)
{
	struct parcel *p = container_of(userdata, struct parcel, rooms);

	ck_assert_ptr_eq(p->self, p);
	p->rooms++;
}

static void on_error(void *userdata, int r)
{
	struct parcel *p = container_of(userdata, struct parcel, errors);

	ck_assert_ptr_eq(p->self, p);
	p->errors++;
	p->error = r;
}

static void on_done(void *who, uint64_t n, int r)
{
	struct parcel *p = container_of(who, struct parcel, calls);

	ck_assert_ptr_eq(p->self, p);
	p->calls++;
	p->canceled = p->result == -ECANCELED;
	p->number = n;
	p->result = r;
}

void parcel_fill(struct parcel *p)
{
	uint32_t x = 3;

	p->file = malloc(IMAGE_MAX_HOST);
	ck_assert_ptr_nonnull(p->file);
	for (size_t i = 0; i < IMAGE_MAX_HOST; i++)
		p->file[i] = (unsigned char)(parcel_random(&x) >> 16);
}

void parcel_unfill(struct parcel *p)
{
	free(p->file);
}

static void begin(struct parcel *p)
{
	ck_assert_int_eq(image_new(&p->image, p->event, p->dir), 0);
	image_on_room(p->image, on_room, &p->rooms);
	image_on_error(p->image, on_error, &p->errors);
}

void parcel_make(struct parcel *p)
{
	*p = (struct parcel){ .self = p, .file = p->file };
	p->dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&p->event), 0);
	begin(p);
}

void parcel_done(struct parcel *p)
{
	image_free(p->image);
	sd_event_unref(p->event);
	temp_remove(p->dir);
}

void parcel_anew(struct parcel *p)
{
	p->image = image_free(p->image);
	begin(p);
}

void parcel_turn(struct parcel *p)
{
	ck_assert_int_ge(sd_event_run(p->event, UINT64_MAX), 0);
}

struct done parcel_note(struct parcel *p, uint64_t n)
{
	return (struct done){ on_done, &p->calls, n };
}

int parcel_wait(struct parcel *p, unsigned n)
{
	ck_assert_uint_lt(p->calls, n);
	while (p->calls < n)
		parcel_turn(p);
	ck_assert_uint_eq(p->calls, n);
	p->calls = 0;
	return p->result;
}

void parcel_create(struct parcel *p, uint64_t size)
{
	image_create(p->image, "tag", size, parcel_note(p, 1));
	ck_assert_int_eq(parcel_wait(p, 1), 0);
	ck_assert_uint_eq(image_have(p->image), 0);
	ck_assert_uint_eq(image_size(p->image), size);
}

void parcel_put(struct parcel *p, uint64_t offset, size_t n)
{
	unsigned before = p->rooms;

	while (!image_put(p->image, offset, p->file + offset, n)) {
		while (p->rooms == before)
			parcel_turn(p);
		before = p->rooms;
	}
}

void parcel_put_from(struct parcel *p, uint64_t offset, uint64_t size)
{
	for (; offset < size; offset += PARCEL_BLOCK)
		parcel_put(p, offset, size - offset < PARCEL_BLOCK ? (size_t)(size - offset) : PARCEL_BLOCK);
}

int parcel_finish(struct parcel *p)
{
	image_finish(p->image, parcel_note(p, 2));
	return parcel_wait(p, 1);
}

void parcel_digest_is(const struct parcel *p, uint64_t size)
{
	unsigned char want[IMAGE_DIGEST];

	ck_assert_int_eq(EVP_Digest(p->file, (size_t)size, want, NULL, EVP_sha256(), NULL), 1);
	ck_assert_mem_eq(image_digest(p->image), want, IMAGE_DIGEST);
}

void parcel_download(struct parcel *p, uint64_t size)
{
	parcel_create(p, size);
	parcel_put_from(p, 0, size);
	ck_assert_int_eq(parcel_finish(p), 0);
	ck_assert_uint_eq(image_have(p->image), size);
	parcel_digest_is(p, size);
}

int parcel_verify(struct parcel *p, uint64_t size)
{
	unsigned char digest[IMAGE_DIGEST];

	ck_assert_int_eq(EVP_Digest(p->file, (size_t)size, digest, NULL, EVP_sha256(), NULL), 1);
	image_verify(p->image, size, digest, parcel_note(p, 3));
	return parcel_wait(p, 1);
}

int parcel_read(struct parcel *p, uint64_t offset, size_t n)
{
	image_read(p->image, offset, n, parcel_note(p, 4));
	if (!p->calls)
		return parcel_wait(p, 1);
	ck_assert_uint_eq(p->calls, 1);
	p->calls = 0;
	return p->result;
}

uint32_t parcel_random(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}
