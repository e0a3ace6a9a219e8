/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/mailbox.h"

#include <check.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_event(void *userdata, enum ota_state state, const char *detail)
{
	struct mailbox *m = userdata;
	size_t n = strlen(m->told);

	(void)snprintf(m->told + n, sizeof(m->told) - n, "%s%d%s%s", n > 0 ? " " : "", (int)state, detail ? "/" : "",
		       detail ? detail : "");
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	(void)userdata;
	(void)topic;
	(void)payload;
	(void)n;
	(void)qos;
	ck_abort_msg("the stand-ins publish nothing");
	return 0;
}

static int on_subscribe(void *userdata, const char *filter)
{
	return on_publish(userdata, filter, NULL, 0, 0);
}

static void start(struct mailbox *m)
{
	const struct ota_events events = {
		.on_event = on_event, .publish = on_publish, .subscribe = on_subscribe, .userdata = m
	};

	ck_assert_int_eq(
		ota_new(&m->ota, m->rig.event, m->rig.settings, m->rig.dict, m->rig.epoch, m->rig.dir, &events), 0);
	ck_assert_int_eq(ota_start(m->ota), 0);
}

void mailbox_make(struct mailbox *m, const char *more)
{
	*m = (struct mailbox){ .signer = pki_leaf("Module OTA", NULL) };
	rig_make_dict(&m->rig, more);
	free(m->rig.settings->ota_certificate_pem);
	m->rig.settings->ota_certificate_pem = strdup(m->signer->pem);
	fake_keeper_clear();
	start(m);
}

void mailbox_done(struct mailbox *m)
{
	ck_assert_ptr_null(ota_free(m->ota));
	rig_done(&m->rig);
	pki_free(m->signer);
}

void mailbox_restart(struct mailbox *m)
{
	static struct fake_image kept;

	kept = *fake_image();
	ota_free(m->ota);
	m->told[0] = '\0';
	start(m);
	memcpy(fake_image()->data, kept.data, sizeof(kept.data));
}

void mailbox_connect(struct mailbox *m)
{
	fake_jobs_forget();
	ota_connected(m->ota);
}

void mailbox_disconnect(struct mailbox *m)
{
	ota_disconnected(m->ota);
}

#define FILE_FORMAT                                                                     \
	"{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"stream\",\"files\":[{" \
	"\"filepath\":\"v2.5.7\",\"filesize\":%d,\"fileid\":3,\"fileType\":%d%s}]}}"

const char *mailbox_host_image(void)
{
	static char text[512];

	(void)snprintf(text, sizeof(text), FILE_FORMAT, MAILBOX_SIZE, 202, "");
	return text;
}

/* Over the digest itself: the stand-in's is all zeros. */
static void sign(const struct pki *signer, char ret[256])
{
	static const unsigned char digest[IMAGE_DIGEST];
	unsigned char signature[128];
	size_t n = sizeof(signature);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(signer->key, NULL);

	ck_assert(ctx && EVP_PKEY_sign_init(ctx) == 1);
	ck_assert_int_eq(EVP_PKEY_sign(ctx, signature, &n, digest, sizeof(digest)), 1);
	EVP_PKEY_CTX_free(ctx);
	(void)EVP_EncodeBlock((unsigned char *)ret, signature, (int)n);
}

const char *mailbox_module_image(const struct mailbox *m, const char *more)
{
	static char text[1024];
	char signature[256], all[512];

	sign(m->signer, signature);
	(void)snprintf(all, sizeof(all), ",\"sig-sha256-ecdsa\":\"%s\"%s", signature, more ? more : "");
	(void)snprintf(text, sizeof(text), FILE_FORMAT, MAILBOX_SIZE, 101, all);
	return text;
}

void mailbox_deliver(struct mailbox *m)
{
	static uint8_t data[STREAMS_BLOCK];

	(void)m;
	for (size_t at = (size_t)fake_streams()->have; at < MAILBOX_SIZE; at += STREAMS_BLOCK) {
		size_t n = MAILBOX_SIZE - at < STREAMS_BLOCK ? MAILBOX_SIZE - at : STREAMS_BLOCK;

		for (size_t i = 0; i < n; i++)
			data[i] = (uint8_t)((at + i) * 7);
		ck_assert(fake_streams_block(at, data, n));
	}
	fake_streams_complete();
}

void mailbox_reach(struct mailbox *m, enum ota_state state)
{
	bool module = state == OTA_MODULE_OFFERED || state == OTA_MODULE_READY;

	mailbox_connect(m);
	fake_image()->at_once = true;
	if (state == OTA_IDLE)
		return;
	fake_jobs_next("job", 1, JOBS_QUEUED, module ? mailbox_module_image(m, NULL) : mailbox_host_image());
	if (state > OTA_HOST_OFFERED) {
		ck_assert_int_eq(mailbox_accept(m), 0);
		fake_jobs_updated(NULL);
	}
	if (state > OTA_BUSY)
		mailbox_deliver(m);
	ck_assert_int_eq(ota_state(m->ota), state);
	(void)mailbox_told(m);
	fake_jobs_forget();
}

static void on_answer(void *who, uint64_t number, int r)
{
	struct mailbox *m = who;

	if (number == 1)
		m->answer = r;
}

static struct done begin(struct mailbox *m)
{
	m->answer = -EINPROGRESS;
	return (struct done){ .fn = on_answer, .who = m, .number = 1 };
}

int mailbox_accept(struct mailbox *m)
{
	ota_accept(m->ota, begin(m));
	return m->answer;
}

int mailbox_close(struct mailbox *m)
{
	ota_close(m->ota, begin(m));
	return m->answer;
}

int mailbox_flush(struct mailbox *m)
{
	ota_flush(m->ota, begin(m));
	return m->answer;
}

int mailbox_read(struct mailbox *m, size_t n)
{
	ota_read(m->ota, n, begin(m));
	return m->answer;
}

const char *mailbox_told(struct mailbox *m)
{
	static char text[sizeof(m->told)];

	memcpy(text, m->told, sizeof(text));
	m->told[0] = '\0';
	return text;
}
