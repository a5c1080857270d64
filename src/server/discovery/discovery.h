/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The discovery listener: the instruction document that the operator assigned to this
 * enrolee, by the identity of the TLS client (DESIGN 5).
 */
#ifndef FR_SERVER_DISCOVERY_DISCOVERY_H
#define FR_SERVER_DISCOVERY_DISCOVERY_H

#include "server/http/exchange.h"

extern const struct fr_service fr_service_discovery;

#endif
