/* What of awfd's socket a user can see for himself: whether it is there, whether anybody listens,
 * and whether his groups let him connect. */
#pragma once

#include <stdbool.h>

#include "awfctl/client.h"
#include "proto/findings.h"

#define DOCTOR_GROUP  "group"
#define DOCTOR_SOCKET "socket"

struct socket_facts {
	const char *path;
	char *user;
	char *group;     /* the socket's, or that which it has when it is there */
	bool has_group;  /* there is such a group */
	bool is_member;  /* by the database of users */
	bool has_joined; /* this process is */
	bool is_root;
	int error; /* of looking at the path; 0: something is there */
	bool is_socket;
	int connect_error; /* negative errno; 0: connected */
};

/* Looks, and connects: *client is NULL when that failed. */
void doctor_socket_look(const char *path, struct socket_facts *ret, struct client **client);
void doctor_socket_clear(struct socket_facts *facts);

/* What it means. Pure. */
void doctor_socket_judge(struct findings *f, const struct socket_facts *facts);
