/* SPDX-License-Identifier: Apache-2.0 */
/* The challenges of Ub, in step with the batches; and what ends a wait for the HSS. */
#include "server/vault/ub.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/str.h"
#include "server/vault/rate.h"

struct fr_ub {
    struct fr_journal *table;
    struct fr_vault_identities *vectors, *resyncs;
    struct fr_bucket all, all_before; /* vectors of all subscribers */
    size_t n_hss;
    uint64_t last_ticket;
};

static void free_run(void *data)
{
    struct fr_ub_run *run = data;

    fr_secret_free(run->keys);
    free(run);
}

static enum fr_code fill(struct fr_ub *ub, const struct fr_vault_config *c,
                         struct fr_err *err)
{
    FR_TRY(fr_journal_new(FR_VAULT_CHALLENGES, free_run, &ub->table, err));
    FR_TRY(fr_vault_identities_new(c->gba.vectors_per_minute, &ub->vectors, err));
    return fr_vault_identities_new(FR_VAULT_RESYNCS, &ub->resyncs, err);
}

enum fr_code fr_ub_new(const struct fr_vault_config *config, struct fr_ub **ret,
                       struct fr_err *err)
{
    struct fr_ub *ub = calloc(1, sizeof *ub);
    enum fr_code rc;

    if (!ub)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for the challenges");
    rc = fill(ub, config, err);
    if (rc == FR_OK)
        *ret = ub;
    else
        fr_ub_free(ub);
    return rc;
}

void fr_ub_free(struct fr_ub *ub)
{
    if (!ub)
        return;
    fr_journal_free(ub->table);
    fr_vault_identities_free(ub->vectors);
    fr_vault_identities_free(ub->resyncs);
    free(ub);
}

struct fr_journal *fr_ub_table(const struct fr_ub *ub)
{
    return ub->table;
}

uint64_t fr_ub_key_of(const uint8_t rand[FR_AKA_RAND_LEN])
{
    struct fr_cursor c = fr_cursor_of(fr_slice_of(rand, FR_AKA_RAND_LEN));
    uint64_t high = fr_take_u32(&c);

    return high << 32 | fr_take_u32(&c);
}

struct fr_entry *fr_ub_challenge_of(const struct fr_vault *v,
                                    const uint8_t rand[FR_AKA_RAND_LEN])
{
    return fr_journal_find(v->ub->table, FR_UB_CHALLENGES, fr_ub_key_of(rand));
}

/* ---- batches ---- */

struct fr_ub_mark fr_ub_mark(const struct fr_vault *v)
{
    const struct fr_ub *ub = v->ub;

    return (struct fr_ub_mark){.steps = fr_journal_mark(ub->table),
                               .letters = v->letters.n,
                               .vectors = fr_vault_identities_counted(ub->vectors),
                               .resyncs = fr_vault_identities_counted(ub->resyncs),
                               .all = ub->all};
}

void fr_ub_undo(struct fr_vault *v, const struct fr_ub_mark *mark)
{
    struct fr_ub *ub = v->ub;

    fr_journal_undo(ub->table, mark->steps);
    fr_letters_drop(v, mark->letters);
    fr_vault_identities_undo(ub->vectors, mark->vectors);
    fr_vault_identities_undo(ub->resyncs, mark->resyncs);
    ub->all = mark->all;
}

void fr_ub_undo_all(struct fr_vault *v)
{
    const struct fr_ub_mark start = {.all = v->ub->all_before};

    fr_ub_undo(v, &start);
}

void fr_ub_keep(struct fr_vault *v)
{
    struct fr_ub *ub = v->ub;

    fr_journal_keep(ub->table);
    fr_vault_identities_keep(ub->vectors);
    fr_vault_identities_keep(ub->resyncs);
    ub->all_before = ub->all;
}

/* ---- asking the HSS ---- */

static enum fr_code no_hss(struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EUNREACHABLE, "hss-unreachable",
                      "the HSS does not answer: try again");
}

/* Who asks has proved nothing yet: what one address asks for in a subscriber's name
 * costs the subscriber nothing. */
static enum fr_code check_rates(const struct fr_request *q, bool is_resync,
                                struct fr_err *err)
{
    char network[FR_NETWORK_MAX], who[FR_IMSI_MAX + FR_NETWORK_MAX + 2];
    struct fr_ub *ub = q->v->ub;
    int64_t now_ms = fr_mono_ms(q->v->env);

    fr_network_of(q->who.address, network);
    snprintf(who, sizeof who, "%s %s", q->who.listing.imsi, network);
    if (ub->n_hss == 0)
        return no_hss(err);
    if (is_resync && fr_vault_rate_identity(ub->resyncs, who, now_ms, err) != FR_OK)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "resync-too-often",
                          "more than %d resynchronisations a minute of one subscriber "
                          "from one address",
                          FR_VAULT_RESYNCS);
    if (fr_vault_rate_identity(ub->vectors, who, now_ms, err) != FR_OK)
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "subscriber-rate",
                          "more than %ld challenges a minute of one subscriber "
                          "from one address",
                          q->v->config.gba.vectors_per_minute);
    if (!fr_bucket_take(&ub->all, now_ms, FR_VAULT_VECTORS_PER_S,
                        FR_VAULT_VECTORS_PER_S))
        return FR_FAIL_AS(err, FR_EUNREACHABLE, "hss-rate",
                          "more than %d challenges a second", FR_VAULT_VECTORS_PER_S);
    return FR_OK;
}

static enum fr_code put_wait(const struct fr_request *q, const struct fr_ub_wish *wish,
                             uint64_t ticket, struct fr_err *err)
{
    struct fr_ub_run *run = calloc(1, sizeof *run);
    const struct fr_entry e = {.kind = FR_UB_WAITS,
                               .key = ticket,
                               .deadline_ms = fr_mono_ms(q->v->env) +
                                              q->v->config.gba.hss_timeout_ms,
                               .data = run};
    enum fr_code rc;

    if (!run)
        return FR_FAIL(err, FR_ENOMEM, "out of memory for a bootstrap");
    *run = (struct fr_ub_run){.is_gba_u = q->who.listing.gba_u,
                              .worker = q->reply->asker,
                              .id = q->m->id,
                              .type = q->m->type,
                              .has_auts = wish->auts != NULL};
    snprintf(run->imsi, sizeof run->imsi, "%s", q->who.listing.imsi);
    snprintf(run->impi, sizeof run->impi, "%s", fr_ub_impi(q));
    snprintf(run->username, sizeof run->username, "%s", wish->username);
    snprintf(run->address, sizeof run->address, "%s", q->who.address);
    rc = fr_journal_put(q->v->ub->table, &e, err);
    if (rc != FR_OK)
        free_run(run);
    return rc;
}

static enum fr_code ask(const struct fr_request *q, const struct fr_ub_wish *wish,
                        uint64_t ticket, struct fr_err *err)
{
    struct fr_msg m = {.type = FR_MSG_VECTOR_WANTED};
    uint8_t number[8];

    fr_msg_set_u64(&m, FR_F_TICKET, ticket, number);
    fr_msg_set_str(&m, FR_F_SUBSCRIBER, q->who.listing.imsi);
    if (wish->auts) {
        fr_msg_set(&m, FR_F_RAND, fr_slice_of(wish->rand, FR_AKA_RAND_LEN));
        fr_msg_set(&m, FR_F_AUTS, fr_slice_of(wish->auts, FR_AKA_AUTS_LEN));
    }
    return fr_letter_post(q->v, FR_WORKER_HSS, 0, &m, err);
}

enum fr_code fr_ub_ask_hss(struct fr_request *q, const struct fr_ub_wish *wish,
                           struct fr_err *err)
{
    uint64_t ticket = q->v->ub->last_ticket + 1;

    FR_TRY(check_rates(q, wish->auts != NULL, err));
    FR_TRY(put_wait(q, wish, ticket, err));
    FR_TRY(ask(q, wish, ticket, err));
    q->v->ub->last_ticket = ticket; /* never used again, whatever becomes of it */
    q->reply->is_put_off = true;
    return FR_OK;
}

/* ---- time ---- */

static void tell(struct fr_vault *v, const struct fr_ub_run *run)
{
    struct fr_err why = {0}, err = {0};

    (void)no_hss(&why);
    if (fr_letter_fail(v, FR_WORKER_GBA, run->worker, run->id, &why, &err) != FR_OK)
        fr_log(FR_LOG_ERROR, "a bootstrap is not answered: %s", err.msg);
}

static bool is_due(void *ctx, const struct fr_entry *e)
{
    struct fr_vault *v = ctx;
    bool is_hopeless = e->kind == FR_UB_WAITS && v->ub->n_hss == 0;

    if (!is_hopeless && e->deadline_ms > fr_mono_ms(v->env))
        return false;
    if (e->kind == FR_UB_WAITS)
        tell(v, e->data);
    return true;
}

void fr_vault_tick_ub(struct fr_vault *v)
{
    fr_journal_expire(v->ub->table, is_due, v);
}

void fr_vault_meet_hss(struct fr_vault *v, size_t n)
{
    v->ub->n_hss = n;
    if (n == 0)
        fr_vault_tick_ub(v);
}

bool fr_vault_is_bootstrapping(const struct fr_vault *v)
{
    return fr_journal_count(v->ub->table) > 0;
}
