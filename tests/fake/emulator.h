#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the kernel has what Debian's have, or is the emulated one of qemu-user. */

#include <errno.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

/* One that has it looks for the filter, which is nowhere. */
static inline bool kernel_has_seccomp(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL) < 0 && errno == EFAULT;
}
