/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/events.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/str.h"
#include "base/timetext.h"
#include "model/json_text.h"

#define LINE_MAX_OCTETS 1400 /* for a person */

static void tell(struct fr_teller *t, enum fr_event_kind kind, const char *json,
                 const char *text)
{
    struct fr_event event = {.kind = kind, .json = json, .text = text};

    if (t->fn && t->fn(t->ctx, &event) != 0)
        t->stop = true;
}

/* A peer's words, or half a character where they were cut, must not cost the event. */
const char *fr_tell_speakable(const char *text, char to[FR_SPEAKABLE_MAX])
{
    return fr_printable(fr_slice_str(text), to, FR_SPEAKABLE_MAX);
}

static void tell_json(struct fr_teller *t, enum fr_event_kind kind, json_t *json,
                      const char *text)
{
    FR_AUTO_CLEAR(buf) line = FR_BUF_INIT(FR_EVENT_LINE_MAX);

    if (fr_json_put(json, &line, NULL) == FR_OK)
        tell(t, kind, fr_buf_cstr(&line), text);
}

void fr_tell_attempt(struct fr_teller *t, const struct fr_attempt *a)
{
    FR_AUTO_CLEAR(buf) json = FR_BUF_INIT(2 * FR_ATTEMPT_FRAME);
    char line[LINE_MAX_OCTETS];

    if (!t->fn)
        return;
    fr_buf_str(&json, "{\"event\":\"attempt\",");
    size_t at = json.len;
    if (fr_attempt_to_json(a, &json, NULL) != FR_OK)
        return;
    memmove(json.data + at, json.data + at + 1, json.len - at); /* its own "{" goes */
    (void)snprintf(line, sizeof line, "%s %s %s: %s%s%s%s%s", a->position, a->method,
                   a->peer, fr_class_name(a->result.class),
                   a->result.reason[0] ? " (" : "", a->result.reason,
                   a->result.reason[0] ? "): " : ": ", a->result.text);
    tell(t, FR_EVENT_ATTEMPT, fr_buf_cstr(&json), line);
}

void fr_tell_phase(struct fr_teller *t, const char *position, enum fr_phase phase)
{
    char line[80];

    if (!t->fn)
        return;
    json_auto_t *json = json_pack("{s:s,s:s,s:s}", "event", "phase", "position",
                                  position, "phase", fr_phase_name(phase));
    (void)snprintf(line, sizeof line, "%s %s", position, fr_phase_name(phase));
    tell_json(t, FR_EVENT_PHASE, json, line);
}

void fr_tell_warning(struct fr_teller *t, const char *text)
{
    char plain[FR_SPEAKABLE_MAX];

    if (!t->fn)
        return;
    json_auto_t *json = json_pack("{s:s,s:s}", "event", "warning", "text",
                                  fr_tell_speakable(text, plain));
    tell_json(t, FR_EVENT_WARNING, json, text);
}

static json_t *credential_json(const struct fr_credential *c)
{
    char expires[FR_TIME_TEXT];

    return json_pack("{s:s,s:s,s:i,s:s,s:s}", "mef", c->mef, "target", c->target,
                     "suid", c->suid, "keyId", c->key_id, "expires",
                     fr_rfc3339_format(c->expires, expires));
}

void fr_tell_outcome(struct fr_teller *t, const struct fr_outcome_report *o)
{
    char line[LINE_MAX_OCTETS], plain[FR_SPEAKABLE_MAX];

    if (!t->fn)
        return;
    json_auto_t *json = json_pack("{s:s,s:s,s:i,s:s,s:s,s:s}", "event", "outcome",
                                  "outcome", fr_outcome_name(o->outcome), "exit",
                                  o->exit_status, "reason", o->reason, "text",
                                  fr_tell_speakable(o->text, plain), "list", o->list);
    if (json && o->credential)
        (void)json_object_set_new(json, "credential", credential_json(o->credential));
    (void)snprintf(line, sizeof line, "%s: %s", fr_outcome_name(o->outcome), o->text);
    tell_json(t, FR_EVENT_OUTCOME, json, line);
}
