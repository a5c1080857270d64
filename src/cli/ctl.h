/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fieldrootctl: the operator's commands. Each is one or a few calls of fieldrootd's
 * admin socket ({"op": ...} -> result), shown to a person or as JSON. `ca` alone works
 * on files.
 */
#ifndef FR_CLI_CTL_H
#define FR_CLI_CTL_H

#include "cli/view.h"

#define FR_ADMIN_SOCKET     "/run/fieldrootd/admin.sock"
#define FR_ADMIN_TIMEOUT_MS 30000

extern const struct fr_command fr_ctl_commands[];

/* One call over the socket at cli->path; takes request. A refusal of the daemon comes
 * back as its own code, reason and words. */
FR_MUST_USE enum fr_code fr_ctl_ask(struct fr_cli *cli, json_t *request, json_t **ret,
                                    struct fr_err *err);

/* A whole list, page after page; request (taken) has no "limit" yet, key names the
 * member by which the list is ordered. */
FR_MUST_USE enum fr_code fr_ctl_ask_list(struct fr_cli *cli, json_t *request,
                                         const char *key, json_t **ret,
                                         struct fr_err *err);
#define FR_ADMIN_PAGE 200

extern const struct fr_column fr_ctl_credential_columns[];

/* Commands that need more than words and one call. */
enum fr_code fr_ctl_enrolee_add(struct fr_cli *cli, const struct fr_command *self,
                                struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_enrolee_sim(struct fr_cli *cli, const struct fr_command *self,
                                struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_enrolee_allow(struct fr_cli *cli, const struct fr_command *self,
                                  struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_target_add(struct fr_cli *cli, const struct fr_command *self,
                               struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_instructions_set(struct fr_cli *cli, const struct fr_command *self,
                                     struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_instructions_show(struct fr_cli *cli, const struct fr_command *self,
                                      struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_instructions_assign(struct fr_cli *cli,
                                        const struct fr_command *self,
                                        struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_credential_list(struct fr_cli *cli, const struct fr_command *self,
                                    struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_explain(struct fr_cli *cli, const struct fr_command *self,
                            struct fr_args *args, struct fr_err *err);
enum fr_code fr_ctl_audit(struct fr_cli *cli, const struct fr_command *self,
                          struct fr_args *args, struct fr_err *err);

extern const struct fr_opt fr_ctl_enrolee_add_opts[];
extern const struct fr_opt fr_ctl_enrolee_sim_opts[];
extern const struct fr_opt fr_ctl_enrolee_allow_opts[];
extern const struct fr_opt fr_ctl_target_add_opts[];
extern const struct fr_opt fr_ctl_instructions_assign_opts[];
extern const struct fr_opt fr_ctl_credential_list_opts[];
extern const struct fr_opt fr_ctl_audit_opts[];

/* After a change: the result with --json, else the words. */
void fr_ctl_done(struct fr_cli *cli, const json_t *result, const char *fmt, ...)
    FR_PRINTF(3, 4);

#endif
