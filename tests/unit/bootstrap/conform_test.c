/* SPDX-License-Identifier: Apache-2.0 */
/* The members of both families, each in front of its family's suite. */
#include "bsf.h"
#include "conform/bootstrap.h"
#include "conform/discovery.h"
#include "fake/bootstrap.h"
#include "fake/discovery.h"
#include "mef.h"
#include "test.h"

/* ---- bootstrap: certificate ---- */

static struct mef mef;

static void certificate_begin(struct fr_drive *d)
{
    mef_begin(&mef, d);
}

static void certificate_begin_resolve(struct fr_drive *d, bool known)
{
    mef_begin(&mef, d);
    mef.knows = known;
}

static void certificate_end(struct fr_drive *d)
{
    (void)d;
    mef_end(&mef);
}

static const struct fr_conform_bootstrap certificate = {
    &fr_bootstrap_certificate, certificate_begin, certificate_begin_resolve,
    certificate_end, false};

/* ---- bootstrap: gba ---- */

static struct bsf bsf;

static void gba_begin_resolve(struct fr_drive *d, bool known)
{
    bsf_begin(&bsf, d);
    bsf.knows = known;
}

static void gba_begin(struct fr_drive *d)
{
    gba_begin_resolve(d, true);
}

static void gba_u_begin_resolve(struct fr_drive *d, bool known)
{
    gba_begin_resolve(d, known);
    fr_fake_sim.has_gba_u = fr_fake_sim.network_knows_gba_u = true;
}

static void gba_u_begin(struct fr_drive *d)
{
    gba_u_begin_resolve(d, true);
}

static void gba_end(struct fr_drive *d)
{
    (void)d;
    bsf_end(&bsf);
}

static const struct fr_conform_bootstrap gba = {&fr_bootstrap_gba, gba_begin,
                                                gba_begin_resolve, gba_end, true};
static const struct fr_conform_bootstrap gba_u = {&fr_bootstrap_gba, gba_u_begin,
                                                  gba_u_begin_resolve, gba_end, true};

/* ---- bootstrap: fake ---- */

static bool fake_knows;

static void fake_begin_resolve(struct fr_drive *d, bool known)
{
    fake_knows = known;
    d->peer = (struct fr_drive_peer){&fake_knows, fr_fake_bootstrap_answer};
}

static void fake_begin(struct fr_drive *d)
{
    fake_begin_resolve(d, false);
}

static void nothing_to_end(struct fr_drive *d)
{
    (void)d;
}

static const struct fr_conform_bootstrap fake = {
    &fr_fake_bootstrap, fake_begin, fake_begin_resolve, nothing_to_end, false};

/* ---- discovery: file ---- */

static void file_begin(struct fr_drive *d, const char *document)
{
    d->in.resource = (char *)"file:///etc/fieldroot/list.json";
    d->file = fr_slice_str(document);
}

static const struct fr_conform_discovery file = {&fr_discovery_file, file_begin,
                                                 nothing_to_end};

/* ---- discovery: https ---- */

static bool serve(void *state, struct fr_slice sent, struct fr_buf *reply)
{
    const char *document = state;

    assert_contains((const char *)sent.data, "GET /list HTTP/1.1\r\n");
    fr_buf_fmt(reply,
               "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
               "Content-Length: %zu\r\n\r\n%s",
               strlen(document), document);
    return false;
}

static void https_begin(struct fr_drive *d, const char *document)
{
    d->in.resource = (char *)"https://boot.example.com/list";
    d->peer = (struct fr_drive_peer){(void *)document, serve};
}

static const struct fr_conform_discovery https = {&fr_discovery_https, https_begin,
                                                  nothing_to_end};

/* ---- discovery: fake ---- */

static char fake_resource[FR_DOCUMENT_MAX];

static void fake_discovery_begin(struct fr_drive *d, const char *document)
{
    snprintf(fake_resource, sizeof fake_resource, "fake:%s", document);
    d->in.resource = fake_resource;
}

static const struct fr_conform_discovery fake_discovery = {
    &fr_fake_discovery, fake_discovery_begin, nothing_to_end};

int main(int argc, char **argv)
{
    const char *which = argc > 1 ? argv[1] : "";

    if (strcmp(which, "certificate") == 0)
        return fr_conform_bootstrap_run(&certificate);
    if (strcmp(which, "gba") == 0)
        return fr_conform_bootstrap_run(&gba);
    if (strcmp(which, "gba-u") == 0)
        return fr_conform_bootstrap_run(&gba_u);
    if (strcmp(which, "fake-bootstrap") == 0)
        return fr_conform_bootstrap_run(&fake);
    if (strcmp(which, "file") == 0)
        return fr_conform_discovery_run(&file);
    if (strcmp(which, "https") == 0)
        return fr_conform_discovery_run(&https);
    if (strcmp(which, "fake-discovery") == 0)
        return fr_conform_discovery_run(&fake_discovery);
    fprintf(stderr, "usage: conform_test METHOD\n");
    return 64;
}
