/* SPDX-License-Identifier: Apache-2.0 */
/* download HOST PORT CA CERTIFICATE KEY THING STREAM SIZE BLOCK WINDOW FILE: the least that a module could do for an
 * image. Asks for the blocks of file 0 of a stream, WINDOW of them under way, writes them to FILE, and prints the
 * seconds until they are on the disk. Nothing is lost where it runs, so nothing is asked for twice. */

#include "client.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BATCH     8 /* blocks of a request: AWS IoT answers with 128 KiB at most */
#define MAX_BLOCK (96 * 1024)
#define MAX_TOPIC 256

struct download {
	char get[MAX_TOPIC];
	unsigned block, window, count; /* bytes; blocks */
	unsigned asked, came;
	int file;
	bool failed;
	unsigned char values[256]; /* of the digits of base64 */
	unsigned char data[MAX_BLOCK + 3];
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void ask(struct download *d, struct mosquitto *m)
{
	unsigned batch = d->window < BATCH ? d->window : BATCH;

	while (d->asked < d->count && d->asked - d->came + batch <= d->window) {
		unsigned n = d->count - d->asked < batch ? d->count - d->asked : batch;
		char request[96];
		int length = snprintf(request, sizeof(request), "{\"c\":\"x\",\"f\":0,\"l\":%u,\"o\":%u,\"n\":%u}",
				      d->block, d->asked, n);

		d->failed |= mosquitto_publish(m, NULL, d->get, length, request, 0, false) != MOSQ_ERR_SUCCESS;
		d->asked += n;
	}
}

/* The sandbox's own text, whose end is a quote. */
static size_t decode(struct download *d, const char *text)
{
	unsigned char *to = d->data;

	for (; text[0] != '"' && to < d->data + MAX_BLOCK; text += 4, to += 3) {
		unsigned bits = 0;

		for (unsigned i = 0; i < 4; i++)
			bits = bits << 6 | d->values[(unsigned char)text[i]];
		to[0] = (unsigned char)(bits >> 16);
		to[1] = (unsigned char)(bits >> 8);
		to[2] = (unsigned char)bits;
	}
	return (size_t)(to - d->data) - (text[-1] == '=') - (text[-2] == '=');
}

static void on_message(struct mosquitto *m, void *userdata, const struct mosquitto_message *message)
{
	struct download *d = userdata;
	const char *text = message->payload, *block = strstr(text, "\"i\":"), *data = strstr(text, "\"p\":\"");
	unsigned index;
	size_t n;

	if (!block || !data || sscanf(block, "\"i\":%u", &index) != 1) {
		fprintf(stderr, "download: %.*s\n", message->payloadlen, text);
		d->failed = true;
		return;
	}
	n = decode(d, data + 5);
	if (pwrite(d->file, d->data, n, (off_t)index * d->block) != (ssize_t)n) {
		perror("pwrite");
		d->failed = true;
	}
	d->came++;
	ask(d, m);
}

static bool run(struct download *d, struct mosquitto *m, const char *thing, const char *stream)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char topic[MAX_TOPIC];
	double begin;

	for (unsigned i = 0; i < 64; i++)
		d->values[(unsigned char)digits[i]] = (unsigned char)i;
	snprintf(d->get, sizeof(d->get), "$aws/things/%s/streams/%s/get/json", thing, stream);
	snprintf(topic, sizeof(topic), "$aws/things/%s/streams/%s/data/json", thing, stream);
	mosquitto_user_data_set(m, d);
	mosquitto_message_callback_set(m, on_message);
	if (mosquitto_subscribe(m, NULL, topic, 0) != MOSQ_ERR_SUCCESS)
		return false;
	begin = now();
	ask(d, m);
	while (!d->failed && d->came < d->count) {
		if (mosquitto_loop(m, 60000, 1) != MOSQ_ERR_SUCCESS)
			return false;
	}
	d->failed |= fdatasync(d->file) < 0;
	printf("{\"seconds\": %.6f}\n", now() - begin);
	return !d->failed;
}

int main(int argc, char **argv)
{
	static struct download d;
	struct mosquitto *m;

	if (argc != 1 + CLIENT_ARGC + 6) {
		fprintf(stderr, "usage: download " CLIENT_ARGUMENTS " THING STREAM SIZE BLOCK WINDOW FILE\n");
		return 2;
	}
	argv += 1 + CLIENT_ARGC;
	d.block = (unsigned)atoi(argv[3]);
	d.window = (unsigned)atoi(argv[4]);
	if (d.block == 0 || d.block > MAX_BLOCK || d.window == 0)
		return 2;
	d.count = ((unsigned)atoi(argv[2]) + d.block - 1) / d.block;
	d.file = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (d.file < 0) {
		perror(argv[5]);
		return 1;
	}
	m = client_connect(argv - CLIENT_ARGC);
	if (!m)
		return 1;
	return run(&d, m, argv[0], argv[1]) ? 0 : 1;
}
