#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The files that settings name: certificates are read in place of their paths, key and certificate compared. */

#include "config/loader.h"

/* Problems are reported at the settings that name the files. */
void named_load(struct loader *l);

/* Leaves no path where the content of a file belongs. */
void named_forget(struct loader *l);
