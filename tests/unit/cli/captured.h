/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a whole command in memory: what it printed, how it ended, and, for fieldrootctl,
 * what it asked the daemon, whose answers the test prepares.
 */
#ifndef FR_TEST_CAPTURED_H
#define FR_TEST_CAPTURED_H

#include <stdlib.h>

#include "cli/cli.h"
#include "fake/env.h"
#include "test.h"

enum { ASKED_MAX = 8, WORDS_MAX = 48 };

struct captured {
    struct fr_cli cli; /* set what the command needs before run() */
    char *out, *err;
    int status;
    /* the fake daemon */
    json_t *asked[ASKED_MAX];
    size_t n_asked;
    const char *answer;       /* JSON of every result; NULL: {} */
    const char *first_answer; /* of the first; NULL: as every */
    const char *refuse_op;    /* this op is refused ... */
    enum fr_code refuse_with; /* ... by this code */
};

static inline enum fr_code fake_ask(struct fr_cli *cli, json_t *request, json_t **ret,
                                    struct fr_err *err)
{
    struct captured *c = cli->ctx;
    const char *op = json_string_value(json_object_get(request, "op"));

    assert_non_null(request);
    assert_true(c->n_asked < ASKED_MAX);
    c->asked[c->n_asked++] = request;
    if (c->refuse_op && strcmp(op, c->refuse_op) == 0)
        return FR_FAIL(err, c->refuse_with, "the daemon says no to %s", op);
    if (c->n_asked == 1 && c->first_answer)
        *ret = json_loads(c->first_answer, JSON_DECODE_ANY, NULL);
    else
        *ret = json_loads(c->answer ? c->answer : "{}", JSON_DECODE_ANY, NULL);
    assert_non_null(*ret);
    return FR_OK;
}

static inline void captured_init(struct captured *c, const char *program)
{
    memset(c, 0, sizeof *c);
    c->cli = (struct fr_cli){.program = program,
                             .about = "a test",
                             .path_option = "socket",
                             .path_default = "/default",
                             .env = &fr_env_system,
                             .ask = fake_ask};
}

static inline void captured_clear(struct captured *c)
{
    free(c->out);
    free(c->err);
    while (c->n_asked > 0)
        json_decref(c->asked[--c->n_asked]);
}

/* line is split at spaces; argv[0] is the program. Options set before stay set. */
static inline int run(struct captured *c, const struct fr_command *commands,
                      const char *line)
{
    struct fr_cli cli = c->cli;
    char text[2048], *argv[WORDS_MAX + 1] = {0}, *save = NULL;
    size_t out_len, err_len, n = 0;

    free(c->out);
    free(c->err);
    snprintf(text, sizeof text, "%s", line);
    argv[n++] = (char *)cli.program;
    for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
        assert_true(n < WORDS_MAX);
        argv[n++] = w;
    }
    cli.ctx = c;
    cli.out = open_memstream(&c->out, &out_len);
    cli.err = open_memstream(&c->err, &err_len);
    assert_non_null(cli.out);
    assert_non_null(cli.err);
    c->status = fr_cli_main(&cli, commands, argv);
    fclose(cli.out);
    fclose(cli.err);
    return c->status;
}

/* The i-th request was exactly this JSON. */
static inline void assert_asked(const struct captured *c, size_t i, const char *json)
{
    json_auto_t *want = json_loads(json, 0, NULL);
    char *got;

    assert_non_null(want);
    assert_true(i < c->n_asked);
    got = json_dumps(c->asked[i], JSON_COMPACT);
    if (!json_equal(want, c->asked[i]))
        fail_msg("asked %s instead of %s", got, json);
    free(got);
}

#endif
