/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/pki.h"
#include "tree.h"

enum { PATIENCE_MS = 10000, LINE_MAX_OCTETS = 512 * 1024 };

const char *daemon_program;
static struct fr_err err;

char *daemon_path(const struct daemon *d, const char *name, char to[256])
{
    snprintf(to, 256, "%s/%s", d->dir, name);
    return to;
}

/* --- authorities */

void daemon_issue(const struct daemon *d, const char *ca, const char *name,
                  const char *dns)
{
    struct fr_san san = {.type = FR_SAN_DNS};
    struct fr_pki_request request = {.common_name = name,
                                     .sans = &san,
                                     .n_sans = 1,
                                     .not_before = time(NULL) - 3600,
                                     .not_after = time(NULL) + 86400};
    char dir[256], cert[300], key[300];

    snprintf(san.value, sizeof san.value, "%s", dns);
    snprintf(cert, sizeof cert, "%s/%s.pem", d->dir, name);
    snprintf(key, sizeof key, "%s/%s.key", d->dir, name);
    unlink(cert);
    unlink(key);
    assert_ok(fr_pki_issue(daemon_path(d, ca, dir), &request, cert, key, &err));
}

static void make_authority(const struct daemon *d, const char *name)
{
    char dir[256];

    assert_ok(
        fr_pki_init(daemon_path(d, name, dir), name, NULL, time(NULL) + 86400, &err));
}

void daemon_make(struct daemon *d)
{
    memset(d, 0, sizeof *d);
    d->output = -1;
    strcpy(d->dir, "/tmp/fr-daemon-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    make_authority(d, "devices");
    make_authority(d, "targets");
    make_authority(d, "mef");
    make_authority(d, "strangers");
    daemon_issue(d, "mef", "server", "mef.example.com");
    daemon_issue(d, "devices", "dev1", "dev1.example.com");
    daemon_issue(d, "devices", "dev2", "dev2.example.com");
    daemon_issue(d, "targets", "broker", "broker.example.com");
    daemon_issue(d, "strangers", "stranger", "dev1.example.com");
}

void daemon_configure(const struct daemon *d, const char *top, const char *mef)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(8192);
    const char *files = " certificate = \"server.pem\"\n key = \"server.key\"\n"
                        " enrolee-anchors = \"devices/ca.pem\"\n";
    char path[256];

    fr_buf_fmt(&text, "state = \"state\"\nrun-dir = \"run\"\nworkers = 1\n%s\n", top);
    fr_buf_fmt(&text,
               "mef {\n fqdn = \"mef.example.com\"\n listen = \"127.0.0.1:0\"\n"
               " fetch-listen = \"127.0.0.1:0\"\n target-anchors = \"targets/ca.pem\"\n"
               "%s%s\n}\n",
               files, mef);
    fr_buf_fmt(&text, "discovery {\n listen = \"127.0.0.1:0\"\n%s}\nadmin {\n}\n",
               files);
    assert_ok(fr_file_write_atomic(daemon_path(d, "fieldrootd.conf", path),
                                   fr_buf_view(&text), 0644, &err));
}

/* --- process */

static bool await(int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, ms) == 1;
}

static void exec_daemon(const struct daemon *d, const char *argument, int ready,
                        int out)
{
    char config[256], number[16];
    const char *argv[] = {daemon_program,
                          "--config",
                          daemon_path(d, "fieldrootd.conf", config),
                          argument ? argument : "--ready-fd",
                          NULL,
                          NULL};

    snprintf(number, sizeof number, "%d", ready);
    if (!argument)
        argv[4] = number;
    dup2(out, STDERR_FILENO);
    execv(daemon_program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

static int spawn(struct daemon *d, const char *argument)
{
    int ready[2], out[2];

    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    fcntl(ready[0], F_SETFD, FD_CLOEXEC);
    d->pid = fork();
    if (d->pid == 0)
        exec_daemon(d, argument, ready[1], out[1]);
    close(ready[1]);
    close(out[1]);
    d->output = out[0];
    return ready[0];
}

static void read_output(struct daemon *d, char *said, size_t size)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(65536);

    if (fr_fd_read_all(d->output, "output", &text, &err) == FR_OK)
        snprintf(said, size, "%s", fr_buf_cstr(&text));
    close(d->output);
    d->output = -1;
}

static void read_listeners(struct daemon *d)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(4096);
    char path[256];
    int n;

    assert_ok(fr_file_read(daemon_path(d, "run/listeners", path), &text, &err));
    n = sscanf(fr_buf_cstr(&text), "enrol %63s fetch %63s discovery %63s admin %99s",
               d->enrol, d->fetch, d->discovery, d->admin);
    assert_int_equal(n, 4);
}

void daemon_start(struct daemon *d)
{
    int ready = spawn(d, NULL);
    char octet = 0;

    if (!await(ready, PATIENCE_MS) || read(ready, &octet, 1) != 1) {
        char said[4096] = "";

        kill(d->pid, SIGKILL);
        waitpid(d->pid, NULL, 0);
        read_output(d, said, sizeof said);
        fail_msg("fieldrootd did not become ready: %s", said);
    }
    close(ready);
    read_listeners(d);
}

int daemon_run(struct daemon *d, const char *argument, char *said, size_t size)
{
    int status = 0;

    close(spawn(d, argument));
    read_output(d, said, size);
    waitpid(d->pid, &status, 0);
    d->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool process_ends(pid_t pid)
{
    FR_AUTO_FD(fd) = (int)syscall(SYS_pidfd_open, pid, 0);

    return fd < 0 ? errno == ESRCH : await(fd, PATIENCE_MS);
}

int daemon_stop(struct daemon *d)
{
    int status = 0;

    kill(d->pid, SIGTERM);
    if (!process_ends(d->pid))
        kill(d->pid, SIGKILL);
    waitpid(d->pid, &status, 0);
    d->pid = 0;
    close(d->output);
    d->output = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

size_t daemon_children(const struct daemon *d, pid_t to[DAEMON_CHILDREN_MAX])
{
    char path[64];
    size_t n = 0;
    FILE *file;
    int pid;

    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)d->pid, (int)d->pid);
    file = fopen(path, "re");
    assert_non_null(file);
    while (n < DAEMON_CHILDREN_MAX && fscanf(file, "%d", &pid) == 1)
        to[n++] = pid;
    fclose(file);
    return n;
}

void daemon_remove(struct daemon *d)
{
    (void)tree_remove(d->dir);
}

/* --- the operator */

static int connect_admin(const struct daemon *d)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(sa.sun_path, sizeof sa.sun_path, "%s", d->admin);
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

json_t *daemon_call(const struct daemon *d, const char *json)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(LINE_MAX_OCTETS);
    FR_AUTO_FD(fd) = connect_admin(d);
    json_t *reply;

    assert_ok(fr_fd_write_all(fd, "admin", fr_slice_str(json), &err));
    assert_ok(fr_fd_write_all(fd, "admin", fr_slice_str("\n"), &err));
    shutdown(fd, SHUT_WR);
    assert_ok(fr_fd_read_all(fd, "admin", &text, &err));
    reply = json_loadb((const char *)text.data, text.len, 0, NULL);
    if (!reply)
        fail_msg("%s: the reply is no JSON: %s", json, fr_buf_cstr(&text));
    return reply;
}

json_t *daemon_result(const struct daemon *d, const char *json)
{
    json_t *reply = daemon_call(d, json), *result;

    if (!json_is_true(json_object_get(reply, "ok")))
        fail_msg("%s: %s", json, json_string_value(json_object_get(reply, "text")));
    result = json_incref(json_object_get(reply, "result"));
    json_decref(reply);
    return result;
}

/* --- clients */

bool client_connect(struct client *c, const char *address)
{
    struct sockaddr_in sa = {.sin_family = AF_INET};
    struct timeval patience = {PATIENCE_MS / 1000, 0};
    uint16_t port = 0;
    char host[FR_ID_MAX + 1];

    memset(c, 0, sizeof *c);
    assert_true(fr_host_port_parse(address, host, &port));
    sa.sin_port = htons(port);
    assert_int_equal(inet_pton(AF_INET, host, &sa.sin_addr), 1);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return connect(c->fd, (struct sockaddr *)&sa, sizeof sa) == 0;
}

static void set_identity(struct client *c, const struct daemon *d, const char *name)
{
    char cert[300], key[300], anchors[256];

    assert_int_equal(
        SSL_CTX_load_verify_file(c->ctx, daemon_path(d, "mef/ca.pem", anchors)), 1);
    SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
    if (!name)
        return;
    snprintf(cert, sizeof cert, "%s/%s.pem", d->dir, name);
    snprintf(key, sizeof key, "%s/%s.key", d->dir, name);
    assert_int_equal(SSL_CTX_use_certificate_chain_file(c->ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey_file(c->ctx, key, SSL_FILETYPE_PEM), 1);
}

bool client_handshake(struct client *c, const struct daemon *d, const char *name,
                      int version, uint64_t options)
{
    c->ctx = SSL_CTX_new(TLS_client_method());
    set_identity(c, d, name);
    SSL_CTX_set_options(c->ctx, options);
    if (version)
        SSL_CTX_set_max_proto_version(c->ctx, version);
    c->ssl = SSL_new(c->ctx);
    SSL_set_fd(c->ssl, c->fd);
    SSL_set1_host(c->ssl, "mef.example.com");
    ERR_clear_error();
    assert_ok(fr_http_response_new(256 * 1024, &c->response, &err));
    return SSL_connect(c->ssl) == 1;
}

bool client_open(struct client *c, const struct daemon *d, const char *address,
                 const char *name)
{
    return client_connect(c, address) && client_handshake(c, d, name, 0, 0);
}

void client_close(struct client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
    fr_http_response_free(c->response);
    close(c->fd);
}

bool client_send(struct client *c, const char *octets)
{
    ERR_clear_error();
    return SSL_write(c->ssl, octets, (int)strlen(octets)) == (int)strlen(octets);
}

int client_status(struct client *c)
{
    uint8_t octets[4096];
    size_t used = 0;

    fr_http_response_reset(c->response);
    while (!fr_http_is_complete(c->response)) {
        int n = SSL_read(c->ssl, octets, sizeof octets);

        if (n <= 0)
            return 0;
        assert_ok(
            fr_http_feed(c->response, fr_slice_of(octets, (size_t)n), &used, &err));
    }
    return fr_http_status(c->response);
}

int client_ask(struct client *c, const char *method, const char *path, const char *type,
               const char *body)
{
    struct fr_http_header header = {"Content-Type", type};
    struct fr_http_request request = {.method = method,
                                      .host = "mef.example.com",
                                      .port = 8443,
                                      .path = path,
                                      .headers = &header,
                                      .n_headers = type ? 1 : 0,
                                      .body = body ? fr_slice_str(body)
                                                   : (struct fr_slice){0}};
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(256 * 1024);

    assert_ok(fr_http_write(&request, &text, &err));
    if (!client_send(c, fr_buf_cstr(&text)))
        return 0;
    return client_status(c);
}

const char *client_body(const struct client *c)
{
    static char text[8192];
    struct fr_slice body = fr_http_body(c->response);

    snprintf(text, sizeof text, "%.*s", (int)body.len, (const char *)body.data);
    return text;
}

const char *client_header(const struct client *c, const char *name)
{
    return fr_http_header(c->response, name);
}

int client_alert(struct client *c)
{
    char octet;
    int reason;

    /* Another read after a failed one reports what was already seen. */
    if (ERR_peek_error() == 0 && SSL_read(c->ssl, &octet, 1) > 0)
        return 0;
    reason = ERR_GET_REASON(ERR_peek_error());
    return reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : 0;
}

struct fr_secret *client_export(struct client *c)
{
    struct fr_secret *exported = NULL;

    assert_ok(fr_secret_new(48, &exported, &err));
    assert_int_equal(SSL_export_keying_material(c->ssl, fr_secret_data(exported), 48,
                                                "EXPORTER-oneM2M-Bootstrap", 25, NULL,
                                                0, 0),
                     1);
    return exported;
}
