/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may enrol: an identity below a trust anchor (or all of an anchor's), a SIM, or
 * both of one device; and the targets that it may bind to.
 */
#include <string.h>

#include "base/timetext.h"
#include "cli/ctl.h"
#include "crypto/gba.h"
#include "crypto/peer.h"

enum { ALLOW_MAX = 64 };

enum {
    OPT_SAN = 1,
    OPT_ANCHOR,
    OPT_ANY,
    OPT_ALLOW,
    OPT_DEFAULT,
    OPT_IMSI,
    OPT_LIFETIME,
    OPT_GBA_U,
    OPT_NONE
};

#define SIM_OPTS                                                                       \
    {"lifetime", "DURATION",                                                           \
     "how long a key lives that its SIM gives; default: fieldrootd's", OPT_LIFETIME},  \
    {                                                                                  \
        "gba-u", NULL, "its SIM keeps Ks (GBA_U)", OPT_GBA_U                           \
    }

const struct fr_opt fr_ctl_enrolee_add_opts[] = {
    {"san", "TYPE:VALUE",
     "identity in its certificate: dns:, uri:, other: or rid:", OPT_SAN},
    {"anchor", "CA.pem|HEX",
     "the CA that issues it: certificate, or SHA-256 of its public key in hex",
     OPT_ANCHOR},
    {"any", NULL, "every device of that CA", OPT_ANY},
    {"allow", "TARGET", "a target that it may bind to; repeat for more", OPT_ALLOW},
    {"default", "TARGET", "the target of a device that names none; allowed as well",
     OPT_DEFAULT},
    {"imsi", "DIGITS", "its SIM; without --anchor: known by that alone", OPT_IMSI},
    SIM_OPTS,
    {0}};

/* A SIM, as it was given. */
struct sim {
    const char *imsi, *lifetime;
    bool gba_u;
    int64_t lifetime_s;
};

struct enrolee {
    const char *name, *san, *anchor, *assigned;
    bool any;
    const char *allow[ALLOW_MAX];
    size_t n_allow;
    struct sim sim;
    char san_text[FR_SAN_TEXT_MAX + 1];
    char anchor_hex[FR_ANCHOR_HEX + 1];
};

static enum fr_code set_once(const char **to, const char *what, const char *value,
                             struct fr_err *err)
{
    if (*to)
        return FR_FAIL(err, FR_EUSAGE, "%s given twice: \"%s\" and \"%s\"", what, *to,
                       value);
    *to = value;
    return FR_OK;
}

static enum fr_code take_sim(struct sim *s, const struct fr_arg *arg,
                             struct fr_err *err)
{
    if (arg->id == OPT_IMSI)
        return set_once(&s->imsi, "--imsi", arg->value, err);
    if (arg->id == OPT_LIFETIME)
        return set_once(&s->lifetime, "--lifetime", arg->value, err);
    s->gba_u = true;
    return FR_OK;
}

static enum fr_code check_sim(struct sim *s, struct fr_err *err)
{
    int64_t ms;

    if (!s->imsi && (s->lifetime || s->gba_u))
        return FR_FAIL(err, FR_EUSAGE, "--lifetime and --gba-u are of a SIM: --imsi?");
    if (s->imsi && !fr_imsi_is_valid(s->imsi))
        return FR_FAIL(err, FR_EUSAGE, "--imsi \"%s\": 6 to %d digits", s->imsi,
                       FR_IMSI_MAX);
    if (!s->lifetime)
        return FR_OK;
    if (!fr_duration_parse(fr_slice_str(s->lifetime), &ms) || ms < 60 * 1000)
        return FR_FAIL(err, FR_EUSAGE,
                       "--lifetime \"%s\": a duration from PT1M to P365D, as P1D",
                       s->lifetime);
    s->lifetime_s = ms / 1000;
    return FR_OK;
}

static void put_sim(const struct sim *s, json_t *request)
{
    if (!s->imsi)
        return;
    json_object_set_new(request, "imsi", json_string(s->imsi));
    json_object_set_new(request, "lifetime", json_integer(s->lifetime_s));
    json_object_set_new(request, "gbaU", json_boolean(s->gba_u));
}

static enum fr_code take(struct enrolee *e, const struct fr_arg *arg,
                         struct fr_err *err)
{
    if (arg->kind == FR_ARG_WORD)
        return set_once(&e->name, "name", arg->value, err);
    switch (arg->id) {
    case OPT_SAN:
        return set_once(&e->san, "--san", arg->value, err);
    case OPT_ANCHOR:
        return set_once(&e->anchor, "--anchor", arg->value, err);
    case OPT_DEFAULT:
        return set_once(&e->assigned, "--default", arg->value, err);
    case OPT_ANY:
        e->any = true;
        return FR_OK;
    case OPT_IMSI:
    case OPT_LIFETIME:
    case OPT_GBA_U:
        return take_sim(&e->sim, arg, err);
    default:
        if (e->n_allow == ALLOW_MAX)
            return FR_FAIL(err, FR_EUSAGE, "more than %d --allow: use enrolee allow",
                           ALLOW_MAX);
        e->allow[e->n_allow++] = arg->value;
        return FR_OK;
    }
}

/* A device is named by its FQDN unless the operator says otherwise. */
static enum fr_code complete_identity(struct enrolee *e, struct fr_err *err)
{
    struct fr_san san;

    if (e->any && e->san)
        return FR_FAIL(err, FR_EUSAGE,
                       "--any is every device of the CA, --san only one: give one");
    if (e->any)
        return e->name ? FR_OK
                       : FR_FAIL(err, FR_EUSAGE, "--any needs a NAME for the group");
    if (!e->name && !e->san)
        return FR_FAIL(err, FR_EUSAGE, "which device? give NAME or --san TYPE:VALUE");
    if (!e->san) {
        snprintf(e->san_text, sizeof e->san_text, "dns:%s", e->name);
        if (!fr_fqdn_is_valid(fr_slice_str(e->name)))
            return FR_FAIL(err, FR_EUSAGE,
                           "\"%s\" is no FQDN: say by --san TYPE:VALUE what its "
                           "certificate carries, or --any",
                           e->name);
    } else if (fr_san_parse(e->san, &san, err) != FR_OK) {
        return fr_err_wrap(err, FR_EUSAGE, "--san");
    } else {
        fr_san_format(&san, e->san_text);
    }
    if (!e->name)
        e->name = strchr(e->san_text, ':') + 1;
    return FR_OK;
}

static bool is_anchor_hex(const char *s)
{
    return strlen(s) == FR_ANCHOR_HEX &&
           strspn(s, "0123456789abcdefABCDEF") == FR_ANCHOR_HEX;
}

static enum fr_code complete_anchor(struct enrolee *e, struct fr_err *err)
{
    STACK_OF(X509) *certs = NULL;
    enum fr_code rc;

    if (!e->anchor)
        return FR_FAIL(err, FR_EUSAGE,
                       "--anchor missing: a name counts only below the CA that is "
                       "trusted to issue it");
    if (is_anchor_hex(e->anchor)) {
        snprintf(e->anchor_hex, sizeof e->anchor_hex, "%s", e->anchor);
        fr_ascii_fold(e->anchor_hex);
        return FR_OK;
    }
    FR_TRY(fr_x509_read_pem(e->anchor, &certs, err));
    if (sk_X509_num(certs) != 1)
        rc = FR_FAIL(err, FR_EUSAGE,
                     "--anchor %s has %d certificates: give the CA's alone", e->anchor,
                     sk_X509_num(certs));
    else
        rc = fr_x509_spki_hex(sk_X509_value(certs, 0), e->anchor_hex, err);
    sk_X509_pop_free(certs, X509_free);
    return rc;
}

static enum fr_code complete(struct enrolee *e, struct fr_err *err)
{
    FR_TRY(check_sim(&e->sim, err));
    if (!e->sim.imsi || e->anchor || e->san || e->any) {
        FR_TRY(complete_identity(e, err));
        return complete_anchor(e, err);
    }
    if (!e->name)
        e->name = e->sim.imsi;
    return FR_OK;
}

static enum fr_code allow(struct fr_cli *cli, const char *name, const char *target,
                          bool is_default, struct fr_err *err)
{
    json_auto_t *result = NULL;

    return cli->ask(cli,
                    json_pack("{s:s,s:s,s:s,s:b}", "op", "enrolee.allow", "name", name,
                              "target", target, "default", is_default),
                    &result, err);
}

static enum fr_code allow_all(struct fr_cli *cli, const struct enrolee *e,
                              struct fr_err *err)
{
    for (size_t i = 0; i < e->n_allow; i++)
        if (!fr_str_equal(e->allow[i], e->assigned))
            FR_TRY(allow(cli, e->name, e->allow[i], false, err));
    return e->assigned ? allow(cli, e->name, e->assigned, true, err) : FR_OK;
}

/* All or nothing: an enrolee that lacks a target it was added with is taken back. */
static enum fr_code undo(struct fr_cli *cli, const struct enrolee *e, enum fr_code rc,
                         struct fr_err *err)
{
    json_auto_t *result = NULL;
    struct fr_err second = {0};

    if (cli->ask(cli, json_pack("{s:s,s:s}", "op", "enrolee.remove", "name", e->name),
                 &result, &second) != FR_OK)
        fr_cli_warn(cli, "%s stays listed without all its targets: %s", e->name,
                    second.msg);
    return fr_err_wrap(err, rc, "%s not added", e->name);
}

enum fr_code fr_ctl_enrolee_add(struct fr_cli *cli, const struct fr_command *self,
                                struct fr_args *args, struct fr_err *err)
{
    json_auto_t *result = NULL;
    struct enrolee e = {0};
    struct fr_arg arg;
    json_t *request;
    enum fr_code rc;

    for (;;) {
        FR_TRY(fr_args_next(args, self->opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        FR_TRY(take(&e, &arg, err));
    }
    FR_TRY(complete(&e, err));
    request = json_pack("{s:s,s:s}", "op", "enrolee.add", "name", e.name);
    if (e.anchor)
        json_object_set_new(request, "anchor", json_string(e.anchor_hex));
    if (e.anchor && !e.any)
        json_object_set_new(request, "san", json_string(e.san_text));
    put_sim(&e.sim, request);
    FR_TRY(cli->ask(cli, request, &result, err));
    rc = allow_all(cli, &e, err);
    if (rc != FR_OK)
        return undo(cli, &e, rc, err);
    fr_ctl_done(cli, result, "%s added%s", e.name,
                e.n_allow == 0 && !e.assigned
                    ? "; it may bind to nothing yet (enrolee allow)"
                    : "");
    return FR_OK;
}

/* ---- the SIM of one that is listed ---- */

const struct fr_opt fr_ctl_enrolee_sim_opts[] = {
    {"imsi", "DIGITS", "its SIM from now on; keys of another one are revoked",
     OPT_IMSI},
    SIM_OPTS,
    {"none", NULL, "it has none; its keys are revoked", OPT_NONE},
    {0}};

struct sim_call {
    struct sim sim;
    const char *name;
    bool is_none;
};

static enum fr_code take_sim_call(struct fr_args *args, const struct fr_opt *opts,
                                  struct sim_call *c, struct fr_err *err)
{
    struct fr_arg arg;

    for (;;) {
        FR_TRY(fr_args_next(args, opts, &arg, err));
        if (arg.kind == FR_ARG_END)
            break;
        if (arg.kind == FR_ARG_WORD)
            FR_TRY(set_once(&c->name, "name", arg.value, err));
        else if (arg.id == OPT_NONE)
            c->is_none = true;
        else
            FR_TRY(take_sim(&c->sim, &arg, err));
    }
    if (!c->name || c->is_none == (c->sim.imsi != NULL))
        return FR_FAIL(err, FR_EUSAGE,
                       "give NAME and --imsi DIGITS, or NAME and --none");
    return check_sim(&c->sim, err);
}

enum fr_code fr_ctl_enrolee_sim(struct fr_cli *cli, const struct fr_command *self,
                                struct fr_args *args, struct fr_err *err)
{
    json_auto_t *result = NULL;
    struct sim_call c = {0};
    json_t *request;
    long long revoked;

    FR_TRY(take_sim_call(args, self->opts, &c, err));
    request = json_pack("{s:s,s:s}", "op", "enrolee.sim", "name", c.name);
    put_sim(&c.sim, request);
    FR_TRY(cli->ask(cli, request, &result, err));
    revoked = (long long)json_integer_value(json_object_get(result, "revoked"));
    if (c.is_none)
        fr_ctl_done(cli, result, "%s has no SIM (credentials revoked: %lld)", c.name,
                    revoked);
    else
        fr_ctl_done(cli, result, "%s has the SIM %s (credentials revoked: %lld)",
                    c.name, c.sim.imsi, revoked);
    return FR_OK;
}

const struct fr_opt fr_ctl_enrolee_allow_opts[] = {
    {"default", NULL, "also what it gets when it names no target", 1}, {0}};

enum fr_code fr_ctl_enrolee_allow(struct fr_cli *cli, const struct fr_command *self,
                                  struct fr_args *args, struct fr_err *err)
{
    const char *words[1 + ALLOW_MAX];
    struct fr_words given = {.at = words, .max = 1 + ALLOW_MAX};

    FR_TRY(fr_args_flagged(args, self->opts, &given, err));
    if (given.n < 2)
        return FR_FAIL(err, FR_EUSAGE, "arguments missing: NAME TARGET...");
    if (given.flag && given.n > 2)
        return FR_FAIL(err, FR_EUSAGE, "--default is for one target");
    for (size_t i = 1; i < given.n; i++)
        FR_TRY(allow(cli, words[0], words[i], given.flag, err));
    for (size_t i = 1; i < given.n; i++)
        fr_ctl_done(cli, NULL, "%s may bind to %s%s", words[0], words[i],
                    given.flag ? ", its default" : "");
    return FR_OK;
}
