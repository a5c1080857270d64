/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routes as a table: 404 and 405 fall out of it. A pattern is a path below the
 * service's base in which "{}" stands for one segment; segments are percent-decoded
 * after the split, so that an encoded '/' stays inside its segment.
 */
#ifndef FR_SERVER_HTTP_ROUTE_H
#define FR_SERVER_HTTP_ROUTE_H

#include "base/str.h"

#define FR_ROUTE_PARAMS_MAX 2

struct fr_exchange;

struct fr_route {
    const char *method; /* NULL ends the table */
    const char *pattern;
    void (*handle)(struct fr_exchange *x);
};

struct fr_route_match {
    const struct fr_route *route;
    char param[FR_ROUTE_PARAMS_MAX][FR_ID_MAX + 1]; /* decoded */
    char allow[64];                                 /* methods of the path, for 405 */
};

/* FR_OK; FR_ENOTFOUND "no-such-path"; FR_EUNSUPPORTED "method-not-allowed" (405, see
 * allow); FR_EPARSE for a bad escape. Segments longer than FR_ID_MAX match nothing. */
FR_MUST_USE enum fr_code fr_route_find(const struct fr_route *routes, const char *base,
                                       const char *method, const char *path,
                                       struct fr_route_match *ret, struct fr_err *err);

#endif
