/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/provision.h"

#include "ctl/ctl.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMAND "provision "

/* clang-format off */
static const char help_text[] =
	"Usage: expresslinkctl provision [OPTION]...\n"
	"Makes a module's identity: a unique ID, a private key, and a certificate or a\n"
	"request for one; or checks and installs a certificate made elsewhere.\n"
	"\n"
	"  --out DIR           folder of certificate.pem, private.key.pem, request.csr\n"
	"                      (default: " PROVISION_OUT ")\n"
	"  --ca FILE           the vendor CA's certificate: issue with it. Without it a\n"
	"                      request is made\n"
	"  --ca-key KEY        the vendor CA's private key: a PEM file, or a URI\n"
	"  --ca-pin-file FILE  its passphrase or PIN\n"
	"  --uid UUID          the unique ID, instead of a random one\n"
	"  --certificate FILE  check this certificate, and install it beside its key\n"
	"  --key KEY           use this key, a PEM file or a URI (pkcs11:, handle:),\n"
	"                      instead of private.key.pem\n"
	"  --pin-file FILE     its PIN\n"
	"  --force             replace an identity that is there\n"
	"  --thing-name        print the thing name of the identity in DIR, or of the\n"
	"                      certificate FILE, and do nothing else\n"
	"  -h, --help          this text";
/* clang-format on */

static int check_options(struct provision *p)
{
	if (!*p->out)
		return ctl_usage_error(COMMAND, "--out needs the name of a folder");
	if (!p->ca != !p->ca_key)
		return ctl_usage_error(COMMAND, "--ca and --ca-key go together");
	if (p->ca_pin_file && !p->ca)
		return ctl_usage_error(COMMAND, "--ca-pin-file goes with --ca and --ca-key");
	if (p->pin_file && !p->key)
		return ctl_usage_error(COMMAND, "--pin-file goes with --key");
	if (p->certificate && p->ca)
		return ctl_usage_error(COMMAND, "--certificate is for one made elsewhere, --ca issues one: not both");
	if (p->uid_text && (p->certificate || p->thing_name))
		return ctl_usage_error(COMMAND, "--uid is for a new identity");
	if (p->thing_name && (p->ca || p->key || p->force))
		return ctl_usage_error(COMMAND, "--thing-name goes with --out or --certificate only");
	if (p->uid_text && issue_uid_parse(p->uid_text, p->uid) < 0)
		return ctl_usage_error(COMMAND, "%s is no UUID", p->uid_text);
	return 0;
}

enum option_id {
	OPT_OUT = 256,
	OPT_CA,
	OPT_CA_KEY,
	OPT_CA_PIN_FILE,
	OPT_CERTIFICATE,
	OPT_KEY,
	OPT_PIN_FILE,
	OPT_UID,
	OPT_FORCE,
	OPT_THING_NAME,
};

static const struct option long_options[] = {
	{ "out", required_argument, NULL, OPT_OUT },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "ca-key", required_argument, NULL, OPT_CA_KEY },
	{ "ca-pin-file", required_argument, NULL, OPT_CA_PIN_FILE },
	{ "certificate", required_argument, NULL, OPT_CERTIFICATE },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "pin-file", required_argument, NULL, OPT_PIN_FILE },
	{ "uid", required_argument, NULL, OPT_UID },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "thing-name", no_argument, NULL, OPT_THING_NAME },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The place of an option's text, NULL if it has none. */
static const char **option_text(struct provision *p, int option)
{
	switch (option) {
	case OPT_OUT:
		return &p->out;
	case OPT_CA:
		return &p->ca;
	case OPT_CA_KEY:
		return &p->ca_key;
	case OPT_CA_PIN_FILE:
		return &p->ca_pin_file;
	case OPT_CERTIFICATE:
		return &p->certificate;
	case OPT_KEY:
		return &p->key;
	case OPT_PIN_FILE:
		return &p->pin_file;
	case OPT_UID:
		return &p->uid_text;
	default:
		return NULL;
	}
}

int ctl_provision(int argc, char **argv)
{
	struct provision p = { .out = PROVISION_OUT, .lock = -1 };
	int option, r;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		const char **text = option_text(&p, option);

		if (text)
			*text = optarg;
		else if (option == OPT_FORCE)
			p.force = true;
		else if (option == OPT_THING_NAME)
			p.thing_name = true;
		else if (option == 'h')
			return puts(help_text) < 0;
		else if (option == ':')
			return ctl_usage_error(COMMAND, "%s needs a value", argv[optind - 1]);
		else
			return ctl_usage_error(COMMAND, "unknown option %s", argv[optind - 1]);
	}
	if (optind < argc)
		return ctl_usage_error(COMMAND, "unexpected argument %s", argv[optind]);
	r = check_options(&p);
	if (r)
		return r;
	if (p.thing_name)
		r = provision_print_name(&p);
	else if (p.certificate)
		r = provision_install(&p);
	else
		r = provision_make(&p);
	if (p.lock >= 0)
		close(p.lock);
	return r;
}
