/* The metrics as a file for the textfile collector of Prometheus' node_exporter: written again some
 * time after something has changed, and while there are sandboxes; never when there is nothing to
 * tell. */
#pragma once

#include "awfd/manager.h"

struct metrics_file;

/* The metrics of now, as text. The caller owns it. */
char *manager_metrics(struct manager *m, bool openmetrics) _must_check_;

/* Writes it soon, if there is to be one. */
struct metrics_file *metrics_file_new(struct manager *m) _must_check_;
void metrics_file_free(struct metrics_file *f);

/* Something has changed. */
void metrics_file_changed(struct metrics_file *f);
