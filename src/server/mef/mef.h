/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The enrol listener: the MEF side of Mmef (RSPF 7) with our two extensions, key
 * confirmation and the upload of attempt records.
 */
#ifndef FR_SERVER_MEF_MEF_H
#define FR_SERVER_MEF_MEF_H

#include "server/http/exchange.h"

extern const struct fr_service fr_service_mef;

#endif
