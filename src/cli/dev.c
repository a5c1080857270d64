/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/dev.h"

#include "base/timetext.h"
#include "cli/lint.h"
#include "cli/provision_args.h"

enum fr_code fr_dev_open(struct fr_cli *cli, struct fr_client **ret, struct fr_err *err)
{
    enum fr_code rc = fr_client_new(cli->path, ret, err);

    return rc == FR_ENOTFOUND ? FR_ECONFIG : rc;
}

bool fr_dev_is_expiring(const struct fr_credential *c, int64_t now)
{
    return (c->expires - now) * 10 < c->expires - c->created;
}

static const char *state_of(const struct fr_credential *c, int64_t now)
{
    if (!fr_credential_is_valid(c, now))
        return "expired";
    return fr_dev_is_expiring(c, now) ? "expiring" : "valid";
}

enum fr_code fr_dev_credential_json(const struct fr_credential *c, int64_t now,
                                    json_t **ret, struct fr_err *err)
{
    char created[FR_TIME_TEXT], expires[FR_TIME_TEXT];
    char fingerprint[FR_FINGERPRINT_LEN + 1];

    FR_TRY(fr_secret_fingerprint(c->ke, fingerprint, err));
    *ret = json_pack(
        "{s:s,s:s,s:s,s:s?,s:i,s:s,s:s,s:s,s:s,s:s,s:b,s:b,s:s}", "keyId", c->key_id,
        "mef", c->mef, "target", c->target, "targetFQDN", c->target_fqdn, "suid",
        c->suid, "derivation", fr_derivation_name(c->derivation), "method", c->method,
        "state", state_of(c, now), "created", fr_rfc3339_format(c->created, created),
        "expires", fr_rfc3339_format(c->expires, expires), "confirmed", c->confirmed,
        "reused", fr_credential_is_reused(c), "fingerprint", fingerprint);
    return *ret ? FR_OK : FR_FAIL(err, FR_ENOMEM, "no memory for a credential");
}

const struct fr_command fr_device_commands[] = {
    {.name = "provision",
     .words = FR_PROVISION_WORDS,
     .help = "tries the list in the order given until one bootstrap succeeds",
     .run = fr_dev_provision,
     .opts = fr_provision_opts},
    {.name = "plan",
     .words = FR_PROVISION_WORDS,
     .help = "says what provision would try, and opens no bootstrap",
     .run = fr_dev_plan,
     .opts = fr_provision_opts},
    {.name = "lint",
     .words = "FILE",
     .help = "checks an instruction document",
     .main = fr_lint_main},
    {.name = "status",
     .help = "0 a credential is valid, 4 soon not, 3 there is none",
     .run = fr_dev_status},
    {.name = "attempts",
     .words = "[--limit N] [--list ID]",
     .help = "shows what was tried and how it ended, newest last",
     .run = fr_dev_attempts,
     .opts = fr_dev_attempts_opts},
    {.name = "credential",
     .help = "what this device was provisioned with",
     .sub = fr_dev_credential_commands},
    {.name = "clock",
     .words = "[--set TIME|now]",
     .help = "what time this device goes by while its clock is not synchronised",
     .run = fr_dev_clock,
     .opts = fr_dev_clock_opts},
    {.name = "agent",
     .help = "keeps the device provisioned, in the foreground",
     .run = fr_dev_agent},
    {.name = "trigger",
     .help = "rings a running agent: it provisions now if it has to",
     .run = fr_dev_trigger},
    {0}};
