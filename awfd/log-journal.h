/* Structured logging to the journal (systemd.journal-fields(7)). */
#pragma once

/* Sends the log to the journal if stderr is connected to it (JOURNAL_STREAM, systemd.exec(5)). */
void log_journal_install(void);
