/* At start, and a little later once more: finds what an earlier awfd left, by state files,
 * directories, container labels and relay processes, and has it destroyed. Needs no memory of the
 * past; touches nothing without our marks. */
#pragma once

#include "awfd/manager.h"

struct reconcile;

/* Ends the relays that are nobody's, before sandboxes are gone on with: of no sandbox that was
 * loaded, or none that it noted. */
void reconcile_relays(struct manager *m);

/* Begins; done is called once, from the loop, when every leftover is being destroyed or, with e
 * set, when the engine could not be asked (it is asked again later, by itself). */
typedef void (*reconcile_done_fn)(const struct err *e, void *userdata);
struct reconcile *reconcile_start(struct manager *m, reconcile_done_fn done,
				  void *userdata) _must_check_;
void reconcile_free(struct reconcile *r);
