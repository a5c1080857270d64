/* SPDX-License-Identifier: Apache-2.0 */
/* News of the target tool, as text or JSON. */
#include <jansson.h>
#include <stdlib.h>

#include "base/timetext.h"
#include "target/program.h"

static void report_json(FILE *out, const struct fr_target_news *n)
{
    char when[FR_TIME_TEXT];
    json_auto_t *o =
        json_pack("{s:s, s:s, s:s, s:i, s:s}", "event", fr_target_news_name(n->kind),
                  "keyId", n->key_id, "enrolee", n->enrolee, "suid", n->suid, "expires",
                  fr_rfc3339_format(n->expires, when));

    if (o && n->text[0])
        (void)json_object_set_new(o, "text", json_string(n->text));
    if (o && json_dumpf(o, out, JSON_COMPACT) == 0)
        (void)fputc('\n', out);
    (void)fflush(out);
}

static void report_text(FILE *out, const struct fr_target_news *n)
{
    char when[FR_TIME_TEXT], enrolee[2 * FR_ID_MAX], text[2 * FR_ERR_MSG_MAX];

    fprintf(out, "%-8s %s  %s  until %s%s%s\n", fr_target_news_name(n->kind), n->key_id,
            fr_printable(fr_slice_str(n->enrolee), enrolee, sizeof enrolee),
            fr_rfc3339_format(n->expires, when), n->text[0] ? ": " : "",
            fr_printable(fr_slice_str(n->text), text, sizeof text));
    (void)fflush(out);
}

void fr_target_report(const struct fr_target_options *options,
                      const struct fr_target_news *n)
{
    char text[2 * FR_ERR_MSG_MAX];

    if (n->kind == FR_NEWS_WARNING)
        fprintf(options->err, "fieldroot-target: warning: %s\n",
                fr_printable(fr_slice_str(n->text), text, sizeof text));
    else if (options->json)
        report_json(options->out, n);
    else
        report_text(options->out, n);
}
