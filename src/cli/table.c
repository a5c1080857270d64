/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { GAP = 2, WRAP_MIN = 20, CUT_MIN = 12, CELL_MAX = 4096 };

struct fr_table {
    const char *const *headings;
    size_t n_columns, n_rows, cap;
    char **cells; /* n_rows * n_columns */
    int width[FR_TABLE_COLUMNS_MAX];
};

/* ---- width of text ---- */

/* Ranges that terminals show two columns wide, or none. */
static const struct range {
    uint32_t from, to;
    int width;
} ranges[] = {
    {0x0300, 0x036f, 0}, {0x200b, 0x200f, 0}, {0x20d0, 0x20ff, 0},
    {0xfe00, 0xfe0f, 0}, {0x1100, 0x115f, 2}, {0x2e80, 0xa4cf, 2},
    {0xac00, 0xd7a3, 2}, {0xf900, 0xfaff, 2}, {0xfe30, 0xfe6f, 2},
    {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2}, {0x1f300, 0x1faff, 2},
};

static int char_width(uint32_t c)
{
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (c >= ranges[i].from && c <= ranges[i].to)
            return ranges[i].width;
    return 1;
}

/* The text is valid UTF-8: cells have been through fr_printable(). */
static uint32_t next_char(const char **s)
{
    const unsigned char *p = (const unsigned char *)*s;
    int more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
    uint32_t c = more == 0 ? p[0] : p[0] & (0x3fu >> more);

    p++;
    for (; more > 0 && (*p & 0xc0) == 0x80; more--)
        c = c << 6 | (*p++ & 0x3fu);
    *s = (const char *)p;
    return c;
}

static int width_upto(const char *s, const char *end)
{
    int width = 0;

    while (s < end)
        width += char_width(next_char(&s));
    return width;
}

int fr_text_width(const char *s)
{
    return width_upto(s, s + strlen(s));
}

/* ---- table ---- */

enum fr_code fr_table_new(const char *const *headings, size_t n, struct fr_table **ret,
                          struct fr_err *err)
{
    struct fr_table *t;

    if (n == 0 || n > FR_TABLE_COLUMNS_MAX)
        return FR_FAIL(err, FR_EINTERNAL, "a table of %zu columns", n);
    t = calloc(1, sizeof *t);
    if (!t)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a table");
    t->headings = headings;
    t->n_columns = n;
    for (size_t i = 0; headings && i < n; i++)
        t->width[i] = fr_text_width(headings[i]);
    *ret = t;
    return FR_OK;
}

void fr_table_free(struct fr_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

static char *clean_cell(const char *cell)
{
    const char *text = cell && cell[0] ? cell : "-";
    size_t len = strnlen(text, CELL_MAX), size = 4 * len + 8;
    char *clean = malloc(size);

    return clean ? fr_printable(fr_slice_of(text, len), clean, size) : NULL;
}

static enum fr_code grow(struct fr_table *t, struct fr_err *err)
{
    size_t cap = t->cap > 0 ? 2 * t->cap : 16;
    char **cells;

    if (t->n_rows < t->cap)
        return FR_OK;
    cells = reallocarray(t->cells, cap * t->n_columns, sizeof *cells);
    if (!cells)
        return FR_FAIL(err, FR_ENOMEM, "no memory for a table of %zu rows", cap);
    t->cells = cells;
    t->cap = cap;
    return FR_OK;
}

enum fr_code fr_table_row(struct fr_table *t, const char *const *cells,
                          struct fr_err *err)
{
    char **row;

    FR_TRY(grow(t, err));
    row = t->cells + t->n_rows * t->n_columns;
    for (size_t i = 0; i < t->n_columns; i++) {
        row[i] = clean_cell(cells[i]);
        if (!row[i]) {
            while (i > 0)
                free(row[--i]);
            return FR_FAIL(err, FR_ENOMEM, "no memory for a table");
        }
        if (fr_text_width(row[i]) > t->width[i])
            t->width[i] = fr_text_width(row[i]);
    }
    t->n_rows++;
    return FR_OK;
}

/* ---- printing ---- */

static void put_spaces(FILE *to, int n)
{
    if (n > 0)
        fprintf(to, "%*s", n, "");
}

/* End of what fits into width: at a space if there is one, else inside the word. */
static const char *fitting(const char *s, int width)
{
    const char *space = NULL, *at = s, *next = s;

    for (int used = 0; *at; at = next) {
        if (*at == ' ')
            space = at;
        used += char_width(next_char(&next));
        if (used > width)
            return space ? space : at > s ? at : next;
    }
    return at;
}

static void put_wrapped(FILE *to, const char *s, int indent, int room)
{
    for (bool first = true; *s || first; first = false) {
        const char *end = room > 0 ? fitting(s, room) : s + strlen(s);

        if (!first)
            put_spaces(to, indent);
        fprintf(to, "%.*s\n", (int)(end - s), s);
        s = end + strspn(end, " ");
    }
}

/* A cell that is wider than its column loses its middle: names and URIs are told apart
 * by both ends. */
static int put_cell(FILE *to, const char *s, int width)
{
    int has = fr_text_width(s), head = (width - 1) * 2 / 3;
    const char *end = s, *tail = s;

    if (has <= width)
        return fputs(s, to) < 0 ? 0 : has;
    while (width_upto(s, end) < head)
        next_char(&end);
    while (width_upto(tail, s + strlen(s)) > width - 1 - width_upto(s, end))
        next_char(&tail);
    fprintf(to, "%.*s\u2026%s", (int)(end - s), s, tail);
    return width_upto(s, end) + 1 + fr_text_width(tail);
}

/* Where the columns go on this terminal. */
struct layout {
    int width[FR_TABLE_COLUMNS_MAX]; /* of all but the last */
    int indent;                      /* of the last */
    int room;                        /* for the last; 0: no limit */
};

static size_t widest(const struct layout *l, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (l->width[i] > l->width[best])
            best = i;
    return best;
}

static struct layout lay_out(const struct fr_table *t, int width)
{
    size_t last = t->n_columns - 1;
    int need = t->width[last] < WRAP_MIN ? t->width[last] : WRAP_MIN;
    struct layout l = {0};

    for (size_t i = 0; i < last; i++) {
        l.width[i] = t->width[i];
        l.indent += t->width[i] + GAP;
    }
    if (width <= 0)
        return l;
    for (; l.indent + need > width; l.indent--) {
        size_t i = widest(&l, last);

        if (last == 0 || l.width[i] <= CUT_MIN)
            break;
        l.width[i]--;
    }
    l.room = width - l.indent > need ? width - l.indent : need;
    return l;
}

static void print_row(const struct fr_table *t, const char *const *cells, FILE *to,
                      const struct layout *l)
{
    for (size_t i = 0; i + 1 < t->n_columns; i++)
        put_spaces(to, l->width[i] - put_cell(to, cells[i], l->width[i]) + GAP);
    put_wrapped(to, cells[t->n_columns - 1], l->indent, l->room);
}

void fr_table_print(const struct fr_table *t, FILE *to, int width)
{
    struct layout l = lay_out(t, width);

    if (t->headings)
        print_row(t, t->headings, to, &l);
    for (size_t i = 0; i < t->n_rows; i++)
        print_row(t, (const char *const *)t->cells + i * t->n_columns, to, &l);
}
