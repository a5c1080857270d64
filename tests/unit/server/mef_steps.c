/* SPDX-License-Identifier: Apache-2.0 */
#include "mef_steps.h"

#include "server/mef/mef.h"

struct fixture f;

int open_mef(void **state)
{
    (void)state;
    fixture_open(&f, &fr_service_mef, FIXTURE_ENROLEE);
    return 0;
}

int close_mef(void **state)
{
    (void)state;
    fixture_close(&f);
    return 0;
}

char client_path[64];

const char *below_client(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", client_path, name);
    return path;
}

void create_client(void)
{
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE,
                 "{\"sec:mecr\":{\"et\":\"20271101T000000\"}}");
    fixture_answer_is(&f, 201, 2001);
    snprintf(client_path, sizeof client_path, "%s",
             fixture_header(&f, "Content-Location"));
}

static void vault_authorises(void)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8], expires[8];

    fixture_heard(&f, FR_MSG_AUTHORISE);
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set_str(&m, FR_F_TARGET, FIXTURE_TARGET);
    fr_msg_set_str(&m, FR_F_TARGET_FQDN, FIXTURE_TARGET);
    fr_msg_set_str(&m, FR_F_DERIVATION, "usage");
    fr_msg_set_str(&m, FR_F_ENROLEE, "dev1");
    fr_msg_set_u64(&m, FR_F_EXPIRES, 1800000000, expires);
    fixture_say(&f, &m);
}

void create_key(void)
{
    fixture_send(&f, "POST", "/mefbase", JSON_TYPE, KEY_BODY);
    vault_authorises();
    fixture_answer_is(&f, 201, 2001);
}

void vault_commits(void)
{
    struct fr_msg m = {.type = FR_MSG_REPLY};
    uint8_t code[8], mac[FR_SHA256_LEN];

    fixture_heard(&f, FR_MSG_COMMIT);
    memset(mac, 0x5a, sizeof mac);
    fr_msg_set_u8(&m, FR_F_CODE, FR_OK, code);
    fr_msg_set(&m, FR_F_MAC, fr_slice_of(mac, sizeof mac));
    fixture_say(&f, &m);
}

void confirm(const char *mac)
{
    char body[128];

    snprintf(body, sizeof body, "{\"mac\":\"%s\"}", mac);
    fixture_send(&f, "POST", REG "/fieldroot-confirm",
                 "Content-Type: application/json\r\n", body);
}

void vault_hears_ack_of(const char *key_id)
{
    struct fr_msg m = fixture_heard(&f, FR_MSG_ACK);

    assert_true(fr_slice_equal(m.field[FR_F_KEY_ID], fr_slice_str(key_id)));
    fixture_say_code(&f, FR_OK, NULL);
}
