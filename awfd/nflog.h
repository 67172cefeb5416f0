/* What the tables' rules refused, as the kernel reports it by NFLOG (nfnetlink_log). Its rules are
 * limited to what a person can read, see nft_table_put_refusal(). */
#pragma once

#include <net/if.h>
#include <stdint.h>

#include "awfd/nflog-packet.h"
#include "awfd/nflog-group.h"
#include "common/err.h"

struct event_base;
struct nflog;

#define NFLOG_HOST (-1) /* instead of a pidfd: the caller's own namespace */

/* One refused packet. The interfaces' names are empty when there is none, or none any more. */
typedef void (*nflog_fn)(const struct nflog_packet *packet, const char *in, const char *out,
			 void *userdata);

/* Reads the reports of the namespace of the pidfd's process, until it is freed: it keeps the
 * namespace alive, not the process. -EPERM when another program reads them. */
int nflog_open(struct event_base *base, int pidfd, nflog_fn fn, void *userdata, struct nflog **ret,
	       struct err *e) _must_check_;

/* Takes what has come already, and ends. Not to be called by fn. NULL is fine. */
void nflog_free(struct nflog *n);

/* How many times reports were lost because they came faster than they were read. */
uint64_t nflog_overruns(const struct nflog *n);
