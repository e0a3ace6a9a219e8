/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int reader;
static char text[8192];

/* What is written to stderr comes to us. */
static void setup(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(ends[1]), 0);
	reader = ends[0];
	ck_assert_int_eq(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
	(void)unsetenv("JOURNAL_STREAM");
}

static const char *written(void)
{
	ssize_t n = read(reader, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

START_TEST(writes_a_line)
{
	log_error("one %d", 1);
	ck_assert_str_eq(written(), "one 1\n");
	log_warning("two");
	log_notice("three");
	log_info("four");
	ck_assert_str_eq(written(), "two\nthree\nfour\n");
}
END_TEST

START_TEST(obeys_the_level)
{
	log_debug("hidden");
	ck_assert_str_eq(written(), "");
	log_set_level(LOG_WARNING);
	ck_assert(log_enabled(LOG_ERR));
	ck_assert(log_enabled(LOG_WARNING));
	ck_assert(!log_enabled(LOG_NOTICE));
	log_notice("hidden");
	log_warning("seen");
	ck_assert_str_eq(written(), "seen\n");
	log_set_level(LOG_DEBUG);
	log_debug("seen too");
	ck_assert_str_eq(written(), "seen too\n");
}
END_TEST

START_TEST(says_what_errno_means)
{
	char expected[256];
	int r;

	(void)snprintf(expected, sizeof(expected), "File x: %s\n", strerror(ENOENT));
	r = log_errno(-ENOENT, "File %c", 'x');
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_str_eq(written(), expected);
	r = log_errno(ENOENT, "File %c", 'x');
	ck_assert_int_eq(r, ENOENT);
	ck_assert_str_eq(written(), expected);
}
END_TEST

START_TEST(keeps_errno)
{
	errno = EXDEV;
	log_error("something");
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(cuts_long_lines)
{
	char line[5000];

	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	log_error("%s", line);
	(void)written();
	ck_assert_uint_ge(strlen(text), 1024);
	ck_assert_uint_le(strlen(text), 2048);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	ck_assert_int_eq(text[strlen(text) - 2], 'x');
	ck_assert_int_eq(log_errno(-EIO, "%s", line), -EIO);
	ck_assert_uint_gt(strlen(written()), 512);
}
END_TEST

START_TEST(shows_bytes)
{
	static const char bytes[] = { 'A', 'T', 0, 0x1f, ' ', '~', 0x7f, (char)0xff, '\\' };

	log_bytes("host:", bytes, sizeof(bytes));
	ck_assert_str_eq(written(), "");
	log_set_level(LOG_DEBUG);
	log_bytes("host:", bytes, sizeof(bytes));
	ck_assert_str_eq(written(), "host: AT\\x00\\x1F ~\\x7F\\xFF\\\n");
}
END_TEST

START_TEST(cuts_bytes)
{
	char bytes[300], expected[300];

	memset(bytes, 'b', sizeof(bytes));
	log_set_level(LOG_DEBUG);
	log_bytes("x", bytes, 256);
	(void)snprintf(expected, sizeof(expected), "x %.256s\n", bytes);
	ck_assert_str_eq(written(), expected);
	log_bytes("x", bytes, 257);
	(void)snprintf(expected, sizeof(expected), "x %.256s...\n", bytes);
	ck_assert_str_eq(written(), expected);
}
END_TEST

START_TEST(printable)
{
	char shown[16];

	ck_assert_uint_eq(log_printable("a\n\xff", 3, shown, sizeof(shown)), 9);
	ck_assert_str_eq(shown, "a\\x0A\\xFF");
	/* No half of one. */
	ck_assert_uint_eq(log_printable("\n\n\n\n", 4, shown, sizeof(shown)), 12);
	ck_assert_str_eq(shown, "\\x0A\\x0A\\x0A");
	ck_assert_uint_eq(log_printable("\n", 1, shown, 5), 4);
	ck_assert_uint_eq(log_printable("\n", 1, shown, 4), 0);
	ck_assert_str_eq(shown, "");
	ck_assert_uint_eq(log_printable(NULL, 0, shown, 1), 0);
}
END_TEST

static void set_journal(unsigned long long device, unsigned long long inode)
{
	char stream[64];

	(void)snprintf(stream, sizeof(stream), "%llu:%llu", device, inode);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
}

START_TEST(tells_the_journal_priorities)
{
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	set_journal(st.st_dev, st.st_ino);
	log_open("/nonexistent");
	log_error("bad");
	log_info("good");
	ck_assert_str_eq(written(), "<3>bad\n<6>good\n");
}
END_TEST

START_TEST(no_priorities_elsewhere)
{
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	set_journal(st.st_dev, st.st_ino + 1);
	log_open("/nonexistent");
	set_journal(st.st_dev + 1, st.st_ino);
	log_open("/nonexistent");
	ck_assert_int_eq(setenv("JOURNAL_STREAM", "nonsense", 1), 0);
	log_open("/nonexistent");
	log_error("bad");
	ck_assert_str_eq(written(), "bad\n");
}
END_TEST

/* A socket as the journal has one; log_open() takes stderr for the journal's. */
static int open_journal(char *dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	struct stat st;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", temp_path(dir, "journal"));
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	set_journal(st.st_dev, st.st_ino);
	log_open(address.sun_path);
	return fd;
}

static const struct log_field fields[] = {
	{ "EXPRESSLINK_HINT", "3" },
	{ "EXPRESSLINK_DETAIL", "a\nMESSAGE=forged\x7f" },
};

START_TEST(records_have_fields_for_the_journal)
{
	char *dir = temp_dir(), got[4096];
	int journal = open_journal(dir);
	ssize_t n;

	log_record(LOG_WARNING, fields, ELEMENTS(fields), "Not connected, hint %d", 3);
	ck_assert_str_eq(written(), "");
	n = recv(journal, got, sizeof(got) - 1, 0);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, "MESSAGE=Not connected, hint 3\nPRIORITY=4\nSYSLOG_IDENTIFIER=check_log\n"
			      "EXPRESSLINK_HINT=3\nEXPRESSLINK_DETAIL=a?MESSAGE=forged?\n");

	/* Hidden by the level. */
	log_record(LOG_DEBUG, fields, ELEMENTS(fields), "hidden");
	ck_assert_int_lt(recv(journal, got, sizeof(got), 0), 0);

	/* A field that does not fit is left out; the others are told. */
	memset(got, 'x', sizeof(got) - 1);
	got[sizeof(got) - 1] = '\0';
	log_record(LOG_WARNING, (const struct log_field[]){ { "LONG", got }, fields[0] }, 2, "two");
	n = recv(journal, got, sizeof(got) - 1, 0);
	ck_assert_int_gt(n, 0);
	got[n] = '\0';
	ck_assert_str_eq(got, "MESSAGE=two\nPRIORITY=4\nSYSLOG_IDENTIFIER=check_log\nEXPRESSLINK_HINT=3\n");
	ck_assert_int_eq(close(journal), 0);
	temp_remove(dir);
}
END_TEST

/* Nothing waits for a journal that hangs, and nothing is lost. */
START_TEST(records_go_to_stderr_when_the_journal_hangs)
{
	char *dir = temp_dir();
	int journal = open_journal(dir);

	for (unsigned i = 0; i < 10000; i++) {
		log_record(LOG_INFO, fields, ELEMENTS(fields), "number %u", i);
		if (strncmp(written(), "<6>number ", 10) == 0)
			break;
		ck_assert_uint_lt(i, 9999);
	}
	ck_assert_int_eq(close(journal), 0);
	log_record(LOG_INFO, fields, ELEMENTS(fields), "gone");
	ck_assert_str_eq(written(), "<6>gone\n");
	temp_remove(dir);
}
END_TEST

/* Its stream is what stderr is: full, it makes nobody wait; and the gap is told where it is. */
START_TEST(stream_of_a_journal_that_hangs)
{
	unsigned next = 0, number, lost = 0, count;
	struct stat st;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(dup2(ends[0], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	set_journal(st.st_dev, st.st_ino);
	log_open("/nonexistent");
	for (unsigned i = 0; i < 50000; i++)
		log_info("number %u", i);
	for (unsigned done = 0; done < 2;) {
		FILE *in = fdopen(dup(ends[1]), "r");
		char line[256];

		ck_assert_int_eq(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
		while (fgets(line, sizeof(line), in)) {
			if (sscanf(line, "<4>%u lines of this log are missing here\n", &count) == 1) {
				lost += count;
				next += count;
			} else {
				ck_assert_int_eq(sscanf(line, "<6>number %u\n", &number), 1);
				ck_assert_uint_eq(number, next);
				next++;
			}
		}
		(void)fclose(in);
		if (done++ == 0)
			log_info("number %u", 50000U);
	}
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_eq(next, 50001);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

START_TEST(records_are_lines_elsewhere)
{
	log_record(LOG_INFO, fields, ELEMENTS(fields), "one %d", 1);
	ck_assert_str_eq(written(), "one 1\n");
}
END_TEST

START_TEST(survives_a_closed_stderr)
{
	ck_assert_int_eq(close(STDERR_FILENO), 0);
	log_error("nobody hears");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, writes_a_line);
	tcase_add_test(tc, obeys_the_level);
	tcase_add_test(tc, says_what_errno_means);
	tcase_add_test(tc, keeps_errno);
	tcase_add_test(tc, cuts_long_lines);
	tcase_add_test(tc, shows_bytes);
	tcase_add_test(tc, cuts_bytes);
	tcase_add_test(tc, printable);
	tcase_add_test(tc, tells_the_journal_priorities);
	tcase_add_test(tc, no_priorities_elsewhere);
	tcase_add_test(tc, records_have_fields_for_the_journal);
	tcase_add_test(tc, records_go_to_stderr_when_the_journal_hangs);
	tcase_add_test(tc, stream_of_a_journal_that_hangs);
	tcase_add_test(tc, records_are_lines_elsewhere);
	tcase_add_test(tc, survives_a_closed_stderr);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
