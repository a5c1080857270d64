/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The arguments of `provision` and `plan`, in the order in which they were given, as
 * one instruction list (DESIGN 4). Reads nothing but the files of --instructions, and
 * those by the caller's hand.
 */
#ifndef FR_CLI_PROVISION_ARGS_H
#define FR_CLI_PROVISION_ARGS_H

#include "cli/cli.h"
#include "model/instruction.h"

#define FR_RESOLVES_MAX 16

struct fr_resolve {
    char name[FR_FQDN_MAX + 1];
    const char *address;
};

struct fr_provision_args {
    struct fr_document *doc;
    bool renew;
    int64_t wait_target_ms; /* 0: not */
    bool idle_target; /* a default was given and nothing is there to take it: entries of
                         documents and discoveries name their own */
    struct fr_resolve resolves[FR_RESOLVES_MAX];
    size_t n_resolves;
};
void fr_provision_args_clear(struct fr_provision_args *a);

extern const struct fr_opt fr_provision_opts[];
#define FR_PROVISION_WORDS                                                             \
    "[FQDN[:PORT]] [--instructions FILE|-] [--discover URI] "                          \
    "[--bootstrap METHOD:FQDN[:PORT]] [--target ID] [--resolve NAME=ADDR] [--renew] "  \
    "[--wait-target DURATION]"

/* Appends the file ("-": standard input) to to. */
typedef enum fr_code (*fr_document_reader)(void *ctx, const char *file,
                                           struct fr_buf *to, struct fr_err *err);
/* The real one; ctx is not used. A file that is not there is FR_EPARSE. */
enum fr_code fr_document_read(void *ctx, const char *file, struct fr_buf *to,
                              struct fr_err *err);

/* Warns of an option without effect. */
void fr_provision_args_warn(struct fr_cli *cli, const struct fr_provision_args *a);

/* FR_EUSAGE for wrong words; FR_EPARSE for a broken document. ret->resolves borrow. */
FR_MUST_USE enum fr_code fr_provision_args_parse(struct fr_args *args,
                                                 fr_document_reader read, void *ctx,
                                                 struct fr_provision_args *ret,
                                                 struct fr_err *err);

#endif
