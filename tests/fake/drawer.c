/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/drawer.h"

#include "config/store.h"
#include "fake/temp.h"

#include <check.h>
#include <string.h>

void drawer_make(struct drawer *d)
{
	static char about[] = "A", staging[] = "staging.example", ssid[] = "lab", empty[] = "";

	d->dir = temp_dir();
	d->ca = pki_ca("CA");
	d->settings = (struct settings){
		.about = about,
		.thing_name = about,
		.certificate_pem = d->ca->pem,
		.staging_endpoint = staging,
		.root_ca_pem = d->ca->pem,
		.ota_certificate_pem = empty,
		.default_ssid = ssid,
		.default_passphrase = empty,
		.default_apn = empty,
	};
}

void drawer_done(struct drawer *d)
{
	temp_remove(d->dir);
	pki_free(d->ca);
}

void drawer_put(struct values *v, unsigned slot, const char *text)
{
	struct value value = { strdup(text), strlen(text) };

	values_take(v, slot, &value);
	ck_assert_ptr_null(value.data);
}

void drawer_has(const struct values *v, unsigned slot, const char *text)
{
	size_t n;
	const char *data = values_get(v, slot, &n);

	ck_assert_uint_eq(n, strlen(text));
	ck_assert_str_eq(data, text);
}

void drawer_save(const struct drawer *d, const struct values *v, const char *name)
{
	struct buf text;

	buf_init(&text, STORE_MAX_FILE);
	ck_assert_int_eq(values_write(v, NULL, &text), 0);
	temp_write(d->dir, name, buf_head(&text), buf_used(&text), 0600);
	buf_done(&text);
}
