/* What to look at when a DIFC proxy was not usable. */
#pragma once

/* By the diagnosis of DifcUnreachable; NULL for one that is not known. */
const char *difc_advice(const char *diagnosis);
