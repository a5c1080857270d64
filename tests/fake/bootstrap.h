/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `fake`: a bootstrap method of one-line messages, without any cryptography, that shows
 * what the interface asks of a method and stands in for one in tests.
 *
 *   enrol    "enrol" -> "key", STORE_PENDING, "confirm" -> "ok", FLIP, "bye" -> "bye"
 *   resolve  "known" -> "yes": FLIP, "bye" -> "bye"; "no": DROP_PENDING
 *
 * An instruction whose comment is a code's name ("refused", "unreachable"...) fails
 * with it, reason "fake", as soon as it is connected.
 */
#ifndef FR_FAKE_BOOTSTRAP_H
#define FR_FAKE_BOOTSTRAP_H

#include "bootstrap/bootstrap.h"

extern const struct fr_bootstrap_method fr_fake_bootstrap;

/* The MEF's part; state: bool *, does it know the pending key? (fr_drive_peer) */
bool fr_fake_bootstrap_answer(void *state, struct fr_slice sent, struct fr_buf *reply);

#endif
