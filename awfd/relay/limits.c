#include "awfd/relay/limits.h"

#include <sys/resource.h>

/* Descriptors beside those of connections, pipes and listeners: standard ones, the loop's own. */
#define DESCRIPTORS_RESERVED 47
#define PIPES_MAX            128        /* each may pin PIPE_BYTES */
#define FILE_MAX             (64 << 20) /* bytes that a log may grow to */
#define PER_CONNECTION       2
#define PER_PIPE             2

/* The soft limit of descriptors, raised to the hard one. */
static size_t raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return DESCRIPTORS_RESERVED;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return (size_t)MIN(limit.rlim_cur, (rlim_t)1 << 20);
}

/* Connections need their descriptors; pipes are a convenience, without which bytes are copied. */
struct limits limits_apply(const struct demand *demand)
{
	const struct rlimit none = { 0 }, file = { FILE_MAX, FILE_MAX };
	size_t descriptors = raise_descriptors();
	struct limits l = { 0 };

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)setrlimit(RLIMIT_FSIZE, &file);
	descriptors -= MIN(descriptors, DESCRIPTORS_RESERVED + demand->listeners);
	l.pipes = MIN(descriptors / 4 / PER_PIPE, (size_t)PIPES_MAX);
	descriptors -= l.pipes * PER_PIPE;
	l.connections = MIN(descriptors / PER_CONNECTION, demand->connections);
	l.connections = MAX(l.connections, demand->upstreams);
	return l;
}
