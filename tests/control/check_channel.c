/* SPDX-License-Identifier: Apache-2.0 */
#include "control/channel.h"

#include "control/protocol.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"
#include "util/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;
static sd_event *event;
static struct channel *channel;

static struct channel_client *last; /* who asked */
static enum request requests[256];
static size_t request_count, gone;
static bool followed;

/* What on_request() does then. */
static void (*then)(struct channel_client *client);

static void on_request(void *userdata, struct channel_client *client, enum request request)
{
	ck_assert_ptr_eq(userdata, &requests);
	last = client;
	ck_assert_uint_lt(request_count, ELEMENTS(requests));
	requests[request_count++] = request;
	if (then)
		then(client);
}

static void on_gone(void *userdata, struct channel_client *client)
{
	ck_assert_ptr_eq(userdata, &requests);
	gone++;
	if (client == last)
		last = NULL;
}

static void on_followed(void *userdata, bool now)
{
	ck_assert_ptr_eq(userdata, &requests);
	ck_assert(now != followed);
	followed = now;
}

static void setup(void)
{
	struct channel_events events = { on_request, on_gone, on_followed, &requests };

	then = NULL;
	last = NULL;
	request_count = gone = 0;
	followed = false;
	dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(channel_new(&channel, event, dir, &events), 0);
	ck_assert_int_eq(channel_start(channel), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(channel_free(channel));
	sd_event_unref(event);
	temp_remove(dir);
}

static void idle(void)
{
	int r;

	while ((r = sd_event_run(event, 0)) > 0)
		;
	ck_assert_int_eq(r, 0);
}

static int connect_one(void)
{
	int fd = -1;

	ck_assert_int_eq(local_connect(dir, CONTROL_SOCKET, &fd), 0);
	idle();
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	idle();
}

/* All that came; *ret_end: and the end behind it. */
static const char *hear(int fd, bool *ret_end)
{
	static char text[CONTROL_ANSWER * 8];
	ssize_t n;
	size_t used = 0;

	do {
		idle();
		n = recv(fd, text + used, sizeof(text) - 1 - used, MSG_DONTWAIT);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	*ret_end = n == 0 || errno == ECONNRESET;
	text[used] = '\0';
	return text;
}

static void expect(int fd, const char *wanted, bool wanted_end)
{
	bool end;
	const char *got = hear(fd, &end);

	ck_assert_str_eq(got, wanted);
	ck_assert(end == wanted_end);
}

static void answer_request(struct channel_client *client)
{
	channel_answer(client, "{\"answer\":1}", strlen("{\"answer\":1}"));
}

START_TEST(the_socket)
{
	struct stat st;

	ck_assert_int_eq(stat(temp_path(dir, CONTROL_SOCKET), &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
}
END_TEST

START_TEST(goes_with_the_channel)
{
	struct channel_events events = { on_request, on_gone, on_followed, &requests };
	struct stat st;
	char path[4096];

	channel_free(channel);
	ck_assert_int_lt(stat(temp_path(dir, CONTROL_SOCKET), &st), 0);

	/* Never started; and in a folder that is made. */
	ck_assert_int_eq(channel_new(&channel, event, dir, &events), 0);
	channel_free(channel);
	snprintf(path, sizeof(path), "%s/new/folder", dir);
	ck_assert_int_eq(channel_new(&channel, event, path, &events), 0);
	ck_assert_int_eq(channel_start(channel), 0);
	ck_assert_int_eq(stat(temp_path(path, CONTROL_SOCKET), &st), 0);
	ck_assert_ptr_null(channel_free(NULL));
}
END_TEST

START_TEST(a_second_channel)
{
	struct channel_events events = { on_request, on_gone, on_followed, &requests };
	struct channel *second;
	int fd;

	ck_assert_int_eq(channel_new(&second, event, dir, &events), 0);
	ck_assert_int_eq(channel_start(second), -EADDRINUSE);
	channel_free(second);
	fd = connect_one();
	ck_assert_uint_eq(channel_clients(channel), 1);
	close(fd);
}
END_TEST

START_TEST(asks_and_is_answered)
{
	int fd = connect_one();

	then = answer_request;
	say(fd, "status\nattempts\n");
	ck_assert_uint_eq(request_count, 2);
	ck_assert_int_eq((int)requests[0], (int)REQUEST_STATUS);
	ck_assert_int_eq((int)requests[1], (int)REQUEST_ATTEMPTS);
	expect(fd, "{\"answer\":1}\n{\"answer\":1}\n", false);
	close(fd);
	idle();
	ck_assert_uint_eq(gone, 1);
	ck_assert_uint_eq(channel_clients(channel), 0);
}
END_TEST

/* Byte by byte; and the end of what is asked is not the end of what is answered. */
START_TEST(slowly)
{
	int fd = connect_one();

	then = answer_request;
	for (const char *p = "status\n"; *p; p++) {
		const char one[] = { *p, '\0' };

		say(fd, one);
	}
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	idle();
	expect(fd, "{\"answer\":1}\n", true);
	ck_assert_uint_eq(channel_clients(channel), 0);
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
		int fd = connect_one();

		say(fd, texts[i]);
		expect(fd, "{\"error\":\"no such request\"}\n", true);
		ck_assert_uint_eq(channel_clients(channel), 0);
		close(fd);
	}
	ck_assert_uint_eq(request_count, 0);
	ck_assert_uint_eq(gone, 0);
}
END_TEST

static void refuse_request(struct channel_client *client)
{
	channel_refuse(client, "not now");
}

START_TEST(what_follows_a_refusal_is_not_read)
{
	int fd = connect_one();

	then = refuse_request;
	say(fd, "status\nstatus\nstatus\n");
	ck_assert_uint_eq(request_count, 1);
	expect(fd, "{\"error\":\"not now\"}\n", true);
	ck_assert_uint_eq(gone, 1);
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
	int fd = connect_one();
	bool end;

	then = big_answer;
	say(fd, "status\n");
	ck_assert_uint_eq(strlen(hear(fd, &end)), CONTROL_ANSWER);
	ck_assert(!end);
	close(fd);
}
END_TEST

/* Who asks and asks and never reads is dropped: what waits for it is bounded. */
START_TEST(asks_and_does_not_read)
{
	int fd = connect_one(), small = 4096;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	then = big_answer;
	for (unsigned i = 0; i < 100 && channel_clients(channel) > 0; i++) {
		(void)!send(fd, "status\n", 7, MSG_NOSIGNAL);
		idle();
	}
	ck_assert_uint_eq(channel_clients(channel), 0);
	ck_assert_uint_eq(gone, 1);
	close(fd);
}
END_TEST

static void follow_request(struct channel_client *client)
{
	channel_follow(client);
}

static void publish(const char *text)
{
	channel_publish(channel, text, strlen(text));
}

START_TEST(followers)
{
	int one = connect_one(), two = connect_one(), other = connect_one();

	publish("nobody");
	then = follow_request;
	say(one, "monitor\n");
	ck_assert(followed);
	say(two, "monitor\n");
	publish("first");
	publish("second");
	expect(one, "first\nsecond\n", false);
	close(one);
	idle();
	ck_assert(followed);
	publish("third");
	expect(two, "first\nsecond\nthird\n", false);
	expect(other, "", false);
	close(two);
	idle();
	ck_assert(!followed);
	publish("nobody");
	expect(other, "", false);
	close(other);
}
END_TEST

/* Whoever does not read loses records, is told how many, and costs nobody anything. */
START_TEST(a_gap_is_told)
{
	static char text[CONTROL_ANSWER * 8];
	int slow = connect_one(), quick = connect_one();
	unsigned published = 0, seen = 0, lost = 0;
	bool end;

	then = follow_request;
	say(slow, "monitor\n");
	say(quick, "monitor\n");
	for (; published < 4000; published++) {
		char record[256];

		snprintf(record, sizeof(record), "%06u%0200d", published, 0);
		publish(record);
		if (published % 50 == 0)
			hear(quick, &end);
	}
	ck_assert_uint_eq(channel_clients(channel), 2);
	/* In order, without a hole that is not told of. */
	for (unsigned round = 0; round < 2; round++) {
		for (char *line = strtok(strcpy(text, hear(slow, &end)), "\n"); line; line = strtok(NULL, "\n")) {
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

	then = follow_request;
	for (size_t i = 0; i < ELEMENTS(widths); i++) {
		int fd = connect_one();
		char record[64];
		bool end;

		say(fd, "monitor\n");
		snprintf(record, sizeof(record), "%0*d", widths[i], 0);
		for (unsigned n = 0; n < 20000; n++)
			publish(record);
		publish("small");
		ck_assert_ptr_null(strstr(hear(fd, &end), "small"));
		publish("the end");
		ck_assert_ptr_nonnull(strstr(hear(fd, &end), "\"lost\""));
		close(fd);
		idle();
	}
}
END_TEST

START_TEST(who_never_reads_is_dropped)
{
	static char record[1024];
	int fd = connect_one();

	memset(record, 'x', sizeof(record) - 1);
	then = follow_request;
	say(fd, "monitor\n");
	for (unsigned i = 0; i < 2000; i++)
		publish(record);
	idle();
	ck_assert_uint_eq(channel_clients(channel), 1);
	fake_timer_pass(CONTROL_STUCK_MS);
	publish(record);
	idle();
	ck_assert_uint_eq(channel_clients(channel), 1);
	fake_timer_pass(1);
	publish(record);
	idle();
	ck_assert_uint_eq(channel_clients(channel), 0);
	ck_assert(!followed);
	close(fd);
}
END_TEST

/* A quiet module has nothing to read. */
START_TEST(a_quiet_one_is_kept)
{
	int fd = connect_one();

	then = follow_request;
	say(fd, "monitor\n");
	fake_timer_pass(CONTROL_STUCK_MS * 10);
	publish("hello");
	expect(fd, "hello\n", false);
	close(fd);
}
END_TEST

START_TEST(too_many)
{
	int fds[CONTROL_CLIENTS], fd;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		fds[i] = connect_one();
	ck_assert_uint_eq(channel_clients(channel), CONTROL_CLIENTS);
	fd = connect_one();
	expect(fd, "{\"error\":\"too many others are asking\"}\n", true);
	close(fd);
	then = answer_request;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		say(fds[i], "status\n");
		expect(fds[i], "{\"answer\":1}\n", false);
	}
	close(fds[7]);
	idle();
	fd = connect_one();
	say(fd, "status\n");
	expect(fd, "{\"answer\":1}\n", false);
	close(fd);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
	idle();
	ck_assert_uint_eq(channel_clients(channel), 0);
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

	then = answer_request;
	for (unsigned i = 0; i < ROUNDS; i++)
		fds[i] = connect_one();
	ck_assert_int_eq(pipe(pipe_fds), 0);
	ck_assert_int_ge(sd_event_add_io(event, NULL, pipe_fds[0], EPOLLIN, on_host, &turns), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(send(fds[i], "status\n", 7, MSG_NOSIGNAL), 7);
		ck_assert_int_eq(local_connect(dir, CONTROL_SOCKET, &new[i]), 0);
	}
	for (unsigned i = 1; i <= ROUNDS; i++) {
		ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
		ck_assert_int_gt(sd_event_run(event, 0), 0);
		ck_assert_uint_eq(turns, i);
		ck_assert_int_gt(sd_event_run(event, 0), 0); /* one of ours */
	}
	idle();
	for (unsigned i = 0; i < ROUNDS; i++) {
		expect(fds[i], "{\"answer\":1}\n", false);
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
	if (request_count % 8 == 0)
		channel_refuse(client, "enough");
}

/* Refused, but not read to the end: it keeps nobody out. */
START_TEST(a_last_word_that_nobody_reads)
{
	int fds[CONTROL_CLIENTS], fd, small = 1;

	then = fill_and_refuse;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		fds[i] = connect_one();
		ck_assert_int_eq(setsockopt(fds[i], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
		request_count = 0;
		for (unsigned n = 0; n < 8; n++)
			(void)!send(fds[i], "status\n", 7, MSG_NOSIGNAL);
		idle();
	}
	fd = connect_one();
	then = answer_request;
	say(fd, "status\n");
	expect(fd, "{\"answer\":1}\n", false);
	close(fd);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		close(fds[i]);
}
END_TEST

static void publish_back(struct channel_client *client)
{
	static char text[1000];

	channel_follow(client);
	memset(text, 'x', sizeof(text));
	for (unsigned i = 0; i < 1000; i++)
		channel_publish(channel, text, sizeof(text));
}

/* Somebody who hangs up in the middle of what he is told. */
START_TEST(hangs_up_meanwhile)
{
	int fd = connect_one();

	then = publish_back;
	ck_assert_int_eq(send(fd, "monitor\nmonitor\n", 16, MSG_NOSIGNAL), 16);
	close(fd);
	idle();
	ck_assert_uint_eq(channel_clients(channel), 0);
	ck_assert(!followed);
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
	tcase_add_test(tc, followers);
	tcase_add_test(tc, a_gap_is_told);
	tcase_add_test(tc, a_gap_is_told_in_its_place);
	tcase_add_test(tc, who_never_reads_is_dropped);
	tcase_add_test(tc, a_quiet_one_is_kept);
	tcase_add_test(tc, too_many);
	tcase_add_test(tc, others_go_first);
	tcase_add_test(tc, a_last_word_that_nobody_reads);
	tcase_add_test(tc, hangs_up_meanwhile);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
