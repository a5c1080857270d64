/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS server on loopback that does what a test says, in a child process; and the
 * certificates that it and its clients need.
 */
#ifndef FR_UNIT_NET_TLSPEER_H
#define FR_UNIT_NET_TLSPEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "net/conn.h"

/* ---- certificates: made once a program, removed at its end ---- */

#define PEER_HOST "mef.example.com"
#define PEER_BODY "hello from the peer"
#define PKI_PATH  128

/* cmocka group setup and teardown. */
int pki_setup(void **state);
int pki_teardown(void **state);
/* "mef/ca.pem" and so on, below the folder; one of a few static buffers. CAs: mef,
 * other, device. Certificates: mef.pem (PEER_HOST), wrong.pem (another name),
 * revoked.pem (PEER_HOST, in mef/crl.pem), other.pem (PEER_HOST, of the CA other),
 * device.pem. */
const char *pki_path(const char *name);

/* ---- the server ---- */

enum peer_act {
    PEER_ECHO,      /* answers each read with what it read, until the end */
    PEER_HTTP,      /* answers each request head with 200 and PEER_BODY, keeps alive */
    PEER_HTTP_ONCE, /* the same, but closes in order after one answer */
    PEER_GARBAGE,   /* talks another protocol */
    PEER_SILENT,    /* accepts and says nothing */
    PEER_CUT_HELLO, /* reads the client's first flight and hangs up */
    PEER_CUT,       /* hangs up after the handshake, without a word */
    PEER_BYE        /* ends in order after the handshake */
};

struct peer_setup {
    enum peer_act act;
    const char *cert;      /* name below the PKI folder, ".pem" and ".key" are added;
                              NULL: "mef" */
    const char *client_ca; /* whose clients are accepted; NULL: "device" */
    int max_version;       /* 0: TLS 1.3 */
    bool no_ems;
};

struct peer {
    pid_t pid;
    uint16_t port;
};

/* Serves one connection after the other until stopped. */
struct peer peer_start(const struct peer_setup *setup);
void peer_stop(struct peer *p);
/* A port of loopback at which nothing listens. */
uint16_t peer_dead_port(void);

/* ---- the client's side ---- */

extern const struct fr_host peer_hosts[1]; /* PEER_HOST is 127.0.0.1 */

/* The system's clock and random, with the wall clock moved by `shift` seconds. */
struct shifted_env {
    struct fr_env env;
    int64_t shift;
};
void shifted_env_init(struct shifted_env *e);

/* A context of device.pem that trusts `ca`'s servers. */
struct fr_tls *client_tls(const char *ca, const char *crl);

#endif
