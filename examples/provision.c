/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gives this device its root credential and says what a broker would be told.
 *
 *     cc provision.c $(pkg-config --cflags --libs fieldroot) -o provision
 *     ./provision mef.example.com [CONFIG [PORT]]
 */
#define _DEFAULT_SOURCE /* explicit_bzero */
#include <fieldroot/fieldroot.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int on_event(void *ctx, const fr_event *event)
{
    (void)ctx;
    fprintf(stderr, "%s\n", event->text);
    return 0; /* anything else stops the run */
}

static fr_status provision(fr_client *client, const char *mef, uint16_t port,
                           fr_error *error)
{
    fr_trigger *trigger = fr_trigger_new();
    fr_status status = FR_STATUS_INTERNAL;

    if (!trigger)
        return status;
    status = fr_trigger_add_mef(trigger, mef, port, error);
    if (status == FR_STATUS_OK)
        status = fr_provision(client, trigger, on_event, NULL, error);
    fr_trigger_free(trigger);
    return status;
}

static fr_status show(fr_client *client, const char *mef, fr_error *error)
{
    fr_credential *credential;
    unsigned char key[32]; /* for the TLS-PSK stack; never printed */
    fr_status status = fr_credential_find(client, mef, NULL, 0, &credential, error);

    if (status != FR_STATUS_OK)
        return status;
    status = fr_credential_derive(credential, key, error);
    if (status == FR_STATUS_OK)
        printf("psk_identity %s\n", fr_credential_psk_identity(credential));
    explicit_bzero(key, sizeof key);
    fr_credential_close(credential);
    return status;
}

int main(int argc, char **argv)
{
    fr_error error = {.text = "no memory"};
    fr_client *client;
    fr_status status;
    int port = argc > 3 ? atoi(argv[3]) : 0; /* 0: the default, 8443 */

    if (argc < 2 || argc > 4 || port < 0 || port > UINT16_MAX) {
        fprintf(stderr, "usage: provision MEF-FQDN [CONFIG [PORT]]\n");
        return FR_STATUS_USAGE;
    }
    status = fr_client_open(argc > 2 ? argv[2] : NULL, &client, &error);
    if (status == FR_STATUS_OK) {
        status = provision(client, argv[1], (uint16_t)port, &error);
        if (status == FR_STATUS_OK)
            status = show(client, argv[1], &error);
        fr_client_close(client);
    }
    if (status != FR_STATUS_OK)
        fprintf(stderr, "provision: %s\n", error.text);
    return (int)status;
}
