#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The library behind this room. */

/* "3.0.15 3 Sep 2024": the one that runs, not the one that we were built with. */
const char *library_version(void);
