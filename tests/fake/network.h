#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of getifaddrs(): a machine with loopback and one interface, whatever the real one has. */

/* From now on there is loopback only. */
void fake_network_unplug(void);
