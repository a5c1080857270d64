/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A BIO over a non-blocking socket whose data is a struct fr_tls_peer: no SIGPIPE,
 * octets counted, and a write to a peer that has gone succeeds into nothing, so that
 * TLS goes on to read what the peer said last.
 */
#ifndef FR_NET_SOCKBIO_H
#define FR_NET_SOCKBIO_H

#include <openssl/bio.h>

BIO_METHOD *fr_sockbio_method(void); /* BIO_meth_free(); NULL: no memory */

#endif
