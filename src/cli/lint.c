/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lint.h"

#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/instruction.h"

enum { EXIT_FINE = 0, EXIT_WRONG_USAGE = 64, EXIT_WRONG_DATA = 65 };

static const char usage[] = "usage: fieldroot lint [--json] FILE|-\n";

static void print_text(const char *file, const struct fr_finding *f)
{
    printf("%s:%d:%d: %s: %s%s%s\n", file, f->line, f->column,
           f->is_error ? "error" : "warning", f->pointer, f->pointer[0] ? ": " : "",
           f->text);
}

static void print_json(const char *file, const struct fr_finding *f)
{
    char shown[1024];
    json_auto_t *o = json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:s}", "file",
                               fr_printable(fr_slice_str(file), shown, sizeof shown),
                               "line", f->line, "column", f->column, "severity",
                               f->is_error ? "error" : "warning", "pointer", f->pointer,
                               "reason", f->reason, "text", f->text);

    if (o)
        json_dumpf(o, stdout, JSON_COMPACT);
    printf("\n");
}

/* Reads one octet more than a document may have: the parser then says it is too large.
 */
static enum fr_code read_text(const char *file, struct fr_buf *to, struct fr_err *err)
{
    enum fr_code rc = strcmp(file, "-") == 0
                          ? fr_fd_read_all(STDIN_FILENO, "standard input", to, err)
                          : fr_file_read(file, to, err);

    return rc == FR_EPARSE ? FR_OK : rc;
}

static int lint(const char *file, bool json)
{
    FR_AUTO_CLEAR(buf) text = FR_BUF_INIT(FR_DOCUMENT_MAX + 1);
    FR_AUTO_CLEAR(findings) findings = {0};
    FR_AUTO(document) *doc = NULL;
    struct fr_err err;
    enum fr_code rc = read_text(file, &text, &err);

    if (rc == FR_OK)
        rc = fr_document_parse(fr_buf_view(&text), file, FR_USE_TRIGGER, &doc,
                               &findings, &err);
    for (size_t i = 0; i < findings.n; i++)
        (json ? print_json : print_text)(file, &findings.list[i]);
    if (rc != FR_OK && findings.n == 0)
        fprintf(stderr, "fieldroot lint: %s\n", err.msg);
    return rc == FR_OK ? EXIT_FINE : EXIT_WRONG_DATA;
}

int fr_lint_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool json = false;
    int option;

    optind = 0; /* again from the start: getopt has state */
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'j':
            json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_FINE;
        default:
            fputs(usage, stderr);
            return EXIT_WRONG_USAGE;
        }
    }
    if (argc - optind != 1) {
        fputs(usage, stderr);
        return EXIT_WRONG_USAGE;
    }
    return lint(argv[optind], json);
}
