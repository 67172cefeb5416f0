/* The words of a list option: given with commas between them, by several options and files. */
#pragma once

#include <stddef.h>

#include "common/cleanup.h"
#include "proto/messages.h"

/* What awfd takes of the longest list, each word counted with its pointer. */
#define WORD_LIST_MAX MESSAGE_DOMAINS_MAX

struct word_list {
	char **words; /* a strv */
	size_t bytes;
};

#define _cleanup_words_ _cleanup_(word_list_clear)

/* Adds one word as it is. -EMSGSIZE when the list is full. */
int word_list_add(struct word_list *l, const char *word) _must_check_;

/* Adds the words of this text, without the white space around each. -EINVAL when one is empty,
 * -EMSGSIZE when the list is full; the list then holds those before. */
int word_list_split(struct word_list *l, const char *text) _must_check_;

void word_list_clear(struct word_list *l);
