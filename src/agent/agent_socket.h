/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's Unix socket: lines in, lines out, for a few clients at a time. A client
 * is named by a number that is never used again, so that one that has gone is harmless.
 */
#ifndef FR_AGENT_AGENT_SOCKET_H
#define FR_AGENT_AGENT_SOCKET_H

#include <poll.h>

#include "agent/agent.h"

#define FR_AGENT_SOCKET_FDS (FR_AGENT_CLIENTS_MAX + 1)

struct fr_agent_socket;

/* A line, without its newline, of client `who`. */
typedef void (*fr_agent_request_fn)(void *ctx, uint64_t who, struct fr_slice line);

/* Replaces a socket that a dead agent left (the caller holds the lock). Mode 0600. */
FR_MUST_USE enum fr_code fr_agent_socket_open(const char *path,
                                              struct fr_agent_socket **ret,
                                              struct fr_err *err);
/* Sends what can be sent at once, and removes the socket. */
void fr_agent_socket_close(struct fr_agent_socket *s);

size_t fr_agent_socket_interests(const struct fr_agent_socket *s, struct pollfd *fds);
/* Does what can be done now; calls fn for each line. */
void fr_agent_socket_step(struct fr_agent_socket *s, fr_agent_request_fn fn, void *ctx);

/* Queues text and a newline. A client that does not read is given up. */
void fr_agent_socket_say(struct fr_agent_socket *s, uint64_t who, const char *text);
/* Closes once everything is sent. */
void fr_agent_socket_finish(struct fr_agent_socket *s, uint64_t who);

#endif
