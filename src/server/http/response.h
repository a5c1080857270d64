/* SPDX-License-Identifier: Apache-2.0 */
/* The head of an answer, as octets. */
#ifndef FR_SERVER_HTTP_RESPONSE_H
#define FR_SERVER_HTTP_RESPONSE_H

#include "server/http/exchange.h"

/* Status line and headers of x, whose answer is ready. last: the connection closes. */
void fr_response_head(const struct fr_exchange *x, bool last, struct fr_buf *to);
/* True if x->body is sent: not for 204, nor in answer to HEAD. */
bool fr_response_has_body(const struct fr_exchange *x);

#endif
