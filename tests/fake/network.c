/* SPDX-License-Identifier: Apache-2.0 */
/* In place of getifaddrs(): a machine with loopback and one interface, whatever the real one has. */

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>

int getifaddrs(struct ifaddrs **ret)
{
	static struct sockaddr_in addresses[2], masks[2];
	static char names[2][8] = { "lo", "eth0" };
	static struct ifaddrs list[2];

	addresses[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	masks[0].sin_addr.s_addr = htonl(0xff000000);
	addresses[1].sin_addr.s_addr = htonl(0xc0000205); /* 192.0.2.5 */
	masks[1].sin_addr.s_addr = htonl(0xffffff00);
	for (int i = 0; i < 2; i++) {
		addresses[i].sin_family = masks[i].sin_family = AF_INET;
		list[i] = (struct ifaddrs){
			.ifa_next = i == 0 ? &list[1] : NULL,
			.ifa_name = names[i],
			.ifa_flags = IFF_UP | IFF_RUNNING | (i == 0 ? IFF_LOOPBACK : 0U),
			.ifa_addr = (struct sockaddr *)&addresses[i],
			.ifa_netmask = (struct sockaddr *)&masks[i],
		};
	}
	*ret = list;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	(void)list;
}
