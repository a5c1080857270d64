/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attempt.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include "base/str.h"
#include "base/timetext.h"
#include "model/json_scan.h"
#include "model/json_text.h"

#define OF(member)      offsetof(struct fr_attempt, member)
#define SIZE_OF(member) sizeof(((struct fr_attempt *)0)->member)

/* Members that are copied as they are; peer, kind, class and phase are not. */
static const struct text_member {
    const char *name;
    size_t offset, size;
    bool required;
} texts[] = {
    {"list", OF(list), SIZE_OF(list), true},
    {"position", OF(position), SIZE_OF(position), true},
    {"method", OF(method), SIZE_OF(method), true},
    {"target", OF(target), SIZE_OF(target), false},
    {"reason", OF(result.reason), SIZE_OF(result.reason), true},
    {"text", OF(result.text), SIZE_OF(result.text), false},
};

enum { N_TEXTS = sizeof texts / sizeof texts[0], LONGEST = FR_ERR_MSG_MAX };

static const char *peer_member(enum fr_instruction_kind kind)
{
    return kind == FR_BOOTSTRAP ? "mef" : "resource";
}

/* text without what a terminal would act on, at most size - 1 octets of it. */
static void make_plain(struct fr_slice text, char to[LONGEST + 4], size_t size)
{
    size_t n;

    fr_printable(text, to, size + 4); /* it keeps 4 octets free */
    n = strlen(to);
    while (n >= size || !fr_utf8_is_valid(fr_slice_of(to, n)))
        n--;
    to[n] = 0;
}

/* ---- to JSON ---- */

static int put_text(json_t *object, const char *name, const char *text, size_t size)
{
    char plain[LONGEST + 4];

    make_plain(fr_slice_str(text), plain, size);
    return json_object_set_new(object, name, json_string(plain));
}

static int put_member(json_t *object, const struct fr_attempt *a, size_t i)
{
    return put_text(object, texts[i].name, (const char *)a + texts[i].offset,
                    texts[i].size);
}

static int put_octets(json_t *object, const char *name, uint64_t n)
{
    return json_object_set_new(object, name,
                               json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

static json_t *to_json(const struct fr_attempt *a)
{
    enum { LIST, POSITION, METHOD, TARGET, REASON, TEXT };
    json_auto_t *o = json_object();
    char start[FR_TIME_TEXT];
    int bad = 0;

    bad |= put_member(o, a, LIST);
    bad |= put_member(o, a, POSITION);
    bad |= put_text(o, "kind", a->kind == FR_BOOTSTRAP ? "bootstrap" : "discovery", 16);
    bad |= put_member(o, a, METHOD);
    bad |= put_text(o, peer_member(a->kind), a->peer, sizeof a->peer);
    bad |= put_member(o, a, TARGET);
    bad |= put_text(o, "phase", fr_phase_name(a->result.phase), 16);
    bad |= put_text(o, "class", fr_class_name(a->result.class), 16);
    bad |= put_member(o, a, REASON);
    bad |= put_member(o, a, TEXT);
    bad |= put_text(o, "start", fr_rfc3339_format(a->start, start), sizeof start);
    bad |= json_object_set_new(o, "durationMs", json_integer(a->duration_ms));
    bad |= put_octets(o, "octetsOut", a->octets_out);
    bad |= put_octets(o, "octetsIn", a->octets_in);
    return bad ? NULL : json_incref(o);
}

enum fr_code fr_attempt_to_json(const struct fr_attempt *a, struct fr_buf *to,
                                struct fr_err *err)
{
    json_auto_t *object = to_json(a);

    return fr_json_put(object, to, err);
}

/* ---- from JSON ---- */

static enum fr_code malformed(const char *what, struct fr_err *err)
{
    return FR_FAIL_AS(err, FR_EPARSE, "attempt-record",
                      "not an attempt record: \"%s\" is missing or not as it must be",
                      what);
}

static bool get_text(const json_t *object, const char *name, char *to, size_t size)
{
    const json_t *value = json_object_get(object, name);
    char plain[LONGEST + 4];

    if (!json_is_string(value) || json_string_length(value) >= size)
        return false;
    make_plain(fr_slice_str(json_string_value(value)), plain, size);
    memcpy(to, plain, strlen(plain) + 1);
    return true;
}

static bool get_number(const json_t *object, const char *name, int64_t *ret)
{
    const json_t *value = json_object_get(object, name);

    *ret = json_integer_value(value);
    return json_is_integer(value) && *ret >= 0;
}

static bool is_list_id(const char *s)
{
    uint8_t octets[FR_LIST_ID_LEN / 2];

    return strlen(s) == FR_LIST_ID_LEN && fr_hex_decode(fr_slice_str(s), octets);
}

static bool is_entry(const char *s, size_t len)
{
    uint64_t v;

    return fr_uint_parse(fr_slice_of(s, len), FR_INSTRUCTIONS_MAX, &v) && v > 0;
}

/* "2", "3.1", "resolve" */
static bool is_position(const char *s)
{
    const char *dot = strchr(s, '.');

    if (strcmp(s, "resolve") == 0)
        return true;
    if (!dot)
        return is_entry(s, strlen(s));
    return is_entry(s, (size_t)(dot - s)) && is_entry(dot + 1, strlen(dot + 1));
}

static bool get_kind(const json_t *object, enum fr_instruction_kind *ret)
{
    char word[16];

    if (!get_text(object, "kind", word, sizeof word))
        return false;
    *ret = strcmp(word, "bootstrap") == 0 ? FR_BOOTSTRAP : FR_DISCOVERY;
    return *ret == FR_BOOTSTRAP || strcmp(word, "discovery") == 0;
}

static bool get_phase(const json_t *object, enum fr_phase *ret)
{
    char word[16];

    return get_text(object, "phase", word, sizeof word) && fr_phase_by_name(word, ret);
}

static bool get_class(const json_t *object, enum fr_class *ret)
{
    char word[16];

    return get_text(object, "class", word, sizeof word) && fr_class_by_name(word, ret);
}

static bool get_start(const json_t *object, int64_t *ret)
{
    char word[40];

    return get_text(object, "start", word, sizeof word) &&
           fr_rfc3339_parse(fr_slice_str(word), ret);
}

static enum fr_code get_texts(const json_t *object, struct fr_attempt *a,
                              struct fr_err *err)
{
    for (size_t i = 0; i < N_TEXTS; i++) {
        const struct text_member *m = &texts[i];

        if (!m->required && !json_object_get(object, m->name))
            continue;
        if (!get_text(object, m->name, (char *)a + m->offset, m->size))
            return malformed(m->name, err);
    }
    if (!is_list_id(a->list))
        return malformed("list", err);
    if (!is_position(a->position))
        return malformed("position", err);
    return FR_OK;
}

static enum fr_code from_json(const json_t *object, struct fr_attempt *a,
                              struct fr_err *err)
{
    int64_t out, in;

    FR_TRY(get_texts(object, a, err));
    if (!get_kind(object, &a->kind))
        return malformed("kind", err);
    if (!get_text(object, peer_member(a->kind), a->peer, sizeof a->peer))
        return malformed(peer_member(a->kind), err);
    if (!get_phase(object, &a->result.phase))
        return malformed("phase", err);
    if (!get_class(object, &a->result.class))
        return malformed("class", err);
    if (!get_start(object, &a->start))
        return malformed("start", err);
    if (!get_number(object, "durationMs", &a->duration_ms))
        return malformed("durationMs", err);
    if (!get_number(object, "octetsOut", &out) || !get_number(object, "octetsIn", &in))
        return malformed("octetsOut, octetsIn", err);
    a->octets_out = (uint64_t)out;
    a->octets_in = (uint64_t)in;
    return FR_OK;
}

enum fr_code fr_attempt_from_json(struct fr_slice text, struct fr_attempt *ret,
                                  struct fr_err *err)
{
    struct fr_attempt a = {.result.retry_after_ms = -1};
    json_auto_t *object = NULL;
    json_error_t error;

    if (text.len > FR_ATTEMPT_FRAME || fr_json_too_deep(text, FR_JSON_DEPTH) < text.len)
        return FR_FAIL_AS(err, FR_EPARSE, "attempt-record",
                          "an attempt record is too large or too deep");
    object =
        json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &error);
    /* Without memory jansson often fails without a word. */
    if (!object &&
        (json_error_code(&error) == json_error_out_of_memory || !error.text[0]))
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (!json_is_object(object))
        return FR_FAIL_AS(err, FR_EPARSE, "attempt-record",
                          "an attempt record is no JSON object");
    FR_TRY(from_json(object, &a, err));
    *ret = a;
    return FR_OK;
}
