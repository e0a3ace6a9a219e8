/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/journal.h"

#include "util/fd.h"
#include "util/hex.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MODE 0600

/* The tag is somebody else's text; its digest has a fixed length and no bytes that mean anything here. */
static int set_header(struct journal *j, const char *tag, uint64_t size)
{
	_cleanup_(digest_freep) struct digest *d = NULL;
	unsigned char digest[DIGEST_SIZE];
	char text[2 * DIGEST_SIZE + 1];
	int r;

	r = digest_new(&d);
	if (r == 0)
		r = digest_add(d, tag, strlen(tag));
	if (r == 0)
		r = digest_finish(d, digest);
	if (r < 0)
		return r;
	hex_encode(digest, sizeof(digest), text);
	(void)snprintf(j->header, sizeof(j->header), "expresslink-image 1 %" PRIu64 " %s\n", size, text);
	return 0;
}

int journal_make(struct journal *j, int dir, const char *tag, uint64_t size, unsigned windows)
{
	int r;

	journal_close(j);
	r = set_header(j, tag, size);
	if (r == 0)
		r = fd_make(dir, JOURNAL_FILE, MODE, &j->fd);
	if (r == 0)
		r = fd_reserve(j->fd, strlen(j->header) + windows * JOURNAL_LINE);
	if (r == 0)
		r = fd_write_at(j->fd, j->header, strlen(j->header), 0);
	return r < 0 ? r : fd_sync_data(j->fd);
}

static int read_lines(const struct journal *j, unsigned windows, unsigned char ret[][DIGEST_SIZE], unsigned *ret_n)
{
	_cleanup_(freep) char *text = malloc(JOURNAL_MAX_SIZE);
	size_t header_n = strlen(j->header), n;
	const char *line;
	unsigned known;
	int r;

	if (!text)
		return -ENOMEM;
	r = fd_read_at(j->fd, text, JOURNAL_MAX_SIZE, 0, &n);
	if (r < 0)
		return r;
	if (n < header_n || memcmp(text, j->header, header_n) != 0)
		return -EBADMSG;
	line = text + header_n;
	for (known = 0; known < windows; known++, line += JOURNAL_LINE) {
		if ((size_t)(text + n - line) < JOURNAL_LINE || line[JOURNAL_LINE - 1] != '\n' ||
		    hex_decode(line, JOURNAL_LINE - 1, ret[known]) < 0)
			break;
	}
	*ret_n = known;
	return 0;
}

int journal_open(struct journal *j, int dir, const char *tag, uint64_t size, unsigned windows,
		 unsigned char ret[][DIGEST_SIZE], unsigned *ret_n)
{
	uint64_t unused;
	int r;

	journal_close(j);
	r = set_header(j, tag, size);
	if (r == 0)
		r = fd_open(dir, JOURNAL_FILE, &j->fd, &unused);
	return r < 0 ? r : read_lines(j, windows, ret, ret_n);
}

int journal_write(const struct journal *j, const unsigned char digests[][DIGEST_SIZE], unsigned first, unsigned end)
{
	size_t header_n = strlen(j->header);
	int r = 0;

	for (unsigned i = first; r == 0 && i < end; i++) {
		char line[JOURNAL_LINE + 1];

		hex_encode(digests[i], DIGEST_SIZE, line);
		line[JOURNAL_LINE - 1] = '\n';
		r = fd_write_at(j->fd, line, JOURNAL_LINE, header_n + i * JOURNAL_LINE);
	}
	return r < 0 ? r : fd_sync_data(j->fd);
}

void journal_close(struct journal *j)
{
	fd_close(&j->fd);
}
