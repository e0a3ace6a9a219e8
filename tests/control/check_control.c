/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include "commands/commands.h"
#include "control/protocol.h"
#include "fake/mqtt.h"
#include "fake/network.h"
#include "fake/probe.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "util/local.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;
static struct control *control;
static int fd;

static void on_state(void *userdata, enum state state)
{
	ck_assert_ptr_eq(userdata, &control);
	if (control)
		control_on_state(control, state);
}

static int connect_one(void)
{
	int one = -1;

	ck_assert_int_eq(local_connect(rig.dir, CONTROL_SOCKET, &one), 0);
	return one;
}

static void setup(void)
{
	struct status_place place = { .settings = "some.conf", .state_dir = "state" };

	*fake_probe() = (struct fake_probe){ 0 };
	rig_make(&rig, "[Network]\nType=wifi\n");
	place.runtime_dir = rig.dir;
	ck_assert_int_eq(
		module_new(&rig.module, rig.event, rig.settings, commands, rig.dir, rig.dir, on_state, &control), 0);
	rig.dict = rig.module->dict;
	rig.epoch = rig.module->epoch;
	ck_assert_int_eq(control_new(&control, rig.module, &place), 0);
	ck_assert_int_eq(module_start(rig.module), 0);
	control_start(control);
	fd = connect_one();
}

static void teardown(void)
{
	control = control_free(control);
	ck_assert_ptr_null(control);
	rig_done(&rig);
	if (fd >= 0)
		close(fd);
}

static void say(const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	rig_idle(&rig);
}

static const char *hear(void)
{
	static char text[CONTROL_ANSWER * 4];
	ssize_t n;

	rig_idle(&rig);
	n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The types of the records that came, and of some their content. */
static const char *records(void)
{
	static char told[8192];
	char *save;
	size_t n = 0;

	told[0] = '\0';
	for (char *line = strtok_r((char *)hear(), "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char type[32] = "?";
		const char *more = strstr(line, "\"text\":\"");
		int width = 0;

		ck_assert_int_eq(sscanf(line, "{\"type\":\"%31[a-z]\",\"at_ms\":1%*d", type), 1);
		if (!more)
			more = strstr(line, "\"state\":\"");
		if (!more)
			more = strstr(line, "\"name\":\"");
		if (more) {
			more = strstr(more, ":\"") + 2;
			width = (int)strcspn(more, "\"");
		}
		n += (size_t)snprintf(told + n, sizeof(told) - n, "%s %.*s\n", type, width, more ? more : "");
	}
	return told;
}

START_TEST(status_and_attempts)
{
	const char *got;

	say("status\n");
	got = hear();
	ck_assert_int_eq(strncmp(got, "{\"version\":", 11), 0);
	ck_assert_ptr_nonnull(strstr(got, "\"settings\":\"some.conf\""));
	ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
	say("attempts\n");
	ck_assert_str_eq(hear(), "{\"attempts\":[]}\n");
}
END_TEST

START_TEST(the_dialogue)
{
	say("monitor\n");
	ck_assert_str_eq(records(), "state active\n");
	rig_ask(&rig, "AT+EVENT?");
	ck_assert_str_eq(records(), "host AT+EVENT?\nmodule OK 2 0 STARTUP\\\\x0D\\\\x0A\n");
	rig_ask(&rig, "AT+CONF Passphrase=geheim");
	ck_assert_str_eq(records(), "host AT+CONF Passphrase=***\nmodule OK\\\\x0D\\\\x0A\n");
}
END_TEST

START_TEST(what_happens)
{
	say("monitor\n");
	records();
	rig_connect(&rig);
	ck_assert_str_eq(records(), "host AT+CONNECT\nstate connecting\nconnection \nstate connected\n"
				    "module OK 1 CONNECTED\\\\x0D\\\\x0A\n");
	fake_mqtt_text("unknown", "hello");
	ck_assert_str_eq(records(), "event MSG\n");
	fake_mqtt_lose(0);
	ck_assert_str_eq(records(), "event CONLOST\nconnection \nstate active\n");
	rig_ask(&rig, "AT+RESET");
	ck_assert_str_eq(records(), "host AT+RESET\nevent STARTUP\nstate active\nmodule OK\\\\x0D\\\\x0A\n");
}
END_TEST

START_TEST(an_update_that_ends)
{
	const char *got;

	rig_connect(&rig);
	say("monitor\n");
	records();
	fake_mqtt_text(
		"$aws/things/" RIG_THING "/jobs/notify-next",
		"{\"execution\":{\"jobId\":\"j\",\"status\":\"QUEUED\",\"executionNumber\":1,\"jobDocument\":{}}}");
	got = hear();
	ck_assert_ptr_eq(strstr(got, "{\"type\":\"update\",\"at_ms\":"), got);
	ck_assert_ptr_nonnull(strstr(got, ",\"job\":\"j\",\"execution\":1,\"time\":\"20"));
	ck_assert_ptr_nonnull(
		strstr(got, ",\"status\":\"REJECTED\",\"reason\":\"this is no update: afr_ota is missing\"}\n"));
}
END_TEST

/* What was before is not told. */
START_TEST(a_failure)
{
	rig_connect(&rig);
	rig_ask(&rig, "AT+DISCONNECT");
	say("monitor\n");
	ck_assert_str_eq(records(), "state active\n");
	rig_say(&rig, "AT+CONNECT");
	records();
	fake_mqtt_lose(ECONNREFUSED);
	ck_assert_str_eq(records(),
			 "connection \nstate active\nmodule ERR14 3 UNABLE TO CONNECT Connection refused: check "
			 "Endpoint and network\\\\x0D\\\\x0A\n");
}
END_TEST

START_TEST(nobody_watches_any_more)
{
	say("monitor\n");
	close(fd);
	fd = -1;
	rig_idle(&rig);
	rig_ask(&rig, "AT");
	fd = connect_one();
	say("monitor\n");
	ck_assert_str_eq(records(), "state active\n");
}
END_TEST

START_TEST(ends_while_watched)
{
	say("monitor\n");
	control = control_free(control);
	rig_ask(&rig, "AT+RESET");
	ck_assert_ptr_null(strstr(hear(), "RESET"));
}
END_TEST

/* As CONNECT says it. */
START_TEST(a_probe_without_a_network)
{
	struct probe_report report = { .count = 0 };

	fake_network_unplug();
	fault_of_name(&report.fault, -EAGAIN);
	say("probe\n");
	fake_probe_end(&report);
	ck_assert_str_eq(
		hear(), "{\"passed\":false,\"hint\":2,\"detail\":\"No network: no interface is up and has an address\","
			"\"lines\":[]}\n");
}
END_TEST

static const struct probe_report passed = { .passed = true, .summary = "all well" };

START_TEST(a_probe)
{
	say("probe\n");
	ck_assert(fake_probe()->asked);
	ck_assert_str_eq(fake_probe()->endpoint.host, RIG_STAGING);
	ck_assert_uint_eq(fake_probe()->timeout_ms, CONTROL_PROBE_MS);
	ck_assert_str_eq(hear(), "");
	fake_probe_end(&passed);
	ck_assert_str_eq(hear(), "{\"passed\":true,\"summary\":\"all well\",\"lines\":[]}\n");
	say("probe\n");
	ck_assert_uint_eq(fake_probe()->starts, 2);
}
END_TEST

START_TEST(one_probe_at_a_time)
{
	int first = fd;

	say("probe\n");
	fd = connect_one();
	say("probe\n");
	ck_assert_str_eq(hear(), "{\"error\":\"somebody else is just trying the way to the endpoint\"}\n");
	ck_assert_uint_eq(fake_probe()->starts, 1);
	close(fd);
	fd = first;
	fake_probe_end(&passed);
	ck_assert_int_eq(strncmp(hear(), "{\"passed\":true", 14), 0);
}
END_TEST

START_TEST(who_asked_is_gone)
{
	say("probe\n");
	close(fd);
	fd = -1;
	rig_idle(&rig);
	ck_assert(!fake_probe()->asked);
	fd = connect_one();
	say("probe\n");
	ck_assert(fake_probe()->asked);
}
END_TEST

START_TEST(no_probe)
{
	fake_probe()->start_result = -EMFILE;
	say("probe\n");
	ck_assert_str_eq(hear(), "{\"error\":\"the way to the endpoint cannot be tried now\"}\n");
	close(fd);
	fd = connect_one();
	ck_assert_int_eq(rig_set(&rig, "Endpoint", "no host"), 0);
	say("probe\n");
	ck_assert_str_eq(hear(),
			 "{\"passed\":false,\"hint\":3,\"detail\":\"Not a host name: check Endpoint\",\"lines\":[]}\n");
}
END_TEST

/* Who has no socket still has a module. */
START_TEST(no_socket)
{
	struct status_place place = { .settings = "", .state_dir = "", .runtime_dir = rig.dir };
	struct control *other;

	ck_assert_int_eq(control_new(&other, rig.module, &place), 0);
	control_start(other);
	control_free(other);
	place.runtime_dir = "/proc/nonexistent";
	ck_assert_int_eq(control_new(&other, rig.module, &place), 0);
	control_start(other);
	ck_assert_ptr_null(control_free(other));
	ck_assert_ptr_null(control_free(NULL));
	say("attempts\n");
	ck_assert_str_eq(hear(), "{\"attempts\":[]}\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tc = tcase_create("control");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, status_and_attempts);
	tcase_add_test(tc, the_dialogue);
	tcase_add_test(tc, what_happens);
	tcase_add_test(tc, an_update_that_ends);
	tcase_add_test(tc, a_failure);
	tcase_add_test(tc, nobody_watches_any_more);
	tcase_add_test(tc, ends_while_watched);
	tcase_add_test(tc, a_probe);
	tcase_add_test(tc, a_probe_without_a_network);
	tcase_add_test(tc, one_probe_at_a_time);
	tcase_add_test(tc, who_asked_is_gone);
	tcase_add_test(tc, no_probe);
	tcase_add_test(tc, no_socket);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
