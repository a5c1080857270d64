/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "base/timetext.h"

/* A process has one standard error; this is the state of that stream. */
static struct {
    const char *name;
    enum fr_log_level level;
} log_to = {.name = "fieldroot", .level = FR_LOG_INFO};

void fr_log_init(const char *name, enum fr_log_level level)
{
    log_to.name = name;
    log_to.level = level;
}

void fr_log(enum fr_log_level level, const char *fmt, ...)
{
    static const char *const words[] = {"error", "warning", "info", "debug"};
    char text[1024], clean[1024], line[1280], when[FR_TIME_TEXT];
    va_list ap;
    int n;

    if (level > log_to.level)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    fr_printable(fr_slice_str(text), clean, sizeof clean);
    n = snprintf(line, sizeof line, "%s %s[%ld] %s: %s\n",
                 fr_rfc3339_format(time(NULL), when), log_to.name, (long)getpid(),
                 words[level], clean);
    if (n >= (int)sizeof line)
        n = sizeof line - 1;
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return; /* nowhere to complain */
}
