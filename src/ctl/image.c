/* SPDX-License-Identifier: Apache-2.0 */
/* `expresslinkctl image`: the files that OTW takes (guide 8.13), see ota/container.h. */
#include "control/json.h"
#include "crypto/cert.h"
#include "crypto/digest.h"
#include "crypto/issue.h"
#include "crypto/signature.h"
#include "ctl/ctl.h"
#include "ctl/load.h"
#include "ota/container.h"
#include "util/file.h"
#include "util/hex.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND     "image "
#define MODE        0644
#define MAX_PADDING 65536 /* behind an image that came back from somewhere */

/* clang-format off */
static const char help_text[] =
	"Usage: expresslinkctl image sign --key KEY [OPTION]... PAYLOAD\n"
	"       expresslinkctl image verify --certificate FILE IMAGE\n"
	"       expresslinkctl image info [--json] IMAGE\n"
	"Makes, verifies and shows images for the module itself that come over the serial\n"
	"line (AT+OTW).\n"
	"\n"
	"  --key KEY           sign with it: a PEM file, or a URI (pkcs11:, handle:)\n"
	"  --pin-file FILE     its passphrase or PIN\n"
	"  --version TEXT      what the image is, up to 64 bytes each; without a version\n"
	"                      the module cannot refuse one that is older than what runs\n"
	"  --manufacturer TEXT\n"
	"  --model TEXT\n"
	"  -o, --output FILE   the image (default: PAYLOAD.image)\n"
	"  --certificate FILE  verify with the key of this one, the module's OTAcertificate\n"
	"  --json              a JSON object in one line\n"
	"  -h, --help          this text";
/* clang-format on */

struct options {
	const char *key, *pin_file, *version, *manufacturer, *model, *output, *certificate;
	bool json;
	const char *file;
};

/* --- sign --- */

static int set_text(char ret[CONTAINER_MAX_TEXT + 1], const char *option, const char *text)
{
	size_t n = text ? strlen(text) : 0;

	if (n > CONTAINER_MAX_TEXT)
		return ctl_usage_error(COMMAND, "%s has at most %d bytes", option, CONTAINER_MAX_TEXT);
	memcpy(ret, text ? text : "", n + 1);
	return 0;
}

static int read_file(const char *path, size_t max, char **ret, size_t *ret_n)
{
	int r = file_read(path, max, ret, ret_n);

	if (r == -EFBIG)
		return ctl_error("%s: more than an image can have, which is %u bytes", path, CONTAINER_MAX_PAYLOAD);
	return r < 0 ? ctl_error("%s: %s", path, strerror(-r)) : 0;
}

static int sign_container(const struct options *o, struct container *c)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	unsigned char digest[DIGEST_SIZE];
	int r = container_digest(c, digest);

	if (r == -EINVAL)
		return ctl_usage_error(COMMAND, "a text has to be printable UTF-8 without a space at its ends");
	if (r < 0)
		return load_no_memory();
	r = load_key(o->key, o->pin_file, &key);
	if (r)
		return r;
	r = signature_make(key, digest, &c->kind, c->signature, &c->signature_n);
	if (r == -EKEYREJECTED)
		return ctl_error(
			"%s: images are signed by EC keys, P-256 or P-384, and by RSA keys of 2048 to 4096 bits",
			o->key);
	return r < 0 ? ctl_error("%s: cannot sign with this key", o->key) : 0;
}

/* In one piece, beside its place and then into it. */
static int write_image(const char *path, const unsigned char header[CONTAINER_HEADER], const char *data, size_t n)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	_cleanup_(freep) char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	_cleanup_(freep) char *whole = malloc(CONTAINER_HEADER + n);
	int r;

	if (!dir || !whole)
		return load_no_memory();
	memcpy(whole, header, CONTAINER_HEADER);
	memcpy(whole + CONTAINER_HEADER, data, n);
	r = *name ? file_replace(dir, name, NULL, whole, CONTAINER_HEADER + n, MODE) : -EISDIR;
	return r < 0 ? ctl_error("cannot write %s: %s", path, strerror(-r)) : 0;
}

static int sign_file(const struct options *o, const char *output)
{
	_cleanup_(freep) char *data = NULL;
	unsigned char header[CONTAINER_HEADER];
	struct container c = { 0 };
	size_t n = 0;
	int r = set_text(c.version, "--version", o->version);

	if (!r)
		r = set_text(c.manufacturer, "--manufacturer", o->manufacturer);
	if (!r)
		r = set_text(c.model, "--model", o->model);
	if (!r)
		r = read_file(o->file, CONTAINER_MAX_PAYLOAD, &data, &n);
	if (r)
		return r;
	if (n == 0)
		return ctl_error("%s: is empty", o->file);
	c.size = n;
	if (digest_bytes(data, n, c.digest) < 0)
		return load_no_memory();
	r = sign_container(o, &c);
	if (r)
		return r;
	if (container_format(&c, header) < 0)
		return load_no_memory();
	return write_image(output, header, data, n);
}

static int image_sign(const struct options *o)
{
	_cleanup_(freep) char *output = NULL;
	int r;

	if (!o->key)
		return ctl_usage_error(COMMAND, "sign needs --key");
	if (o->certificate || o->json)
		return ctl_usage_error(COMMAND, "sign takes neither --certificate nor --json");
	if (asprintf(&output, "%s%s", o->output ? o->output : o->file, o->output ? "" : ".image") < 0) {
		output = NULL;
		return load_no_memory();
	}
	r = sign_file(o, output);
	if (r == 0 && !(o->version && *o->version))
		ctl_warning("%s has no --version: modules take it whatever version runs, a newer one too", output);
	return r;
}

/* --- verify, info --- */

struct image_file {
	char *data;
	size_t n;
	struct container container;
	const char *trouble; /* NULL: the payload is there, and what the header says of it */
};

static int open_image(const char *path, struct image_file *ret)
{
	const char *why = "";
	unsigned char digest[DIGEST_SIZE];
	int r = read_file(path, CONTAINER_HEADER + (size_t)CONTAINER_MAX_PAYLOAD + MAX_PADDING, &ret->data, &ret->n);

	if (r)
		return r;
	if (ret->n < CONTAINER_HEADER)
		return ctl_error("%s: too short for an image", path);
	r = container_parse((const unsigned char *)ret->data, &ret->container, &why);
	if (r < 0)
		return r == -EBADMSG ? ctl_error("%s: %s", path, why) : load_no_memory();
	if (ret->n - CONTAINER_HEADER < ret->container.size) {
		ret->trouble = "incomplete";
		return 0;
	}
	if (digest_bytes(ret->data + CONTAINER_HEADER, (size_t)ret->container.size, digest) < 0)
		return load_no_memory();
	if (memcmp(digest, ret->container.digest, DIGEST_SIZE) != 0)
		ret->trouble = "damaged";
	return 0;
}

static int verify_signature(const struct options *o, const struct container *c)
{
	_cleanup_(freep) char *pem = NULL;
	unsigned char digest[DIGEST_SIZE];
	const char *why = "";
	size_t n = 0;
	int r = load_certificate(o->certificate, &pem, &n);

	if (r)
		return r;
	r = container_digest(c, digest);
	if (r == 0)
		r = signature_verify(pem, n, c->kind, digest, c->signature, c->signature_n, &why);
	if (r > 0)
		return ctl_error("%s: not signed by the key of %s: %s", o->file, o->certificate, why);
	return r < 0 ? load_no_memory() : 0;
}

static int image_verify(const struct options *o)
{
	struct image_file image = { 0 };
	int r;

	if (!o->certificate)
		return ctl_usage_error(COMMAND, "verify needs --certificate");
	if (o->key || o->pin_file || o->version || o->manufacturer || o->model || o->output || o->json)
		return ctl_usage_error(COMMAND, "verify takes no other option than --certificate");
	r = open_image(o->file, &image);
	if (r == 0 && image.trouble)
		r = ctl_error("%s: %s", o->file, image.trouble);
	if (r == 0)
		r = verify_signature(o, &image.container);
	if (r == 0)
		printf("%s: good\n", o->file);
	free(image.data);
	return r;
}

static int print_json(const struct image_file *image)
{
	const struct container *c = &image->container;
	char hex[2 * DIGEST_SIZE + 1], *text;
	struct json j;

	hex_encode(c->digest, DIGEST_SIZE, hex);
	json_init(&j);
	json_bytes(&j, NULL, "version", c->version, strlen(c->version));
	json_bytes(&j, NULL, "manufacturer", c->manufacturer, strlen(c->manufacturer));
	json_bytes(&j, NULL, "model", c->model, strlen(c->model));
	json_number(&j, NULL, "size", c->size);
	json_text(&j, NULL, "sha256", hex);
	json_text(&j, NULL, "signature", c->kind == SIGNATURE_RSA ? "sha256-rsa" : "sha256-ecdsa");
	json_text(&j, NULL, "payload", image->trouble ? image->trouble : "good");
	text = json_print(&j);
	json_done(&j);
	if (!text)
		return load_no_memory();
	puts(text);
	free(text);
	return 0;
}

static void print_text(const struct image_file *image)
{
	const struct container *c = &image->container;
	char hex[2 * DIGEST_SIZE + 1];

	hex_encode(c->digest, DIGEST_SIZE, hex);
	printf("version       %s\n"
	       "manufacturer  %s\n"
	       "model         %s\n"
	       "payload       %" PRIu64 " bytes, %s\n"
	       "sha256        %s\n"
	       "signature     %s, not verified\n",
	       *c->version ? c->version : "-", *c->manufacturer ? c->manufacturer : "-", *c->model ? c->model : "-",
	       c->size, image->trouble ? image->trouble : "good", hex,
	       c->kind == SIGNATURE_RSA ? "RSA, SHA-256" : "ECDSA, SHA-256");
}

static int image_info(const struct options *o)
{
	struct image_file image = { 0 };
	int r;

	if (o->key || o->pin_file || o->version || o->manufacturer || o->model || o->output || o->certificate)
		return ctl_usage_error(COMMAND, "info takes no other option than --json");
	r = open_image(o->file, &image);
	if (r == 0 && o->json)
		r = print_json(&image);
	else if (r == 0)
		print_text(&image);
	free(image.data);
	return r;
}

/* --- the command line --- */

enum option_id {
	OPT_KEY = 256,
	OPT_PIN_FILE,
	OPT_VERSION,
	OPT_MANUFACTURER,
	OPT_MODEL,
	OPT_CERTIFICATE,
	OPT_JSON,
};

static const struct option long_options[] = {
	{ "key", required_argument, NULL, OPT_KEY },
	{ "pin-file", required_argument, NULL, OPT_PIN_FILE },
	{ "version", required_argument, NULL, OPT_VERSION },
	{ "manufacturer", required_argument, NULL, OPT_MANUFACTURER },
	{ "model", required_argument, NULL, OPT_MODEL },
	{ "certificate", required_argument, NULL, OPT_CERTIFICATE },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* The place of an option's text, NULL if it has none. */
static const char **option_text(struct options *o, int option)
{
	switch (option) {
	case OPT_KEY:
		return &o->key;
	case OPT_PIN_FILE:
		return &o->pin_file;
	case OPT_VERSION:
		return &o->version;
	case OPT_MANUFACTURER:
		return &o->manufacturer;
	case OPT_MODEL:
		return &o->model;
	case OPT_CERTIFICATE:
		return &o->certificate;
	case 'o':
		return &o->output;
	default:
		return NULL;
	}
}

static int run(int argc, char **argv, int (*what)(const struct options *o))
{
	struct options o = { 0 };
	int option;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":ho:", long_options, NULL)) != -1) {
		const char **text = option_text(&o, option);

		if (text)
			*text = optarg;
		else if (option == OPT_JSON)
			o.json = true;
		else if (option == 'h')
			return puts(help_text) < 0;
		else if (option == ':')
			return ctl_usage_error(COMMAND, "%s needs a value", argv[optind - 1]);
		else
			return ctl_usage_error(COMMAND, "unknown option %s", argv[optind - 1]);
	}
	if (optind == argc)
		return ctl_usage_error(COMMAND, "no file");
	if (optind + 1 < argc)
		return ctl_usage_error(COMMAND, "unexpected argument %s", argv[optind + 1]);
	o.file = argv[optind];
	return what(&o);
}

int ctl_image(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(const struct options *o);
	} words[] = { { "sign", image_sign }, { "verify", image_verify }, { "info", image_info } };

	if (argc < 2)
		return ctl_usage_error(COMMAND, "sign, verify or info?");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return puts(help_text) < 0;
	for (size_t i = 0; i < ELEMENTS(words); i++) {
		if (!strcmp(argv[1], words[i].name))
			return run(argc - 1, argv + 1, words[i].run);
	}
	return ctl_usage_error(COMMAND, "unknown word %s", argv[1]);
}
