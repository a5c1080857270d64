/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The attempt record: why an instruction did or did not succeed (DESIGN 3). One record
 * a try, retries included. Framed in its file by length and CRC-32; as JSON for
 * --json, the upload and the operator.
 */
#ifndef FR_MODEL_ATTEMPT_H
#define FR_MODEL_ATTEMPT_H

#include "model/instruction.h"
#include "model/result.h"

#define FR_LIST_ID_LEN   16   /* hex digits: one walk of one list */
#define FR_POSITION_MAX  8    /* "64.64" */
#define FR_ATTEMPT_FRAME 4096 /* largest framed record, octets */

struct fr_attempt {
    char list[FR_LIST_ID_LEN + 1];
    char position[FR_POSITION_MAX +
                  1]; /* "2", or "3.1" in a discovered list; "resolve" */
    enum fr_instruction_kind kind;
    char method[33];
    char peer[FR_ID_MAX + 1];   /* MEF-FQDN, or the discovery resource (cut) */
    char target[FR_ID_MAX + 1]; /* "" where none is known */
    struct fr_result result;
    int64_t start; /* seconds since 1970 */
    int64_t duration_ms;
    uint64_t octets_out, octets_in; /* TLS records: handshake included, TCP/IP not */
};

/* Text that is no printable UTF-8 comes out as \xNN, both ways: a record goes to
 * terminals and to the operator, and its words may be a peer's. Unknown members are
 * ignored: a newer device may say more. FR_EPARSE for anything else.
 *
 * JSON object: list, position, kind, method, mef | resource, target, phase, class,
 * reason, text, start (RFC 3339), durationMs, octetsOut, octetsIn. */
FR_MUST_USE enum fr_code fr_attempt_to_json(const struct fr_attempt *a,
                                            struct fr_buf *to, struct fr_err *err);
FR_MUST_USE enum fr_code fr_attempt_from_json(struct fr_slice text,
                                              struct fr_attempt *ret,
                                              struct fr_err *err);

/* Frame: "FRA1", u32 length of the JSON, JSON, u32 CRC-32 of it; big-endian. */
FR_MUST_USE enum fr_code fr_attempt_frame(const struct fr_attempt *a, struct fr_buf *to,
                                          struct fr_err *err);
/* Takes the next record from in. FR_OK; FR_ENOTFOUND at the end or at a cut last
 * record, which in then begins with (so a writer can cut the file there); a damaged one
 * is skipped to the next magic (counted in *damaged). FR_ENOMEM. */
FR_MUST_USE enum fr_code fr_attempt_next(struct fr_slice *in, struct fr_attempt *ret,
                                         size_t *damaged);

#endif
