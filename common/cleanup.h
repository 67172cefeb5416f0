/* Scope-bound ownership: `_cleanup_(x_freep) struct x *x = NULL;` frees x at the end of its scope.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn)        __attribute__((cleanup(fn)))
#define _printf_(fmt, first) __attribute__((format(printf, fmt, first)))
#define _must_check_         __attribute__((warn_unused_result))
#define _unused_             __attribute__((unused))

/* Hands a pointer over: yields its value and leaves NULL behind. */
#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) *_taken = &(p);                                                      \
		__typeof__(p) _value = *_taken;                                                    \
		*_taken = NULL;                                                                    \
		_value;                                                                            \
	})

/* Hands a descriptor over: yields its value and leaves -EBADF behind. */
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int *_taken = &(fd);                                                               \
		int _value = *_taken;                                                              \
		*_taken = -EBADF;                                                                  \
		_value;                                                                            \
	})

/* Defines the cleanup function `fn##p` of a type from its free function `fn`. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline void fn##p(type **p)                                                         \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}

#define _cleanup_free_  _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_file_  _cleanup_(cleanup_file)

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Each argument is evaluated once, in the type that both convert to. */
#define MIN(a, b) PICK_UNIQUE(a, <, b, __COUNTER__)
#define MAX(a, b) PICK_UNIQUE(a, >, b, __COUNTER__)

#define PICK_UNIQUE(a, op, b, n) PICK(a, op, b, n)
#define PICK(a, op, b, n)                                                                          \
	({                                                                                         \
		__typeof__(1 ? (a) : (b)) _a##n = (a), _b##n = (b);                                \
		_a##n op _b##n ? _a##n : _b##n;                                                    \
	})
