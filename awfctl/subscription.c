#include "awfctl/subscription.h"

#include "common/clock.h"

static int call(struct subscription *s, struct err *e)
{
	return client_call(s->client, s->method, s->table, s->parameters, s->more, e);
}

int subscription_open(struct subscription *s, struct err *e)
{
	int r = client_open(s->socket, &s->client, e);

	s->anew = true;
	return r < 0 ? r : call(s, e);
}

static int come_back(struct subscription *s, struct err *e)
{
	int r;

	client_free(TAKE_PTR(s->client));
	r = comeback_wait(&s->back, s->socket, &s->client, e);
	s->anew = true;
	return r < 0 ? r : call(s, e);
}

int subscription_next(struct subscription *s, struct reply *ret, bool *anew, struct err *e)
{
	int r = client_wait(s->client, ret, e);

	while (r < 0 && comeback_helps(&s->back, s->client, e) &&
	       comeback_lost(&s->back, clock_ms())) {
		r = come_back(s, e);
		if (r < 0)
			return r;
		r = client_wait(s->client, ret, e);
	}
	*anew = s->anew;
	s->anew = false;
	return r;
}

void subscription_close(struct subscription *s)
{
	client_free(TAKE_PTR(s->client));
}
