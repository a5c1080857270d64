/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fake`: a discovery method that yields one entry for its resource, without any I/O:
 * "fake:mef.example.com" is a list of one `fake` bootstrap there; "fake:!refused" fails
 * with that code, reason "fake"; anything with a '{' after the colon is the document.
 */
#ifndef FR_FAKE_DISCOVERY_H
#define FR_FAKE_DISCOVERY_H

#include "discovery/discovery.h"

extern const struct fr_discovery_method fr_fake_discovery;

#endif
