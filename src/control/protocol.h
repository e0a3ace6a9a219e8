#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What expresslinkctl and the daemon say to each other. A request is a line of one word; an answer is a line, a JSON
 * object, and so is each record of the monitor. What is wrong is told as {"error":"..."}, and then the end follows.
 *
 *   status    {"version":...}        see status.schema.json
 *   attempts  {"attempts":[...]}     the last ones, the newest first
 *   probe     {"passed":...}         the way to the endpoint, step by step; takes up to CONTROL_PROBE_MS
 *   monitor   {"type":...} ...       until either side hangs up
 */

#define CONTROL_SOCKET   "control" /* in the run-time folder */
#define CONTROL_MODE     0660
#define CONTROL_REQUEST  32          /* bytes of a request's line, at most */
#define CONTROL_ANSWER   (64 * 1024) /* of an answer's */
#define CONTROL_CLIENTS  32
#define CONTROL_PROBE_MS 24000
#define CONTROL_STUCK_MS 30000 /* a monitor that is full and not read for so long is dropped */
