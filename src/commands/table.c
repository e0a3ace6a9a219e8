/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#define E(name) AT_ERR_##name

/* clang-format off */
const struct at_command commands[] = {
	/* name            suffix           parameter  needs                               fallback          s    run */
	{ "",              AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(COMMAND),       3,   .run = cmd_at },
	{ "CONF",          AT_SUFFIX_NONE,  AT_MUST,   0,                                  E(PARAMETER),     35,  .run = cmd_conf, .takes_body = conf_takes_body },
	{ "CONF?",         AT_SUFFIX_NONE,  AT_MUST,   0,                                  E(PARAMETER),     3,   .run = cmd_conf_query },
	{ "CONFMODE",      AT_SUFFIX_NONE,  AT_MAY,    0,                                  E(MODE),          3,   .run = cmd_confmode },
	{ "CONNECT",       AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(CONNECT),       120, .run = cmd_connect },
	{ "CONNECT?",      AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(NO_CONNECTION), 3,   .run = cmd_connect_query },
	{ "DIAG",          AT_SUFFIX_NONE,  AT_MUST,   0,                                  E(CONNECT),       30,  .run = cmd_diag },
	{ "DISCONNECT",    AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(NO_CONNECTION), 3,   .run = cmd_disconnect },
	{ "EVENT?",        AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(PARAMETER),     3,   .run = cmd_event_query },
	{ "FACTORY_RESET", AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(PARAMETER),     35,  .run = cmd_factory_reset },
	{ "GET",           AT_SUFFIX_GET,   AT_NONE,   0,                                  E(PARAMETER),     3,   .run = cmd_get },
	{ "OTA",           AT_SUFFIX_NONE,  AT_MUST,   0,                                  E(OTA),           3,   .run = cmd_ota },
	{ "OTA?",          AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(OTA),           3,   .run = cmd_ota_query },
	{ "OTW",           AT_SUFFIX_NONE,  AT_MAY,    0,                                  E(OTA),           3,   .run = cmd_otw, .check = check_otw, .takes_line = true },
	{ "RESET",         AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(PARAMETER),     3,   .run = cmd_reset },
	{ "SEND",          AT_SUFFIX_TOPIC, AT_MAY,    AT_CONNECTED | AT_VALID_TOPIC,      E(NO_CONNECTION), 20,  .run = cmd_send },
	{ "SLEEP",         AT_SUFFIX_MODE,  AT_MAY,    AT_DISCONNECTED,                    E(MODE),          3,   .run = cmd_sleep, .check = check_sleep },
	{ "SUBSCRIBE",     AT_SUFFIX_TOPIC, AT_NONE,   AT_CONNECTED | AT_VALID_FILTER,     E(NO_CONNECTION), 20,  .run = cmd_subscribe },
	{ "TIME?",         AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(TIME),          5,   .run = cmd_time_query },
	{ "UNSUBSCRIBE",   AT_SUFFIX_TOPIC, AT_NONE,   AT_CONNECTED | AT_VALID_FILTER,     E(NO_CONNECTION), 20,  .run = cmd_unsubscribe },
	{ "WHERE?",        AT_SUFFIX_NONE,  AT_NONE,   0,                                  E(LOCATION),      3,   .run = cmd_where_query },
	{ .name = NULL },
};
/* clang-format on */
