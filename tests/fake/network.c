/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/network.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <stdbool.h>
#include <stddef.h>

static bool unplugged;

void fake_network_unplug(void)
{
	unplugged = true;
}

int getifaddrs(struct ifaddrs **ret)
{
	static const in_addr_t numbers[] = { INADDR_LOOPBACK, 0xc0000205 }; /* 192.0.2.5 */
	static struct sockaddr_ll links[2];
	static struct sockaddr_in addresses[2], mask;
	static char names[2][8] = { "lo", "eth0" };
	static struct ifaddrs list[4]; /* the interfaces, then their addresses */

	mask.sin_family = AF_INET;
	mask.sin_addr.s_addr = htonl(0xffffff00);
	for (size_t i = 0; i < 4; i++) {
		size_t k = i % 2;

		links[k].sll_family = AF_PACKET;
		addresses[k].sin_family = AF_INET;
		addresses[k].sin_addr.s_addr = htonl(numbers[k]);
		list[i] = (struct ifaddrs){
			.ifa_next = i < 3 ? &list[i + 1] : NULL,
			.ifa_name = names[k],
			.ifa_flags = IFF_UP | IFF_RUNNING | (k == 0 ? IFF_LOOPBACK : 0U),
			.ifa_addr = i < 2 ? (struct sockaddr *)&links[k] : (struct sockaddr *)&addresses[k],
			.ifa_netmask = i < 2 ? NULL : (struct sockaddr *)&mask,
		};
	}
	if (unplugged)
		list[0].ifa_next = NULL;
	*ret = list;
	return 0;
}

void freeifaddrs(struct ifaddrs *list)
{
	(void)list;
}
