/* What the tables' rules refused, as the kernel reports it by NFLOG (nfnetlink_log). */
#pragma once

#define NFLOG_GROUP 77 /* of all our tables; the kernel keeps those of each namespace apart */
