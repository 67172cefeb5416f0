/* The keys by which one leaves a command on its terminal alone. */
#pragma once

#include <stdbool.h>

#include "common/err.h"
#include "common/strbuf.h"

#define DETACH_KEYS_DEFAULT "ctrl-p,ctrl-q"
#define DETACH_KEYS_MAX     16

struct detach_keys {
	char keys[DETACH_KEYS_MAX]; /* in this order */
	size_t count;               /* 0: none */
	size_t pressed;             /* how many of them were pressed, and are held back */
};

/* Reads a list with commas: characters, and "ctrl-" with a letter or one of @ [ \ ] ^ _. An empty
 * text means none. */
int detach_keys_parse(const char *text, struct detach_keys *ret, struct err *e) _must_check_;

/* Appends what is for the command. Whether all keys were pressed: what follows them is dropped. */
bool detach_keys_feed(struct detach_keys *k, const char *data, size_t length,
		      struct strbuf *to) _must_check_;
