/* SPDX-License-Identifier: Apache-2.0 */
#include "model/json_scan.h"

#include <string.h>

#include "base/str.h"

enum { POINTER_OCTETS = 4096 }; /* before escaping for a terminal; the rest is cut */

struct token {
    uint8_t kind; /* one of {}[]:," or 'v' for a number or word */
    size_t start, end;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_punctuation(uint8_t c)
{
    return c && strchr("{}[]:,", c);
}

/* Behind the closing quote, or the end of a text that is cut in the string. */
static size_t string_end(struct fr_slice text, size_t at)
{
    while (at < text.len && text.data[at] != '"')
        at += text.data[at] == '\\' ? 2 : 1;
    return at < text.len ? at + 1 : text.len;
}

static size_t word_end(struct fr_slice text, size_t at)
{
    while (at < text.len && !is_space(text.data[at]) &&
           !is_punctuation(text.data[at]) && text.data[at] != '"')
        at++;
    return at;
}

static bool next_token(struct fr_slice text, size_t *at, struct token *t)
{
    size_t i = *at;

    while (i < text.len && is_space(text.data[i]))
        i++;
    if (i >= text.len)
        return false;
    t->start = i;
    t->kind = text.data[i++];
    if (t->kind == '"') {
        i = string_end(text, i);
    } else if (!is_punctuation(t->kind)) {
        t->kind = 'v';
        i = word_end(text, i);
    }
    *at = t->end = i;
    return true;
}

static bool opens(uint8_t kind)
{
    return kind == '{' || kind == '[';
}

static bool closes(uint8_t kind)
{
    return kind == '}' || kind == ']';
}

struct fr_text_pos fr_text_pos_of(struct fr_slice text, size_t offset)
{
    struct fr_text_pos pos = {1, 1};

    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.data[i] == '\n')
            pos = (struct fr_text_pos){pos.line + 1, 1};
        else if ((text.data[i] & 0xc0) != 0x80) /* not inside a character */
            pos.column++;
    }
    return pos;
}

size_t fr_text_bad_utf8(struct fr_slice text)
{
    size_t at = 0;

    if (fr_utf8_is_valid(text))
        return text.len;
    while (at < text.len) {
        size_t n = 1;

        while (n <= 4 && n <= text.len - at &&
               !fr_utf8_is_valid(fr_slice_of(text.data + at, n)))
            n++;
        if (n > 4 || n > text.len - at)
            break;
        at += n;
    }
    return at;
}

size_t fr_json_too_deep(struct fr_slice text, size_t max)
{
    size_t at = 0, depth = 0;
    struct token t;

    while (next_token(text, &at, &t)) {
        if (opens(t.kind) && ++depth > max)
            return t.start;
        if (closes(t.kind) && depth > 0)
            depth--;
    }
    return text.len;
}

/* ---- names ---- */

static struct fr_slice string_body(struct fr_slice text, const struct token *t)
{
    size_t end = t->end;

    if (end - t->start >= 2 && text.data[end - 1] == '"')
        end--;
    return fr_slice_of(text.data + t->start + 1, end - t->start - 1);
}

static void put_utf8(struct fr_buf *to, uint32_t c)
{
    if (c < 0x80) {
        fr_buf_u8(to, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        fr_buf_u8(to, (uint8_t)(0xc0 | c >> 6));
    } else {
        if (c < 0x10000) {
            fr_buf_u8(to, (uint8_t)(0xe0 | c >> 12));
        } else {
            fr_buf_u8(to, (uint8_t)(0xf0 | c >> 18));
            fr_buf_u8(to, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        }
        fr_buf_u8(to, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    fr_buf_u8(to, (uint8_t)(0x80 | (c & 0x3f)));
}

/* The four digits of a \u escape that begins at at. */
static bool code_unit(struct fr_slice s, size_t at, uint32_t *ret)
{
    uint8_t v[2];

    if (s.len < 6 || at > s.len - 6 || s.data[at] != '\\' || s.data[at + 1] != 'u' ||
        !fr_hex_decode(fr_slice_of(s.data + at + 2, 4), v))
        return false;
    *ret = (uint32_t)v[0] << 8 | v[1];
    return true;
}

/* One escape; returns its octets. */
static size_t unescape_one(struct fr_slice raw, size_t at, struct fr_buf *to)
{
    static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
    uint32_t c, low;
    const char *p;

    if (code_unit(raw, at, &c)) {
        if (c >> 10 == 0xd800 >> 10 && code_unit(raw, at + 6, &low) &&
            low >> 10 == 0xdc00 >> 10) {
            put_utf8(to, 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff)));
            return 12;
        }
        put_utf8(to, c);
        return 6;
    }
    if (at + 1 >= raw.len)
        return 1;
    c = raw.data[at + 1];
    p = c ? strchr(letters, (int)c) : NULL;
    fr_buf_u8(to, p ? (uint8_t)values[p - letters] : (uint8_t)c);
    return 2;
}

static void unescape(struct fr_slice raw, struct fr_buf *to)
{
    for (size_t i = 0; i < raw.len && to->failed == FR_OK;) {
        if (raw.data[i] == '\\')
            i += unescape_one(raw, i, to);
        else
            fr_buf_u8(to, raw.data[i++]);
    }
}

static bool is_name(struct fr_slice text, const struct token *t, const char *name)
{
    FR_AUTO_CLEAR(buf) decoded = FR_BUF_INIT(text.len);

    if (t->kind != '"')
        return false;
    unescape(string_body(text, t), &decoded);
    return fr_slice_equal(fr_buf_view(&decoded), fr_slice_str(name));
}

/* ---- from path to place ---- */

static bool skip_value(struct fr_slice text, size_t *at)
{
    size_t depth = 0;
    struct token t;

    do {
        if (!next_token(text, at, &t))
            return false;
        if (opens(t.kind))
            depth++;
        else if (closes(t.kind) && depth > 0)
            depth--;
    } while (depth > 0);
    return true;
}

/* at: behind '{'; then before the value of the member, or its name. */
static bool enter_member(struct fr_slice text, size_t *at, const char *name,
                         bool at_name)
{
    struct token t, colon;

    while (next_token(text, at, &t) && t.kind == '"') {
        bool found = is_name(text, &t, name);

        if (found && at_name) {
            *at = t.start;
            return true;
        }
        if (!next_token(text, at, &colon) || colon.kind != ':')
            return false;
        if (found)
            return true;
        if (!skip_value(text, at) || !next_token(text, at, &t) || t.kind != ',')
            return false;
    }
    return false;
}

static bool enter_element(struct fr_slice text, size_t *at, size_t index)
{
    struct token t;

    for (size_t i = 0; i < index; i++)
        if (!skip_value(text, at) || !next_token(text, at, &t) || t.kind != ',')
            return false;
    return true;
}

size_t fr_json_locate(struct fr_slice text, const struct fr_json_path *path,
                      bool of_name)
{
    size_t at = 0;
    struct token t = {0};

    for (size_t i = 0; i < path->n; i++) {
        const struct fr_json_step *step = &path->step[i];
        size_t inner;
        bool found;

        if (!next_token(text, &at, &t) || !opens(t.kind))
            return t.start;
        inner = t.end;
        found = step->name ? enter_member(text, &inner, step->name,
                                          of_name && i + 1 == path->n)
                           : enter_element(text, &inner, step->index);
        if (!found)
            return t.start;
        at = inner;
    }
    return next_token(text, &at, &t) ? t.start : at;
}

/* ---- pointers ---- */

static void put_name(struct fr_buf *to, struct fr_slice name)
{
    fr_buf_u8(to, '/');
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] == '~')
            fr_buf_str(to, "~0");
        else if (name.data[i] == '/')
            fr_buf_str(to, "~1");
        else
            fr_buf_u8(to, name.data[i]);
    }
}

char *fr_json_pointer(const struct fr_json_path *path, char *to, size_t size)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(POINTER_OCTETS);

    for (size_t i = 0; i < path->n; i++) {
        if (path->step[i].name)
            put_name(&text, fr_slice_str(path->step[i].name));
        else
            fr_buf_fmt(&text, "/%zu", path->step[i].index);
    }
    return fr_printable(fr_buf_view(&text), to, size);
}

struct level {
    bool is_array, named;
    size_t index;
    struct fr_slice name; /* as written */
};

struct trace {
    struct level level[FR_JSON_DEPTH];
    size_t depth;
};

static void trace_token(struct trace *trace, struct fr_slice text,
                        const struct token *t)
{
    struct level *top = trace->depth ? &trace->level[trace->depth - 1] : NULL;

    if (opens(t->kind) && trace->depth < FR_JSON_DEPTH) {
        trace->level[trace->depth++] = (struct level){.is_array = t->kind == '['};
    } else if (closes(t->kind) && top) {
        trace->depth--;
    } else if (t->kind == ',' && top) {
        top->index++;
        top->named = false;
    } else if (t->kind == '"' && top && !top->is_array && !top->named) {
        top->named = true;
        top->name = string_body(text, t);
    }
}

static void trace_pointer(const struct trace *trace, char *to, size_t size)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(POINTER_OCTETS);

    for (size_t i = 0; i < trace->depth; i++) {
        const struct level *level = &trace->level[i];
        FR_AUTO_CLEAR(buf) name = FR_BUF_INIT(POINTER_OCTETS);

        if (level->is_array) {
            fr_buf_fmt(&text, "/%zu", level->index);
        } else if (level->named) {
            unescape(level->name, &name);
            put_name(&text, fr_buf_view(&name));
        }
    }
    fr_printable(fr_buf_view(&text), to, size);
}

size_t fr_json_trace(struct fr_slice text, size_t end, char *pointer, size_t size)
{
    struct trace trace = {.depth = 0};
    size_t at = 0, last = 0;
    struct token t;

    while (next_token(text, &at, &t) && t.start < end) {
        last = t.start;
        trace_token(&trace, text, &t);
    }
    trace_pointer(&trace, pointer, size);
    return last;
}
