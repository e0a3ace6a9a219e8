/* SPDX-License-Identifier: Apache-2.0 */
#include "config/setting.h"

#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

static void *field(const struct setting *row, struct settings *s)
{
	return (char *)s + row->offset;
}

static uint64_t number(const struct setting *row, struct settings *s)
{
	switch (row->size) {
	case sizeof(bool):
		return *(bool *)field(row, s);
	case sizeof(unsigned):
		return *(unsigned *)field(row, s);
	default:
		return *(uint64_t *)field(row, s);
	}
}

/* Applies the value to a fresh struct; r, and the field as text. */
static int apply(const struct setting *row, const char *value, char *ret_stored, char *ret_why)
{
	struct settings s;
	int r;

	memset(&s, 0, sizeof(s));
	r = setting_apply(row, &s, value, ret_why, 200);
	if (setting_is_text(row)) {
		char **text = setting_text(row, &s);

		strcpy(ret_stored, *text ? *text : "NULL");
		free(*text);
		*text = NULL;
	} else {
		sprintf(ret_stored, "%llu", (unsigned long long)number(row, &s));
		if (row->size == sizeof(bool))
			*(bool *)field(row, &s) = false;
		else
			memset(field(row, &s), 0, row->size);
	}
	/* Nothing else was touched. */
	for (size_t i = 0; i < sizeof(s); i++)
		ck_assert_int_eq(((char *)&s)[i], 0);
	return r;
}

static const struct setting *find(const char *name)
{
	char section[40];
	const char *dot = strchr(name, '.');
	const struct setting *row;

	memcpy(section, name, (size_t)(dot - name));
	section[dot - name] = '\0';
	row = setting_find(section, dot + 1);
	ck_assert_msg(row, "%s", name);
	return row;
}

/* Every row: its factory value, and as stored. */
static const struct {
	const char *name, *initial, *stored;
} rows[] = {
	{ "Serial.Device", "", "" },
	{ "Identity.Certificate", "", "" },
	{ "Identity.PrivateKey", "", "" },
	{ "Identity.ThingName", "", "" },
	{ "Identity.PinFile", "", "" },
	{ "Identity.Tcti", "", "" },
	{ "Module.About", "expresslinkd - Linux gateway", "expresslinkd - Linux gateway" },
	{ "Module.EventQueue", "64", "64" },
	{ "Module.MessageQueue", "64", "64" },
	{ "Module.MessageBytes", "256K", "262144" },
	{ "Module.MaxTopic", "16", "16" },
	{ "Cloud.StagingEndpoint", "", "" },
	{ "Cloud.RootCA", "", "" },
	{ "Cloud.KeepAlive", "60", "60" },
	{ "Cloud.ConnectTimeout", "25", "25" },
	{ "Pins.Chip", "gpiochip0", "gpiochip0" },
	{ "Pins.Event", "", "" },
	{ "Pins.Wake", "", "" },
	{ "Pins.Reset", "", "" },
	{ "Pins.EventActiveLow", "no", "0" },
	{ "Pins.Bias", "pull-up", "1" },
	{ "OTA.Certificate", "", "" },
	{ "OTA.Shared", "no", "0" },
	{ "OTA.MaxImageSize", "16M", "16777216" },
	{ "OTA.CAFile", "", "" },
	{ "OTA.RequireHostSignature", "no", "0" },
	{ "OTA.Installer", "deb", "deb" },
	{ "OTA.ConfirmTimeout", "300", "300" },
	{ "OTA.Manufacturer", "", "" },
	{ "OTA.Model", "", "" },
	{ "Network.Type", "ethernet", "0" },
	{ "Network.Interface", "", "" },
	{ "Network.DefaultSSID", "", "" },
	{ "Network.DefaultPassphrase", "", "" },
	{ "Network.DefaultAPN", "", "" },
	{ "Confmode.Enable", "no", "0" },
	{ "Confmode.Listen", "192.168.4.1:80", "192.168.4.1:80" },
	{ "Confmode.Timeout", "300", "300" },
	{ "Location.Gpsd", "localhost:2947", "localhost:2947" },
	{ "Compatibility.OTAEventParameter", "guide", "0" },
	{ "Compatibility.TimeLabels", "no", "0" },
	{ "Log.Level", "info", "6" },
};

START_TEST(table_and_defaults)
{
	const struct setting *row = find(rows[_i].name);
	char stored[2000], why[200];

	ck_assert_uint_eq(setting_count, ELEMENTS(rows));
	ck_assert_uint_le(setting_count, SETTING_MAX);
	ck_assert_str_eq(row->initial, rows[_i].initial);
	ck_assert_int_eq(apply(row, row->initial, stored, why), 0);
	ck_assert_str_eq(stored, rows[_i].stored);
	ck_assert(setting_has_section(row->section));
	ck_assert_int_eq(row->required, strcmp(rows[_i].name, "Serial.Device") == 0 ||
						strcmp(rows[_i].name, "Identity.Certificate") == 0 ||
						strcmp(rows[_i].name, "Identity.PrivateKey") == 0);
}
END_TEST

#define X16  "xxxxxxxxxxxxxxxx"
#define X64  X16 X16 X16 X16
#define X128 X64 X64
#define X512 X128 X128 X128 X128

/* NULL: refused. */
static const struct {
	const char *name, *value, *stored;
} values[] = {
	/* numbers: both ends, and beyond */
	{ "Module.EventQueue", "64", "64" },
	{ "Module.EventQueue", "4096", "4096" },
	{ "Module.EventQueue", "63", NULL },
	{ "Module.EventQueue", "4097", NULL },
	{ "Module.MessageQueue", "64", "64" },
	{ "Module.MessageQueue", "65536", "65536" },
	{ "Module.MessageQueue", "63", NULL },
	{ "Module.MessageQueue", "65537", NULL },
	{ "Module.MaxTopic", "16", "16" },
	{ "Module.MaxTopic", "49", "49" },
	{ "Module.MaxTopic", "15", NULL },
	{ "Module.MaxTopic", "50", NULL },
	{ "Cloud.KeepAlive", "30", "30" },
	{ "Cloud.KeepAlive", "1200", "1200" },
	{ "Cloud.KeepAlive", "29", NULL },
	{ "Cloud.KeepAlive", "1201", NULL },
	{ "Cloud.ConnectTimeout", "5", "5" },
	{ "Cloud.ConnectTimeout", "115", "115" },
	{ "Cloud.ConnectTimeout", "4", NULL },
	{ "Cloud.ConnectTimeout", "116", NULL },
	{ "OTA.ConfirmTimeout", "10", "10" },
	{ "OTA.ConfirmTimeout", "86400", "86400" },
	{ "OTA.ConfirmTimeout", "9", NULL },
	{ "OTA.ConfirmTimeout", "86401", NULL },
	{ "Confmode.Timeout", "10", "10" },
	{ "Confmode.Timeout", "86400", "86400" },
	{ "Confmode.Timeout", "9", NULL },
	{ "Confmode.Timeout", "86401", NULL },
	{ "Cloud.KeepAlive", "", NULL },
	{ "Cloud.KeepAlive", "060", "60" },
	{ "Cloud.KeepAlive", "+60", NULL },
	{ "Cloud.KeepAlive", "-60", NULL },
	{ "Cloud.KeepAlive", "60s", NULL },
	{ "Cloud.KeepAlive", "6 0", NULL },
	{ "Cloud.KeepAlive", "0x40", NULL },
	{ "Cloud.KeepAlive", "60K", NULL },
	{ "Cloud.KeepAlive", "18446744073709551676", NULL },
	/* sizes */
	{ "Module.MessageBytes", "262144", "262144" },
	{ "Module.MessageBytes", "262143", NULL },
	{ "Module.MessageBytes", "255K", NULL },
	{ "Module.MessageBytes", "1M", "1048576" },
	{ "Module.MessageBytes", "64M", "67108864" },
	{ "Module.MessageBytes", "65M", NULL },
	{ "Module.MessageBytes", "67108865", NULL },
	{ "Module.MessageBytes", "512k", NULL },
	{ "Module.MessageBytes", "K", NULL },
	{ "Module.MessageBytes", "", NULL },
	{ "Module.MessageBytes", "1G", NULL },
	{ "Module.MessageBytes", "256KK", NULL },
	{ "Module.MessageBytes", "18014398509481985K", NULL },
	{ "Module.MessageBytes", "18446744073709551615M", NULL },
	{ "OTA.MaxImageSize", "1K", "1024" },
	{ "OTA.MaxImageSize", "1023", NULL },
	{ "OTA.MaxImageSize", "16777217", NULL },
	/* yes and no */
	{ "OTA.Shared", "yes", "1" },
	{ "OTA.Shared", "True", "1" },
	{ "OTA.Shared", "ON", "1" },
	{ "OTA.Shared", "1", "1" },
	{ "OTA.Shared", "no", "0" },
	{ "OTA.Shared", "false", "0" },
	{ "OTA.Shared", "off", "0" },
	{ "OTA.Shared", "0", "0" },
	{ "OTA.Shared", "", NULL },
	{ "OTA.Shared", "2", NULL },
	{ "OTA.Shared", "y", NULL },
	{ "Pins.EventActiveLow", "yes", "1" },
	{ "OTA.RequireHostSignature", "yes", "1" },
	{ "Confmode.Enable", "yes", "1" },
	{ "Compatibility.TimeLabels", "yes", "1" },
	/* words */
	{ "Network.Type", "wifi", "1" },
	{ "Network.Type", "cellular", "2" },
	{ "Network.Type", "Wifi", NULL },
	{ "Network.Type", "", NULL },
	{ "Network.Type", "wifi,cellular", NULL },
	{ "Pins.Bias", "none", "0" },
	{ "Pins.Bias", "pull-down", NULL },
	{ "Compatibility.OTAEventParameter", "state", "1" },
	{ "Compatibility.OTAEventParameter", "yes", NULL },
	{ "Log.Level", "error", "3" },
	{ "Log.Level", "warning", "4" },
	{ "Log.Level", "notice", "5" },
	{ "Log.Level", "debug", "7" },
	{ "Log.Level", "7", NULL },
	/* texts up to their sizes; nothing is the factory value */
	{ "Module.About", X64, X64 },
	{ "Module.About", X64 "x", NULL },
	{ "Module.About", "", "expresslinkd - Linux gateway" },
	{ "Network.DefaultSSID", X16 X16, X16 X16 },
	{ "Network.DefaultSSID", X16 X16 "x", NULL },
	{ "Network.DefaultPassphrase", X64, X64 },
	{ "Network.DefaultPassphrase", X64 "x", NULL },
	{ "Network.DefaultAPN", X128, X128 },
	{ "Network.DefaultAPN", X128 "x", NULL },
	{ "Network.Interface", "wlan0", "wlan0" },
	{ "Network.Interface", X16, NULL },
	{ "Pins.Chip", "/dev/gpiochip4", "/dev/gpiochip4" },
	{ "Pins.Event", "GPIO17", "GPIO17" },
	{ "Pins.Wake", "27", "27" },
	{ "Pins.Reset", X64 "x", NULL },
	{ "Identity.Tcti", "device:/dev/tpmrm0", "device:/dev/tpmrm0" },
	{ "OTA.Manufacturer", "M & Sons", "M & Sons" },
	{ "OTA.Model", X64 "x", NULL },
	/* paths */
	{ "Serial.Device", "/dev/serial0", "/dev/serial0" },
	{ "Serial.Device", "pty:link", "pty:link" },
	{ "Serial.Device", "pty:/run/link", "pty:/run/link" },
	{ "Serial.Device", "ttyS0", NULL },
	{ "Serial.Device", "pty:", NULL },
	{ "Serial.Device", "/", NULL },
	{ "Identity.Certificate", "/etc/c.pem", "/etc/c.pem" },
	{ "Identity.Certificate", "c.pem", NULL },
	{ "Identity.PinFile", "/p", "/p" },
	{ "Identity.PinFile", "p", NULL },
	{ "Cloud.RootCA", "/r", "/r" },
	{ "Cloud.RootCA", "../r", NULL },
	{ "OTA.Certificate", "o", NULL },
	{ "OTA.CAFile", "~/c", NULL },
	{ "OTA.CAFile", "/" X512 X512, NULL },
	{ "Identity.PrivateKey", "/k", "/k" },
	{ "Identity.PrivateKey", "pkcs11:token=t;object=o?pin-source=/p", "pkcs11:token=t;object=o?pin-source=/p" },
	{ "Identity.PrivateKey", "handle:0x81000001", "handle:0x81000001" },
	{ "Identity.PrivateKey", "k.pem", NULL },
	{ "Identity.PrivateKey", "./k.pem", NULL },
	{ "Identity.PrivateKey", ":k", NULL },
	{ "Identity.PrivateKey", "1pkcs:k", NULL },
	{ "Identity.PrivateKey", "pkcs11:", NULL },
	{ "OTA.Installer", "deb", "deb" },
	{ "OTA.Installer", "/usr/bin/rauc-install", "/usr/bin/rauc-install" },
	{ "OTA.Installer", "rpm", NULL },
	/* names */
	{ "Identity.ThingName", "a:B-c_9", "a:B-c_9" },
	{ "Identity.ThingName", X64, X64 },
	{ "Identity.ThingName", X64 "x", NULL },
	{ "Identity.ThingName", "a b", NULL },
	{ "Identity.ThingName", "a/b", NULL },
	{ "Identity.ThingName", "a.b", NULL },
	{ "Identity.ThingName", "\xc3\xa9", NULL },
	/* places */
	{ "Cloud.StagingEndpoint", "a.example", "a.example" },
	{ "Cloud.StagingEndpoint", "a.example:443", "a.example:443" },
	{ "Cloud.StagingEndpoint", "[::1]:8883", "[::1]:8883" },
	{ "Cloud.StagingEndpoint", "mqtts://a.example", NULL },
	{ "Cloud.StagingEndpoint", "a.example:0", NULL },
	{ "Confmode.Listen", "0.0.0.0:8080", "0.0.0.0:8080" },
	{ "Confmode.Listen", "[::]:80", "[::]:80" },
	{ "Confmode.Listen", "192.168.4.1", NULL },
	{ "Confmode.Listen", "localhost:80", NULL },
	{ "Location.Gpsd", "none", "" },
	{ "Location.Gpsd", "gps.local:2947", "gps.local:2947" },
	{ "Location.Gpsd", "localhost", NULL },
	{ "Location.Gpsd", "", "localhost:2947" },
};

START_TEST(judges)
{
	const struct setting *row = find(values[_i].name);
	char stored[2000], why[200] = "";
	int r = apply(row, values[_i].value, stored, why);

	if (values[_i].stored) {
		ck_assert_int_eq(r, 0);
		ck_assert_str_eq(stored, values[_i].stored);
		return;
	}
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_str_eq(stored, setting_is_text(row) ? "NULL" : "0");
	ck_assert_int_eq(strncmp(why, "must ", 5), 0);
	/* It may be a passphrase. */
	ck_assert(strlen(values[_i].value) < 10 || !strstr(why, values[_i].value));
}
END_TEST

static const struct {
	const char *name, *value, *why;
} reasons[] = {
	{ "Cloud.KeepAlive", "x", "must be a number from 30 to 1200" },
	{ "Module.MessageBytes", "x", "must be a size from 256K to 64M" },
	{ "OTA.MaxImageSize", "x", "must be a size from 1K to 16M" },
	{ "OTA.Shared", "x", "must be yes or no" },
	{ "Network.Type", "x", "must be ethernet, wifi or cellular" },
	{ "Pins.Bias", "x", "must be none or pull-up" },
	{ "Log.Level", "x", "must be error, warning, notice, info or debug" },
	{ "Network.Interface", X16, "must not be longer than 15 bytes" },
	{ "Serial.Device", "x", "must be the absolute path of a tty, or pty:PATH" },
	{ "Confmode.Listen", "x", "must be ADDRESS:PORT" },
};

START_TEST(says_what_it_must_be)
{
	char stored[2000], why[200];

	ck_assert_int_eq(apply(find(reasons[_i].name), reasons[_i].value, stored, why), -EINVAL);
	ck_assert_str_eq(why, reasons[_i].why);
}
END_TEST

/* However little room there is for the text. */
START_TEST(says_it_in_any_space)
{
	for (size_t size = 1; size < 60; size++) {
		for (size_t i = 0; i < setting_count; i++) {
			_cleanup_(freep) char *why = malloc(size);
			struct settings s = { 0 };

			ck_assert_int_eq(setting_apply(&setting_rows[i], &s, X512 X512 "x", why, size), -EINVAL);
			ck_assert_uint_lt(strlen(why), size);
		}
	}
}
END_TEST

START_TEST(finds_only_exact_names)
{
	ck_assert_ptr_null(setting_find("serial", "Device"));
	ck_assert_ptr_null(setting_find("Serial", "device"));
	ck_assert_ptr_null(setting_find("Serial", "Certificate"));
	ck_assert_ptr_null(setting_find("", "Device"));
	ck_assert_ptr_null(setting_find("Serial", ""));
	/* Two sections have this one. */
	ck_assert_ptr_ne(setting_find("Identity", "Certificate"), setting_find("OTA", "Certificate"));
	ck_assert(setting_has_section("Defender"));
	ck_assert(!setting_has_section("defender"));
	ck_assert(!setting_has_section(""));
}
END_TEST

/* A value that is given again replaces the first. */
START_TEST(replaces)
{
	const struct setting *row = find("Module.About");
	struct settings s = { 0 };
	char why[100];

	ck_assert_int_eq(setting_apply(row, &s, "one", why, sizeof(why)), 0);
	ck_assert_int_eq(setting_apply(row, &s, "two", why, sizeof(why)), 0);
	ck_assert_str_eq(s.about, "two");
	ck_assert_int_eq(setting_apply(row, &s, X64 "x", why, sizeof(why)), -EINVAL);
	ck_assert_str_eq(s.about, "two");
	free(s.about);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("setting");
	TCase *c = tcase_create("setting");

	tcase_add_loop_test(c, table_and_defaults, 0, ELEMENTS(rows));
	tcase_add_loop_test(c, judges, 0, ELEMENTS(values));
	tcase_add_loop_test(c, says_what_it_must_be, 0, ELEMENTS(reasons));
	tcase_add_test(c, says_it_in_any_space);
	tcase_add_test(c, finds_only_exact_names);
	tcase_add_test(c, replaces);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
