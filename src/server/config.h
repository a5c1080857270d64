/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldrootd's config file as a checked structure. Relations between values (a fetch
 * listener needs target anchors, min <= max) are checked here; that files can be read
 * is not: fr_child_check() does it, in the process that will use them.
 */
#ifndef FR_SERVER_CONFIG_H
#define FR_SERVER_CONFIG_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/conf.h"
#include "base/log.h"
#include "server/ipc/msg.h"
#include "store/store.h"

/* Of the enrol listener: two generations and the other types fit the vault's 64. */
#define FR_SERVER_WORKERS_MAX    24
#define FR_SERVER_CONFIG_DEFAULT "/etc/fieldroot/fieldrootd.conf"

enum fr_tls_profile { FR_TLS_DEFAULT, FR_TLS_ONEM2M };

/* A listener is on when `listen` is not NULL. Strings are borrowed from the config. */
struct fr_listener_config {
    const char *listen; /* "address:port"; admin: path of the socket */
    const char *certificate, *key;
    const char *anchors; /* the role's own set, never merged with another's */
    const char *crl;     /* NULL: not checked */
};

struct fr_limits {
    long connections, per_address; /* of one worker process */
    long handshakes_per_address;   /* a second, of all workers; 0: no limit */
    long body, header;             /* octets */
    long requests;                 /* of one connection */
    long enrolments_per_device;    /* a minute; 0: no limit */
    int64_t idle_ms, request_ms, handshake_ms;
};

enum fr_sandbox_mode { FR_SANDBOX_AUTO, FR_SANDBOX_REQUIRED, FR_SANDBOX_OFF };

struct fr_user {
    const char *name; /* NULL: stay who we are */
    uid_t uid;
    gid_t gid;
};

/* The GBA-BSF, if listener[FR_WORKER_GBA].listen is set. */
struct fr_gba_config {
    bool is_plain;   /* Ub without TLS: the listener has no certificate and no key */
    const char *hlr; /* "address:port" of the HSS's GSUP; NULL: no role gba-bsf */
    struct sockaddr_storage hlr_address; /* the same */
    socklen_t hlr_address_len;
    char hlr_name[FR_STORE_NODE_MAX + 32]; /* ours, at the HSS: stable */
    int64_t lifetime_s;                    /* of Ks, where the enrolee has none */
    int64_t hss_timeout_ms;
    long vectors_per_minute; /* of one subscriber */
    bool akav2, tmpi;
};

struct fr_server_config {
    struct fr_conf *file; /* owns most strings */
    const char *state, *run_dir;
    char *kek, *admin_socket; /* paths */
    char *database;           /* path of SQLite's file, or what libpq takes */
    char *instance;           /* path of the file that tells this node from others */
    char node[FR_STORE_NODE_MAX + 1];
    enum fr_sandbox_mode sandbox;
    struct fr_user user, vault_user, signer_user;
    long workers; /* of the enrol listener */
    enum fr_log_level log_level;
    struct fr_listener_config listener[FR_N_WORKERS];

    char mef_fqdn[FR_FQDN_MAX + 1];
    const char *mef_base;
    bool confirmation_required;
    int64_t expiry_max_s, grace_s;
    struct fr_gba_config gba;
    const struct fr_conf *mef; /* for the list admin-fqdns; NULL without the role */

    enum fr_tls_profile tls_profile;
    int tls_min, tls_max; /* TLS1_2_VERSION ... */
    const struct fr_conf *tls;
    struct fr_limits limits;
};

/* FR_ECONFIG names file and key. The file must be there. */
FR_MUST_USE enum fr_code fr_server_config_load(const char *path,
                                               struct fr_server_config **ret,
                                               struct fr_err *err);
void fr_server_config_free(struct fr_server_config *c);
FR_DEFINE_AUTO(server_config)

/* Worker processes of a listener that is on; 0 if it is off. */
int fr_server_config_workers(const struct fr_server_config *c, enum fr_worker type);

/* The HSS's; 0: no role gba-bsf. */
uint16_t fr_gba_hlr_port(const struct fr_gba_config *g);

/* True if the database is at the other end of a connection, not a file in the state
 * folder. */
bool fr_server_config_connects(const struct fr_server_config *c);
/* True if fqdn is the MEF's own or in admin-fqdns. */
bool fr_server_config_admits_admin(const struct fr_server_config *c, const char *fqdn);
/* True if the peer may use TLS 1.2 without extended master secret. */
bool fr_server_config_excepts_ems(const struct fr_server_config *c,
                                  const struct fr_peer *peer);

#endif
