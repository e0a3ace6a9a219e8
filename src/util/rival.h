#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Who else is at a tty. A console or a login on the port of a serial line garbles every dialogue, and nothing else
 * shows it. */

#include <stddef.h>
#include <sys/types.h>

/* Writes names like "the kernel's console, serial-getty@ttyS1.service, minicom (pid 512)", as far as this user may see
 * them, or "". This process is none of them, nor is except (0: nobody). root: "", or a folder in place of "/" for
 * /proc, /run and /sys. */
void rival_find(const char *root, const char *tty, pid_t except, char *ret, size_t size);
