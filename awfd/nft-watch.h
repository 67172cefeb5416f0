/* Watches the host's table by the kernel's notifications (nfnetlink), and has it put back when
 * another program changed it. A table with an owner can't be changed by others; the watch is for
 * kernels without such tables, and for whatever else may happen to it. */
#pragma once

#include <stdint.h>

#include "common/cleanup.h"
#include "common/err.h"

struct event_base;
struct nft_watch;

/* So many repairs within so long are made at once. After that the table is put back once in a
 * pause only, until it was left alone for as long as that. */
struct nft_watch_config {
	uint32_t own; /* netlink port: its transactions are ours, and are not even read */
	unsigned repairs;
	unsigned window_ms;
	unsigned pause_ms;
};

struct nft_watch_events {
	/* Puts the table back with what it is to hold now. 0 or -errno. */
	int (*restore)(void *userdata, struct err *e);
	/* nft_watch_trouble() changed. */
	void (*trouble)(void *userdata);
};

/* Begins to watch, in the caller's namespace. */
int nft_watch_new(struct event_base *base, const struct nft_watch_config *config,
		  const struct nft_watch_events *events, void *userdata, struct nft_watch **ret,
		  struct err *e) _must_check_;
void nft_watch_free(struct nft_watch *w);

/* What is wrong with the table at the moment, for people: that another program keeps changing it,
 * or that it can't be put back. NULL when all is well. */
const char *nft_watch_trouble(const struct nft_watch *w);

/* How many times the table was put back. */
uint64_t nft_watch_repairs(const struct nft_watch *w);
