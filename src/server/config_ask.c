/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a config that was read. */
#include <netinet/in.h>
#include <unistd.h>

#include "base/str.h"
#include "server/config.h"

int fr_server_config_workers(const struct fr_server_config *c, enum fr_worker type)
{
    long cores;

    if (type == FR_WORKER_HSS)
        return c->gba.hlr ? 1 : 0;
    if (!c->listener[type].listen)
        return 0;
    if (type != FR_WORKER_ENROL)
        return 1;
    if (c->workers > 0)
        return (int)c->workers;
    cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < 1)
        return 1;
    return cores > FR_SERVER_WORKERS_MAX ? FR_SERVER_WORKERS_MAX : (int)cores;
}

uint16_t fr_gba_hlr_port(const struct fr_gba_config *g)
{
    if (!g->hlr)
        return 0;
    if (g->hlr_address.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)&g->hlr_address)->sin_port);
    return ntohs(((const struct sockaddr_in6 *)&g->hlr_address)->sin6_port);
}

bool fr_server_config_connects(const struct fr_server_config *c)
{
    return fr_store_is_conninfo(c->database);
}

bool fr_server_config_admits_admin(const struct fr_server_config *c, const char *fqdn)
{
    if (fr_ascii_equal_fold(fqdn, c->mef_fqdn))
        return true;
    for (size_t i = 0; c->mef && i < fr_conf_list_size(c->mef, "admin-fqdns"); i++) {
        if (fr_ascii_equal_fold(fqdn, fr_conf_list_at(c->mef, "admin-fqdns", i)))
            return true;
    }
    return false;
}

static bool peer_is_called(const struct fr_peer *peer, const char *name)
{
    char text[FR_SAN_TEXT_MAX + 1];

    for (size_t i = 0; i < peer->n_sans; i++) {
        if (fr_str_equal(name, peer->sans[i].value) ||
            fr_str_equal(name, fr_san_format(&peer->sans[i], text)))
            return true;
    }
    return false;
}

bool fr_server_config_excepts_ems(const struct fr_server_config *c,
                                  const struct fr_peer *peer)
{
    for (size_t i = 0; c->tls && i < fr_conf_list_size(c->tls, "ems-exceptions"); i++) {
        if (peer_is_called(peer, fr_conf_list_at(c->tls, "ems-exceptions", i)))
            return true;
    }
    return false;
}
