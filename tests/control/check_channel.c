/* SPDX-License-Identifier: Apache-2.0 */
#include "control/channel.h"

#include "control/protocol.h"
#include "fake/desk.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "util/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

static void answer_request(struct channel_client *client)
{
	channel_answer(client, "{\"answer\":1}", strlen("{\"answer\":1}"));
}

START_TEST(the_socket)
{
	struct stat st;

	ck_assert_int_eq(stat(temp_path(d.dir, CONTROL_SOCKET), &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
}
END_TEST

START_TEST(goes_with_the_channel)
{
	struct stat st;
	char path[4096];

	channel_free(d.channel);
	ck_assert_int_lt(stat(temp_path(d.dir, CONTROL_SOCKET), &st), 0);

	/* Never started; and in a folder that is made. */
	ck_assert_int_eq(channel_new(&d.channel, d.event, d.dir, &d.events), 0);
	channel_free(d.channel);
	snprintf(path, sizeof(path), "%s/new/folder", d.dir);
	ck_assert_int_eq(channel_new(&d.channel, d.event, path, &d.events), 0);
	ck_assert_int_eq(channel_start(d.channel), 0);
	ck_assert_int_eq(stat(temp_path(path, CONTROL_SOCKET), &st), 0);
	ck_assert_ptr_null(channel_free(NULL));
}
END_TEST

START_TEST(a_second_channel)
{
	struct channel *second;
	int fd;

	ck_assert_int_eq(channel_new(&second, d.event, d.dir, &d.events), 0);
	ck_assert_int_eq(channel_start(second), -EADDRINUSE);
	channel_free(second);
	fd = desk_connect(&d);
	ck_assert_uint_eq(channel_clients(d.channel), 1);
	close(fd);
}
END_TEST

START_TEST(asks_and_is_answered)
{
	int fd = desk_connect(&d);

	d.then = answer_request;
	desk_say(&d, fd, "status\nattempts\n");
	ck_assert_uint_eq(d.request_count, 2);
	ck_assert_int_eq((int)d.requests[0], (int)REQUEST_STATUS);
	ck_assert_int_eq((int)d.requests[1], (int)REQUEST_ATTEMPTS);
	desk_expect(&d, fd, "{\"answer\":1}\n{\"answer\":1}\n", false);
	close(fd);
	desk_idle(&d);
	ck_assert_uint_eq(d.gone, 1);
	ck_assert_uint_eq(channel_clients(d.channel), 0);
}
END_TEST

/* Byte by byte; and the end of what is asked is not the end of what is answered. */
START_TEST(slowly)
{
	int fd = desk_connect(&d);

	d.then = answer_request;
	for (const char *p = "status\n"; *p; p++) {
		const char one[] = { *p, '\0' };

		desk_say(&d, fd, one);
	}
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	desk_idle(&d);
	desk_expect(&d, fd, "{\"answer\":1}\n", true);
	ck_assert_uint_eq(channel_clients(d.channel), 0);
	close(fd);
}
END_TEST

START_TEST(nonsense)
{
	static const char *const texts[] = {
		"nonsense\n",
		"\n",
		"\xff\xfe\n",
		"a line that is longer than any request could be, and has no end",
	};

	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		int fd = desk_connect(&d);

		desk_say(&d, fd, texts[i]);
		desk_expect(&d, fd, "{\"error\":\"no such request\"}\n", true);
		ck_assert_uint_eq(channel_clients(d.channel), 0);
		close(fd);
	}
	ck_assert_uint_eq(d.request_count, 0);
	ck_assert_uint_eq(d.gone, 0);
}
END_TEST

static void refuse_request(struct channel_client *client)
{
	channel_refuse(client, "not now");
}

START_TEST(what_follows_a_refusal_is_not_read)
{
	int fd = desk_connect(&d);

	d.then = refuse_request;
	desk_say(&d, fd, "status\nstatus\nstatus\n");
	ck_assert_uint_eq(d.request_count, 1);
	desk_expect(&d, fd, "{\"error\":\"not now\"}\n", true);
	ck_assert_uint_eq(d.gone, 1);
	close(fd);
}
END_TEST

static void big_answer(struct channel_client *client)
{
	static char text[CONTROL_ANSWER - 1];

	memset(text, 'x', sizeof(text));
	channel_answer(client, text, sizeof(text));
}

START_TEST(the_largest_answer)
{
	int fd = desk_connect(&d);
	bool end;

	d.then = big_answer;
	desk_say(&d, fd, "status\n");
	ck_assert_uint_eq(strlen(desk_hear(&d, fd, &end)), CONTROL_ANSWER);
	ck_assert(!end);
	close(fd);
}
END_TEST

/* Who asks and asks and never reads is dropped: what waits for it is bounded. */
START_TEST(asks_and_does_not_read)
{
	int fd = desk_connect(&d), small = 4096;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	d.then = big_answer;
	for (unsigned i = 0; i < 100 && channel_clients(d.channel) > 0; i++) {
		(void)!send(fd, "status\n", 7, MSG_NOSIGNAL);
		desk_idle(&d);
	}
	ck_assert_uint_eq(channel_clients(d.channel), 0);
	ck_assert_uint_eq(d.gone, 1);
	close(fd);
}
END_TEST

START_TEST(too_many)
{
	int fds[CONTROL_CLIENTS], fd;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[i] = desk_connect(&d);
	ck_assert_uint_eq(channel_clients(d.channel), CONTROL_CLIENTS);
	fd = desk_connect(&d);
	desk_expect(&d, fd, "{\"error\":\"too many others are asking\"}\n", true);
	close(fd);
	d.then = answer_request;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		desk_say(&d, fds[i], "status\n");
		desk_expect(&d, fds[i], "{\"answer\":1}\n", false);
	}
	close(fds[7]);
	desk_idle(&d);
	fd = desk_connect(&d);
	desk_say(&d, fd, "status\n");
	desk_expect(&d, fd, "{\"answer\":1}\n", false);
	close(fd);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	desk_idle(&d);
	ck_assert_uint_eq(channel_clients(d.channel), 0);
}
END_TEST

static int on_host(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	unsigned *turns = userdata;
	char byte;

	(void)source;
	(void)revents;
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	++*turns;
	return 0;
}

/* However many ask and come: between any two of them it is the turn of who else has something to do. */
START_TEST(others_go_first)
{
	enum { ROUNDS = 10 };
	int fds[ROUNDS], new[ROUNDS], pipe_fds[2];
	unsigned turns = 0;

	d.then = answer_request;
	for (unsigned i = 0; i < ROUNDS; i++)
		fds[i] = desk_connect(&d);
	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_ge(sd_event_add_io(d.event, NULL, pipe_fds[0], EPOLLIN, on_host, &turns), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(send(fds[i], "status\n", 7, MSG_NOSIGNAL), 7);
		ck_assert_int_eq(local_connect(d.dir, CONTROL_SOCKET, &new[i]), 0);
	}
	for (unsigned i = 1; i <= ROUNDS; i++) {
		ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
		ck_assert_int_gt(sd_event_run(d.event, 0), 0);
		ck_assert_uint_eq(turns, i);
		ck_assert_int_gt(sd_event_run(d.event, 0), 0); /* one of ours */
	}
	desk_idle(&d);
	for (unsigned i = 0; i < ROUNDS; i++) {
		desk_expect(&d, fds[i], "{\"answer\":1}\n", false);
		close(fds[i]);
		close(new[i]);
	}
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}
END_TEST

static void fill_and_refuse(struct channel_client *client)
{
	static char text[CONTROL_ANSWER / 2];

	memset(text, 'x', sizeof(text));
	channel_answer(client, text, sizeof(text));
	if (d.request_count % 8 == 0)
		channel_refuse(client, "enough");
}

/* Refused, but not read to the end: it keeps nobody out. */
START_TEST(a_last_word_that_nobody_reads)
{
	int fds[CONTROL_CLIENTS], fd, small = 1;

	d.then = fill_and_refuse;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = desk_connect(&d);
		ck_assert_int_eq(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
		d.request_count = 0;
		for (unsigned n = 0; n < 8; n++)
			(void)!send(fds[i], "status\n", 7, MSG_NOSIGNAL);
		desk_idle(&d);
	}
	fd = desk_connect(&d);
	d.then = answer_request;
	desk_say(&d, fd, "status\n");
	desk_expect(&d, fd, "{\"answer\":1}\n", false);
	close(fd);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("channel");
	TCase *tc = tcase_create("channel");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_socket);
	tcase_add_test(tc, goes_with_the_channel);
	tcase_add_test(tc, a_second_channel);
	tcase_add_test(tc, asks_and_is_answered);
	tcase_add_test(tc, slowly);
	tcase_add_test(tc, nonsense);
	tcase_add_test(tc, what_follows_a_refusal_is_not_read);
	tcase_add_test(tc, the_largest_answer);
	tcase_add_test(tc, asks_and_does_not_read);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, others_go_first);
	tcase_add_test(tc, a_last_word_that_nobody_reads);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
