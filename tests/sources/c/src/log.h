#pragma once

enum log_level { LOG_TRACE, LOG_INFO };

// Writes one line.
void log_line(enum log_level level, const char *format, ...);
