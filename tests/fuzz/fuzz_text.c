/* SPDX-License-Identifier: Apache-2.0 */
/* The small texts: names, ids, times, durations, URIs, codings. What is accepted has
 * one form, in which it is accepted again as the same. */
#include "base/timetext.h"
#include "crypto/peer.h"
#include "fuzz.h"
#include "proto/http.h"
#include "proto/mmef_http.h"

static void times(struct fr_slice in)
{
    char text[FR_TIME_TEXT], duration[32];
    int64_t t, again;

    if (fr_rfc3339_parse(in, &t)) {
        fr_rfc3339_format(t, text);
        FUZZ_ASSERT(fr_rfc3339_parse(fr_slice_str(text), &again) && again == t);
    }
    if (fr_m2m_time_parse(in, &t)) {
        fr_m2m_time_format(t, text);
        FUZZ_ASSERT(fr_m2m_time_parse(fr_slice_str(text), &again) && again == t);
    }
    if (fr_duration_parse(in, &t)) {
        fr_duration_format(t, duration, sizeof duration);
        FUZZ_ASSERT(fr_duration_parse(fr_slice_str(duration), &again) && again == t);
    }
}

static void codings(struct fr_slice in)
{
    FR_AUTO_CLEAR(buf) octets = FR_BUF_INIT(65536);
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(4 * 65536);

    for (int url = 0; url < 2; url++) {
        fr_buf_reset(&octets);
        fr_buf_reset(&text);
        if (!fr_base64_decode(in, url, &octets) ||
            !FUZZ_MUST(fr_buf_check(&octets, NULL)))
            continue;
        fr_base64_encode(fr_buf_view(&octets), url, &text);
        if (FUZZ_MUST(fr_buf_check(&text, NULL)))
            FUZZ_ASSERT(fr_slice_equal(fr_buf_view(&text), in));
    }
    fr_buf_reset(&octets);
    fr_buf_reset(&text);
    if (!fr_percent_decode(in, &octets) || !FUZZ_MUST(fr_buf_check(&octets, NULL)))
        return;
    FUZZ_ASSERT(!memchr(fr_buf_cstr(&octets), 0, octets.len));
    fr_percent_encode(fr_buf_cstr(&octets), &text);
    (void)FUZZ_MUST(fr_buf_check(&text, NULL));
}

static void names(struct fr_slice in)
{
    char key_id[FR_KEYID_MAX + 1], again[FR_KEYID_MAX + 1], shown[4 * 64 + 1];

    if (fr_fqdn_is_valid(in) || fr_absolute_id_is_valid(in))
        FUZZ_ASSERT(in.len <= FR_ID_MAX && fr_target_is_valid(in));
    if (fr_keyid_parse(in, key_id)) {
        FUZZ_ASSERT(fr_keyid_parse(fr_slice_str(key_id), again));
        FUZZ_ASSERT(strcmp(key_id, again) == 0);
    }
    fr_printable(in, shown, sizeof shown - 1);
    FUZZ_ASSERT(fr_utf8_is_valid(fr_slice_str(shown)));
    for (const char *p = shown; *p; p++)
        FUZZ_ASSERT((unsigned char)*p >= ' ' && *p != 0x7f);
}

static void uris(const char *text)
{
    FR_AUTO_STR(resource) = NULL;
    FR_AUTO_STR(again) = NULL;
    struct fr_https_uri uri;
    char host[FR_ID_MAX + 1];
    uint16_t port = 1;

    if (fr_https_uri_parse(text, &uri))
        FUZZ_ASSERT(uri.path[0] == '/' && uri.host[0] && uri.port);
    if (fr_host_port_parse(text, host, &port))
        FUZZ_ASSERT(host[0] && port);
    if (fr_mmef_path_is_plain(text))
        FUZZ_ASSERT(text[0] == '/' && !strstr(text, "/../"));
    if (fuzz_code(fr_resource_normalise("https", fr_slice_str(text), &resource,
                                        NULL)) == FR_OK &&
        FUZZ_MUST(fr_resource_normalise("https", fr_slice_str(resource), &again, NULL)))
        FUZZ_ASSERT(strcmp(resource, again) == 0);
}

static void sans(const char *text)
{
    struct fr_san san, again;
    char shown[FR_SAN_TEXT_MAX + 1];

    if (fuzz_code(fr_san_parse(text, &san, NULL)) != FR_OK)
        return;
    fr_san_format(&san, shown);
    FUZZ_ASSERT(fr_san_parse(shown, &again, NULL) == FR_OK);
    FUZZ_ASSERT(san.type == again.type && strcmp(san.value, again.value) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fr_slice in = fr_slice_of(data, size);
    FR_AUTO_STR(text) = NULL;
    uint64_t n;

    times(in);
    codings(in);
    names(in);
    (void)fr_uint_parse(in, UINT64_MAX, &n);
    if (!FUZZ_MUST(fr_str_dup_n(in, &text, NULL)))
        return 0;
    uris(text);
    sans(text);
    return 0;
}
