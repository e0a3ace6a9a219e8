#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of ota.h: what ota.c (life, commands), change.c (from happenings to what is done), intake.c (what the
 * cloud says of jobs) and otw.c (what comes over the wire) share. */

#include "cloud/jobs.h"
#include "ota/document.h"
#include "ota/download.h"
#include "ota/image.h"
#include "ota/ota.h"
#include "ota/record.h"
#include "ota/renewal.h"
#include "ota/report.h"
#include "ota/state.h"
#include "ota/survey.h"
#include "ota/wire.h"

struct ota_job {
	char id[JOBS_MAX_ID + 1];
	int64_t number, version;
	bool started; /* the cloud has it in progress */
	struct document document;
};

/* What is about to become true, as soon as it is durable. */
struct ota_change {
	struct ota_transition transition;
	enum ota_happening happening;
	enum record_phase phase;
	bool ends; /* the job, or what came over the wire; result is how */
	bool told; /* to the cloud */
	struct record_result result;
	struct done done; /* of the command that asked for it */
	bool withdrawn;   /* it is not to come true, whatever the disk has by now */
};

struct ota {
	const struct settings *settings;
	const struct dict *dict;
	const struct epoch *epoch;
	struct ota_events events;
	struct jobs *jobs;
	struct image *image;
	struct keeper *keeper;
	struct download *download;
	struct report *report;
	struct survey *survey;
	struct renewal *renewal; /* of a certificate, beside the job in hand */
	struct wire *wire;       /* in place of a job */
	struct wire_events wire_events;
	bool up;

	enum ota_state state;
	struct ota_job job;    /* in hand, unless the state is OTA_IDLE; without an id when it came over the wire */
	struct ota_job forced; /* to be fetched without asking (guide 8.7) */

	/* As it is on the disk. */
	enum record_phase phase;
	unsigned char digest[IMAGE_DIGEST];
	struct record record; /* what is being written */

	/* One change at a time; what happens meanwhile happens afterwards. */
	bool changing;
	struct ota_change change;
	unsigned later;                       /* 1 << enum ota_happening */
	char reason[DOCUMENT_MAX_REASON + 1]; /* of OTA_HAPPEN_FAILED */
	enum ota_happening asked;             /* by a command ... */
	struct done asked_done;               /* ... that waits, unless this is empty */
	bool look_again;                      /* a job came that could not be looked at now, ... */
	bool look_after_result;               /* ... or not before a result is told */
	bool look_after_renewal;              /* ... or not beside another certificate */
	bool dirty;                           /* the results on the disk are not those of now */

	uint64_t position; /* of the next OTA READ */
	struct done read_done;
	uint64_t read_number;
	char size[24]; /* of the image, for OTA? */

	/* For status. */
	struct record_result last;
	bool has_last;
	time_t last_at;
	void (*watcher)(void *userdata, const struct record_result *result);
	void *watcher_userdata;
};

/* --- ota.c --- */

/* The name of the job's download on the disk. */
void ota_tag(const struct ota *o, char ret[DOWNLOAD_MAX_TAG]);

/* --- change.c --- */

/* What the state table says comes true; at once, or when it is durable. */
void ota_happen(struct ota *o, enum ota_happening happening);
void ota_fail(struct ota *o, const char *reason);

/* The same for a command. done as in ota.h. */
void ota_ask(struct ota *o, enum ota_happening happening, struct done done);

/* What was asked for does not come true any more; done gets -ECANCELED. */
void ota_withdraw(struct ota *o);

/* A job that never was in hand has ended, or a result is not to be told any more. */
void ota_end(struct ota *o, const struct record_result *result);
void ota_results_changed(struct ota *o);

/* --- otw.c --- */

extern const struct wire_owner otw_owner;

/* Nothing comes over the wire any more. */
void otw_over(struct ota *o);

/* --- intake.c --- */

extern const struct survey_events intake_survey;
extern const struct report_events intake_report;
void intake_renewed(struct ota *o, const struct record_result *result);

/* The cloud names all that waits, or that nothing does: is the certificate that is being fetched still wanted? */
void intake_pending(struct ota *o, const struct jobs_execution *all, size_t n);
