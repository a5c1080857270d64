/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libconfuse parses; every value comes to us as text with its line (CFGT_PTR), so that
 * types and ranges are checked, and defaults filled in, by the program's table alone.
 */
#include "base/conf.h"

#include <assert.h>
#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf_scan.h"
#include "base/file.h"
#include "base/str.h"
#include "base/timetext.h"

enum { FILE_MAX = 256 * 1024, KEYS_MAX = 64, SHOWN_MAX = 80 };

/* Appended to the text, and known at the top level only: libconfuse takes a file that
 * is cut inside a section for complete, but then meets this there. */
#define END_MARK "fieldroot-end-of-file"

/* Our own flag of an option beside libconfuse's: a value was read. */
#define SEEN (1 << 24)

struct item { /* a value as it stands in the file */
    int line;
    char *text;
};

struct value {
    char *text;
    long number;
    int64_t ms;
    bool flag;
    char **list;
    size_t n_list;
    struct fr_conf **subs;
    size_t n_subs;
};

struct fr_conf {
    const struct fr_conf_key *keys;
    struct value *values; /* one for each key */
    char *title, *where;
};

/* libconfuse hands its error function no context, and its scanner is global anyway. */
static struct {
    const char *path;
    struct fr_err *err;
    enum fr_code rc;
} loading;

static size_t count_keys(const struct fr_conf_key *keys)
{
    size_t n = 0;

    while (keys[n].name)
        n++;
    return n;
}

static bool is_section(const struct fr_conf_key *key)
{
    return key->type == FR_CONF_SECTION || key->type == FR_CONF_TITLED;
}

static void fail_at(int line, const char *fmt, ...) FR_PRINTF(2, 3);

static void fail_at(int line, const char *fmt, ...)
{
    char what[FR_ERR_MSG_MAX];
    va_list ap;

    if (loading.rc != FR_OK)
        return; /* the first is the one to mend */
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    loading.rc =
        FR_FAIL(loading.err, FR_ECONFIG, "%s:%d: %s", loading.path, line, what);
}

static void fail_unknown(const cfg_t *cfg, const char *word)
{
    const char *names[KEYS_MAX], *near;
    char shown[SHOWN_MAX];
    FR_AUTO_CLEAR(buf) all = FR_BUF_INIT(FR_ERR_MSG_MAX);
    size_t n = 0;

    for (const cfg_opt_t *o = cfg->opts; o->name && n < KEYS_MAX; o++)
        if (strcmp(o->name, END_MARK) != 0)
            names[n++] = o->name;
    near = fr_nearest(word, names, n);
    for (size_t i = 0; i < n && !near; i++)
        fr_buf_fmt(&all, "%s%s", i ? ", " : "", names[i]);
    fr_printable(fr_slice_str(word), shown, sizeof shown);
    if (near)
        fail_at(cfg->line, "unknown key '%s' (did you mean '%s'?)", shown, near);
    else
        fail_at(cfg->line, "unknown key '%s' (known here: %s)", shown,
                fr_buf_cstr(&all));
}

static void fail_cut(const cfg_t *cfg)
{
    fail_at(cfg->line, "the file ends inside %s '%s': is a '}' missing?",
            cfg->title ? cfg->name : "section", cfg->title ? cfg->title : cfg->name);
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
    char what[256], shown[320];

    vsnprintf(what, sizeof what, fmt, ap);
    if (strstr(what, "no such option") && strstr(what, END_MARK))
        fail_cut(cfg);
    else if (strncmp(what, "no such option '", 16) == 0) {
        what[strlen(what) - 1] = 0; /* the closing quote, or the cut */
        fail_unknown(cfg, what + 16);
    } else if (strstr(what, END_MARK))
        fail_at(cfg->line, "the file ends in the middle of an entry");
    else
        fail_at(cfg->line, "%s", fr_printable(fr_slice_str(what), shown, sizeof shown));
}

static void free_item(void *p)
{
    struct item *item = p;

    free(item->text);
    free(item);
}

static int keep_item(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
    struct item *item;

    if (strcmp(text, END_MARK) == 0) {
        fail_at(cfg->line, "the file ends in the middle of '%s'", opt->name);
        return -1;
    }
    if (opt->nvalues == 1 && opt->flags & SEEN) { /* more: += or the same list */
        fail_at(cfg->line, "'%s' is given twice", opt->name);
        return -1;
    }
    item = malloc(sizeof *item);
    if (!item || !(item->text = strdup(text))) {
        free(item);
        fail_at(cfg->line, "out of memory");
        return -1;
    }
    item->line = cfg->line;
    opt->flags |= SEEN;
    *(void **)result = item;
    return 0;
}

/* Called when a further section of this name was read. */
static int only_once(cfg_t *cfg, cfg_opt_t *opt)
{
    if (opt->nvalues < 2)
        return 0;
    fail_at(cfg->line, "section '%s', which ends here, is given twice", opt->name);
    return -1;
}

static void free_options(cfg_opt_t *opts)
{
    for (size_t i = 0; opts && opts[i].name; i++)
        free_options(opts[i].subopts);
    free(opts);
}

static cfg_opt_t *make_options(const struct fr_conf_key *keys, bool top);

static bool make_option(const struct fr_conf_key *key, cfg_opt_t *to)
{
    const cfg_flag_t titled = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;

    if (!is_section(key)) {
        *to = (cfg_opt_t)CFG_PTR_CB(key->name, NULL, CFGF_NODEFAULT, keep_item,
                                    free_item);
        if (key->type == FR_CONF_LIST)
            to->flags |= CFGF_LIST;
        return true;
    }
    *to = (cfg_opt_t)CFG_SEC(key->name, make_options(key->sub, false), CFGF_MULTI);
    if (key->type == FR_CONF_TITLED)
        to->flags |= titled;
    else
        to->validcb = only_once;
    return to->subopts != NULL;
}

/* As deep as the program's own tables are. */
static cfg_opt_t *make_options(const struct fr_conf_key *keys, bool top)
{
    size_t n = count_keys(keys);
    cfg_opt_t *opts = calloc(n + 2, sizeof *opts);

    assert(n < KEYS_MAX);
    for (size_t i = 0; opts && i < n; i++)
        if (!make_option(&keys[i], &opts[i])) {
            free_options(opts);
            return NULL;
        }
    if (opts && top)
        opts[n] =
            (cfg_opt_t)CFG_PTR_CB(END_MARK, NULL, CFGF_NODEFAULT, keep_item, free_item);
    return opts;
}

static enum fr_code read_text(const char *path, struct fr_buf *to, struct fr_err *err)
{
    struct fr_slice text;
    struct fr_err why;
    enum fr_code rc = fr_file_read(path, to, &why);

    if (rc == FR_ENOTFOUND)
        return FR_FAIL(err, rc, "%s", why.msg);
    if (rc != FR_OK)
        return FR_FAIL_AS(err, FR_ECONFIG, why.reason, "%s", why.msg);
    text = fr_buf_view(to);
    if (text.len && (memchr(text.data, 0, text.len) ||
                     memmem(text.data, text.len, END_MARK, strlen(END_MARK))))
        return FR_FAIL(err, FR_ECONFIG, "%s: is no text file", path);
    FR_TRY(fr_conf_scan(path, to, err));
    to->max += sizeof "\n" END_MARK " = 1\n";
    if (text.len && text.data[text.len - 1] != '\n')
        fr_buf_str(to, "\n");
    fr_buf_str(to, END_MARK " = 1\n");
    return fr_buf_check(to, err);
}

static enum fr_code parse(cfg_t *cfg, const char *path, const char *text,
                          struct fr_err *err)
{
    int status;

    loading.path = path;
    loading.err = err;
    loading.rc = FR_OK;
    status = cfg_parse_buf(cfg, text);
    if (loading.rc == FR_OK && status != CFG_SUCCESS)
        fail_at(cfg->line, "not a config file");
    if (loading.rc == FR_OK && !cfg_getnptr(cfg, END_MARK, 0))
        fail_at(cfg->line, "the file is not complete");
    loading.err = NULL;
    return loading.rc;
}

static enum fr_code bad_value(const char *path, const struct fr_conf_key *key,
                              const struct item *item, const char *allowed,
                              struct fr_err *err)
{
    char shown[SHOWN_MAX];

    return FR_FAIL(err, FR_ECONFIG, "%s:%d: '%s' must be %s, not '%s'", path,
                   item->line, key->name, allowed,
                   fr_printable(fr_slice_str(item->text), shown, sizeof shown));
}

static bool bool_parse(const char *text, bool *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (fr_ascii_equal_fold(text, words[i])) {
            *ret = i % 2 == 1;
            return true;
        }
    return false;
}

static bool int_parse(const char *text, const struct fr_conf_key *key, long *ret)
{
    char *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (end == text || *end || errno || v < key->min || v > key->max ||
        strchr(" \t\n+", text[0]))
        return false;
    *ret = v;
    return true;
}

static enum fr_code path_of(const char *file, const char *text, char **ret,
                            struct fr_err *err)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    FR_AUTO_STR(dir) = NULL;

    if (text[0] == '/' || text[0] == 0 || !slash)
        return fr_str_dup(text, ret, err);
    FR_TRY(fr_str_dup_n(fr_slice_of(file, (size_t)(slash - file)), &dir, err));
    return fr_path_join(dir, text, ret, err);
}

static enum fr_code set_scalar(const char *path, const struct fr_conf_key *key,
                               const struct item *item, struct value *v,
                               struct fr_err *err)
{
    char range[SHOWN_MAX];

    switch (key->type) {
    case FR_CONF_INT:
        snprintf(range, sizeof range, "a whole number from %ld to %ld", key->min,
                 key->max);
        return int_parse(item->text, key, &v->number)
                   ? FR_OK
                   : bad_value(path, key, item, range, err);
    case FR_CONF_BOOL:
        return bool_parse(item->text, &v->flag)
                   ? FR_OK
                   : bad_value(path, key, item, "true or false", err);
    case FR_CONF_DURATION:
        return fr_duration_parse(fr_slice_str(item->text), &v->ms)
                   ? FR_OK
                   : bad_value(path, key, item, "a duration like PT30S or P1D", err);
    case FR_CONF_PATH:
        return path_of(path, item->text, &v->text, err);
    default:
        return fr_str_dup(item->text, &v->text, err);
    }
}

static enum fr_code set_list(cfg_opt_t *opt, struct value *v, struct fr_err *err)
{
    unsigned n = cfg_opt_size(opt);

    if (n == 0)
        return FR_OK;
    v->list = calloc(n, sizeof *v->list);
    if (!v->list)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    for (unsigned i = 0; i < n; i++) {
        const struct item *item = cfg_opt_getnptr(opt, i);

        FR_TRY(fr_str_dup(item->text, &v->list[i], err));
        v->n_list++;
    }
    return FR_OK;
}

static enum fr_code build(const char *path, cfg_t *cfg, const struct fr_conf_key *keys,
                          struct fr_conf **ret, struct fr_err *err);

static enum fr_code set_sections(const char *path, cfg_opt_t *opt,
                                 const struct fr_conf_key *key, struct value *v,
                                 struct fr_err *err)
{
    unsigned n = cfg_opt_size(opt);

    v->subs = calloc(n ? n : 1, sizeof(struct fr_conf *));
    if (!v->subs)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    for (unsigned i = 0; i < n; i++) {
        FR_TRY(build(path, cfg_opt_getnsec(opt, i), key->sub, &v->subs[i], err));
        v->n_subs++;
    }
    return FR_OK;
}

static enum fr_code set_value(const char *path, cfg_t *cfg,
                              const struct fr_conf_key *key, struct value *v,
                              struct fr_err *err)
{
    cfg_opt_t *opt = cfg ? cfg_getopt(cfg, key->name) : NULL;
    struct item by_default = {.text = (char *)key->value};
    const struct item *item =
        opt && !is_section(key) && cfg_opt_size(opt) ? cfg_opt_getnptr(opt, 0) : NULL;

    if (is_section(key))
        return opt ? set_sections(path, opt, key, v, err) : FR_OK;
    if (key->type == FR_CONF_LIST)
        return opt ? set_list(opt, v, err) : FR_OK;
    if (item)
        return set_scalar(path, key, item, v, err);
    return key->value ? set_scalar(path, key, &by_default, v, err) : FR_OK;
}

static enum fr_code set_where(struct fr_conf *c, const char *path, const cfg_t *cfg,
                              struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) where = FR_BUF_INIT(8192);
    bool is_part = cfg && strcmp(cfg->name, "root") != 0;

    fr_buf_str(&where, path);
    if (is_part)
        fr_buf_fmt(&where, ": %s", cfg->name);
    if (is_part && cfg->title)
        fr_buf_fmt(&where, " %s", cfg->title);
    FR_TRY(fr_buf_check(&where, err));
    FR_TRY(fr_str_dup(fr_buf_cstr(&where), &c->where, err));
    return fr_str_dup_opt(cfg ? cfg->title : NULL, &c->title, err);
}

static struct fr_conf *conf_new(const struct fr_conf_key *keys)
{
    struct fr_conf *c = calloc(1, sizeof *c);
    struct value *values = calloc(count_keys(keys) + 1, sizeof *values);

    if (!c || !values) {
        free(c);
        free(values);
        return NULL;
    }
    c->keys = keys;
    c->values = values;
    return c;
}

static enum fr_code fill(struct fr_conf *c, const char *path, cfg_t *cfg,
                         struct fr_err *err)
{
    FR_TRY(set_where(c, path, cfg, err));
    for (size_t i = 0; c->keys[i].name; i++)
        FR_TRY(set_value(path, cfg, &c->keys[i], &c->values[i], err));
    return FR_OK;
}

/* As deep as the program's own tables are. (No FR_AUTO: clang's analyser takes what is
 * allocated in the same file for leaked.) */
static enum fr_code build(const char *path, cfg_t *cfg, const struct fr_conf_key *keys,
                          struct fr_conf **ret, struct fr_err *err)
{
    struct fr_conf *c = conf_new(keys);
    enum fr_code rc;

    if (!c)
        return FR_FAIL(err, FR_ENOMEM, "out of memory");
    rc = fill(c, path, cfg, err);
    if (rc == FR_OK)
        *ret = c;
    else
        fr_conf_free(c);
    return rc;
}

enum fr_code fr_conf_load(const char *path, const struct fr_conf_key *keys,
                          struct fr_conf **ret, struct fr_err *err)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FILE_MAX);
    cfg_opt_t *opts;
    enum fr_code rc;
    cfg_t *cfg;

    FR_TRY(read_text(path, &text, err));
    opts = make_options(keys, true);
    cfg = opts ? cfg_init(opts, CFGF_NONE) : NULL; /* copies the options */
    if (cfg) {
        cfg_set_error_function(cfg, on_error);
        rc = parse(cfg, path, fr_buf_cstr(&text), err);
        if (rc == FR_OK)
            rc = build(path, cfg, keys, ret, err);
        cfg_free(cfg);
    } else {
        rc = FR_FAIL(err, FR_ENOMEM, "out of memory");
    }
    free_options(opts);
    return rc;
}

enum fr_code fr_conf_defaults(const struct fr_conf_key *keys, struct fr_conf **ret,
                              struct fr_err *err)
{
    return build("built-in defaults", NULL, keys, ret, err);
}

static void clear_value(struct value *v)
{
    free(v->text);
    for (size_t i = 0; i < v->n_list; i++)
        free(v->list[i]);
    free(v->list);
    for (size_t i = 0; i < v->n_subs; i++)
        fr_conf_free(v->subs[i]);
    free(v->subs);
}

void fr_conf_free(struct fr_conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; c->keys[i].name; i++)
        clear_value(&c->values[i]);
    free(c->values);
    free(c->title);
    free(c->where);
    free(c);
}

static const struct value *find(const struct fr_conf *c, const char *name, unsigned of)
{
    size_t i = 0;

    while (c->keys[i].name && strcmp(c->keys[i].name, name) != 0)
        i++;
    assert(c->keys[i].name && (of >> c->keys[i].type & 1u));
    return &c->values[i];
}

const char *fr_conf_str(const struct fr_conf *c, const char *name)
{
    return find(c, name, 1u << FR_CONF_STR | 1u << FR_CONF_PATH)->text;
}

long fr_conf_int(const struct fr_conf *c, const char *name)
{
    return find(c, name, 1u << FR_CONF_INT)->number;
}

bool fr_conf_bool(const struct fr_conf *c, const char *name)
{
    return find(c, name, 1u << FR_CONF_BOOL)->flag;
}

int64_t fr_conf_duration_ms(const struct fr_conf *c, const char *name)
{
    return find(c, name, 1u << FR_CONF_DURATION)->ms;
}

size_t fr_conf_list_size(const struct fr_conf *c, const char *name)
{
    return find(c, name, 1u << FR_CONF_LIST)->n_list;
}

const char *fr_conf_list_at(const struct fr_conf *c, const char *name, size_t i)
{
    const struct value *v = find(c, name, 1u << FR_CONF_LIST);

    assert(i < v->n_list);
    return v->list[i];
}

const struct fr_conf *fr_conf_section(const struct fr_conf *c, const char *name)
{
    const struct value *v = find(c, name, 1u << FR_CONF_SECTION);

    return v->n_subs ? v->subs[0] : NULL;
}

size_t fr_conf_titled_size(const struct fr_conf *c, const char *name)
{
    return find(c, name, 1u << FR_CONF_TITLED)->n_subs;
}

const struct fr_conf *fr_conf_titled_at(const struct fr_conf *c, const char *name,
                                        size_t i)
{
    const struct value *v = find(c, name, 1u << FR_CONF_TITLED);

    assert(i < v->n_subs);
    return v->subs[i];
}

const char *fr_conf_title(const struct fr_conf *c)
{
    return c->title;
}

const char *fr_conf_where(const struct fr_conf *c)
{
    return c->where;
}
