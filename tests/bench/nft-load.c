/* What a sandbox costs in the host's firewall while others are there: nft-load COUNT... prints for
 * each count of squids in the table the median microseconds of the transactions that add and remove
 * one more. Needs root, and has a network namespace of its own. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "awfd/nft.h"
#include "common/alloc.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/parse.h"

#define ROUNDS    101
#define COUNT_MAX 4000 /* addresses of a /20 */
#define RELAY_UID 64998

static int fail(const char *what, const struct err *e)
{
	fprintf(stderr, "nft-load: %s: %s\n", what, e ? e->message : "cannot");
	return EXIT_FAILURE;
}

/* The squid of that number, with its address and a resolver, as most have. */
static struct nft_squid squid_of(unsigned number)
{
	static struct sockaddr_storage resolver;
	struct sockaddr_in *dns = (struct sockaddr_in *)&resolver;

	*dns = (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(53),
				     .sin_addr.s_addr = htonl(0xc0000235) };
	return (struct nft_squid){ .address.s_addr = htonl(0xc6120002 + number),
				   .dns_servers = &resolver,
				   .dns_count = 1 };
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *samples)
{
	qsort(samples, ROUNDS, sizeof(*samples), compare);
	return samples[ROUNDS / 2];
}

/* One more squid than `count` comes and goes. */
static int measure(struct nft *n, unsigned count, struct err *e)
{
	uint64_t added[ROUNDS], removed[ROUNDS];
	const struct nft_squid squid = squid_of(count);

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t begin = clock_us(), between;
		int r = nft_squid_add(n, &squid, e);

		between = clock_us();
		if (r == 0)
			r = nft_squid_remove(n, &squid, e);
		if (r < 0)
			return r;
		added[i] = between - begin;
		removed[i] = clock_us() - between;
	}
	printf("%u %" PRIu64 " %" PRIu64 "\n", count, median(added), median(removed));
	return 0;
}

/* Fills the table up to each count, and measures there. */
static int measure_all(struct nft *n, char *const *counts, struct err *e)
{
	unsigned have = 0;

	for (; *counts; counts++) {
		uint64_t count;
		int r = 0;

		if (parse_uint(*counts, have, COUNT_MAX, &count) < 0)
			return err_set(e, -EINVAL, ERR_SYSTEM, "'%s' is not a number from %u to %u",
				       *counts, have, COUNT_MAX);
		for (; r == 0 && have < count; have++) {
			const struct nft_squid squid = squid_of(have);

			r = nft_squid_add(n, &squid, e);
		}
		if (r == 0)
			r = measure(n, have, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct nft_config config = { .relay_uid = RELAY_UID, .egress_bridge = "awf-egress" };
	_cleanup_err_ struct err e = { 0 };
	struct nft *n;
	int r;

	if (argc < 2) {
		fputs("usage: nft-load COUNT...\n", stderr);
		return 2;
	}
	if (unshare(CLONE_NEWNET) < 0)
		return fail("a network namespace (it needs root)", NULL);
	if (nft_new(&config, NULL, &n, &e) < 0)
		return fail("the table", &e);
	r = measure_all(n, argv + 1, &e);
	nft_free(n, true);
	return r < 0 ? fail("a transaction", &e) : 0;
}
