/* SPDX-License-Identifier: Apache-2.0 */
/* A fleet moves to another store: passes, the final one, and taking that back. */
#include <stdio.h>

#include "base/str.h"
#include "base/timetext.h"
#include "server/store_tools/impl.h"

enum { PLACE_TEXT = 600 };

static void say(char to[PLACE_TEXT], const char *direction, const char *place)
{
    char when[FR_TIME_TEXT];

    snprintf(to, PLACE_TEXT, "%s %.500s, %s", direction, place,
             fr_rfc3339_format(fr_wall_s(&fr_env_system), when));
}

static enum fr_code check_from(struct fr_store *s, const char *name, struct fr_err *err)
{
    char copy[FR_FACT_MAX], moved[FR_FACT_MAX];

    FR_TRY(fr_fact_get(s, FR_FACT_COPY, copy, err));
    if (copy[0])
        return FR_FAIL_AS(err, FR_ECONFIG, "copy-unfinished",
                          "%s is itself a copy that is not finished (%s)", name, copy);
    FR_TRY(fr_fact_get(s, FR_FACT_MOVED, moved, err));
    if (moved[0])
        return FR_FAIL_AS(err, FR_ECONFIG, "store-moved",
                          "%s has moved (%s): copy from there, or take that back by "
                          "--abandon",
                          name, moved);
    return FR_OK;
}

static bool is_empty(const struct fr_store_counts *n, const char *kek)
{
    return !kek[0] && n->enrolees + n->targets + n->credentials + n->documents +
                              n->audit_lines + n->feed_seq ==
                          0;
}

/* A copy is marked from its first row on, so that no server begins to serve from half
 * of a fleet, and no later pass overwrites what has a life of its own. */
static enum fr_code claim(struct fr_store *to, const struct fr_store_move *m,
                          struct fr_err *err)
{
    char fact[FR_FACT_MAX], kek[FR_FACT_MAX], place[PLACE_TEXT];
    const struct fr_fact mark = {FR_FACT_COPY, place};
    struct fr_store_counts n;

    FR_TRY(fr_fact_get(to, FR_FACT_COPY, fact, err));
    FR_TRY(fr_fact_get(to, FR_FACT_KEK, kek, err));
    FR_TRY(FR_STORE_ASK(to, err, counts, &n));
    if (!fact[0] && !is_empty(&n, kek))
        return FR_FAIL_AS(err, FR_ECONFLICT, "store-exists",
                          "%s is a store of its own, and is not overwritten", m->to);
    say(place, "of", m->from);
    return fr_tool_set_facts(to, &mark, 1, err);
}

static enum fr_code freeze(struct fr_store *from, const struct fr_store_move *m,
                           struct fr_err *err)
{
    char place[PLACE_TEXT];
    const struct fr_fact moved = {FR_FACT_MOVED, place};

    say(place, "to", m->to);
    return fr_tool_set_facts(from, &moved, 1, err);
}

static enum fr_code thaw(struct fr_store *from, struct fr_err *err)
{
    const struct fr_fact moved = {FR_FACT_MOVED, ""};

    return fr_tool_set_facts(from, &moved, 1, err);
}

static enum fr_code release_each(struct fr_store *to,
                                 const struct fr_store_nodes *nodes, struct fr_err *err)
{
    for (size_t i = 0; i < nodes->n; i++) {
        struct fr_store_node nobodys = {0};

        snprintf(nobodys.name, sizeof nobodys.name, "%s", nodes->list[i].name);
        FR_TRY(FR_STORE_ASK(to, err, node_enter, &nobodys));
    }
    return FR_OK;
}

/* Who wrote under these names has the old store, and can no more: whoever begins at the
 * new one need not wait until they are silent. */
static enum fr_code release_names(struct fr_store *to, struct fr_err *err)
{
    FR_AUTO_CLEAR(store_nodes) nodes = {0};
    enum fr_code rc;

    FR_TRY(fr_store_nodes_read(to, &nodes, err));
    FR_TRY(FR_STORE_ASK_PLAIN(to, err, begin));
    rc = release_each(to, &nodes, err);
    if (rc == FR_OK)
        return FR_STORE_ASK_PLAIN(to, err, commit);
    (void)FR_STORE_ASK_PLAIN(to, NULL, rollback);
    return rc;
}

static enum fr_code finish(struct fr_store *to, const struct fr_store_move *m,
                           struct fr_err *err)
{
    char note[FR_FACT_MAX], place[PLACE_TEXT];
    const struct fr_fact facts[] = {{FR_FACT_COPY, ""}, {FR_FACT_NOTE, note}};

    FR_TRY(release_names(to, err));
    say(place, "from", m->from);
    snprintf(note, sizeof note, "the store has moved here %s", place);
    return fr_tool_set_facts(to, facts, 2, err);
}

static enum fr_code last_pass(struct fr_store *from, struct fr_store *to,
                              const struct fr_store_move *m, struct fr_copy_report *ret,
                              struct fr_err *err)
{
    struct fr_err second = {0};
    enum fr_code rc;

    FR_TRY(freeze(from, m, err));
    rc = fr_store_copy(from, to, ret, err);
    if (rc == FR_OK)
        rc = finish(to, m, err);
    if (rc != FR_OK && thaw(from, &second) != FR_OK)
        return fr_err_wrap(err, rc, "and %s stays closed (%s): --abandon opens it",
                           m->from, second.msg);
    return rc;
}

/* A pass reads only; the final one writes that it was. */
static enum fr_code open_from(const struct fr_store_move *m, struct fr_store **ret,
                              struct fr_err *err)
{
    FR_AUTO(store) *s = NULL;

    FR_TRY(fr_tool_read(m->from, &s, err));
    FR_TRY(check_from(s, m->from, err));
    if (m->is_final) {
        fr_store_free(FR_TAKE(s));
        FR_TRY(fr_tool_open(m->from, &s, err));
    }
    *ret = FR_TAKE(s);
    return FR_OK;
}

enum fr_code fr_store_move(const struct fr_store_move *move, struct fr_copy_report *ret,
                           struct fr_err *err)
{
    FR_AUTO(store) *from = NULL, *to = NULL;

    FR_TRY(open_from(move, &from, err));
    FR_TRY(fr_tool_open(move->to, &to, err));
    FR_TRY(claim(to, move, err));
    if (move->is_final)
        FR_TRY(last_pass(from, to, move, ret, err));
    else
        FR_TRY(fr_store_copy(from, to, ret, err));
    return fr_tool_give(move->to, err);
}

enum fr_code fr_store_abandon_move(const char *from, struct fr_err *err)
{
    FR_AUTO(store) *s = NULL;
    char fact[FR_FACT_MAX];

    FR_TRY(fr_tool_read(from, &s, err));
    FR_TRY(fr_fact_get(s, FR_FACT_MOVED, fact, err));
    if (!fact[0])
        return FR_FAIL(err, FR_ENOTFOUND, "%s has not moved", from);
    fr_store_free(FR_TAKE(s));
    FR_TRY(fr_tool_open(from, &s, err));
    return thaw(s, err);
}
