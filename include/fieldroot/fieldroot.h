/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libfieldroot: gives a device its root credential.
 *
 * Two faces over the same engine. fr_provision() blocks. fr_run_*() is driven by the
 * caller's own loop: descriptors and interests out, fr_run_step() in.
 *
 *     fr_client *client;
 *     fr_error error;
 *     fr_client_open("/etc/fieldroot/fieldroot.conf", &client, &error);
 *     fr_trigger *trigger = fr_trigger_new();
 *     fr_trigger_add_mef(trigger, "mef.example.com", 0, &error);
 *     int status = fr_provision(client, trigger, on_event, NULL, &error);
 *
 * Threads: a client, and everything made from it, is used by one thread at a time;
 * different clients are independent. No globals, no signal handlers, no output. The
 * caller ignores SIGPIPE or accepts its default.
 *
 * Every function that can fail returns an enum fr_status: 0, or the number with which
 * the `fieldroot` command would exit.
 */
#ifndef FIELDROOT_FIELDROOT_H
#define FIELDROOT_FIELDROOT_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FR_API __attribute__((visibility("default")))

typedef enum fr_status {
    FR_STATUS_OK = 0,   /* provisioned, or nothing to do */
    FR_STATUS_NONE = 1, /* no such credential */
    FR_STATUS_USAGE = 64,
    FR_STATUS_INVALID = 65, /* the given list or config is invalid, nothing was tried */
    FR_STATUS_UNREACHABLE = 69, /* failed, and so on as DESIGN 4 orders them */
    FR_STATUS_INTERNAL = 70,
    FR_STATUS_NOT_STORED = 73,
    FR_STATUS_INTERRUPTED = 75, /* or another run holds the lock */
    FR_STATUS_PEER_INVALID = 76,
    FR_STATUS_REFUSED = 77,
    FR_STATUS_UNSUPPORTED = 78
} fr_status;

typedef struct fr_client fr_client;
typedef struct fr_trigger fr_trigger;
typedef struct fr_run fr_run;
typedef struct fr_credential fr_credential;

typedef struct fr_error {
    fr_status status;
    char reason[40]; /* stable token */
    char text[512];  /* what, where, and what to do; nothing secret */
} fr_error;

/* ---- client: config, keys, trust anchors and state folder of this device ---- */

FR_API fr_status fr_client_open(const char *config_path, fr_client **client,
                                fr_error *error);
FR_API void fr_client_close(fr_client *client);
/* Connects to address instead of what DNS says; names are still verified as `name`. */
FR_API fr_status fr_client_resolve(fr_client *client, const char *name,
                                   const char *address, fr_error *error);

/* ---- trigger: one instruction list, built in order ---- */

FR_API fr_trigger *fr_trigger_new(void); /* NULL: no memory */
FR_API void fr_trigger_free(fr_trigger *trigger);
/* The seed's manual trigger: one certificate bootstrap at the infrastructure node. port
 * 0: 8443. The target is the operator's assignment. */
FR_API fr_status fr_trigger_add_mef(fr_trigger *trigger, const char *fqdn,
                                    uint16_t port, fr_error *error);
/* method, e.g. "certificate"; target NULL: the operator's assignment. */
FR_API fr_status fr_trigger_add_bootstrap(fr_trigger *trigger, const char *method,
                                          const char *fqdn, uint16_t port,
                                          const char *target, fr_error *error);
/* https://... or file:///... */
FR_API fr_status fr_trigger_add_discovery(fr_trigger *trigger, const char *uri,
                                          fr_error *error);
/* Splices the entries of an instruction document (JSON). name is for messages. */
FR_API fr_status fr_trigger_add_document(fr_trigger *trigger, const char *json,
                                         size_t length, const char *name,
                                         fr_error *error);
/* A fresh exchange although the first entry's credential is still valid. */
FR_API void fr_trigger_set_renew(fr_trigger *trigger, int renew);
/* Success is also that the target has fetched its key, within ms (at most 600000; 0: it
 * is not). Otherwise FR_STATUS_UNREACHABLE, "target-not-fetched": the key is kept. */
FR_API void fr_trigger_set_wait_target(fr_trigger *trigger, int64_t ms);

/* ---- events ---- */

typedef enum fr_event_kind {
    FR_EVENT_ATTEMPT, /* an attempt ended: .json is its record */
    FR_EVENT_PHASE,   /* .json {"event":"phase","position":..,"phase":..} */
    FR_EVENT_WARNING, /* .text */
    FR_EVENT_OUTCOME  /* the last one: .json {"event":"outcome","outcome":..,...} */
} fr_event_kind;

typedef struct fr_event {
    fr_event_kind kind;
    const char *json; /* one JSON object with a member "event"; valid during the call */
    const char *text; /* one line for a person */
} fr_event;

/* Return other than 0 to stop the run (outcome interrupted). */
typedef int (*fr_event_fn)(void *ctx, const fr_event *event);

/* ---- first face: blocks until the outcome ---- */

FR_API fr_status fr_provision(fr_client *client, fr_trigger *trigger, fr_event_fn fn,
                              void *ctx, fr_error *error);

/* ---- second face: the caller's loop ---- */

/* Takes the trigger's entries. FR_STATUS_INTERRUPTED, reason "locked": another run. */
FR_API fr_status fr_run_new(fr_client *client, fr_trigger *trigger, fr_event_fn fn,
                            void *ctx, fr_run **run, fr_error *error);
/* Fills at most max pollfds (FR_RUN_FDS suffices) and how long to wait at most, in
 * milliseconds (-1: for ever). Ask again after every step. */
#define FR_RUN_FDS 8
FR_API size_t fr_run_interests(const fr_run *run, struct pollfd *fds, size_t max,
                               int *timeout_ms);
/* Give the pollfds back with their revents, also when the wait timed out. */
FR_API void fr_run_step(fr_run *run, const struct pollfd *fds, size_t n);
FR_API int fr_run_is_done(const fr_run *run);
FR_API fr_status fr_run_status(const fr_run *run, fr_error *error); /* when done */
FR_API void fr_run_stop(fr_run *run); /* soon done, outcome interrupted */
FR_API void fr_run_free(fr_run *run); /* in any state */

/* ---- credentials ---- */

/* The current credential for (mef, target, suid); NULL and 0 match any, newest first.
 * FR_STATUS_NONE if there is none. The handle is the caller's. */
FR_API fr_status fr_credential_find(fr_client *client, const char *mef,
                                    const char *target, int suid,
                                    fr_credential **credential, fr_error *error);
FR_API void fr_credential_close(fr_credential *credential);
FR_API const char *fr_credential_psk_identity(const fr_credential *credential);
FR_API int64_t fr_credential_expires(const fr_credential *credential); /* since 1970 */
/* The key shared with the target: 32 octets into key. The caller wipes it. */
FR_API fr_status fr_credential_derive(const fr_credential *credential, uint8_t key[32],
                                      fr_error *error);
/* Of a SIM's credential (method gba): a handle of its own, with the same identity and
 * expiry, whose keys are those of the target with that FQDN. One Ks gives a key to each
 * target that the operator allows, without a bootstrap more. FR_STATUS_USAGE,
 * "one-target": it is of another method, or its Ks is in the SIM. */
FR_API fr_status fr_credential_for_naf(const fr_credential *credential,
                                       const char *fqdn, fr_credential **other,
                                       fr_error *error);

/* For SSL_CTX_set_psk_client_callback(): identity and key of the credential that the
 * caller put there with SSL_set_ex_data(ssl, fr_credential_ssl_index(), credential). */
struct ssl_st;
FR_API int fr_credential_ssl_index(void);
FR_API unsigned int fr_credential_psk_callback(struct ssl_st *ssl, const char *hint,
                                               char *identity,
                                               unsigned int identity_max,
                                               unsigned char *key,
                                               unsigned int key_max);

#ifdef __cplusplus
}
#endif
#endif
