/* What a request asks for beyond what every sandbox has, one value after the other, and whether the
 * operator permits it. */
#include <string.h>

#include "awfd/config.h"
#include "awfd/difc-target.h"
#include "awfd/policy-words.h"
#include "awfd/sandbox-internal.h"
#include "common/alloc.h"
#include "common/strv.h"

static void decide(struct policy_decisions *d, const struct policy *p, enum policy_key key,
		   const char *field, const char *value)
{
	policy_decisions_add(d, policy_check(p, key, field, value));
}

static void decide_image(const struct sandbox *s, const struct policy *p,
			 struct policy_decisions *d)
{
	decide(d, p, POLICY_IMAGES, "image", s->image);
	if (sandbox_images_refreshed(s))
		decide(d, p, POLICY_PULL, "image", s->image);
}

static void decide_difc(const struct sandbox *s, const struct policy *p, struct policy_decisions *d)
{
	if (s->has_difc)
		policy_decisions_add(d, difc_target_decide(&s->difc, p));
}

/* The private names are the last of those that are allowed. */
static void decide_domains(const struct sandbox *s, const struct policy *p,
			   struct policy_decisions *d)
{
	char *const *names = s->egress.private_names;
	size_t count = s->egress.allow.count - strv_length(names);

	for (size_t i = 0; i < count; i++) {
		_cleanup_free_ char *domain = domain_format(&s->egress.allow.items[i]);

		decide(d, p, POLICY_ALLOWED_DOMAINS, "allowDomains", domain);
	}
	for (; names && *names; names++)
		decide(d, p, POLICY_PRIVATE_DOMAINS, "allowPrivate", *names);
}

static bool has_text(char *const *list, const char *text)
{
	for (; list && *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* One of the operator's own may be permitted as such, or by its address. */
static struct policy_decision decide_resolver(const struct egress *egress, const struct policy *p,
					      const char *address)
{
	struct policy_decision d =
		policy_check(p, POLICY_DNS_SERVERS, "dnsServers", POLICY_OWN_RESOLVER);

	if (!d.allowed || !has_text(egress->own_resolvers, address)) {
		free(d.value);
		return policy_check(p, POLICY_DNS_SERVERS, "dnsServers", address);
	}
	free(d.value);
	d.value = xstrdup(address);
	return d;
}

static void decide_resolvers(const struct sandbox *s, const struct policy *p,
			     struct policy_decisions *d)
{
	if (!s->egress.dns_is_users)
		return;
	for (char **address = s->egress.dns_servers; address && *address; address++)
		policy_decisions_add(d, decide_resolver(&s->egress, p, *address));
}

/* To want none is something to ask for only where the operator has one. */
static void decide_upstream(const struct sandbox *s, const struct policy *p,
			    struct policy_decisions *d)
{
	const struct upstream_proxy *proxy = &s->egress.upstream;
	_cleanup_free_ char *address = NULL;

	if (s->egress.upstream_is_users) {
		address = xasprintf(strchr(proxy->host, ':') ? "[%s]:%u" : "%s:%u", proxy->host,
				    (unsigned)proxy->port);
		decide(d, p, POLICY_UPSTREAM_PROXIES, "upstreamProxy", address);
	} else if (s->egress.upstream_is_avoided) {
		decide(d, p, POLICY_UPSTREAM_PROXIES, "upstreamProxy", "none");
	}
}

/* Neighbouring ports are one range, so that a grant of thousands is still told in a line. */
static void decide_host_ports(const struct sandbox *s, const struct policy *p,
			      struct policy_decisions *d)
{
	const struct host_ports *ports = &s->egress.host_ports;

	for (uint16_t low = host_ports_first(ports), next; low; low = next) {
		unsigned high = low;
		_cleanup_free_ char *range = NULL;

		while ((next = host_ports_next(ports, (uint16_t)high)) == high + 1)
			high = next;
		range = high == low ? xasprintf("%u", high)
				    : xasprintf("%u-%u", (unsigned)low, high);
		decide(d, p, POLICY_HOST_PORTS, "allowHostPorts", range);
	}
}

/* As they are named: where links lead is seen, and decided again, when they are opened. */
static void decide_mounts(const struct sandbox *s, const struct policy *p,
			  struct policy_decisions *d)
{
	for (size_t i = 0; i < s->mounts.count; i++) {
		const struct mount_spec *spec = &s->mounts.list[i];

		if (spec->kind != MOUNT_VIEW && !spec->missing)
			policy_decisions_add(d, policy_check_mount(p, mount_spec_field(spec),
								   spec->source, spec->writable));
	}
}

static void decide_limits(const struct sandbox *s, const struct policy *p,
			  struct policy_decisions *d)
{
	job_limits_decide(&s->limits, p, d);
}

static void (*const wishes[])(const struct sandbox *s, const struct policy *p,
			      struct policy_decisions *d) = {
	decide_image,    decide_difc,       decide_domains, decide_resolvers,
	decide_upstream, decide_host_ports, decide_mounts,  decide_limits,
};

void sandbox_decide(const struct sandbox *s, struct policy_decisions *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(wishes); i++)
		wishes[i](s, s->policy, ret);
}
