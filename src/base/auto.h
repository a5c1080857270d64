/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ownership that ends with the scope.
 *
 * FR_AUTO(buf) *b = NULL;      frees b by fr_buf_free() on every way out
 * *ret = FR_TAKE(b);           hands it over; b is NULL afterwards
 *
 * A type takes part by FR_DEFINE_AUTO(type) below the declaration of its
 * void fr_type_free(struct fr_type *), which must accept NULL.
 */
#ifndef FR_BASE_AUTO_H
#define FR_BASE_AUTO_H

#include <stddef.h>

#define FR_AUTO(type) __attribute__((cleanup(fr_##type##_auto))) struct fr_##type

#define FR_DEFINE_AUTO(type)                                                           \
    static inline void fr_##type##_auto(struct fr_##type **p)                          \
    {                                                                                  \
        fr_##type##_free(*p);                                                          \
    }

/* Embedded storage: FR_AUTO_CLEAR(buf) b = ...; runs fr_buf_clear(&b). */
#define FR_AUTO_CLEAR(type) __attribute__((cleanup(fr_##type##_clear))) struct fr_##type

#define FR_TAKE(p)                                                                     \
    __extension__({                                                                    \
        __typeof__(p) fr_taken_ = (p);                                                 \
        (p) = NULL;                                                                    \
        fr_taken_;                                                                     \
    })

/* The same for a descriptor, which is -1 afterwards. */
#define FR_TAKE_FD(fd)                                                                 \
    __extension__({                                                                    \
        int fr_taken_ = (fd);                                                          \
        (fd) = -1;                                                                     \
        fr_taken_;                                                                     \
    })

/* calloc(1, size) for what FR_AUTO frees: analysers that know calloc, but not the
 * cleanup attribute, would call each early return a leak. */
void *fr_zalloc(size_t size);

/* For plain heap strings: FR_AUTO_STR(name) = NULL; */
void fr_str_auto(char **p);
#define FR_AUTO_STR(name) __attribute__((cleanup(fr_str_auto))) char *name

/* A descriptor closed at the end of the scope; -1 is none. */
void fr_fd_auto(int *fd);
#define FR_AUTO_FD(name) __attribute__((cleanup(fr_fd_auto))) int name

#endif
