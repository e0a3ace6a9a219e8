#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of module images, as an operator writes them (guide 8.5: major and minor). Pure. */

enum version_order {
	VERSION_UNKNOWN, /* one of them is no version, or they differ in words only, such as "-rc1" */
	VERSION_OLDER,
	VERSION_SAME,
	VERSION_NEWER,
};

/* What is a to b? "2.5", "v2.5.7", "2.5.7-1": numbers that are not there are 0. */
enum version_order version_compare(const char *a, const char *b);
