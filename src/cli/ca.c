/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ca.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "crypto/pki.h"

enum {
    CLOCK_SLACK_S = 3600, /* a peer's clock may be late */
    CA_DAYS = 3650,
    LEAF_DAYS = 365,
    DAYS_MAX = 36500,
    PATH_LEN = 4096
};

#define DAY_S INT64_C(86400)

enum option_id {
    OPT_NAME = 1,
    OPT_PERMIT,
    OPT_DAYS,
    OPT_SAN,
    OPT_OUT,
    OPT_NOT_BEFORE,
    OPT_NOT_AFTER,
    OPT_JSON,
    OPT_HELP
};

struct arguments {
    const char *words[2]; /* DIR, CERT.pem */
    const char *name, *permit_dns, *out;
    struct fr_san sans[FR_SANS_MAX];
    size_t n_sans;
    uint64_t days;                 /* 0: not given */
    int64_t not_before, not_after; /* -1: not given */
    bool json, help;
};

struct command {
    const char *name, *usage;
    int n_words;
    const struct option *options;
    enum fr_code (*run)(const struct arguments *a, struct fr_err *err);
};

static int64_t now(void)
{
    return fr_wall_s(&fr_env_system);
}

static enum fr_code run_init(const struct arguments *a, struct fr_err *err)
{
    struct fr_pki_facts facts;
    char path[PATH_LEN];
    int64_t days = a->days ? (int64_t)a->days : CA_DAYS;

    if (!a->name)
        return FR_FAIL(err, FR_EUSAGE, "--name CN is missing: what the CA is called");
    FR_TRY(fr_pki_init(a->words[0], a->name, a->permit_dns, now() + days * DAY_S, err));
    snprintf(path, sizeof path, "%s/ca.pem", a->words[0]);
    FR_TRY(fr_pki_describe(path, &facts, err));
    printf("made %s, its ca.key (keep it secret) and an empty crl.pem\nanchor %s\n",
           path, facts.spki);
    return FR_OK;
}

static enum fr_code validity(const struct arguments *a, struct fr_pki_request *req,
                             struct fr_err *err)
{
    int64_t days = a->days ? (int64_t)a->days : LEAF_DAYS;

    if (a->days && a->not_after >= 0)
        return FR_FAIL(err, FR_EUSAGE, "give --days or --not-after, not both");
    req->not_before = a->not_before >= 0 ? a->not_before : now() - CLOCK_SLACK_S;
    req->not_after = a->not_after >= 0    ? a->not_after
                     : a->not_before >= 0 ? a->not_before + days * DAY_S
                                          : now() + days * DAY_S;
    return FR_OK;
}

static enum fr_code prefix_of(const struct arguments *a, const char **ret,
                              struct fr_err *err)
{
    const char *prefix = a->out ? a->out : a->name ? a->name : a->sans[0].value;

    if (strlen(prefix) + sizeof ".pem" > PATH_LEN)
        return FR_FAIL(err, FR_EUSAGE, "--out is too long");
    if (!a->out && (strchr(prefix, '/') || prefix[0] == '.' || prefix[0] == 0))
        return FR_FAIL(err, FR_EUSAGE,
                       "\"%.60s\" is no file name: say where to write by --out PREFIX",
                       prefix);
    *ret = prefix;
    return FR_OK;
}

static enum fr_code run_issue(const struct arguments *a, struct fr_err *err)
{
    struct fr_pki_request req = {
        .common_name = a->name, .sans = a->sans, .n_sans = a->n_sans};
    char cert[PATH_LEN], key[PATH_LEN];
    const char *prefix;

    if (a->n_sans == 0)
        return FR_FAIL(err, FR_EUSAGE,
                       "--san TYPE:VALUE is missing: whom the certificate is for");
    FR_TRY(validity(a, &req, err));
    FR_TRY(prefix_of(a, &prefix, err));
    snprintf(cert, sizeof cert, "%s.pem", prefix);
    snprintf(key, sizeof key, "%s.key", prefix);
    FR_TRY(fr_pki_issue(a->words[0], &req, cert, key, err));
    printf("wrote %s (certificate) and %s (private key)\n", cert, key);
    return FR_OK;
}

static enum fr_code run_revoke(const struct arguments *a, struct fr_err *err)
{
    FR_TRY(fr_pki_revoke(a->words[0], a->words[1], err));
    printf("revoked %s: %s/crl.pem says so; give it to every verifier\n", a->words[1],
           a->words[0]);
    return FR_OK;
}

static enum fr_code run_crl(const struct arguments *a, struct fr_err *err)
{
    char until[FR_TIME_TEXT];

    FR_TRY(fr_pki_revoke(a->words[0], NULL, err));
    printf("wrote %s/crl.pem, good until %s\n", a->words[0],
           fr_rfc3339_format(now() + FR_PKI_CRL_DAYS * DAY_S, until));
    return FR_OK;
}

static json_t *names_json(const struct fr_pki_facts *f)
{
    json_t *names = json_array();
    char text[FR_SAN_TEXT_MAX + 1];

    for (size_t i = 0; i < f->n_sans; i++)
        json_array_append_new(names, json_string(fr_san_format(&f->sans[i], text)));
    return names;
}

static enum fr_code show_json(const struct fr_pki_facts *f, struct fr_err *err)
{
    char from[FR_TIME_TEXT], until[FR_TIME_TEXT];
    json_auto_t *o =
        json_pack("{s:s, s:s, s:b, s:o, s:s*, s:s, s:s, s:s, s:s}", "subject",
                  f->subject, "serial", f->serial, "ca", f->is_ca, "names",
                  names_json(f), "refused", f->refused[0] ? f->refused : NULL,
                  "notBefore", fr_rfc3339_format(f->not_before, from), "notAfter",
                  fr_rfc3339_format(f->not_after, until), "spkiSha256", f->spki,
                  "sha256", f->sha256);

    if (!o || json_dumpf(o, stdout, JSON_COMPACT) != 0)
        return FR_FAIL(err, FR_ESTORE, "cannot write the answer");
    putchar('\n');
    return FR_OK;
}

static const char *validity_note(const struct fr_pki_facts *f)
{
    return now() < f->not_before ? " (not yet)" : now() > f->not_after ? " (over)" : "";
}

static void show_text(const struct fr_pki_facts *f)
{
    char from[FR_TIME_TEXT], until[FR_TIME_TEXT], name[FR_SAN_TEXT_MAX + 1];

    printf("subject     %s%s\n", f->subject, f->is_ca ? " (a CA)" : "");
    printf("serial      %s\n", f->serial);
    for (size_t i = 0; i < f->n_sans; i++)
        printf("name        %s\n", fr_san_format(&f->sans[i], name));
    if (f->refused[0])
        printf("refused     %s\n", f->refused);
    printf("valid       %s to %s%s\n", fr_rfc3339_format(f->not_before, from),
           fr_rfc3339_format(f->not_after, until), validity_note(f));
    printf("spki        %s\n", f->spki);
    printf("certificate %s\n", f->sha256);
}

static enum fr_code run_show(const struct arguments *a, struct fr_err *err)
{
    struct fr_pki_facts facts;

    FR_TRY(fr_pki_describe(a->words[0], &facts, err));
    if (a->json)
        return show_json(&facts, err);
    show_text(&facts);
    return FR_OK;
}

static const struct option init_options[] = {
    {"name", required_argument, NULL, OPT_NAME},
    {"permit-dns", required_argument, NULL, OPT_PERMIT},
    {"days", required_argument, NULL, OPT_DAYS},
    {"help", no_argument, NULL, OPT_HELP},
    {0}};
static const struct option issue_options[] = {
    {"san", required_argument, NULL, OPT_SAN},
    {"name", required_argument, NULL, OPT_NAME},
    {"out", required_argument, NULL, OPT_OUT},
    {"days", required_argument, NULL, OPT_DAYS},
    {"not-before", required_argument, NULL, OPT_NOT_BEFORE},
    {"not-after", required_argument, NULL, OPT_NOT_AFTER},
    {"help", no_argument, NULL, OPT_HELP},
    {0}};
static const struct option plain_options[] = {{"help", no_argument, NULL, OPT_HELP},
                                              {0}};
static const struct option show_options[] = {
    {"json", no_argument, NULL, OPT_JSON}, {"help", no_argument, NULL, OPT_HELP}, {0}};

static const struct command commands[] = {
    {"init", "DIR --name CN [--permit-dns NAME] [--days N]", 1, init_options, run_init},
    {"issue",
     "DIR --san TYPE:VALUE... [--name CN] [--out PREFIX] [--days N]\n"
     "                             [--not-before RFC3339] [--not-after RFC3339]",
     1, issue_options, run_issue},
    {"revoke", "DIR CERT.pem", 2, plain_options, run_revoke},
    {"crl", "DIR", 1, plain_options, run_crl},
    {"show", "CERT.pem [--json]", 1, show_options, run_show},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void print_usage(FILE *to)
{
    for (int i = 0; i < N_COMMANDS; i++)
        fprintf(to, "%s fieldrootctl ca %s %s\n", i == 0 ? "usage:" : "      ",
                commands[i].name, commands[i].usage);
    fprintf(to,
            "\n"
            "init    makes DIR/ca.pem, ca.key and crl.pem; never over another CA.\n"
            "issue   writes PREFIX.pem, the certificate alone (DIR/ca.pem is the\n"
            "        anchor), and PREFIX.key. PREFIX is by default the common name,\n"
            "        else the first name. TYPE:VALUE is dns:NAME, uri:URI,\n"
            "        other:OID;TEXT or rid:OID; up to 8.\n"
            "revoke  adds CERT.pem to DIR/crl.pem. crl signs that list anew.\n"
            "show    prints names, validity and digests; \"spki\" of a CA is the\n"
            "        anchor that `enrolee add` wants.\n");
}

static enum fr_code take_time(const char *what, const char *text, int64_t *ret,
                              struct fr_err *err)
{
    if (!fr_rfc3339_parse(fr_slice_str(text), ret) || *ret < 0)
        return FR_FAIL(err, FR_EUSAGE,
                       "%s takes a time like 2026-11-24T00:00:00Z, not \"%.40s\"", what,
                       text);
    return FR_OK;
}

static enum fr_code take_days(const char *text, uint64_t *ret, struct fr_err *err)
{
    if (!fr_uint_parse(fr_slice_str(text), DAYS_MAX, ret) || *ret == 0)
        return FR_FAIL(err, FR_EUSAGE, "--days takes 1 to %d, not \"%.40s\"", DAYS_MAX,
                       text);
    return FR_OK;
}

static enum fr_code take_san(const char *text, struct arguments *a, struct fr_err *err)
{
    if (a->n_sans == FR_SANS_MAX)
        return FR_FAIL(err, FR_EUSAGE, "at most %d names (--san)", FR_SANS_MAX);
    return fr_san_parse(text, &a->sans[a->n_sans++], err);
}

static enum fr_code take_option(int id, const char *value, struct arguments *a,
                                struct fr_err *err)
{
    switch (id) {
    case OPT_NAME:
        a->name = value;
        return FR_OK;
    case OPT_PERMIT:
        a->permit_dns = value;
        return FR_OK;
    case OPT_OUT:
        a->out = value;
        return FR_OK;
    case OPT_JSON:
        a->json = true;
        return FR_OK;
    case OPT_HELP:
        a->help = true;
        return FR_OK;
    case OPT_DAYS:
        return take_days(value, &a->days, err);
    case OPT_SAN:
        return take_san(value, a, err);
    case OPT_NOT_BEFORE:
        return take_time("--not-before", value, &a->not_before, err);
    default:
        return take_time("--not-after", value, &a->not_after, err);
    }
}

static enum fr_code take_words(const struct command *c, int argc, char **argv,
                               struct arguments *a, struct fr_err *err)
{
    if (a->help)
        return FR_OK;
    if (argc != c->n_words)
        return FR_FAIL(err, FR_EUSAGE, "it takes: %s", c->usage);
    for (int i = 0; i < argc; i++)
        a->words[i] = argv[i];
    return FR_OK;
}

static enum fr_code parse(const struct command *c, int argc, char **argv,
                          struct arguments *a, struct fr_err *err)
{
    int id;

    *a = (struct arguments){.not_before = -1, .not_after = -1};
    optind = 0; /* glibc: start anew, also in a second call */
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", c->options, NULL)) != -1) {
        if (id == ':')
            return FR_FAIL(err, FR_EUSAGE, "%s needs a value", argv[optind - 1]);
        if (id == '?')
            return FR_FAIL(err, FR_EUSAGE, "unknown option %s", argv[optind - 1]);
        FR_TRY(take_option(id, optarg, a, err));
    }
    return take_words(c, argc - optind, argv + optind, a, err);
}

static enum fr_code run(const struct command *c, int argc, char **argv,
                        struct fr_err *err)
{
    struct arguments a;

    FR_TRY(parse(c, argc, argv, &a, err));
    if (a.help) {
        print_usage(stdout);
        return FR_OK;
    }
    return c->run(&a, err);
}

/* A file that is in the way cannot be written; one that is missing is bad input. */
static int exit_status(enum fr_code rc)
{
    if (rc == FR_ECONFLICT)
        return fr_code_exit(FR_ESTORE);
    if (rc == FR_ENOTFOUND || rc == FR_EREFUSED)
        return fr_code_exit(FR_EPARSE);
    return fr_code_exit(rc);
}

static const struct command *find(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int fr_ca_main(int argc, char **argv)
{
    const struct command *c = argc > 1 ? find(argv[1]) : NULL;
    struct fr_err err = {0};
    enum fr_code rc;

    if (argc > 1 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (!c) {
        print_usage(stderr);
        return fr_code_exit(FR_EUSAGE);
    }
    rc = run(c, argc - 1, argv + 1, &err);
    if (rc != FR_OK)
        fprintf(stderr, "fieldrootctl ca %s: %s\n", c->name, err.msg);
    return exit_status(rc);
}
