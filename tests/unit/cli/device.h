/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device in a temporary folder: config, state, and credentials put there by hand.
 */
#ifndef FR_TEST_DEVICE_H
#define FR_TEST_DEVICE_H

#include <unistd.h>

#include "agent/state.h"
#include "base/file.h"
#include "captured.h"
#include "cli/dev.h"

#define DEVICE_KEYID "C1AEC59A313D1341C3D91E1FEE552FF2@mef.example.com"

struct device {
    struct captured c;
    char dir[64], config[96], state[96], socket[96];
};

static inline void device_write(const char *path, const char *text)
{
    FILE *to = fopen(path, "w");

    assert_non_null(to);
    assert_true(fputs(text, to) >= 0);
    fclose(to);
}

static inline int device_setup(void **state)
{
    struct device *d = calloc(1, sizeof *d);
    char text[512];

    assert_non_null(d);
    captured_init(&d->c, "fieldroot");
    d->c.cli.path_option = "config";
    snprintf(d->dir, sizeof d->dir, "/tmp/fr-dev-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    snprintf(d->config, sizeof d->config, "%s/fieldroot.conf", d->dir);
    snprintf(d->state, sizeof d->state, "%s/state", d->dir);
    snprintf(d->socket, sizeof d->socket, "%s/agent.sock", d->dir);
    snprintf(text, sizeof text, "state = \"%s\"\nagent {\n    socket = \"%s\"\n}\n",
             d->state, d->socket);
    device_write(d->config, text);
    d->c.cli.path = d->config;
    *state = d;
    return 0;
}

static inline int device_teardown(void **state)
{
    struct device *d = *state;
    char line[96];

    snprintf(line, sizeof line, "rm -r %s", d->dir);
    assert_int_equal(system(line), 0);
    captured_clear(&d->c);
    free(d);
    return 0;
}

static inline int device_run(struct device *d, const char *line)
{
    return run(&d->c, fr_device_commands, line);
}

static inline void dup_to(char **to, const char *text)
{
    struct fr_err err;

    assert_ok(fr_str_dup(text, to, &err));
}

static inline void device_keep(struct device *d, const struct fr_credential *c)
{
    FR_AUTO(state) *state = NULL;
    struct fr_err err;

    assert_ok(fr_state_open(d->state, 262144, &state, &err));
    assert_ok(fr_state_lock(state, &err));
    assert_ok(fr_state_store_pending(state, c, &err));
    assert_ok(fr_state_flip(
        state,
        &(struct fr_slot_id){.mef = c->mef, .target = c->target, .suid = c->suid},
        &err));
}

/* A current credential for (mef.example.com, target, 22), its life given in seconds
 * before and after now. Ke is 32 octets of 5a. */
static inline void device_give(struct device *d, const char *target, int64_t age,
                               int64_t left)
{
    FR_AUTO(credential) *c = NULL;
    int64_t now = fr_wall_s(&fr_env_system);
    uint8_t ke[32];
    struct fr_err err;

    memset(ke, 0x5a, sizeof ke);
    assert_ok(fr_credential_new(&c, &err));
    dup_to(&c->method, "certificate");
    dup_to(&c->mef, "mef.example.com");
    c->port = 8443;
    dup_to(&c->target, target);
    dup_to(&c->target_fqdn, target);
    c->suid = 22;
    dup_to(&c->admin_fqdn, "mef.example.com");
    dup_to(&c->key_id, DEVICE_KEYID);
    dup_to(&c->registration, "/mefbase/C1AEC59A313D1341C3D91E1FEE552FF2");
    c->created = now - age;
    c->expires = now + left;
    c->confirmed = true;
    assert_ok(fr_secret_from(ke, sizeof ke, &c->ke, &err));
    device_keep(d, c);
}

static inline void device_read(const char *path, char *to, size_t size)
{
    struct fr_buf text = FR_BUF_INIT(size - 1);
    struct fr_err err;

    assert_ok(fr_file_read(path, &text, &err));
    snprintf(to, size, "%s", fr_buf_cstr(&text));
    fr_buf_clear(&text);
}

/* The last line that was printed, as JSON. */
static inline json_t *device_last(const struct device *d)
{
    const char *end = d->c.out + strlen(d->c.out), *at;
    json_t *got;

    assert_true(end > d->c.out && end[-1] == '\n');
    for (at = end - 1; at > d->c.out && at[-1] != '\n'; at--)
        continue;
    got = json_loads(at, 0, NULL);
    assert_non_null(got);
    return got;
}

static inline const char *text_in(const json_t *object, const char *member)
{
    const char *s = json_string_value(json_object_get(object, member));

    return s ? s : "";
}

#define DEVICE_TEST(f) cmocka_unit_test_setup_teardown(f, device_setup, device_teardown)

#endif
