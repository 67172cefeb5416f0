/* The methods of io.awf.Sandbox and org.varlink.service: who may call them, and what they do. */
#pragma once

#include "awfd/conn.h"
#include "awfd/manager.h"

/* Answers a call, now or later: finds its method, authorizes the peer, parses the parameters. */
void methods_dispatch(struct manager *m, struct call *call);

/* The name of the i-th row of the method table, or NULL behind the last. */
const char *methods_name(size_t i);
