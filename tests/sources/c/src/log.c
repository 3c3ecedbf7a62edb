#include "log.h"

#include <stdarg.h>
#include <stdio.h>

// Writes one line to the standard error.
// Lines are not buffered.
void log_line(enum log_level level, const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    fprintf(stderr, "[%d] ", level);
    vfprintf(stderr, format, rest);
    va_end(rest);
}
