/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkd-fetch as it is built, without a server that it likes; tests/integration/https-helper.py has others. */

#include "cloud/fetch.h"
#include "fake/emulator.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "util/child.h"
#include "util/macro.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HELPER "../../src/" FETCH_HELPER /* from the folder of this program */

static sd_event *event;
static char said[4096];
static bool ended;
static int result;

static bool on_message(void *userdata, const void *data, size_t n)
{
	(void)userdata;
	ck_assert(!*said);
	(void)snprintf(said, sizeof(said), "%.*s", (int)n, (const char *)data);
	return true;
}

static void on_end(void *userdata, int r, const void *output, size_t n)
{
	(void)userdata;
	(void)output;
	(void)n;
	ended = true;
	result = r;
}

static void setup(void)
{
	said[0] = '\0';
	ended = false;
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	sd_event_unref(event);
}

static void ask(const char *request)
{
	struct child *child;

	ck_assert_int_eq(child_listen(&child, event, HELPER, request, strlen(request), FETCH_MAX_MESSAGE, 60000,
				      on_message, on_end, NULL),
			 0);
	while (!ended)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	child_free(child);
}

static const char *const malformed[] = {
	"", "https://192.0.2.1/", "https://192.0.2.1/\n\n\n\n\n", "https://192.0.2.1/\n\n\n5\n5\n", "\n\n\nx\n1\n",
};

START_TEST(no_request)
{
	ask(malformed[_i]);
	ck_assert_int_eq(result, 2);
	ck_assert_str_eq(said, "");
}
END_TEST

/* Nobody listens there: a request that went out would be told of as that. */
static const struct {
	const char *request, *answer;
} refused[] = {
	{ "http://127.0.0.1:1/\n\n\n0\n5\n", "FUnsupported protocol" },
	{ "file:///etc/passwd\n\n\n0\n5\n", "F" },
	{ "ftp://127.0.0.1:1/\n\n\n0\n5\n", "FUnsupported protocol" },
	{ "https://\n\n\n0\n5\n", "FNot a URL" },
	{ "https://127.0.0.1:1/\n\n/no/such/file\n0\n5\n", "FThe file with the roots to trust cannot be read" },
	{ "https://127.0.0.1:1/\n\n/dev/null\n0\n5\n", "FThe file with the roots to trust cannot be read" },
	{ "https://127.0.0.1:1/\n\n\n0\n5\n", "BFailed to connect to 127.0.0.1 port 1" },
	{ "https://nowhere.example:1/\n127.0.0.1\n\n0\n5\n", "BFailed to connect to nowhere.example port 1" },
	/* It resolves nothing, for it has no way to. */
	{ "https://nowhere.example:1/\n\n\n0\n5\n", "B" },
};

START_TEST(refuses)
{
	ask(refused[_i].request);
	ck_assert_int_eq(result, 0);
	ck_assert_msg(strncmp(said, refused[_i].answer, strlen(refused[_i].answer)) == 0, "%s", said);
}
END_TEST

START_TEST(no_proxy)
{
	ck_assert_int_eq(setenv("https_proxy", "http://127.0.0.1:2", 1), 0);
	ck_assert_int_eq(setenv("ALL_PROXY", "http://127.0.0.1:2", 1), 0);
	ask("https://127.0.0.1:1/\n\n\n0\n5\n");
	ck_assert_ptr_nonnull(strstr(said, "port 1"));
}
END_TEST

/* A server that says no word of TLS; the helper goes when nobody hears it any more. */
START_TEST(ends_with_its_reader)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	socklen_t n = sizeof(a);
	struct child *child;
	char request[100], byte;

	ck_assert_int_ge(server, 0);
	ck_assert_int_eq(bind(server, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(server, 1), 0);
	ck_assert_int_eq(getsockname(server, (struct sockaddr *)&a, &n), 0);
	(void)snprintf(request, sizeof(request), "https://127.0.0.1:%u/\n\n\n0\n5\n", ntohs(a.sin_port));
	ck_assert_int_eq(child_listen(&child, event, HELPER, request, strlen(request), FETCH_MAX_MESSAGE, 60000,
				      on_message, on_end, NULL),
			 0);
	peer = accept(server, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	child_free(child);
	while (recv(peer, &byte, 1, 0) > 0)
		;
	(void)close(peer);
	(void)close(server);
	ck_assert(!ended);
}
END_TEST

/* From now on, for this process and what it starts. */
static void forbid(const struct sock_filter *code, size_t n)
{
	const struct sock_fprog program = { .len = (unsigned short)n, .filter = (struct sock_filter *)code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void take_landlock_away(void)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444 /* landlock_create_ruleset, everywhere */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	forbid(code, ELEMENTS(code));
}

static void take_seccomp_away(void)
{
	const struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_prctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PR_SET_SECCOMP, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	forbid(code, ELEMENTS(code));
	ck_assert(!kernel_has_seccomp());
}

static bool kernel_has_landlock(void)
{
	return syscall(444, NULL, 0, 1 /* its version */) > 0;
}

static const struct {
	bool seccomp, landlock;
} kernels[] = { { true, true }, { true, false }, { false, true }, { false, false } };

/* What it lacks is said, and the work done: stderr may be a file, of which the limits know. */
START_TEST(what_the_kernel_has)
{
	_cleanup_(temp_removep) char *dir = temp_dir();
	_cleanup_(freep) char *log = NULL;
	int file = open(temp_path(dir, "log"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600), before = dup(STDERR_FILENO);

	if (kernel_has_seccomp() && !kernels[_i].landlock)
		take_landlock_away();
	if (kernel_has_seccomp() && !kernels[_i].seccomp)
		take_seccomp_away();
	ck_assert_int_eq(dup2(file, STDERR_FILENO), STDERR_FILENO);
	ask("https://127.0.0.1:1/\n\n\n0\n5\n");
	ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
	(void)close(before);
	(void)close(file);
	ck_assert_int_eq(result, 0);
	ck_assert_msg(said[0] == 'B', "%s", said);
	log = temp_read(dir, "log", NULL);
	ck_assert_int_eq(strstr(log, "no seccomp") != NULL, !kernel_has_seccomp());
	ck_assert_int_eq(strstr(log, "no Landlock") != NULL, !kernel_has_landlock());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fetch");
	TCase *tc = tcase_create("fetch");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, no_request, 0, ELEMENTS(malformed));
	tcase_add_loop_test(tc, refuses, 0, ELEMENTS(refused));
	tcase_add_test(tc, no_proxy);
	tcase_add_test(tc, ends_with_its_reader);
	tcase_add_loop_test(tc, what_the_kernel_has, 0, ELEMENTS(kernels));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
