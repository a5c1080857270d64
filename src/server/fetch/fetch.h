/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fetch listener: an enrolment target gets its own keys (RSPF 4.1), and by a long
 * poll (our extension) hears of what was added, retired or revoked for it.
 */
#ifndef FR_SERVER_FETCH_FETCH_H
#define FR_SERVER_FETCH_FETCH_H

#include "server/http/exchange.h"

#define FR_FEED_WAIT_MAX_S 60

extern const struct fr_service fr_service_fetch;

#endif
