/* SPDX-License-Identifier: Apache-2.0 */
#include "base/conf_scan.h"

#include <string.h>

struct scan {
    uint8_t *at, *end;
    int line;
    bool after_equals;
    const char *fault; /* NULL: none so far */
};

static bool starts_with(const struct scan *s, const char *what)
{
    size_t n = strlen(what);

    return (size_t)(s->end - s->at) >= n && memcmp(s->at, what, n) == 0;
}

static void step(struct scan *s)
{
    s->line += *s->at++ == '\n';
}

static void blank_line(struct scan *s)
{
    while (s->at < s->end && *s->at != '\n')
        *s->at++ = ' ';
}

/* Up to and with what; escapes: a backslash hides the next character. The line of a
 * fault is where it began. */
static void skip_to(struct scan *s, const char *what, bool escapes, const char *fault)
{
    int began = s->line;

    while (s->at < s->end && !starts_with(s, what)) {
        if (escapes && *s->at == '\\' && s->at + 1 < s->end)
            step(s);
        step(s);
    }
    if (s->at < s->end) {
        s->at += strlen(what);
        return;
    }
    s->line = began;
    s->fault = fault;
}

static void skip_quoted(struct scan *s)
{
    const char quote[] = {(char)*s->at++, 0};

    skip_to(s, quote, true, "the quoted text that begins here does not end");
}

static void blank_comment(struct scan *s)
{
    uint8_t *from = s->at;

    s->at += 2;
    skip_to(s, "*/", false, "the comment that begins here does not end");
    for (; from < s->at; from++)
        if (*from != '\n')
            *from = ' ';
}

static bool is_word(uint8_t c)
{
    return !strchr(" \t\r\n\"'#(){}=,+*", c); /* '/' is a word's inside one */
}

static void skip_word(struct scan *s)
{
    while (s->at < s->end && is_word(*s->at))
        s->at++;
}

static void skip_token(struct scan *s)
{
    if (s->after_equals && starts_with(s, "//")) /* "//sp/cse", as like as not */
        s->fault = "a value that begins with '//' must stand in quotes";
    else if (*s->at == '#' || starts_with(s, "//"))
        blank_line(s);
    else if (starts_with(s, "/*"))
        blank_comment(s);
    else if (*s->at == '"' || *s->at == '\'')
        skip_quoted(s);
    else if (starts_with(s, "+="))
        s->at++;
    else if (*s->at == '+' || *s->at == '*')
        s->fault = "a value with '+' or '*' must stand in quotes";
    else if (is_word(*s->at))
        skip_word(s);
    else
        step(s);
}

enum fr_code fr_conf_scan(const char *path, struct fr_buf *text, struct fr_err *err)
{
    struct scan s = {.at = text->data, .end = text->data + text->len, .line = 1};

    while (s.at < s.end && !s.fault) {
        bool space = strchr(" \t\r\n", *s.at) != NULL, equals = *s.at == '=';

        skip_token(&s);
        s.after_equals = equals || (space && s.after_equals);
    }
    if (s.fault)
        return FR_FAIL(err, FR_ECONFIG, "%s:%d: %s", path, s.line, s.fault);
    return FR_OK;
}
