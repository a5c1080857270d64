/* SPDX-License-Identifier: Apache-2.0 */
#include "server/vault/admin.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/json_text.h"

static const struct op {
    const char *name;
    enum fr_code (*run)(const struct fr_call *c, json_t **ret, struct fr_err *err);
    bool is_audited;
} ops[] = {
#define X(op, handler, audited) {op, fr_admin_##handler, audited},
    FR_ADMIN_OPS(X)
#undef X
};

enum { N_OPS = sizeof ops / sizeof ops[0] };

/* ---- arguments ---- */

enum fr_code fr_call_text_opt(const struct fr_call *c, const char *member,
                              const char **ret, struct fr_err *err)
{
    const json_t *value = json_object_get(c->in, member);

    if (!value || json_is_null(value)) {
        *ret = NULL;
        return FR_OK;
    }
    if (!json_is_string(value) || json_string_length(value) == 0 ||
        json_string_length(value) > FR_ID_MAX + 8)
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" must be a text of 1 to %d octets",
                       member, FR_ID_MAX + 8);
    *ret = json_string_value(value);
    return FR_OK;
}

enum fr_code fr_call_text(const struct fr_call *c, const char *member, const char **ret,
                          struct fr_err *err)
{
    FR_TRY(fr_call_text_opt(c, member, ret, err));
    if (!*ret)
        return FR_FAIL(err, FR_EUSAGE, "\"%s\" is missing", member);
    return FR_OK;
}

enum fr_code fr_call_limit(const struct fr_call *c, size_t otherwise, size_t *ret,
                           struct fr_err *err)
{
    const json_t *value = json_object_get(c->in, "limit");
    json_int_t limit = json_integer_value(value);

    if (!value || json_is_null(value)) {
        *ret = otherwise;
        return FR_OK;
    }
    if (!json_is_integer(value) || limit < 1)
        return FR_FAIL(err, FR_EUSAGE, "\"limit\" must be a number above 0");
    *ret = limit < FR_VAULT_LIST_MAX ? (size_t)limit : FR_VAULT_LIST_MAX;
    return FR_OK;
}

enum fr_code fr_call_page(const struct fr_call *c, struct fr_store_page *ret,
                          struct fr_err *err)
{
    struct fr_store_page page = {0};

    FR_TRY(fr_call_limit(c, FR_VAULT_LIST_MAX, &page.limit, err));
    FR_TRY(fr_call_text_opt(c, "after", &page.after, err));
    *ret = page;
    return FR_OK;
}

enum fr_code fr_call_result(json_t *value, json_t **ret, struct fr_err *err)
{
    if (!value)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    *ret = value;
    return FR_OK;
}

/* ---- the call ---- */

static enum fr_code find_op(const char *name, const struct op **ret, struct fr_err *err)
{
    const char *names[N_OPS], *near;

    for (size_t i = 0; i < N_OPS; i++) {
        if (strcmp(ops[i].name, name) == 0) {
            *ret = &ops[i];
            return FR_OK;
        }
        names[i] = ops[i].name;
    }
    near = fr_nearest(name, names, N_OPS);
    return FR_FAIL_AS(err, FR_EUSAGE, "op-unknown", "no operation \"%.64s\"%s%s", name,
                      near ? ": did you mean " : "", near ? near : "");
}

static const char *subject_of(const struct fr_call *c)
{
    static const char *const members[] = {"name", "id", "keyId"};
    const char *subject = NULL;

    for (size_t i = 0; i < 3 && !subject; i++)
        subject = json_string_value(json_object_get(c->in, members[i]));
    return subject ? subject : "";
}

/* The call itself, without the document that instructions.set brings. */
static enum fr_code audit_change(const struct fr_call *c, const char *op,
                                 struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_MSG_MAX);
    json_auto_t *said = json_copy((json_t *)c->in);
    const struct fr_said line = {.actor = "operator",
                                 .action = op,
                                 .subject = subject_of(c),
                                 .decision = "allowed",
                                 .reason = "changed"};

    (void)json_object_del(said, "document");
    (void)json_object_del(said, "op");
    FR_TRY(fr_json_put(said, &text, err));
    return fr_vault_audit(c->v, &line, err, "%s", fr_buf_cstr(&text));
}

static enum fr_code run_call(const struct fr_call *c, json_t **ret, struct fr_err *err)
{
    const struct op *op;
    const char *name;

    if (!json_is_object(c->in))
        return FR_FAIL(err, FR_EUSAGE, "a call is a JSON object with \"op\"");
    FR_TRY(fr_call_text(c, "op", &name, err));
    FR_TRY(find_op(name, &op, err));
    FR_TRY(op->run(c, ret, err));
    return op->is_audited ? audit_change(c, op->name, err) : FR_OK;
}

static enum fr_code put_json(struct fr_vault_reply *r, json_t *line, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_VAULT_ANSWER_MAX);
    enum fr_code rc = fr_json_put(line, &text, err);

    if (rc == FR_ELIMIT)
        return FR_FAIL(err, rc,
                       "the answer is larger than %d octets: ask for less by \"limit\"",
                       FR_VAULT_ANSWER_MAX);
    FR_TRY(rc);
    fr_reply_put(r, FR_F_JSON, fr_buf_view(&text));
    return FR_OK;
}

enum fr_code fr_vault_admin(struct fr_request *q, struct fr_err *err)
{
    json_auto_t *in = fr_json_parse(q->m->field[FR_F_JSON]);
    const struct fr_call c = {.v = q->v, .now = q->now, .in = in};
    json_auto_t *result = NULL, *line = NULL;

    FR_TRY(run_call(&c, &result, err));
    line = json_pack("{s:b, s:O}", "ok", 1, "result", result);
    return put_json(q->reply, line, err);
}

void fr_admin_fail(struct fr_vault_reply *r, enum fr_code rc, const struct fr_err *err)
{
    char words[FR_ERR_MSG_MAX];
    json_auto_t *line = NULL;

    fr_reply_fail(r, rc, err);
    fr_printable(fr_slice_str(err->msg), words, sizeof words);
    line = json_pack("{s:b, s:s, s:s, s:s}", "ok", 0, "code", fr_code_name(rc),
                     "reason", err->reason, "text", words);
    (void)put_json(r, line, NULL); /* without it, CODE and TEXT still say it */
}

/* ---- calls about the whole ---- */

enum fr_code fr_admin_status(const struct fr_call *c, json_t **ret, struct fr_err *err)
{
    const struct fr_vault_config *config = &c->v->config;
    struct fr_store_counts n;
    json_t *rekey = NULL;

    FR_TRY(FR_ASK(c->v, err, counts, &n));
    FR_TRY(fr_json_rekey(c->v, &rekey, err));
    return fr_call_result(
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "mef",
                  config->mef_fqdn, "store", c->v->store->methods->name, "keyId",
                  fr_kek_id(c->v->key.kek), "confirmation",
                  config->confirmation_required ? "required" : "optional", "enrolees",
                  (json_int_t)n.enrolees, "targets", (json_int_t)n.targets,
                  "credentials", (json_int_t)n.credentials, "instructions",
                  (json_int_t)n.documents, "auditLines", (json_int_t)n.audit_lines,
                  "feed", (json_int_t)n.feed_seq, "rekey", rekey),
        ret, err);
}

enum { VERIFY_LINES = 1000 }; /* of a part, which keeps nobody waiting for long */

static enum fr_code check_whole(const struct fr_chain *chain, struct fr_err *err)
{
    if (chain->broken_at)
        return FR_FAIL_AS(
            err, FR_ESTORE, "audit-broken",
            "the audit trail of node \"%s\" is broken at line %llu: it was "
            "changed from there on, or a line before it was removed",
            chain->at.name, (unsigned long long)chain->broken_at);
    if (chain->is_cut)
        return FR_FAIL_AS(
            err, FR_ESTORE, "audit-broken",
            "the audit trail of node \"%s\" does not end where it was ended: "
            "lines were removed from its end, or added",
            chain->at.name);
    return FR_OK;
}

static enum fr_code take_place(const json_t *from, struct fr_chain *ret,
                               struct fr_err *err)
{
    const char *node = "", *hash = "";
    json_int_t seq = 0, lines = 0;

    if (json_is_object(from) && json_object_size(from) == 0)
        return FR_OK;
    if (json_unpack((json_t *)from, "{s:s, s:I, s:s, s:I!}", "node", &node, "seq", &seq,
                    "hash", &hash, "lines", &lines) != 0 ||
        strlen(node) >= sizeof ret->at.name || strlen(hash) >= sizeof ret->at.hash ||
        seq < 0 || lines < 0)
        return FR_FAIL(err, FR_EUSAGE,
                       "\"from\" must be {}, or \"next\" of the answer before");
    snprintf(ret->at.name, sizeof ret->at.name, "%s", node);
    snprintf(ret->at.hash, sizeof ret->at.hash, "%s", hash);
    ret->at.seq = (uint64_t)seq;
    ret->lines = (uint64_t)lines;
    ret->has_begun = true;
    return FR_OK;
}

/* Of the whole at once; or, with "from", of a part. */
static enum fr_code verify(const struct fr_call *c, json_t **ret, struct fr_err *err)
{
    const json_t *from = json_object_get(c->in, "from");
    struct fr_chain chain = {0};

    if (from)
        FR_TRY(take_place(from, &chain, err));
    FR_TRY(fr_vault_verify_some(c->v, &chain, from ? VERIFY_LINES : SIZE_MAX, err));
    FR_TRY(check_whole(&chain, err));
    if (!chain.is_at_end)
        return fr_call_result(json_pack("{s:{s:s, s:I, s:s, s:I}}", "next", "node",
                                        chain.at.name, "seq", (json_int_t)chain.at.seq,
                                        "hash", chain.at.hash, "lines",
                                        (json_int_t)chain.lines),
                              ret, err);
    return fr_call_result(
        json_pack("{s:b, s:I}", "intact", 1, "lines", (json_int_t)chain.lines), ret,
        err);
}

enum fr_code fr_admin_audit(const struct fr_call *c, json_t **ret, struct fr_err *err)
{
    struct fr_store_audit_query query = {0};

    if (json_is_true(json_object_get(c->in, "verify")))
        return verify(c, ret, err);
    FR_TRY(fr_call_limit(c, 100, &query.limit, err));
    FR_TRY(fr_call_text_opt(c, "subject", &query.who[0], err));
    query.n_who = query.who[0] ? 1 : 0;
    return fr_json_audit_of(c->v, &query, ret, err);
}
