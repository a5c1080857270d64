/* SPDX-License-Identifier: Apache-2.0 */
/* BootstrappingInfo as a device reads it: with expat, one table of the elements that
 * count, and nothing else. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timetext.h"
#include "proto/gba_info.h"

enum { DEPTH_MAX = 16, TEXT_MAX = FR_ID_MAX };

#define SEPARATOR '\n' /* between namespace and name, as expat gives them */

/* X(id, namespace, name, the element it is in) */
#define ELEMENTS(X)                                                                    \
    X(ROOT, FR_GBA_INFO_NS, "BootstrappingInfo", NOWHERE)                              \
    X(BTID, FR_GBA_INFO_NS, "btid", ROOT)                                              \
    X(LIFETIME, FR_GBA_INFO_NS, "lifetime", ROOT)                                      \
    X(EXTENSION, FR_GBA_INFO_NS, "Extension", ROOT)                                    \
    X(CURRENT_TIME, FR_GBA_INFO_NS, "currenttime", EXTENSION)                          \
    X(TARGET, FR_GBA_INFO_OURS, "target", EXTENSION)
enum element {
#define X(id, ns, name, parent) id,
    ELEMENTS(X)
#undef X
        N_ELEMENTS,
    NOWHERE,
    UNKNOWN
};
static const struct {
    const char *qualified, *name;
    enum element parent;
} elements[] = {
#define X(id, ns, name, parent) [id] = {ns "\n" name, name, parent},
    ELEMENTS(X)
#undef X
};

struct reader {
    XML_Parser xml;
    struct fr_gba_info *info;
    enum element path[DEPTH_MAX];
    size_t depth;
    unsigned seen; /* a bit an element */
    char text[TEXT_MAX + 1];
    size_t text_len;
    char what[64]; /* why we stopped; "": we did not. expat may end an element yet */
};

static void stop(struct reader *r, const char *name, const char *why)
{
    if (r->what[0])
        return;
    snprintf(r->what, sizeof r->what, "%s %s", name, why);
    (void)XML_StopParser(r->xml, XML_FALSE);
}

static enum element here(const struct reader *r)
{
    return r->depth ? r->path[r->depth - 1] : NOWHERE;
}

static bool is_text(enum element e)
{
    return e == BTID || e == LIFETIME || e == CURRENT_TIME;
}

/* ---- values ---- */

static bool copy_id(const char *value, char to[FR_ID_MAX + 1])
{
    size_t len = strlen(value);

    if (len > FR_ID_MAX)
        return false;
    memcpy(to, value, len + 1);
    return true;
}

static bool take_attribute(struct fr_gba_info *info, const char *name,
                           const char *value)
{
    uint64_t n;

    if (strcmp(name, "id") == 0)
        return value[0] && copy_id(value, info->target);
    if (strcmp(name, "fqdn") == 0)
        return copy_id(value, info->target_fqdn);
    if (strcmp(name, "adminFQDN") == 0)
        return copy_id(value, info->admin_fqdn);
    if (strcmp(name, "suid") == 0) {
        if (!fr_uint_parse(fr_slice_str(value), 99, &n))
            return false;
        info->suid = (int)n;
    }
    return true;
}

static void take_target(struct reader *r, const char *const *attributes)
{
    for (; attributes[0]; attributes += 2)
        if (!take_attribute(r->info, attributes[0], attributes[1]))
            stop(r, attributes[0], "is malformed");
    if (!r->info->target[0])
        stop(r, "target", "has no id");
}

/* xs:dateTime and B-TID alike: the white space of a pretty printer is not theirs. */
static struct fr_slice trimmed(const char *text)
{
    size_t len;

    text += strspn(text, " \t\r\n");
    len = strlen(text);
    while (len && strchr(" \t\r\n", text[len - 1]))
        len--;
    return fr_slice_of(text, len);
}

static void take_text(struct reader *r, enum element e)
{
    struct fr_slice text = trimmed(r->text);
    bool ok = true;

    if (e == BTID) {
        memcpy(r->info->btid, text.data, text.len);
        r->info->btid[text.len] = 0;
    } else if (e == LIFETIME) {
        ok = fr_rfc3339_parse(text, &r->info->lifetime);
    } else {
        ok = fr_rfc3339_parse(text, &r->info->current_time);
    }
    if (!ok)
        stop(r, elements[e].name, "is no time in UTC");
}

/* ---- expat's events ---- */

static enum element find(enum element parent, const char *qualified)
{
    for (unsigned e = 0; e < N_ELEMENTS; e++)
        if (elements[e].parent == parent &&
            strcmp(elements[e].qualified, qualified) == 0)
            return (enum element)e;
    return UNKNOWN;
}

/* Why e may not begin here; NULL if it may. */
static const char *objection(const struct reader *r, enum element e)
{
    if (is_text(here(r)))
        return "is in an element of text";
    if (r->depth == 0 && e != ROOT)
        return "is the root";
    if (r->depth == DEPTH_MAX)
        return "is nested too deep";
    if (e != UNKNOWN && (r->seen & 1u << e))
        return "comes twice";
    return NULL;
}

static void XMLCALL on_start(void *user, const char *name, const char **attributes)
{
    struct reader *r = user;
    enum element e = find(here(r), name);
    const char *why = objection(r, e);

    if (why) {
        stop(r, e == UNKNOWN ? "an unknown element" : elements[e].name, why);
        return;
    }
    r->path[r->depth++] = e;
    if (e == UNKNOWN)
        return;
    r->seen |= 1u << e;
    r->text[0] = 0;
    r->text_len = 0;
    if (e == TARGET)
        take_target(r, attributes);
}

static void XMLCALL on_end(void *user, const char *name)
{
    struct reader *r = user;
    enum element e = here(r);

    (void)name;
    if (r->what[0])
        return;
    r->depth--;
    if (is_text(e))
        take_text(r, e);
}

static void XMLCALL on_text(void *user, const char *text, int len)
{
    struct reader *r = user;

    if (r->what[0] || !is_text(here(r)))
        return;
    if ((size_t)len > TEXT_MAX - r->text_len) {
        stop(r, elements[here(r)].name, "is too long");
        return;
    }
    memcpy(r->text + r->text_len, text, (size_t)len);
    r->text_len += (size_t)len;
    r->text[r->text_len] = 0;
}

/* Before anything of it is read: so no entity is ever declared. */
static void XMLCALL on_doctype(void *user, const char *name, const char *system,
                               const char *public, int has_subset)
{
    (void)name;
    (void)system;
    (void)public;
    (void)has_subset;
    stop(user, "a document type", "is not allowed");
}

/* ---- */

static enum fr_code failure(const struct reader *r, struct fr_err *err)
{
    enum XML_Error code = XML_GetErrorCode(r->xml);

    if (code == XML_ERROR_NO_MEMORY)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    return FR_FAIL_AS(err, FR_EINVALID, "gba-info-malformed",
                      "BootstrappingInfo, line %lu: %s",
                      (unsigned long)XML_GetCurrentLineNumber(r->xml),
                      r->what[0] ? r->what : XML_ErrorString(code));
}

/* Its encoding is UTF-8, whatever it says (TS 24.109 annex C). */
static XML_Parser parser_new(struct reader *r)
{
    static const XML_Memory_Handling_Suite memory = {malloc, realloc, free};
    static const char separator[] = {SEPARATOR, 0};
    XML_Parser xml = XML_ParserCreate_MM("UTF-8", &memory, separator);

    if (!xml)
        return NULL;
    XML_SetUserData(xml, r);
    XML_SetElementHandler(xml, on_start, on_end);
    XML_SetCharacterDataHandler(xml, on_text);
    XML_SetStartDoctypeDeclHandler(xml, on_doctype);
    return xml;
}

static enum fr_code check(const struct reader *r, struct fr_err *err)
{
    for (unsigned e = ROOT; e <= LIFETIME; e++)
        if (!(r->seen & 1u << e))
            return FR_FAIL_AS(err, FR_EINVALID, "gba-info-malformed",
                              "BootstrappingInfo has no %s", elements[e].name);
    return fr_gba_info_check(r->info, err);
}

enum fr_code fr_gba_info_parse(struct fr_slice xml, struct fr_gba_info *ret,
                               struct fr_err *err)
{
    struct fr_gba_info info = {0};
    struct reader r = {.info = &info};
    enum fr_code rc = FR_OK;

    if (xml.len > FR_GBA_INFO_MAX)
        return FR_FAIL_AS(err, FR_EINVALID, "gba-info-too-large",
                          "BootstrappingInfo has %zu octets, more than the %d allowed",
                          xml.len, FR_GBA_INFO_MAX);
    r.xml = parser_new(&r);
    if (!r.xml)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    if (XML_Parse(r.xml, (const char *)xml.data, (int)xml.len, XML_TRUE) !=
        XML_STATUS_OK)
        rc = failure(&r, err);
    XML_ParserFree(r.xml);
    FR_TRY(rc);
    FR_TRY(check(&r, err));
    *ret = info;
    return FR_OK;
}
