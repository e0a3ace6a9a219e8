#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Introduces an image that comes over the wire (guide 8.13, ota/wire.h) to the line that brings it. */

#include "ota/wire.h"
#include "util/macro.h"

struct module;

/* 0: otw_begin() is to follow when OK has left the UART; AT_ERR_OTA: not now. */
int otw_open(struct module *m, const struct wire_form *form) _must_check_;
void otw_begin(struct module *m);
