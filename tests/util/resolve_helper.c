/* SPDX-License-Identifier: Apache-2.0 */
/* In place of expresslinkd-resolve, beside the test that starts it: the name says what it does. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char host[256];
	size_t n = fread(host, 1, sizeof(host) - 1, stdin);

	host[n] = '\0';
	if (strcmp(host, "unknown") == 0)
		return 1;
	if (strcmp(host, "unavailable") == 0)
		return 2;
	if (strcmp(host, "crash") == 0)
		return 127;
	if (strcmp(host, "hang") == 0)
		return pause();
	if (strcmp(host, "nothing") == 0)
		return 0;
	if (strcmp(host, "garbage") == 0) {
		(void)puts("no address\n1.2.3\n\n999.1.1.1");
		return 0;
	}
	if (strcmp(host, "flood") == 0) {
		for (;;)
			(void)puts("192.0.2.1");
	}
	(void)puts("192.0.2.1\n2001:db8::1\nfe80::1%lo");
	return 0;
}
