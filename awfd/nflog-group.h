/* Where refusals are reported: one NFLOG group for all tables. The kernel keeps the groups of each
 * network namespace apart. */
#pragma once

#define NFLOG_GROUP 77
