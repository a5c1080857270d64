/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A MEF in memory: answers the enrolee's requests as RSPF 7 and DESIGN 6 have it, with
 * its own end of the key and of the confirmation; or, for any step, what the test
 * scripts. One request at a time, one whole request a call.
 */
#ifndef FR_TEST_MEF_H
#define FR_TEST_MEF_H

#include "conform/drive.h"
#include "crypto/confirm.h"
#include "proto/mmef.h"

#define MEF_OWN_ID "dev1.example.com"
#define MEF_REF    "cert:00112233"
#define MEF_RI     "C1AEC59A313D1341C3D91E1FEE552FF2"

enum mef_step {
    MEF_CLIENT_REG,
    MEF_KEY_REG,
    MEF_CONFIRM,
    MEF_COMMAND,
    MEF_UPDATE,
    MEF_REPORT,
    MEF_LOOKUP,
    MEF_FETCHED,
    MEF_N_STEPS
};

struct mef {
    /* script */
    const char *raw[MEF_N_STEPS];   /* this, as it is, is the answer */
    bool hangs_up[MEF_N_STEPS];     /* closes the stream after the answer */
    bool cuts[MEF_N_STEPS];         /* closes it in the middle of the answer */
    struct fr_mmef_key_reg key_reg; /* what is registered: fields may be changed */
    const char *client_creator;
    bool wrong_mac;
    bool knows;               /* MEF_LOOKUP */
    int n_not_fetched;        /* so many times the answer is no; -1: for ever */
    int64_t fetched_takes_ms; /* each no */
    int n_commands;
    int command_class;
    bool same_id;     /* of all commands */
    const char *date; /* NULL: no Date in its answers */

    /* seen */
    int count[MEF_N_STEPS];
    struct fr_buf body[MEF_N_STEPS]; /* of the last request */
    char path[MEF_N_STEPS][FR_ID_MAX + 1];
    bool confirmed; /* the enrolee's MAC was right */
    int reported[64];

    /* its own */
    struct fr_fake_env *env; /* whose clock goes on while it waits */
    struct fr_secret *exported, *ke;
    struct fr_confirm_fields fields;
    char key_id[FR_KEYID_MAX + 1];
    char request_id[64];
};

/* Sets d's link and peer; exported keys are those of RSPF 5.8. */
void mef_begin(struct mef *m, struct fr_drive *d);
void mef_end(struct mef *m);

/* "HTTP/1.1 " head, Content-Length, body: for .raw; valid until the next call. head is
 * the rest of the status line and the headers. */
const char *mef_http(const char *head, const char *body);
#define MEF_EMPTY "Content-Length: 0\r\n\r\n"

/* cmocka's setup and teardown: a certificate bootstrap in front of a good MEF. */
struct mef_fixture {
    struct fr_drive d;
    struct mef mef;
    struct fr_credential *pending; /* owned; of a test that resolves */
};
int mef_fixture_begin(void **state);
int mef_fixture_end(void **state);

#endif
