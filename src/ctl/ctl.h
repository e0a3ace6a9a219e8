#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkctl, the operator's tool: its commands, and how they talk to a person. */

#include "util/macro.h"

#define CTL_FAILURE 1
#define CTL_USAGE   2

/* As main(). */
int ctl_main(int argc, char **argv);

/* One clear line on stderr. Returns CTL_FAILURE. */
int ctl_error(const char *format, ...) _printf_(1, 2);

/* The same for what was done, but may not be what was meant. */
void ctl_warning(const char *format, ...) _printf_(1, 2);

/* The same for a command line that makes no sense. Returns CTL_USAGE. */
int ctl_usage_error(const char *command, const char *format, ...) _printf_(2, 3);

/* Commands: argv[0] is the command's name; the exit status is returned. */
int ctl_provision(int argc, char **argv);
int ctl_image(int argc, char **argv);
int ctl_status(int argc, char **argv);
int ctl_monitor(int argc, char **argv);
int ctl_check(int argc, char **argv);
int ctl_report(int argc, char **argv);
