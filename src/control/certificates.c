/* SPDX-License-Identifier: Apache-2.0 */
#include "control/certificates.h"

#include "crypto/cert.h"
#include "crypto/fitness.h"

#include <string.h>

#define END "-----END CERTIFICATE-----"

/* Of those that verify signatures, whatever their dates, which are shown. */
static void add_fitness(struct json *j, cJSON *object, const char *use, const char *pem, size_t n)
{
	const struct fitness_clock watch = { .sure = false };
	char why[FITNESS_MAX_WHY + 1];

	if (strcmp(use, "OTAcertificate") != 0 && strcmp(use, "HOTAcertificate") != 0)
		return;
	if (fitness_judge(pem, n, FITNESS_CODE, &watch, why) > 0)
		json_text(j, object, "unfit", why);
}

static void add_one(struct json *j, cJSON *array, const char *use, const char *pem, size_t n)
{
	cJSON *object = json_object(j, array, NULL);
	struct cert_info info;

	json_text(j, object, "use", use);
	if (cert_info(pem, n, &info)) {
		info = (struct cert_info){ .common_name = "?", .issuer = "?" };
	}
	json_bytes(j, object, "subject", info.common_name, strlen(info.common_name));
	json_bytes(j, object, "issuer", info.issuer, strlen(info.issuer));
	json_text(j, object, "serial", info.serial);
	json_text(j, object, "not_before", info.not_before);
	json_text(j, object, "not_after", info.not_after);
	add_fitness(j, object, use, pem, n);
}

void certificates_add(struct json *j, cJSON *array, const char *use, const char *pem, size_t n)
{
	while (n > 0) {
		const char *end = memmem(pem, n, END, strlen(END));
		size_t k = end ? (size_t)(end - pem) + strlen(END) : n;

		add_one(j, array, use, pem, k);
		pem += k;
		n -= k;
		while (n > 0 && (*pem == '\n' || *pem == '\r')) {
			pem++;
			n--;
		}
	}
}
