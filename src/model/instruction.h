/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The instruction document (DESIGN 5): what a trigger hands over and what a discovery
 * yields. Parsing is strict: duplicate and unknown members, wrong types and broken
 * limits are errors, each with JSON Pointer, line and column.
 */
#ifndef FR_MODEL_INSTRUCTION_H
#define FR_MODEL_INSTRUCTION_H

#include "base/buf.h"
#include "crypto/kdf.h"

#define FR_DOCUMENT_MAX     (256 * 1024) /* octets */
#define FR_INSTRUCTIONS_MAX 64           /* entries of a list */
#define FR_ANCHORS_MAX      8            /* trustAnchors of an entry */
#define FR_DEVICES_MAX      4096         /* devices of a document */
#define FR_FINDINGS_MAX     100          /* findings of a parse; more are not kept */
#define FR_METHOD_MAX       32           /* octets */
#define FR_COMMENT_MAX      1024
#define FR_RESOURCE_MAX     2048
#define FR_BUDGET_DEFAULT   (30 * 1000) /* milliseconds */
#define FR_BUDGET_MAX       (10 * 60 * 1000)
#define FR_LIST_BUDGET_MAX  (60 * 60 * 1000)
#define FR_EXPIRY_DEFAULT   (365 * 86400) /* seconds */
#define FR_SUID_DEFAULT     22
#define FR_PORT_HTTP        8443
#define FR_PORT_COAP        5684
#define FR_DISCOVERY_PATH   "/.well-known/fieldroot/instructions"

enum fr_instruction_kind { FR_BOOTSTRAP, FR_DISCOVERY };
enum fr_binding { FR_BINDING_HTTP, FR_BINDING_COAP };

/* Narrows (ni) or, in a signed list only, brings (x509) trust for one entry's peer. */
struct fr_trust_anchor {
    bool is_x509;
    uint8_t sha256[FR_SHA256_LEN]; /* ni: of the anchor certificate in DER */
    struct fr_buf der;             /* x509 */
};

struct fr_instruction {
    enum fr_instruction_kind kind;
    char *method; /* any name; whether we have it is the registry's business */
    /* bootstrap */
    char *mef; /* FQDN, lower-case */
    uint16_t port;
    enum fr_binding binding;
    char *target; /* NULL: the operator's assignment */
    int suid;
    char *admin_fqdn; /* NULL: the MEF's */
    int64_t expiry_s;
    /* discovery */
    char *resource; /* URI */
    /* both */
    char *credential; /* name in the key store; NULL: first fitting */
    struct fr_trust_anchor *anchors;
    size_t n_anchors;
    int64_t budget_ms;
    char *comment;
};

struct fr_document {
    struct fr_instruction *list;
    size_t n;
    char *name;
    bool has_serial;
    uint64_t serial;
    int64_t issued, not_after; /* 0: not given */
    char **devices;            /* as given; informative in an unsigned list */
    size_t n_devices;
};

/* One finding of lint. */
struct fr_finding {
    bool is_error;      /* else a warning */
    const char *reason; /* the token, e.g. "document-unknown-member"; static */
    char pointer[256];  /* JSON Pointer (RFC 6901), "" is the whole document */
    int line, column;   /* from 1; of the value, or of the member's name if unknown */
    char text[FR_ERR_MSG_MAX]; /* what is wrong and what is allowed there */
};

struct fr_findings {
    struct fr_finding *list;
    size_t n;
};
void fr_findings_clear(struct fr_findings *f);

enum fr_document_use {
    FR_USE_TRIGGER,   /* bootstrap and discovery entries */
    FR_USE_DISCOVERED /* bootstrap entries only: a discovery inside is an error */
};

/* Stops at nothing: findings (may be NULL) gets every problem and warning, in the
 * order of the text, on failure too; the caller clears it. The result is FR_EPARSE with
 * the first error's "NAME:LINE:COLUMN: POINTER: text" in err, reason "document-..."
 * (e.g. document-nested-discovery, document-too-large, document-unknown-member,
 * document-syntax). name is for messages. FR_ENOMEM. */
FR_MUST_USE enum fr_code fr_document_parse(struct fr_slice text, const char *name,
                                           enum fr_document_use use,
                                           struct fr_document **ret,
                                           struct fr_findings *findings,
                                           struct fr_err *err);
/* An empty document to add to. */
FR_MUST_USE enum fr_code fr_document_new(struct fr_document **ret, struct fr_err *err);
void fr_document_free(struct fr_document *doc);
FR_DEFINE_AUTO(document)

/* Appends a zeroed entry with the defaults of its kind; the 65th is FR_EPARSE. ret
 * stays where it is as long as doc does. */
FR_MUST_USE enum fr_code fr_document_add(struct fr_document *doc,
                                         enum fr_instruction_kind kind,
                                         struct fr_instruction **ret,
                                         struct fr_err *err);
/* Moves all entries of from to the end of doc; both are unchanged if they do not fit
 * (FR_EPARSE). */
FR_MUST_USE enum fr_code fr_document_splice(struct fr_document *doc,
                                            struct fr_document *from,
                                            struct fr_err *err);
/* Compact JSON, defaults left out; parse(encode(d)) gives d again. */
FR_MUST_USE enum fr_code fr_document_encode(const struct fr_document *doc,
                                            struct fr_buf *to, struct fr_err *err);

/* Brings a discovery resource into the form of its method: file:///path as it is;
 * https://host[:port][/path] with the host lower-cased, and no path or "/" replaced by
 * FR_DISCOVERY_PATH. Of other methods any text is taken. FR_EPARSE, reason
 * "document-bad-value", says which form is needed. */
FR_MUST_USE enum fr_code fr_resource_normalise(const char *method, struct fr_slice uri,
                                               char **ret, struct fr_err *err);

/* One of 10-15, 21-25, 32-35, 40-45 (TS-0004 6.3.4.2.39). */
bool fr_suid_is_defined(int suid);
/* FQDN or absolute id. */
bool fr_target_is_valid(struct fr_slice s);

#endif
