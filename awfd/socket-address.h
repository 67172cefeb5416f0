/* Addresses of TCP services as text: "192.0.2.1:443", "[2001:db8::1]:443". */
#pragma once

#include <sys/socket.h>

#include "common/cleanup.h"

/* The text, which the caller owns; NULL for what is no IP address. */
char *socket_address_format(const struct sockaddr_storage *address) _must_check_;

/* The address of such a text; the rest of *ret is zero. 0 or -EINVAL. */
int socket_address_parse(const char *text, struct sockaddr_storage *ret) _must_check_;
