#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The receiving end of XMODEM-CRC and XMODEM-1K: what the sender's bytes and silences mean, and what is to be sent.
 * Pure: knows neither a line nor a clock. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XMODEM_MAX_BLOCK 1024

#define XMODEM_START_MS 3000  /* between the invitations to begin */
#define XMODEM_RETRY_MS 10000 /* nothing has come since our last answer */
#define XMODEM_GAP_MS   1000  /* in the middle of a block */
#define XMODEM_QUIET_MS 300   /* what ends the rest of something that was no block */
#define XMODEM_EOT_MS   100   /* a sender says nothing behind EOT */

enum xmodem_byte {
	XMODEM_SOH = 0x01, /* a block of 128 bytes */
	XMODEM_STX = 0x02, /* ... of 1024 */
	XMODEM_EOT = 0x04,
	XMODEM_ACK = 0x06,
	XMODEM_NAK = 0x15,
	XMODEM_CAN = 0x18, /* two of them: the transfer is given up */
	XMODEM_CRC = 'C',  /* the invitation, to a sender that can do CRC */
};

enum xmodem_event {
	XMODEM_NOTHING,
	XMODEM_DATA,   /* the next block: XMODEM_ACK is to be sent as soon as it is taken, and nothing fed before */
	XMODEM_ANSWER, /* xmodem_answer() is to be sent */
	XMODEM_END,    /* the sender has sent everything: XMODEM_ACK is to be sent */
	XMODEM_CANCEL, /* the sender gives up */
	XMODEM_LOST,   /* the two ends are not at the same block */
};

struct xmodem {
	enum {
		XMODEM_BETWEEN, /* blocks */
		XMODEM_IN_BLOCK,
		XMODEM_IN_GARBAGE,
		XMODEM_AT_EOT,
	} state;
	bool begun;   /* a block was taken */
	bool ended;   /* EOT has come once, with nothing behind it */
	uint8_t next; /* the number of the next block */
	uint8_t answer;
	unsigned cans;  /* CANs in a row */
	size_t n, size; /* of the frame: so far, and in all */
	uint8_t frame[3 + XMODEM_MAX_BLOCK + 2];
};

/* XMODEM_CRC is to be sent. */
void xmodem_init(struct xmodem *x);

/* Takes bytes up to the first that means something. Returns how many. */
size_t xmodem_feed(struct xmodem *x, const uint8_t *data, size_t n, enum xmodem_event *ret);

/* How long a silence is to be told of by xmodem_silence(). */
unsigned xmodem_silence_ms(const struct xmodem *x);
enum xmodem_event xmodem_silence(struct xmodem *x);

uint8_t xmodem_answer(const struct xmodem *x);

/* The block of XMODEM_DATA. */
const uint8_t *xmodem_data(const struct xmodem *x, size_t *ret_n);
