/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkd-fetch: reads a file from an HTTPS server in a process of its own, with no access to anything else (see
 * confine.h). The request comes on stdin, for it holds a secret; the answer goes to stdout, a socket that keeps
 * messages apart (cloud/fetch.h). No name is resolved, no redirect followed, no proxy used. It ends with the daemon. */

#include "cloud/fetch.h"
#include "cloud/url.h"
#include "helpers/answer.h"
#include "helpers/confine.h"

#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROOTS    (4u << 20)
#define MAX_BODY     4096 /* of an error */
#define BUFFER       (512L * 1024)
#define CONNECT_S    15L   /* TLS included */
#define STALL_MS     15000 /* without a byte */
#define FLUSH_MS     200
#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"

struct request {
	char text[FETCH_MAX_REQUEST + 1];
	const char *url, *addresses, *roots;
	uint64_t offset, size;
};

struct transfer {
	CURL *curl;
	struct request request;
	bool begun;       /* the headers were looked at */
	bool wanted;      /* the body is the file, or a part of it */
	uint64_t skip;    /* of a server that begins at the beginning: still to come, ... */
	uint64_t skipped; /* ... and skipped since the daemon heard of it */
	uint64_t at;
	enum fetch_word verdict; /* 0: not known yet */
	char reason[FETCH_MAX_REASON + 1];
	size_t error_n;
	char error[MAX_BODY + 1]; /* a server's words */
	char curl_error[CURL_ERROR_SIZE];
	uint64_t flushed, heard; /* ms: when the daemon and the server last had something to say */
	size_t n;                /* in message */
	char message[FETCH_MAX_MESSAGE];
};

static void _printf_(3, 4) judge(struct transfer *t, enum fetch_word verdict, const char *format, ...)
{
	va_list ap;

	t->verdict = verdict;
	va_start(ap, format);
	(void)vsnprintf(t->reason, sizeof(t->reason), format, ap);
	va_end(ap);
}

/* --- to the daemon --- */

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Waits until the daemon takes it. Without a daemon there is nothing left to do. */
static void say(enum fetch_word word, char *message, size_t n)
{
	message[0] = (char)word;
	while (send(STDOUT_FILENO, message, n, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			_exit(1);
	}
}

static void flush(struct transfer *t)
{
	bool some = t->n > 1 || t->skipped > 0;
	char text[24];

	if (t->skipped > 0)
		say(FETCH_SKIPPED, text, 1 + (size_t)snprintf(text + 1, sizeof(text) - 1, "%" PRIu64, t->skipped));
	if (t->n > 1)
		say(FETCH_DATA, t->message, t->n);
	t->skipped = 0;
	t->n = 1;
	t->flushed = now_ms();
	/* Waiting for the daemon is not the server's fault. */
	if (some)
		t->heard = t->flushed;
}

static _Noreturn void finish(struct transfer *t)
{
	int length;

	flush(t);
	length = snprintf(t->message + 1, sizeof(t->message) - 1, "%s", t->reason);
	if (t->verdict == FETCH_MOVED) {
		char *url = NULL;

		(void)curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &url);
		length = snprintf(t->message + 1, sizeof(t->message) - 1, "%s", url ? url : "");
	}
	say(t->verdict, t->message, 1 + (size_t)length);
	/* What sanitizers do at the end of a process is forbidden here. */
	_exit(0);
}

/* --- what the server says --- */

static const char *header(const struct transfer *t, const char *name)
{
	struct curl_header *found;

	return curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL;
}

static const char *kind_of_page(const struct transfer *t)
{
	const char *type = header(t, "Content-Type");

	return type && strncasecmp(type, "text/html", strlen("text/html")) == 0 ? "a web page" : "another file";
}

/* bytes FIRST-LAST/SIZE, or * in place of the size. */
static bool range_fits(struct transfer *t)
{
	const struct request *r = &t->request;
	const char *range = header(t, "Content-Range");
	uint64_t first, last, size;
	int n = range ? sscanf(range, "bytes %" SCNu64 "-%" SCNu64 "/%" SCNu64, &first, &last, &size) : 0;

	if (n >= 2 && first == r->offset && (n == 2 || size == r->size))
		return true;
	if (n == 3 && first == r->offset)
		judge(t, FETCH_FAILED, "The server has %s: %" PRIu64 " bytes, filesize is %" PRIu64, kind_of_page(t),
		      size, r->size);
	else
		judge(t, FETCH_FAILED, "The server sends another range than was asked for");
	return false;
}

static void judge_status(struct transfer *t, long status)
{
	char code[41], message[61], *url = NULL;

	(void)curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &url);
	if (status >= 300 && status < 400 && url) {
		if (strncasecmp(url, URL_SCHEME, strlen(URL_SCHEME)) == 0 && strlen(url) <= URL_MAX)
			judge(t, FETCH_MOVED, "moved");
		else
			judge(t, FETCH_FAILED, "HTTP status %ld: a redirect to what is not https is not followed",
			      status);
		return;
	}
	answer_element(t->error, "Code", code, sizeof(code));
	answer_element(t->error, "Message", message, sizeof(message));
	judge(t, answer_verdict(status), "HTTP status %ld%s%s%s%s", status, *code ? ": " : "", code,
	      *message ? ", " : "", message);
}

/* The headers are there. */
static void begin(struct transfer *t)
{
	const struct request *r = &t->request;
	curl_off_t length = -1;
	uint64_t expected;
	long status = 0;

	t->begun = true;
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	if (status != 200 && status != 206)
		return;
	if (status == 206 && !range_fits(t))
		return;
	t->skip = status == 200 ? r->offset : 0;
	expected = r->size - r->offset + t->skip;
	if (length >= 0 && (uint64_t)length != expected) {
		judge(t, FETCH_FAILED, "The server has %s: %" PRIu64 " bytes, not %" PRIu64, kind_of_page(t),
		      (uint64_t)length, expected);
		return;
	}
	t->wanted = true;
}

static void take(struct transfer *t, const char *data, size_t n)
{
	while (n > 0) {
		size_t room = sizeof(t->message) - t->n, k = n < room ? n : room;

		memcpy(t->message + t->n, data, k);
		t->n += k;
		t->at += k;
		data += k;
		n -= k;
		if (t->n == sizeof(t->message))
			flush(t);
	}
}

static size_t on_body(char *data, _unused_ size_t one, size_t n, void *userdata)
{
	struct transfer *t = userdata;
	size_t skip;

	if (!t->begun)
		begin(t);
	t->heard = now_ms();
	if (t->verdict)
		return CURL_WRITEFUNC_ERROR;
	if (!t->wanted) {
		size_t room = MAX_BODY - t->error_n, k = n < room ? n : room;

		memcpy(t->error + t->error_n, data, k);
		t->error_n += k;
		return k == n ? n : CURL_WRITEFUNC_ERROR;
	}
	skip = n < t->skip ? n : (size_t)t->skip;
	t->skip -= skip;
	t->skipped += skip;
	if (n - skip > t->request.size - t->at) {
		judge(t, FETCH_FAILED, "The server sends more than filesize, %" PRIu64 " bytes", t->request.size);
		return CURL_WRITEFUNC_ERROR;
	}
	take(t, data + skip, n - skip);
	return n;
}

/* Once a second at least. On a slow line what came does not wait for more, and a daemon that is gone is noticed. */
static int on_progress(void *userdata, _unused_ curl_off_t dltotal, _unused_ curl_off_t dlnow,
		       _unused_ curl_off_t ultotal, _unused_ curl_off_t ulnow)
{
	struct transfer *t = userdata;
	struct pollfd daemon = { .fd = STDOUT_FILENO };

	if (now_ms() - t->flushed < FLUSH_MS)
		return 0;
	flush(t);
	if (t->flushed - t->heard >= STALL_MS)
		judge(t, FETCH_BROKEN, t->begun ? "The server stalls" : "The server does not answer");
	return t->verdict || (poll(&daemon, 1, 0) > 0 && (daemon.revents & (POLLHUP | POLLERR)));
}

/* --- the attempt --- */

static void judge_error(struct transfer *t, CURLcode code)
{
	const char *text = *t->curl_error ? t->curl_error : curl_easy_strerror(code);

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
		judge(t, FETCH_FAILED, "The server is not trusted: %s", text);
		break;
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
		judge(t, FETCH_FAILED, "%s", curl_easy_strerror(code));
		break;
	case CURLE_PARTIAL_FILE:
		judge(t, FETCH_BROKEN, "The server ends the connection too early");
		break;
	default:
		judge(t, FETCH_BROKEN, "%s", text);
	}
}

static void attempt(struct transfer *t)
{
	CURLcode code = curl_easy_perform(t->curl);
	long status = 0;

	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	/* An empty file, if that is what the server says: to the library headers that are cut are headers. */
	if (!t->begun && !t->verdict && code == CURLE_OK && header(t, "Content-Length"))
		begin(t);
	if (t->verdict)
		return;
	/* The status first: it counts even when what belongs to it was cut. */
	if (status > 0 && status != 200 && status != 206)
		judge_status(t, status);
	else if (code != CURLE_OK)
		judge_error(t, code);
	else if (t->at < t->request.size)
		judge(t, FETCH_BROKEN, "The server sends %" PRIu64 " of %" PRIu64 " bytes", t->at, t->request.size);
	else
		judge(t, FETCH_WHOLE, "%s", "");
}

/* --- before the door is shut --- */

static const char *line(char **rest)
{
	const char *found = strsep(rest, "\n");

	return found ? found : "";
}

static bool read_request(struct request *r)
{
	size_t n = fread(r->text, 1, sizeof(r->text) - 1, stdin);
	char *rest = r->text;
	const char *offset, *size;

	r->text[n] = '\0';
	r->url = line(&rest);
	r->addresses = line(&rest);
	r->roots = line(&rest);
	offset = line(&rest);
	size = line(&rest);
	return sscanf(offset, "%" SCNu64, &r->offset) == 1 && sscanf(size, "%" SCNu64, &r->size) == 1 &&
	       r->offset < r->size && !ferror(stdin);
}

static bool read_roots(const struct request *r, struct curl_blob *ret)
{
	FILE *file = fopen(*r->roots ? r->roots : SYSTEM_ROOTS, "re");
	size_t n = 0;

	ret->flags = CURL_BLOB_NOCOPY;
	ret->data = malloc(MAX_ROOTS);
	if (file && ret->data)
		n = fread(ret->data, 1, MAX_ROOTS, file);
	if (file)
		(void)fclose(file);
	ret->len = n;
	return n > 0 && n < MAX_ROOTS;
}

/* The name's addresses in curl's own form, NAME:PORT:ADDRESS,ADDRESS. What has an address needs none. */
static bool set_addresses(struct transfer *t, uint16_t *ret_port)
{
	_cleanup_(freep) char *text = NULL;
	char *host = NULL, *port = NULL;
	CURLU *url = curl_url();
	struct curl_slist *list = NULL;
	bool good = url && curl_url_set(url, CURLUPART_URL, t->request.url, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		    curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;

	if (good) {
		*ret_port = (uint16_t)strtoul(port, NULL, 10);
		if (*t->request.addresses) {
			good = asprintf(&text, "%s:%s:%s", host, port, t->request.addresses) > 0 &&
			       (list = curl_slist_append(NULL, text)) &&
			       curl_easy_setopt(t->curl, CURLOPT_RESOLVE, list) == CURLE_OK;
		}
	}
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(url);
	return good;
}

static bool set_options(struct transfer *t, struct curl_blob *roots)
{
	CURL *c = t->curl;
	char range[32];
	CURLcode r = CURLE_OK;

#define SET(option, value) (r = r ? r : curl_easy_setopt(c, option, value))
	SET(CURLOPT_URL, t->request.url);
	SET(CURLOPT_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_CAINFO_BLOB, roots);
	SET(CURLOPT_CAPATH, NULL);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT, CONNECT_S);
	SET(CURLOPT_BUFFERSIZE, BUFFER);
	SET(CURLOPT_ERRORBUFFER, t->curl_error);
	SET(CURLOPT_USERAGENT, "expresslinkd");
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	if (t->request.offset > 0) {
		(void)snprintf(range, sizeof(range), "%" PRIu64 "-", t->request.offset);
		SET(CURLOPT_RANGE, range);
	}
#undef SET
	return r == CURLE_OK;
}

/* Before the limits: stderr may be a file, which must not grow then. */
static void shut_in(uint16_t port)
{
	unsigned layers = confine(CONFINE_ALL, port);

	if (!(layers & CONFINE_SECCOMP))
		(void)fputs("<4>The kernel has no seccomp: " FETCH_HELPER " can reach the control socket\n", stderr);
	if (!(layers & CONFINE_LANDLOCK))
		(void)fputs("<5>The kernel has no Landlock for " FETCH_HELPER "\n", stderr);
	confine_limits();
}

int main(void)
{
	static struct transfer t; /* 68 KB */
	struct curl_blob roots = { 0 };
	uint16_t port = 0;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	t.n = 1;
	if (!read_request(&t.request))
		return 2;
	t.at = t.request.offset;
	t.flushed = t.heard = now_ms();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(t.curl = curl_easy_init()))
		judge(&t, FETCH_BROKEN, "Out of memory");
	else if (!read_roots(&t.request, &roots))
		judge(&t, FETCH_FAILED, "The file with the roots to trust cannot be read");
	else if (!set_options(&t, &roots) || !set_addresses(&t, &port))
		judge(&t, FETCH_FAILED, "Not a URL, or a library that lacks something");
	shut_in(port);
	if (!t.verdict)
		attempt(&t);
	finish(&t);
}
