#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Table 1 of the guide: the answers that are not OK. */

enum at_error {
	AT_ERR_OVERFLOW = 1,
	AT_ERR_PARSE = 2,
	AT_ERR_COMMAND = 3,
	AT_ERR_PARAMETER = 4,
	AT_ERR_ESCAPE = 5,
	AT_ERR_NO_CONNECTION = 6,
	AT_ERR_RANGE = 7,
	AT_ERR_UNDEFINED = 8,
	AT_ERR_KEY_LENGTH = 9,
	AT_ERR_KEY_NAME = 10,
	AT_ERR_KEY_UNKNOWN = 11,
	AT_ERR_KEY_READONLY = 12,
	AT_ERR_KEY_WRITEONLY = 13,
	AT_ERR_CONNECT = 14,
	AT_ERR_TIME = 15,
	AT_ERR_LOCATION = 16,
	AT_ERR_MODE = 17,
	AT_ERR_ACTIVE = 18,
	AT_ERR_NO_IMAGE = 19,
	AT_ERR_ADDRESS = 20,
	AT_ERR_OTA = 21,
	AT_ERR_SIGNATURE = 23,
};

/* The text of Table 1; NULL for a number that is none of them. */
const char *at_error_text(int error);
