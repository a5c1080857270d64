/* SPDX-License-Identifier: Apache-2.0 */
/* The config files of the device (a 'd' before it) and of the target. */
#include "agent/config.h"
#include "fuzz.h"
#include "target/config.h"

static void device(const char *path)
{
    FR_AUTO(config) *c = NULL;
    enum fr_code rc = fuzz_code(fr_config_load(path, true, &c, NULL));

    FUZZ_ASSERT((rc == FR_OK) == (c != NULL));
    if (rc != FR_OK)
        return;
    FUZZ_ASSERT(c->tls_min <= c->tls_max && c->state && c->mef_base[0] == '/');
    fuzz_saw_number(c->n_credentials);
    fuzz_saw_number(c->n_hosts);
    for (size_t i = 0; i < c->n_credentials; i++)
        fuzz_saw_text(c->credentials[i].certificate);
}

static void target(const char *path)
{
    FR_AUTO(target_config) *c = NULL;
    enum fr_code rc = fuzz_code(fr_target_config_load(path, &c, NULL));

    FUZZ_ASSERT((rc == FR_OK) == (c != NULL));
    if (rc != FR_OK)
        return;
    FUZZ_ASSERT(c->fqdn[0] && c->mef_fqdn[0] && c->mef_port);
    fuzz_saw_text(c->mef_fqdn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path;

    if (size == 0)
        return 0;
    path = fuzz_file(data + 1, size - 1);
    if (data[0] == 'd')
        device(path);
    else
        target(path);
    return 0;
}
