/* SPDX-License-Identifier: Apache-2.0 */
/* fieldrootd's config file. */
#include "fuzz.h"
#include "server/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FR_AUTO(server_config) *c = NULL;
    enum fr_code rc = fuzz_code(fr_server_config_load(fuzz_file(data, size), &c, NULL));

    FUZZ_ASSERT((rc == FR_OK) == (c != NULL));
    if (rc != FR_OK)
        return 0;
    FUZZ_ASSERT(c->tls_min <= c->tls_max && c->limits.connections > 0);
    for (int w = 0; w < FR_N_WORKERS; w++) {
        fuzz_saw_text(c->listener[w].listen);
        FUZZ_ASSERT(fr_server_config_workers(c, (enum fr_worker)w) >= 0);
    }
    return 0;
}
