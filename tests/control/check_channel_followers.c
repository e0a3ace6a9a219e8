/* SPDX-License-Identifier: Apache-2.0 */
/* control/channel.c and those who follow what is published: they lose records, are told so, or hang up. */
#include "control/channel.h"

#include "control/protocol.h"
#include "fake/desk.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct desk d;

static void setup(void)
{
	desk_make(&d);
}

static void teardown(void)
{
	desk_done(&d);
}

static void follow_request(struct channel_client *client)
{
	channel_follow(client);
}

static void publish(const char *text)
{
	channel_publish(d.channel, text, strlen(text));
}

START_TEST(followers)
{
	int one = desk_connect(&d), two = desk_connect(&d), other = desk_connect(&d);

	publish("nobody");
	d.then = follow_request;
	desk_say(&d, one, "monitor\n");
	ck_assert(d.followed);
	desk_say(&d, two, "monitor\n");
	publish("first");
	publish("second");
	desk_expect(&d, one, "first\nsecond\n", false);
	close(one);
	desk_idle(&d);
	ck_assert(d.followed);
	publish("third");
	desk_expect(&d, two, "first\nsecond\nthird\n", false);
	desk_expect(&d, other, "", false);
	close(two);
	desk_idle(&d);
	ck_assert(!d.followed);
	publish("nobody");
	desk_expect(&d, other, "", false);
	close(other);
}
END_TEST

/* Whoever does not read loses records, is told how many, and costs nobody anything. */
START_TEST(a_gap_is_told)
{
	static char text[CONTROL_ANSWER * 8];
	int slow = desk_connect(&d), quick = desk_connect(&d);
	unsigned published = 0, seen = 0, lost = 0;
	bool end;

	d.then = follow_request;
	desk_say(&d, slow, "monitor\n");
	desk_say(&d, quick, "monitor\n");
	for (; published < 4000; published++) {
		char record[256];

		snprintf(record, sizeof(record), "%06u%0200d", published, 0);
		publish(record);
		if (published % 50 == 0)
			desk_hear(&d, quick, &end);
	}
	ck_assert_uint_eq(channel_clients(d.channel), 2);
	/* In order, without a hole that is not told of. */
	for (unsigned round = 0; round < 2; round++) {
		for (char *line = strtok(strcpy(text, desk_hear(&d, slow, &end)), "\n"); line;
		     line = strtok(NULL, "\n")) {
			unsigned n;

			if (sscanf(line, "{\"type\":\"lost\",\"count\":%u}", &n) == 1) {
				lost += n;
			} else {
				ck_assert_int_eq(sscanf(line, "%6u", &n), 1);
				ck_assert_uint_eq(n, seen + lost);
				seen++;
			}
		}
		if (round == 0)
			publish("004000");
	}
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq(seen + lost, 4001);
	close(slow);
	close(quick);
}
END_TEST

/* A small record may fit where the one that tells of the gap does not: it comes later all the same. */
START_TEST(a_gap_is_told_in_its_place)
{
	/* How much room is left in the end is the kernel's affair, but it is less than this. */
	static const int widths[] = { 33, 37, 41, 47, 53 };

	d.then = follow_request;
	for (size_t i = 0; i < ELEMENTS(widths); i++) {
		int fd = desk_connect(&d);
		char record[64];
		bool end;

		desk_say(&d, fd, "monitor\n");
		snprintf(record, sizeof(record), "%0*d", widths[i], 0);
		for (unsigned n = 0; n < 20000; n++)
			publish(record);
		publish("small");
		ck_assert_ptr_null(strstr(desk_hear(&d, fd, &end), "small"));
		publish("the end");
		ck_assert_ptr_nonnull(strstr(desk_hear(&d, fd, &end), "\"lost\""));
		close(fd);
		desk_idle(&d);
	}
}
END_TEST

START_TEST(who_never_reads_is_dropped)
{
	static char record[1024];
	int fd = desk_connect(&d);

	memset(record, 'x', sizeof(record) - 1);
	d.then = follow_request;
	desk_say(&d, fd, "monitor\n");
	for (unsigned i = 0; i < 2000; i++)
		publish(record);
	desk_idle(&d);
	ck_assert_uint_eq(channel_clients(d.channel), 1);
	fake_timer_pass(CONTROL_STUCK_MS);
	publish(record);
	desk_idle(&d);
	ck_assert_uint_eq(channel_clients(d.channel), 1);
	fake_timer_pass(1);
	publish(record);
	desk_idle(&d);
	ck_assert_uint_eq(channel_clients(d.channel), 0);
	ck_assert(!d.followed);
	close(fd);
}
END_TEST

/* A quiet module has nothing to read. */
START_TEST(a_quiet_one_is_kept)
{
	int fd = desk_connect(&d);

	d.then = follow_request;
	desk_say(&d, fd, "monitor\n");
	fake_timer_pass(CONTROL_STUCK_MS * 10);
	publish("hello");
	desk_expect(&d, fd, "hello\n", false);
	close(fd);
}
END_TEST

static void publish_back(struct channel_client *client)
{
	static char text[1000];

	channel_follow(client);
	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 1000; i++)
		channel_publish(d.channel, text, sizeof(text));
}

/* Somebody who hangs up in the middle of what he is told. */
START_TEST(hangs_up_meanwhile)
{
	int fd = desk_connect(&d);

	d.then = publish_back;
	ck_assert_int_eq(send(fd, "monitor\nmonitor\n", 16, MSG_NOSIGNAL), 16);
	close(fd);
	desk_idle(&d);
	ck_assert_uint_eq(channel_clients(d.channel), 0);
	ck_assert(!d.followed);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel_followers");
	TCase *tc = tcase_create("channel_followers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, followers);
	tcase_add_test(tc, a_gap_is_told);
	tcase_add_test(tc, a_gap_is_told_in_its_place);
	tcase_add_test(tc, who_never_reads_is_dropped);
	tcase_add_test(tc, a_quiet_one_is_kept);
	tcase_add_test(tc, hangs_up_meanwhile);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
