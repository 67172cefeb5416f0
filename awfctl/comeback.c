#include "awfctl/comeback.h"

#include <poll.h>

#include "common/clock.h"

bool comeback_helps(const struct comeback *b, const struct client *c, const struct err *e)
{
	return client_is_lost(c) || (b->until != 0 && e->kind == ERR_QUOTA_EXCEEDED);
}

/* A connection that stood for a while is followed by a whole time to come back; one that ended at
 * once is one more attempt. */
bool comeback_lost(struct comeback *b, uint64_t now)
{
	if (b->until != 0 && now - b->opened < COMEBACK_STEADY_MS)
		return comeback_failed(b, now);
	b->until = now + COMEBACK_MS;
	b->next = now;
	return true;
}

bool comeback_failed(struct comeback *b, uint64_t now)
{
	b->next = now + COMEBACK_RETRY_MS;
	return now <= b->until;
}

bool comeback_is_due(const struct comeback *b, uint64_t now)
{
	return now >= b->next;
}

int comeback_try(struct comeback *b, const char *path, struct client **ret, struct err *e)
{
	int r = client_open(path, ret, e);

	if (r == 0)
		b->opened = clock_ms();
	return r;
}

int comeback_wait(struct comeback *b, const char *path, struct client **ret, struct err *e)
{
	for (;;) {
		uint64_t now = clock_ms();
		int r;

		if (!comeback_is_due(b, now))
			(void)poll(NULL, 0, (int)(b->next - now));
		err_clear(e);
		r = comeback_try(b, path, ret, e);
		if (r == 0 || !comeback_failed(b, clock_ms()))
			return r;
	}
}

static int ask_once(struct client *c, const char *method, const struct field_table *table,
		    const void *in, struct reply *ret, struct err *e)
{
	int r = client_call(c, method, table, in, false, e);

	return r < 0 ? r : client_wait(c, ret, e);
}

int comeback_ask(const char *path, const char *method, const struct field_table *table,
		 const void *in, struct reply *ret, struct err *e)
{
	_cleanup_client_ struct client *c = NULL;
	struct comeback back = { 0 };
	int r = client_open(path, &c, e);

	while (r == 0) {
		r = ask_once(c, method, table, in, ret, e);
		if (r == 0 || !comeback_helps(&back, c, e) || !comeback_lost(&back, clock_ms()))
			break;
		client_free(TAKE_PTR(c));
		r = comeback_wait(&back, path, &c, e);
	}
	return r;
}
