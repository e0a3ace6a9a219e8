/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/container.h"

#include "fake/pki.h"
#include "fake/suite.h"
#include "util/macro.h"

#include <errno.h>
#include <string.h>

static struct container sample(void)
{
	struct container c = { .size = 0x01020304, .kind = SIGNATURE_ECDSA, .signature_n = 70 };

	memset(c.digest, 0xd1, sizeof(c.digest));
	memset(c.signature, 0x51, c.signature_n);
	strcpy(c.manufacturer, "Example");
	strcpy(c.model, "Gateway");
	strcpy(c.version, "v2.5.7");
	return c;
}

static void digest_of(const void *data, size_t n, unsigned char ret[DIGEST_SIZE])
{
	struct digest *d;

	ck_assert_int_eq(digest_new(&d), 0);
	ck_assert_int_eq(digest_add(d, data, n), 0);
	ck_assert_int_eq(digest_finish(d, ret), 0);
	digest_free(d);
}

/* As expresslink-image(5) has it. */
START_TEST(layout)
{
	static const unsigned char begin[] = { 0x89, 'E', 'L', 'I', 13, 10, 26, 10, 0, 0, 0, 1,
					       0,    0,   4,   0,   0,  0,  0,  0,  1, 2, 3, 4 };
	unsigned char header[CONTAINER_HEADER], digest[DIGEST_SIZE];
	const struct container c = sample();

	ck_assert_int_eq(container_format(&c, header), 0);
	ck_assert_mem_eq(header, begin, sizeof(begin));
	ck_assert_mem_eq(header + 24, c.digest, 32);
	ck_assert_str_eq((const char *)header + 56, "Example");
	ck_assert_str_eq((const char *)header + 120, "Gateway");
	ck_assert_str_eq((const char *)header + 184, "v2.5.7");
	ck_assert_mem_eq(header + 248, "\0\0\0\1\0\0\0\x46", 8);
	ck_assert_mem_eq(header + 256, c.signature, c.signature_n);
	for (size_t i = 256 + c.signature_n; i < 992; i++)
		ck_assert_int_eq(header[i], 0);
	digest_of(header, 992, digest);
	ck_assert_mem_eq(header + 992, digest, 32);

	/* What is signed ends where the signature begins. */
	digest_of(header, 248, digest);
	ck_assert_int_eq(container_digest(&c, header), 0);
	ck_assert_mem_eq(header, digest, 32);
}
END_TEST

START_TEST(there_and_back)
{
	struct container c = sample(), got;
	unsigned char header[CONTAINER_HEADER];
	const char *why;

	memset(c.model, 'm', CONTAINER_MAX_TEXT);
	c.version[0] = '\0';
	c.kind = SIGNATURE_RSA;
	c.signature_n = CONTAINER_MAX_SIGNATURE;
	c.size = CONTAINER_MAX_PAYLOAD;
	ck_assert_int_eq(container_format(&c, header), 0);
	ck_assert_int_eq(container_parse(header, &got, &why), 0);
	ck_assert_uint_eq(got.size, c.size);
	ck_assert_mem_eq(got.digest, c.digest, DIGEST_SIZE);
	ck_assert_str_eq(got.manufacturer, c.manufacturer);
	ck_assert_str_eq(got.model, c.model);
	ck_assert_str_eq(got.version, "");
	ck_assert_int_eq(got.kind, SIGNATURE_RSA);
	ck_assert_uint_eq(got.signature_n, c.signature_n);
	ck_assert_mem_eq(got.signature, c.signature, c.signature_n);
}
END_TEST

/* Whatever bit it is. */
START_TEST(damaged)
{
	const struct container c = sample();
	unsigned char header[CONTAINER_HEADER];
	struct container got;
	const char *why;

	ck_assert_int_eq(container_format(&c, header), 0);
	for (size_t i = 0; i < CONTAINER_HEADER; i++) {
		header[i] ^= (unsigned char)(1 << i % 8);
		ck_assert_int_eq(container_parse(header, &got, &why), -EBADMSG);
		ck_assert_str_eq(why,
				 i < 8 ? "not an image made by expresslinkctl image sign" : "its header is damaged");
		header[i] ^= (unsigned char)(1 << i % 8);
	}
}
END_TEST

/* Made so, and with a checksum that fits. */
static const struct {
	size_t at;
	unsigned char byte;
	const char *why;
} nonsense[] = {
	{ 11, 2, "of a format that is not known here" },
	{ 14, 8, "of a format that is not known here" },
	{ 16, 1, "its header makes no sense" },   /* size */
	{ 60, 0, "its header makes no sense" },   /* something behind the end of a text */
	{ 58, 7, "its header makes no sense" },   /* in it: no character */
	{ 56, ' ', "its header makes no sense" }, /* before it */
	{ 120, 0xff, "its header makes no sense" },
	{ 184, 0x80, "its header makes no sense" },
	{ 251, 0, "its header makes no sense" }, /* kind */
	{ 251, 3, "its header makes no sense" },
	{ 255, 0, "its header makes no sense" }, /* bytes of the signature */
	{ 254, 3, "its header makes no sense" },
	{ 255, 69, "its header makes no sense" }, /* something behind it */
	{ 991, 1, "its header makes no sense" },
};

START_TEST(senseless)
{
	const struct container c = sample();
	unsigned char header[CONTAINER_HEADER];
	struct container got;
	const char *why = NULL;

	ck_assert_int_eq(container_format(&c, header), 0);
	header[nonsense[_i].at] = nonsense[_i].byte;
	digest_of(header, 992, header + 992);
	ck_assert_int_eq(container_parse(header, &got, &why), -EBADMSG);
	ck_assert_str_eq(why, nonsense[_i].why);
}
END_TEST

START_TEST(cannot_be_made)
{
	unsigned char header[CONTAINER_HEADER];
	struct container c = sample();

	c.size = 0;
	ck_assert_int_eq(container_format(&c, header), -EINVAL);
	c.size = (uint64_t)CONTAINER_MAX_PAYLOAD + 1;
	ck_assert_int_eq(container_digest(&c, header), -EINVAL);
	c = sample();
	c.signature_n = 0;
	ck_assert_int_eq(container_format(&c, header), -EINVAL);
	c.signature_n = CONTAINER_MAX_SIGNATURE + 1;
	ck_assert_int_eq(container_format(&c, header), -EINVAL);
	for (unsigned i = 0; i < 4; i++) {
		static const char *const texts[] = { " x", "x ", "a\nb", "\xff" };

		c = sample();
		strcpy(c.version, texts[i]);
		ck_assert_int_eq(container_format(&c, header), -EINVAL);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("container");
	TCase *tc = tcase_create("container");

	tcase_add_test(tc, layout);
	tcase_add_test(tc, there_and_back);
	tcase_add_test(tc, damaged);
	tcase_add_loop_test(tc, senseless, 0, ELEMENTS(nonsense));
	tcase_add_test(tc, cannot_be_made);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
