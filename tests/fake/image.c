/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/image.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct image {
	struct done done;
	void (*on_room)(void *userdata);
	void *room_userdata;
	void (*on_error)(void *userdata, int r);
	void *error_userdata;
	uint64_t offset;
	size_t n;
};

static struct fake_image fake;
static struct image *present;

struct fake_image *fake_image(void)
{
	return &fake;
}

int image_new(struct image **ret, sd_event *event, const char *dir)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_nonnull(dir);
	ck_assert_ptr_null(present);
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	fake = (struct fake_image){ 0 };
	*ret = present;
	return 0;
}

struct image *image_free(struct image *i)
{
	if (!i)
		return NULL;
	ck_assert_ptr_eq(i, present);
	present = NULL;
	free(i);
	return NULL;
}

static void begin(struct image *i, enum fake_image_step step, struct done done)
{
	done_call(&i->done, -ECANCELED);
	i->done = done;
	fake.waiting = step;
	if (fake.at_once)
		fake_image_done(fake.result);
}

void image_create(struct image *i, const char *tag, uint64_t size, struct done done)
{
	(void)snprintf(fake.tag, sizeof(fake.tag), "%s", tag);
	fake.size = size;
	fake.have = 0;
	fake.published = fake.discarded = false;
	begin(i, FAKE_IMAGE_CREATE, done);
}

void image_resume(struct image *i, const char *tag, uint64_t size, struct done done)
{
	(void)snprintf(fake.tag, sizeof(fake.tag), "%s", tag);
	fake.size = size;
	fake.discarded = false;
	begin(i, FAKE_IMAGE_RESUME, done);
}

bool image_put(struct image *i, uint64_t offset, const void *data, size_t n)
{
	ck_assert_ptr_eq(i, present);
	ck_assert_uint_le(offset + n, sizeof(fake.data));
	if (fake.full)
		return false;
	memcpy(fake.data + offset, data, n);
	if (fake.have == offset)
		fake.have += n;
	return true;
}

void image_on_room(struct image *i, void (*fn)(void *userdata), void *userdata)
{
	i->on_room = fn;
	i->room_userdata = userdata;
}

void image_on_error(struct image *i, void (*fn)(void *userdata, int r), void *userdata)
{
	i->on_error = fn;
	i->error_userdata = userdata;
}

uint64_t image_have(const struct image *i)
{
	(void)i;
	return fake.have;
}

void image_finish(struct image *i, struct done done)
{
	ck_assert_uint_eq(fake.have, fake.size);
	begin(i, FAKE_IMAGE_FINISH, done);
}

void image_verify(struct image *i, uint64_t size, const unsigned char digest[IMAGE_DIGEST], struct done done)
{
	ck_assert_mem_eq(digest, fake.digest, IMAGE_DIGEST);
	fake.size = size;
	fake.discarded = false;
	begin(i, FAKE_IMAGE_VERIFY, done);
}

const unsigned char *image_digest(const struct image *i)
{
	(void)i;
	return fake.digest;
}

void image_publish(struct image *i)
{
	ck_assert_ptr_eq(i, present);
	fake.published = true;
}

void image_read(struct image *i, uint64_t offset, size_t n, struct done done)
{
	ck_assert(fake.published);
	ck_assert_uint_le(offset, fake.size);
	i->offset = offset;
	i->n = n < fake.size - offset ? n : (size_t)(fake.size - offset);
	begin(i, FAKE_IMAGE_READ, done);
}

const void *image_data(const struct image *i, size_t *ret_n)
{
	*ret_n = i->n;
	return fake.data + i->offset;
}

uint64_t image_size(const struct image *i)
{
	(void)i;
	return fake.size;
}

void image_discard(struct image *i)
{
	fake.published = false;
	fake.discarded = true;
	fake.have = 0;
	fake.waiting = FAKE_IMAGE_NOTHING;
	done_call(&i->done, -ECANCELED);
}

void fake_image_done(int r)
{
	ck_assert_int_ne(fake.waiting, FAKE_IMAGE_NOTHING);
	fake.waiting = FAKE_IMAGE_NOTHING;
	done_call(&present->done, r);
}

void fake_image_room(void)
{
	fake.full = false;
	present->on_room(present->room_userdata);
}

void fake_image_error(int r)
{
	present->on_error(present->error_userdata, r);
}
