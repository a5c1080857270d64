/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document_reader.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Warnings leave room, so that the first error is always kept. */
enum { WARNINGS_MAX = FR_FINDINGS_MAX / 2 };

void fr_findings_clear(struct fr_findings *f)
{
    free(f->list);
    *f = (struct fr_findings){0};
}

void fr_reader_enter(struct fr_reader *r, const char *name, size_t index)
{
    assert(r->path.n < FR_JSON_DEPTH);
    r->path.step[r->path.n++] = (struct fr_json_step){.name = name, .index = index};
}

void fr_reader_leave(struct fr_reader *r)
{
    assert(r->path.n > 0);
    r->path.n--;
}

static bool is_before(const struct fr_finding *a, const struct fr_finding *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

static void insert(struct fr_reader *r, const struct fr_finding *finding)
{
    struct fr_findings *f = &r->found;
    size_t at = f->n;

    if (f->n == FR_FINDINGS_MAX ||
        (!finding->is_error && r->n_warnings >= WARNINGS_MAX))
        return;
    if (!f->list)
        f->list = calloc(FR_FINDINGS_MAX, sizeof *f->list);
    if (!f->list) {
        r->no_memory = true;
        return;
    }
    while (at > 0 && is_before(finding, &f->list[at - 1]))
        at--;
    memmove(&f->list[at + 1], &f->list[at], (f->n - at) * sizeof *f->list);
    f->list[at] = *finding;
    f->n++;
    r->n_warnings += !finding->is_error;
}

static void set_place(struct fr_finding *f, struct fr_slice text, size_t offset)
{
    struct fr_text_pos pos = fr_text_pos_of(text, offset);

    f->line = pos.line;
    f->column = pos.column;
}

static void add_here(struct fr_reader *r, struct fr_finding *f, bool of_name,
                     const char *fmt, va_list ap)
{
    set_place(f, r->text, fr_json_locate(r->text, &r->path, of_name));
    fr_json_pointer(&r->path, f->pointer, sizeof f->pointer);
    vsnprintf(f->text, sizeof f->text, fmt, ap);
    insert(r, f);
}

void fr_reader_error(struct fr_reader *r, const char *reason, const char *fmt, ...)
{
    struct fr_finding f = {.is_error = true, .reason = reason};
    va_list ap;

    va_start(ap, fmt);
    add_here(r, &f, false, fmt, ap);
    va_end(ap);
}

void fr_reader_name_error(struct fr_reader *r, const char *reason, const char *fmt, ...)
{
    struct fr_finding f = {.is_error = true, .reason = reason};
    va_list ap;

    va_start(ap, fmt);
    add_here(r, &f, true, fmt, ap);
    va_end(ap);
}

void fr_reader_warn(struct fr_reader *r, const char *reason, const char *fmt, ...)
{
    struct fr_finding f = {.is_error = false, .reason = reason};
    va_list ap;

    va_start(ap, fmt);
    add_here(r, &f, false, fmt, ap);
    va_end(ap);
}

void fr_reader_text_error(struct fr_reader *r, size_t offset, const char *pointer,
                          const char *reason, const char *text)
{
    struct fr_finding f = {.is_error = true, .reason = reason};

    set_place(&f, r->text, offset);
    snprintf(f.pointer, sizeof f.pointer, "%s", pointer);
    snprintf(f.text, sizeof f.text, "%s", text);
    insert(r, &f);
}

const struct fr_finding *fr_reader_first_error(const struct fr_reader *r)
{
    for (size_t i = 0; i < r->found.n; i++)
        if (r->found.list[i].is_error)
            return &r->found.list[i];
    return NULL;
}
