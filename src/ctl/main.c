/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "ctl/ctl.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *text;
} commands[] = {
	{ "status", ctl_status, "what the running module does, and how it is" },
	{ "monitor", ctl_monitor, "the dialogue with the host and what happens to the module, live" },
	{ "check", ctl_check, "look for what keeps a module from working" },
	{ "report", ctl_report, "all that support needs to know, without secrets" },
	{ "provision", ctl_provision, "make a module's identity, or check and install a certificate made elsewhere" },
	{ "image", ctl_image, "sign, verify and show images for the module that come over the serial line" },
};

int ctl_error(const char *format, ...)
{
	va_list ap;

	fputs("expresslinkctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return CTL_FAILURE;
}

void ctl_warning(const char *format, ...)
{
	va_list ap;

	fputs("expresslinkctl: warning: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int ctl_usage_error(const char *command, const char *format, ...)
{
	va_list ap;

	fputs("expresslinkctl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fprintf(stderr, " (see expresslinkctl %s--help)\n", command);
	return CTL_USAGE;
}

static int finish(int status)
{
	if (fflush(stdout) || ferror(stdout))
		return ctl_error("cannot write to standard output");
	return status;
}

static int help(void)
{
	puts("Usage: expresslinkctl COMMAND [OPTION]...\n"
	     "The operator's tool for ExpressLink modules that expresslinkd serves.\n");
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		printf("  %-12s %s\n", commands[i].name, commands[i].text);
	puts("\n"
	     "  -h, --help     this text; after a command: its options\n"
	     "  -V, --version  the version");
	return finish(0);
}

int ctl_main(int argc, char **argv)
{
	if (argc < 2)
		return ctl_usage_error("", "no command");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help();
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("expresslinkctl " PACKAGE_VERSION);
		return finish(0);
	}
	for (size_t i = 0; i < ELEMENTS(commands); i++)
		if (!strcmp(argv[1], commands[i].name))
			return finish(commands[i].run(argc - 1, argv + 1));
	return ctl_usage_error("", "unknown command %s", argv[1]);
}
