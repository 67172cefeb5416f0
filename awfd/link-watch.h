/* Watches the interfaces of the caller's namespace by the kernel's notifications (rtnetlink). */
#pragma once

#include "common/cleanup.h"
#include "common/err.h"

#define LINK_WATCH_ALL 0 /* instead of an index: notifications were lost */

struct event_base;
struct link_watch;

/* The interface was made, changed or deleted; or any may have been (LINK_WATCH_ALL). */
typedef void (*link_watch_fn)(unsigned index, void *userdata);

int link_watch_new(struct event_base *base, link_watch_fn fn, void *userdata,
		   struct link_watch **ret, struct err *e) _must_check_;
void link_watch_free(struct link_watch *w);
