#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Every command of the guide. A handler's contract is that of struct at_command. */

#include "at/call.h"
#include "at/command.h"

/* Ends with a row without a name. */
extern const struct at_command commands[];

/* conf.c */
int cmd_conf(struct at_call *call, struct module *m);
int cmd_conf_query(struct at_call *call, struct module *m);
bool conf_takes_body(const uint8_t *param, size_t n);

/* connect.c */
int cmd_connect(struct at_call *call, struct module *m);
int cmd_connect_query(struct at_call *call, struct module *m);
int cmd_disconnect(struct at_call *call, struct module *m);
int cmd_confmode(struct at_call *call, struct module *m);

/* message.c */
int cmd_send(struct at_call *call, struct module *m);
int cmd_get(struct at_call *call, struct module *m);
int cmd_subscribe(struct at_call *call, struct module *m);
int cmd_unsubscribe(struct at_call *call, struct module *m);

/* event.c */
int cmd_event_query(struct at_call *call, struct module *m);

/* power.c */
int check_sleep(struct at_call *call, struct module *m);
int cmd_sleep(struct at_call *call, struct module *m);
int cmd_reset(struct at_call *call, struct module *m);
int cmd_factory_reset(struct at_call *call, struct module *m);

/* info.c */
int cmd_at(struct at_call *call, struct module *m);
int cmd_time_query(struct at_call *call, struct module *m);
int cmd_where_query(struct at_call *call, struct module *m);

/* ota.c */
int cmd_ota(struct at_call *call, struct module *m);
int cmd_ota_query(struct at_call *call, struct module *m);

/* otw.c */
int check_otw(struct at_call *call, struct module *m);
int cmd_otw(struct at_call *call, struct module *m);

/* diag.c */
int cmd_diag(struct at_call *call, struct module *m);
