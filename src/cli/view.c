/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/view.h"

#include "cli/table.h"

enum { CELL_MAX = 4096 };

static void put_scalar(const json_t *v, struct fr_buf *to)
{
    if (json_is_string(v))
        fr_buf_str(to, json_string_value(v));
    else if (json_is_integer(v))
        fr_buf_fmt(to, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v))
        fr_buf_fmt(to, "%g", json_real_value(v));
    else if (json_is_boolean(v))
        fr_buf_str(to, json_is_true(v) ? "yes" : "no");
    else if (json_is_null(v) || !v)
        fr_buf_str(to, "-");
    else
        fr_buf_str(to, "...");
}

/* A member inside a cell; deeper nesting shows as dots, JSON output has it all. */
static void put_flat(const json_t *v, struct fr_buf *to)
{
    const char *key;
    json_t *member;
    size_t n = 0;

    if (!json_is_object(v)) {
        put_scalar(v, to);
        return;
    }
    json_object_foreach ((json_t *)v, key, member) {
        if (json_is_false(member))
            continue;
        if (n++ > 0)
            fr_buf_str(to, " ");
        if (json_is_true(member)) {
            fr_buf_fmt(to, "(%s)", key);
            continue;
        }
        if (n > 1)
            fr_buf_fmt(to, "%s ", key);
        put_scalar(member, to);
    }
}

void fr_view_value(const json_t *v, struct fr_buf *to)
{
    json_t *item;
    size_t i;

    if (!json_is_array(v)) {
        put_flat(v, to);
        return;
    }
    json_array_foreach ((json_t *)v, i, item) {
        if (i > 0)
            fr_buf_str(to, ", ");
        put_flat(item, to);
    }
}

static enum fr_code add_row(struct fr_table *t, const json_t *item,
                            const struct fr_column *columns, struct fr_err *err)
{
    struct fr_buf text[FR_TABLE_COLUMNS_MAX];
    const char *cells[FR_TABLE_COLUMNS_MAX];
    enum fr_code rc;
    size_t n = 0;

    for (; columns[n].member; n++) {
        const json_t *value = json_object_get(item, columns[n].member);

        text[n] = (struct fr_buf)FR_BUF_INIT(CELL_MAX);
        if (value)
            fr_view_value(value, &text[n]);
        cells[n] = value ? fr_buf_cstr(&text[n]) : columns[n].absent;
    }
    rc = fr_table_row(t, cells, err);
    while (n > 0)
        fr_buf_clear(&text[--n]);
    return rc;
}

enum fr_code fr_view_list(struct fr_cli *cli, const json_t *list,
                          const struct fr_column *columns, const char *none,
                          struct fr_err *err)
{
    const char *headings[FR_TABLE_COLUMNS_MAX];
    FR_AUTO(table) *t = NULL;
    const json_t *item;
    size_t n = 0, i;

    if (cli->json) {
        fr_cli_json(cli, list);
        return FR_OK;
    }
    if (json_array_size(list) == 0) {
        fr_cli_say(cli, "%s\n", none);
        return FR_OK;
    }
    for (; n < FR_TABLE_COLUMNS_MAX && columns[n].member; n++)
        headings[n] = columns[n].heading;
    FR_TRY(fr_table_new(headings, n, &t, err));
    json_array_foreach ((json_t *)list, i, item)
        FR_TRY(add_row(t, item, columns, err));
    fr_table_print(t, cli->out, cli->width);
    return FR_OK;
}

static enum fr_code add_member(struct fr_table *t, const char *key, const json_t *value,
                               struct fr_err *err)
{
    struct fr_buf text = FR_BUF_INIT(CELL_MAX);
    enum fr_code rc;

    fr_view_value(value, &text);
    rc = fr_table_row(t, (const char *[]){key, fr_buf_cstr(&text)}, err);
    fr_buf_clear(&text);
    return rc;
}

enum fr_code fr_view_object(struct fr_cli *cli, const json_t *object,
                            struct fr_err *err)
{
    FR_AUTO(table) *t = NULL;
    const char *key;
    json_t *value, *item;
    size_t i;

    if (cli->json) {
        fr_cli_json(cli, object);
        return FR_OK;
    }
    FR_TRY(fr_table_new(NULL, 2, &t, err));
    json_object_foreach ((json_t *)object, key, value) {
        if (!json_is_array(value) || json_array_size(value) == 0) {
            FR_TRY(add_member(t, key, value, err));
            continue;
        }
        json_array_foreach (value, i, item)
            FR_TRY(add_member(t, i == 0 ? key : " ", item, err));
    }
    fr_table_print(t, cli->out, cli->width);
    return FR_OK;
}
