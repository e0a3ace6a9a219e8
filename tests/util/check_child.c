/* SPDX-License-Identifier: Apache-2.0 */
#include "util/child.h"

#include "fake/descriptors.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "util/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* From wherever this program lies to the shell, which reads its script from stdin. */
#define UP    "../../../../../../../../../../../../../../../../../../../../"
#define SHELL UP "bin/sh"
#define LONG  60000

static sd_event *event;
static struct child *child;
static unsigned calls;
static int result;
static char output[16384];
static size_t output_n;
static bool free_within, start_within;

/* Of one that speaks. */
static unsigned heard;
static char words[64];
static bool deaf, free_by_message;

static void on_finish(void *userdata, int r, const void *data, size_t n);

static int start(const char *script, size_t max_output, uint64_t timeout_ms)
{
	return child_start(&child, event, SHELL, script, strlen(script), max_output, timeout_ms, on_finish, &calls);
}

static void on_finish(void *userdata, int r, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &calls);
	ck_assert_uint_le(n, sizeof(output));
	calls++;
	if (free_within)
		child = child_free(child);
	if (start_within) {
		start_within = false;
		ck_assert_int_eq(start("echo second", 100, LONG), 0);
	}
	/* The bytes outlive the child. */
	result = r;
	output_n = n;
	if (n > 0)
		memcpy(output, data, n);
}

static void setup(void)
{
	calls = 0;
	output_n = 0;
	free_within = start_within = false;
	heard = 0;
	words[0] = '\0';
	deaf = free_by_message = false;
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	child = child_free(child);
	sd_event_unref(event);

	/* Nobody is left to be reaped. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void finish(void)
{
	unsigned before = calls;

	while (calls == before)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
}

static void run(const char *script, size_t max_output)
{
	ck_assert_int_eq(start(script, max_output, LONG), 0);
	finish();
	ck_assert_uint_eq(calls, 1);
}

static void assert_output(const char *expected)
{
	ck_assert_uint_eq(output_n, strlen(expected));
	ck_assert_mem_eq(output, expected, output_n);
}

START_TEST(gives_its_output)
{
	run("echo hello; echo world", 100);
	ck_assert_int_eq(result, 0);
	assert_output("hello\nworld\n");
}
END_TEST

START_TEST(may_say_nothing)
{
	run("exit 0", 0);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(output_n, 0);
}
END_TEST

START_TEST(output_in_pieces)
{
	run("i=0; while [ $i -lt 1000 ]; do echo 12345678; i=$((i+1)); done", 10000);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(output_n, 9000);
	ck_assert_mem_eq(output + 8991, "12345678\n", 9);
}
END_TEST

START_TEST(tells_its_exit_status)
{
	run("echo ignored; exit 3", 100);
	ck_assert_int_eq(result, 3);
	ck_assert_uint_eq(output_n, 0);
}
END_TEST

START_TEST(tells_of_its_death)
{
	run("echo ignored; kill -9 $$", 100);
	ck_assert_int_eq(result, -EIO);
	ck_assert_uint_eq(output_n, 0);
}
END_TEST

START_TEST(output_has_a_bound)
{
	run("printf 1234567890", 10);
	ck_assert_int_eq(result, 0);
	assert_output("1234567890");
	calls = 0;
	child = child_free(child);
	run("printf 12345678901", 10);
	ck_assert_int_eq(result, -EFBIG);
	ck_assert_uint_eq(output_n, 0);
}
END_TEST

START_TEST(flood_is_stopped)
{
	run("while :; do echo flood; done", 10000);
	ck_assert_int_eq(result, -EFBIG);
}
END_TEST

START_TEST(deadline)
{
	ck_assert_int_eq(start("exec sleep 1000", 100, 20), 0);
	finish();
	ck_assert_int_eq(result, -ETIME);
	ck_assert_uint_eq(output_n, 0);
}
END_TEST

/* What it wrote before counts for nothing. */
START_TEST(deadline_after_output)
{
	ck_assert_int_eq(start("echo early; exec sleep 1000", 100, 50), 0);
	finish();
	ck_assert_int_eq(result, -ETIME);
	ck_assert_uint_eq(output_n, 0);
}
END_TEST

/* It closes its output but goes on. */
START_TEST(deadline_without_output)
{
	ck_assert_int_eq(start("exec >&-; exec sleep 1000", 100, 50), 0);
	finish();
	ck_assert_int_eq(result, -ETIME);
}
END_TEST

START_TEST(freed_while_it_runs)
{
	ck_assert_int_eq(start("exec sleep 1000", 100, LONG), 0);
	child = child_free(child);
	while (sd_event_run(event, 0) > 0)
		;
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(freed_by_its_own_end)
{
	free_within = true;
	run("echo first", 100);
	assert_output("first\n");
	ck_assert_ptr_null(child);
}
END_TEST

START_TEST(followed_by_another)
{
	free_within = start_within = true;
	run("echo first", 100);
	assert_output("first\n");
	finish();
	assert_output("second\n");
}
END_TEST

/* Under an emulator and under valgrind posix_spawn() cannot tell; then the child's status does (POSIX). */
static void start_missing(void)
{
	int r = child_start(&child, event, "no-such-helper", NULL, 0, 10, LONG, on_finish, &calls);

	if (r == 0) {
		finish();
		ck_assert_int_eq(result, 127);
		child = child_free(child);
	} else {
		ck_assert_int_eq(r, -ENOENT);
		ck_assert_ptr_null(child);
	}
}

START_TEST(no_such_helper)
{
	start_missing();
}
END_TEST

START_TEST(name_without_end)
{
	char name[5000];

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(child_start(&child, event, name, NULL, 0, 10, LONG, on_finish, &calls), -ENAMETOOLONG);
}
END_TEST

START_TEST(input_has_a_bound)
{
	char input[4097];

	memset(input, '#', sizeof(input));
	ck_assert_int_eq(child_start(&child, event, SHELL, input, 4097, 10, LONG, on_finish, &calls), -EMSGSIZE);
	ck_assert_int_eq(child_start(&child, event, SHELL, input, 4096, 10, LONG, on_finish, &calls), 0);
	finish();
	ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(input_may_hold_any_byte)
{
	static const char input[] = "a\0b\nc\xff";

	ck_assert_int_eq(child_start(&child, event, UP "bin/cat", input, sizeof(input), 100, LONG, on_finish, &calls),
			 0);
	finish();
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(output_n, sizeof(input));
	ck_assert_mem_eq(output, input, sizeof(input));
}
END_TEST

/* No descriptor of ours, no blocked or ignored signal. */
START_TEST(inherits_nothing)
{
	sigset_t set;
	int ends[2];

	/* As libraries open theirs: without O_CLOEXEC. */
	ck_assert_int_eq(pipe2(ends, 0), 0);
	ck_assert_int_ge(fcntl(ends[0], F_DUPFD, 200), 200);
	(void)sigfillset(&set);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	ck_assert(signal(SIGQUIT, SIG_IGN) != SIG_ERR); /* as under a shell's & */
	run("cd /proc/self/fd; for f in [3-9]* ; do [ -e /proc/$$/fd/$f ] && readlink /proc/$$/fd/$f; done\n"
	    "sed -n 's/^Sig\\(Blk\\|Ign\\):.*\\(.......\\)$/\\1 \\2/p' /proc/self/status\n",
	    1000);
	ck_assert_int_eq(result, 0);
	assert_output("Blk 0000000\nIgn 0000000\n"); /* the C library has two of its own above these */
}
END_TEST

START_TEST(leaves_no_descriptor)
{
	unsigned before;

	run("exit 0", 10);
	child = child_free(child);
	before = descriptors();
	for (unsigned i = 0; i < 5; i++) {
		calls = 0;
		run("exit 0", 10);
		child = child_free(child);
		start_missing();
	}
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

/* --- a helper that speaks --- */

static bool on_message(void *userdata, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &calls);
	if (deaf)
		return false;
	heard++;
	(void)snprintf(words + strlen(words), sizeof(words) - strlen(words), "[%.*s]", (int)n, (const char *)data);
	if (free_by_message)
		child = child_free(child);
	return true;
}

static int listen_to(const char *script, size_t max, uint64_t silence_ms)
{
	return child_listen(&child, event, SHELL, script, strlen(script), max, silence_ms, on_message, on_finish,
			    &calls);
}

START_TEST(messages)
{
	ck_assert_int_eq(listen_to("printf one; printf twelve; printf x", 6, LONG), 0);
	finish();
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(output_n, 0);
	ck_assert_str_eq(words, "[one][twelve][x]");
}
END_TEST

START_TEST(a_message_too_long)
{
	ck_assert_int_eq(listen_to("printf one; printf 1234567; exec sleep 1000", 6, LONG), 0);
	finish();
	ck_assert_int_eq(result, -EFBIG);
	ck_assert_str_eq(words, "[one]");
}
END_TEST

START_TEST(silent_too_long)
{
	ck_assert_int_eq(listen_to("exec sleep 1000", 6, 20), 0);
	finish();
	ck_assert_int_eq(result, -ETIME);
	ck_assert_uint_eq(heard, 0);
}
END_TEST

/* It is not silent then, we are deaf. */
START_TEST(a_message_that_waits)
{
	uint64_t end;

	deaf = true;
	ck_assert_int_eq(listen_to("printf one; printf two; exit 4", 6, 300), 0);
	for (end = timer_now() + 600; timer_now() < end;)
		ck_assert_int_ge(sd_event_run(event, 10000), 0);
	ck_assert_uint_eq(heard + calls, 0);
	child_go_on(child);
	ck_assert_uint_eq(heard, 0);
	deaf = false;
	child_go_on(child);
	ck_assert_str_eq(words, "[one]");
	child_go_on(child);
	ck_assert_str_eq(words, "[one]");
	finish();
	ck_assert_int_eq(result, 4);
	ck_assert_str_eq(words, "[one][two]");
}
END_TEST

START_TEST(freed_by_a_message)
{
	free_by_message = true;
	ck_assert_int_eq(listen_to("printf one; exec sleep 1000", 6, LONG), 0);
	while (heard == 0)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_ptr_null(child);
	while (sd_event_run(event, 0) > 0)
		;
	ck_assert_uint_eq(calls, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("child");
	TCase *tc = tcase_create("child");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gives_its_output);
	tcase_add_test(tc, may_say_nothing);
	tcase_add_test(tc, output_in_pieces);
	tcase_add_test(tc, tells_its_exit_status);
	tcase_add_test(tc, tells_of_its_death);
	tcase_add_test(tc, output_has_a_bound);
	tcase_add_test(tc, flood_is_stopped);
	tcase_add_test(tc, deadline);
	tcase_add_test(tc, deadline_after_output);
	tcase_add_test(tc, deadline_without_output);
	tcase_add_test(tc, freed_while_it_runs);
	tcase_add_test(tc, freed_by_its_own_end);
	tcase_add_test(tc, followed_by_another);
	tcase_add_test(tc, no_such_helper);
	tcase_add_test(tc, name_without_end);
	tcase_add_test(tc, input_has_a_bound);
	tcase_add_test(tc, input_may_hold_any_byte);
	tcase_add_test(tc, inherits_nothing);
	tcase_add_test(tc, leaves_no_descriptor);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, a_message_too_long);
	tcase_add_test(tc, silent_too_long);
	tcase_add_test(tc, a_message_that_waits);
	tcase_add_test(tc, freed_by_a_message);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
