/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real fieldrootd in a folder of its own on port 0, with its certificate authorities,
 * and clients to talk to it: TLS with HTTP, and the operator's socket.
 */
#ifndef FR_TEST_DAEMON_H
#define FR_TEST_DAEMON_H

#include <jansson.h>
#include <openssl/ssl.h>
#include <sys/types.h>

#include "base/secret.h"
#include "proto/http.h"
#include "test.h"

#define DAEMON_CHILDREN_MAX 16

struct daemon {
    char dir[64];
    pid_t pid;
    int output; /* its standard error */
    char enrol[64], fetch[64], discovery[64], admin[100];
};

extern const char *daemon_program; /* path of fieldrootd */

/* Folder, authorities `devices`, `targets`, `mef` and `strangers`, and certificates
 * mef, dev1, dev2, broker, stranger (same names as dev1). */
void daemon_make(struct daemon *d);
/* Writes the config; section bodies may be "". */
void daemon_configure(const struct daemon *d, const char *top, const char *mef);
void daemon_start(struct daemon *d); /* until it is ready */
/* Starts it with one more argument and waits for its end: exit status; what it said is
 * in said. */
int daemon_run(struct daemon *d, const char *argument, char *said, size_t size);
int daemon_stop(struct daemon *d); /* SIGTERM; exit status, -1 if it had to be killed */
void daemon_remove(struct daemon *d);
/* Makes name.pem and name.key by an authority, for dns. */
void daemon_issue(const struct daemon *d, const char *ca, const char *name,
                  const char *dns);
char *daemon_path(const struct daemon *d, const char *name, char to[256]);
/* Its children's process ids. */
size_t daemon_children(const struct daemon *d, pid_t to[DAEMON_CHILDREN_MAX]);
/* Waits until pid, a child of somebody else, is gone; false after 10 s. */
bool process_ends(pid_t pid);

/* One call of the operator; the reply is the caller's. */
json_t *daemon_call(const struct daemon *d, const char *json);
/* The same, which must succeed: the result. */
json_t *daemon_result(const struct daemon *d, const char *json);

struct client {
    SSL_CTX *ctx;
    SSL *ssl;
    int fd;
    struct fr_http_response *response;
};

/* Connects TCP only; false if refused. */
bool client_connect(struct client *c, const char *address);
/* TLS with certificate `name` (NULL: none), expecting the MEF's authority. version: 0
 * or TLS1_2_VERSION; options: SSL_OP_.... False if the handshake failed. */
bool client_handshake(struct client *c, const struct daemon *d, const char *name,
                      int version, uint64_t options);
bool client_open(struct client *c, const struct daemon *d, const char *address,
                 const char *name);
void client_close(struct client *c);
/* Sends octets as they are. */
bool client_send(struct client *c, const char *octets);
/* Reads a response: its status; 0 if the connection ended without one. */
int client_status(struct client *c);
/* A whole request; the status. */
int client_ask(struct client *c, const char *method, const char *path, const char *type,
               const char *body);
const char *client_body(const struct client *c);
const char *client_header(const struct client *c, const char *name);
/* The TLS alert that the server sent; 0 if none came before the end. */
int client_alert(struct client *c);
struct fr_secret *client_export(struct client *c);

#endif
