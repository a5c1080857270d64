/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's calls: one JSON object in, a result out. One table (admin.c) names
 * them all; the handlers sit by subject.
 */
#ifndef FR_SERVER_VAULT_ADMIN_H
#define FR_SERVER_VAULT_ADMIN_H

#include "server/vault/internal.h"

struct fr_call {
    struct fr_vault *v;
    int64_t now;
    const json_t *in;
};

/* A text member. FR_EUSAGE if it is absent (required), no text, or too long. Borrowed;
 * NULL if absent. */
FR_MUST_USE enum fr_code fr_call_text(const struct fr_call *c, const char *member,
                                      const char **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_call_text_opt(const struct fr_call *c, const char *member,
                                          const char **ret, struct fr_err *err);
/* Absent: otherwise. Above FR_VAULT_LIST_MAX: that. */
FR_MUST_USE enum fr_code fr_call_limit(const struct fr_call *c, size_t otherwise,
                                       size_t *ret, struct fr_err *err);
/* A page from "limit" and "after". */
FR_MUST_USE enum fr_code fr_call_page(const struct fr_call *c,
                                      struct fr_store_page *ret, struct fr_err *err);
/* "FR_ENOMEM" where a value could not be made. */
FR_MUST_USE enum fr_code fr_call_result(json_t *value, json_t **ret,
                                        struct fr_err *err);

/* Records as an operator sees them. NULL: out of memory. */
json_t *fr_json_time(int64_t t); /* RFC 3339; null for 0 */
json_t *fr_json_enrolee(const struct fr_store_enrolee *e);
json_t *fr_json_target(const struct fr_store_target *t);
/* With the fingerprint of Ke; null where the wrapped key does not open. */
json_t *fr_json_credential(const struct fr_vault *v, int64_t now,
                           const struct fr_store_credential *c);
json_t *fr_json_audit(const struct fr_store_audit *line);

/* Lists of records, read from the store. */
FR_MUST_USE enum fr_code fr_json_allowed(struct fr_vault *v, const char *enrolee,
                                         json_t **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_json_credentials(const struct fr_call *c,
                                             const struct fr_store_page *page,
                                             json_t **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_json_audit_of(struct fr_vault *v,
                                          const struct fr_store_audit_query *query,
                                          json_t **ret, struct fr_err *err);
FR_MUST_USE enum fr_code fr_json_attempts(struct fr_vault *v, const char *identity,
                                          size_t limit, json_t **ret,
                                          struct fr_err *err);
/* Where a rekeying stands; null without one. */
FR_MUST_USE enum fr_code fr_json_rekey(struct fr_vault *v, json_t **ret,
                                       struct fr_err *err);
/* Appends value to the array, for row functions; takes value. */
FR_MUST_USE enum fr_code fr_json_append(json_t *array, json_t *value,
                                        struct fr_err *err);

/* X(op, handler, is written to the audit trail) */
#define FR_ADMIN_OPS(X)                                                                \
    X("enrolee.add", enrolee_add, true)                                                \
    X("enrolee.sim", enrolee_sim, true)                                                \
    X("enrolee.list", enrolee_list, false)                                             \
    X("enrolee.show", enrolee_show, false)                                             \
    X("enrolee.allow", enrolee_allow, true)                                            \
    X("enrolee.deny", enrolee_deny, true)                                              \
    X("enrolee.remove", enrolee_remove, true)                                          \
    X("target.add", target_add, true)                                                  \
    X("target.list", target_list, false)                                               \
    X("target.show", target_show, false)                                               \
    X("target.remove", target_remove, true)                                            \
    X("instructions.set", instructions_set, true)                                      \
    X("instructions.list", instructions_list, false)                                   \
    X("instructions.show", instructions_show, false)                                   \
    X("instructions.remove", instructions_remove, true)                                \
    X("instructions.assign", instructions_assign, true)                                \
    X("credential.list", credential_list, false)                                       \
    X("credential.show", credential_show, false)                                       \
    X("credential.revoke", credential_revoke, false) /* writes its own lines */        \
    X("explain", explain, false)                                                       \
    X("audit", audit, false)                                                           \
    X("status", status, false)                                                         \
    X("store.rekey", rekey, true)
#define X(op, handler, audited)                                                        \
    enum fr_code fr_admin_##handler(const struct fr_call *c, json_t **ret,             \
                                    struct fr_err *err);
FR_ADMIN_OPS(X)
#undef X

#endif
