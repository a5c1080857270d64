/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the Mmef reference point (RSPF 7; TS-0003 8.3.5, TS-0032): resources as
 * oneM2M JSON with short names, both directions of each. Root prefix "sec:" is written;
 * "sec:", "m2m:" and none are read [U-17]. Unknown members are ignored (a peer may be
 * newer), wrong types and limits are FR_EINVALID.
 */
#ifndef FR_PROTO_MMEF_H
#define FR_PROTO_MMEF_H

#include "base/timetext.h"
#include "crypto/kdf.h"
#include "model/instruction.h"

#define FR_MMEF_BODY_MAX 65536      /* octets */
#define FR_MMEF_BASE     "/mefbase" /* path of MEFBase [U-14] */

/* Resource type numbers of TS-0032 were not found [U-16]: constants of this header,
 * sent in `ty`, never required from a peer. */
enum fr_mmef_ty { FR_TY_MEF_CLIENT_REG = 102, FR_TY_SYMM_KEY_REG = 104 };

#define FR_MMEF_TYPE     "application/vnd.onem2m-res+json" /* "; ty=N" for create */
#define FR_CONFIRM_PATH  "fieldroot-confirm"  /* below symmKeyReg: our extension */
#define FR_FETCHED_PATH  "fieldroot-fetched"  /* below symmKeyReg: our extension */
#define FR_ATTEMPTS_PATH "fieldroot-attempts" /* below mefClientReg: our extension */
#define FR_CMD_PATH      "cmd"                /* mefClientCmd below mefClientReg */
#define FR_LABEL_TARGET_FQDN                                                           \
    "fieldroot:target-fqdn=" /* label of a symmKeyReg response */
#define FR_LABEL_DERIVATION "fieldroot:derivation="

/* Strings below are NUL-terminated, "" where absent. */
struct fr_mmef_client_reg {
    char ri[FR_ID_MAX + 1];         /* MEFClientRegID; response */
    char creator[FR_ID_MAX + 1];    /* MEF Client ID; response */
    char admin_fqdn[FR_ID_MAX + 1]; /* both */
    int64_t expires;                /* both; seconds since 1970 */
};

struct fr_mmef_key_reg {
    char ri[FR_ID_MAX + 1];      /* RelativeKeyID; response, authoritative [U-18] */
    char creator[FR_ID_MAX + 1]; /* Source MEF Client ID; response */
    char admin_fqdn[FR_ID_MAX + 1];
    int64_t expires;
    int suid;
    char target[FR_ID_MAX + 1]; /* tgis[0]; "" in a request: the operator's choice */
    char target_fqdn[FR_ID_MAX + 1]; /* response, by label; "" if not told */
    enum fr_derivation derivation;   /* response, by label */
};

/* mefClientCmd. Only what we act on is decoded. */
struct fr_mmef_cmd {
    char id[64];      /* cmdID as JSON text, echoed unchanged [U-19] */
    int class_id;     /* 0 NO_MORE_COMMANDS ... 3 MO_NODE; -1 in an update */
    int64_t retry_ms; /* class 0: retryDuration, 0 if absent */
    int status;       /* 10 issued, 11 reissued; in an update: what the client says */
};
enum fr_mmef_cmd_status {
    FR_CMD_ISSUED = 10,
    FR_CMD_REISSUED = 11,
    FR_CMD_OK = 20,
    FR_CMD_REPEATED = 40,
    FR_CMD_CLASS_NOT_SUPPORTED = 41,
    FR_CMD_BAD_ARGUMENTS = 42
};

#define FR_MMEF_CODEC(noun)                                                            \
    FR_MUST_USE enum fr_code fr_mmef_##noun##_encode(                                  \
        const struct fr_mmef_##noun *m, struct fr_buf *to, struct fr_err *err);        \
    FR_MUST_USE enum fr_code fr_mmef_##noun##_decode(                                  \
        struct fr_slice json, struct fr_mmef_##noun *ret, struct fr_err *err);
FR_MMEF_CODEC(client_reg)
FR_MMEF_CODEC(key_reg)
FR_MMEF_CODEC(cmd)
#undef FR_MMEF_CODEC

/* {"mac":"<base64url, no padding>"} */
FR_MUST_USE enum fr_code fr_mmef_mac_encode(const uint8_t mac[FR_SHA256_LEN],
                                            struct fr_buf *to, struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_mac_decode(struct fr_slice json,
                                            uint8_t ret[FR_SHA256_LEN],
                                            struct fr_err *err);

/* The answer of /fetchCredentials (RSPF 4.1 step 6). */
struct fr_mmef_fetched {
    bool status;
    struct fr_secret *credential; /* owned; NULL if status is false */
    struct fr_secret *uicc;       /* owned; NULL: none */
    char ua[16];                  /* fr_ua_name(); "": a key for any */
    char enrolee[FR_ID_MAX + 1];
    int64_t expires;
    char error[FR_ERR_MSG_MAX]; /* ErrorString */
};
void fr_mmef_fetched_clear(struct fr_mmef_fetched *f);
/* {"status":true,"credential":"<base64>","enroleeID":"..","lifetime":"<m2m timestamp>"}
 * (of a SIM also "ua":"tls1.2", and "uiccCredential":"<base64>" where it keeps Ks) or
 * {"status":false,"errorString":".."}; `to` should be a wiping buffer. */
FR_MUST_USE enum fr_code fr_mmef_fetched_encode(const struct fr_mmef_fetched *f,
                                                struct fr_buf *to, struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_fetched_decode(struct fr_slice json,
                                                struct fr_mmef_fetched *ret,
                                                struct fr_err *err);

/* One entry of the change feed (our extension, DESIGN 6). */
enum fr_change_kind { FR_CHANGE_ADDED, FR_CHANGE_RETIRED, FR_CHANGE_REVOKED };
const char *fr_change_name(enum fr_change_kind kind);
struct fr_mmef_change {
    uint64_t seq;
    enum fr_change_kind kind;
    char key_id[FR_KEYID_MAX + 1];
    int suid;
    char enrolee[FR_ID_MAX + 1];
    int64_t expires;
};
#define FR_CHANGES_MAX      256    /* entries of one answer */
#define FR_CHANGES_BODY_MAX 262144 /* octets of it */
struct fr_mmef_changes {
    uint64_t cursor; /* ask with since=cursor next */
    bool reset;      /* the cursor was unknown: this is the whole list from the start */
    struct fr_mmef_change *list;
    size_t n;
};
/* Room for so many entries, of which there are none yet. */
FR_MUST_USE enum fr_code fr_mmef_changes_make(struct fr_mmef_changes *c, size_t room,
                                              struct fr_err *err);
void fr_mmef_changes_clear(struct fr_mmef_changes *c);
FR_MUST_USE enum fr_code fr_mmef_changes_encode(const struct fr_mmef_changes *c,
                                                struct fr_buf *to, struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_changes_decode(struct fr_slice json,
                                                struct fr_mmef_changes *ret,
                                                struct fr_err *err);

/* Has the target fetched it? {"fetched":true} */
FR_MUST_USE enum fr_code fr_mmef_is_fetched_encode(bool fetched, struct fr_buf *to,
                                                   struct fr_err *err);
FR_MUST_USE enum fr_code fr_mmef_is_fetched_decode(struct fr_slice json, bool *ret,
                                                   struct fr_err *err);

/* Error body of our servers: {"reason":"target-not-allowed","text":"..."}; a peer's
 * that is none yields empty strings. */
struct fr_mmef_problem {
    char reason[FR_ERR_REASON_MAX];
    char text[FR_ERR_MSG_MAX];
};
FR_MUST_USE enum fr_code fr_mmef_problem_encode(const struct fr_mmef_problem *p,
                                                struct fr_buf *to, struct fr_err *err);
void fr_mmef_problem_decode(struct fr_slice json, struct fr_mmef_problem *ret);

#endif
