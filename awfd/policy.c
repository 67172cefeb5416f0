#include "awfd/policy.h"

#include <string.h>

#include "awfd/image-reference.h"
#include "awfd/policy-words.h"
#include "common/alloc.h"
#include "common/strv.h"

#define EVERYONE      "Policy"
#define INFINITY_WORD "infinity"
#define NAME_LENGTH   255 /* of a user or group */

static const struct key {
	const char *name;
	const struct policy_list *list; /* or */
	const struct policy_number *number;
	const char *initial;
	const char *expected;
} keys[] = {
#define LIST(section, key, kind, i, what)                                                          \
	{                                                                                          \
		.name = (key), .list = &policy_##kind, .initial = (i), .expected = (what)          \
	}
#define KEY(section, key, kind, i, what)                                                           \
	{                                                                                          \
		.name = (key), .number = &policy_##kind, .initial = (i), .expected = (what)        \
	}
	[POLICY_DIFC_ADDRESSES] = LIST("Policy", "DifcAddresses", hosts, "localhost:1024-65535",
				       "addresses such as localhost:1024-65535 or *.example.com"),
	[POLICY_IMAGES] = LIST("Policy", "Images", images, IMAGE_REFERENCE_HOST,
			       "host, or references such as awf/agent:* or @sha256:HEX"),
	[POLICY_PULL] = LIST("Policy", "Pull", origins, "",
			     "registries such as ghcr.io or localhost:5000, or beginnings of names "
			     "there such as ghcr.io/team, or *"),
	[POLICY_ALLOWED_DOMAINS] = LIST("Policy", "AllowedDomains", domains, "*",
					"domains as --allow-domains takes them, or *"),
	[POLICY_PRIVATE_DOMAINS] = LIST("Policy", "PrivateDomains", domains, "*",
					"domains as --allow-domains takes them, or *"),
	[POLICY_DNS_SERVERS] = LIST("Policy", "DnsServers", resolvers, "host",
				    "host, addresses or networks such as 10.0.0.0/8, or *"),
	[POLICY_UPSTREAM_PROXIES] = LIST("Policy", "UpstreamProxies", proxies, "",
					 "addresses such as proxy.example.com:3128, or none"),
	[POLICY_HOST_PORTS] =
		LIST("Policy", "HostPorts", ports, "", "ports such as 80 or 3000-3010, or *"),
	[POLICY_MOUNT_ROOTS] =
		LIST("Policy", "MountRoots", mounts, "/home:rw /srv:rw /mnt:rw /opt:rw /tmp:rw",
		     "absolute paths such as /srv/data:ro or /home:rw"),
	[POLICY_MEMORY_MAX] =
		KEY("Policy", "MemoryMax", size, "6G", "a size such as 512M or 6G, or infinity"),
	[POLICY_CPUS_MAX] = KEY("Policy", "CpusMax", cpus, INFINITY_WORD,
				"a number such as 2 or 0.5, or infinity"),
	[POLICY_PIDS_MAX] = KEY("Policy", "PidsMax", count, "1000", "a number, or infinity"),
	[POLICY_TIMEOUT_MAX] = KEY("Policy", "TimeoutMax", duration, INFINITY_WORD,
				   "seconds, or a time such as 90m or 6h, or infinity"),
#undef LIST
#undef KEY
};
_Static_assert(ARRAY_SIZE(keys) == POLICY_KEY_COUNT, "a key without a row");

/* Who a section is about; the later ones are more specific. */
enum scope { SCOPE_DEFAULT, SCOPE_EVERYONE, SCOPE_GROUP, SCOPE_USER, SCOPE_COUNT };

static const char *const prefixes[SCOPE_COUNT] = {
	[SCOPE_GROUP] = "Group ", [SCOPE_USER] = "User "
};

/* What one section says of one key. */
struct setting {
	enum policy_key key;
	enum scope scope;
	char *section;
	char *file; /* NULL: the default */
	unsigned line;
	struct policy_words words;
	uint64_t number;
};

struct policy_rules {
	struct setting **settings; /* first the defaults, in the order of the keys */
	size_t count;
};

/* Of each key the settings that count. */
struct policy {
	const struct setting **by[POLICY_KEY_COUNT];
	size_t count[POLICY_KEY_COUNT];
};

/* --- Sections --- */

static bool is_name(const char *text)
{
	size_t n = strlen(text);

	return n > 0 && n <= NAME_LENGTH && *text != '-' && text[strcspn(text, " \t[]:")] == '\0';
}

/* SCOPE_DEFAULT: it is no section of rules. */
static enum scope scope_of(const char *section)
{
	if (strcmp(section, EVERYONE) == 0)
		return SCOPE_EVERYONE;
	for (enum scope s = SCOPE_GROUP; s < SCOPE_COUNT; s++) {
		size_t n = strlen(prefixes[s]);

		if (strncmp(section, prefixes[s], n) == 0 && is_name(section + n))
			return s;
	}
	return SCOPE_DEFAULT;
}

bool policy_is_section(const char *section)
{
	return scope_of(section) != SCOPE_DEFAULT;
}

/* The user or group that the section is about. */
static struct name_key key_of(const struct setting *s)
{
	return (struct name_key){ s->scope == SCOPE_USER ? NAME_USER : NAME_GROUP,
				  s->section + strlen(prefixes[s->scope]) };
}

/* --- Settings --- */

static void setting_free(struct setting *s)
{
	if (!s)
		return;
	policy_words_clear(&s->words);
	free(s->section);
	free(s->file);
	free(s);
}
DEFINE_CLEANUP(struct setting, setting_free)

static int bad_value(const struct key *key, const char *text, struct err *e)
{
	return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "%s=%s: expected %s", key->name, text,
		       key->expected);
}

static int parse_value(struct setting *s, const char *text, struct err *e)
{
	const struct key *key = &keys[s->key];
	const char *bad = text;

	if (key->list)
		return policy_words_parse(key->list, text, &s->words, &bad) < 0
			       ? bad_value(key, bad, e)
			       : 0;
	if (strcmp(text, INFINITY_WORD) == 0) {
		s->number = POLICY_INFINITY;
		return 0;
	}
	return key->number->parse(text, &s->number) < 0 ? bad_value(key, text, e) : 0;
}

static int setting_new(enum policy_key key, const struct policy_place *place, const char *text,
		       struct setting **ret, struct err *e)
{
	_cleanup_(setting_freep) struct setting *s = xnew(struct setting);
	int r;

	s->key = key;
	s->scope = place->file ? scope_of(place->section) : SCOPE_DEFAULT;
	s->section = xstrdup(place->section);
	s->file = xstrdup(place->file);
	s->line = place->line;
	r = parse_value(s, text, e);
	if (r == 0)
		*ret = TAKE_PTR(s);
	return r;
}

/* Puts it in the place of what the same section said before. */
static void put_setting(struct policy_rules *r, struct setting *s)
{
	for (size_t i = 0; i < r->count; i++) {
		struct setting *old = r->settings[i];

		if (old->key == s->key && old->scope == s->scope &&
		    strcmp(old->section, s->section) == 0) {
			setting_free(old);
			r->settings[i] = s;
			return;
		}
	}
	r->settings = xrealloc(r->settings, r->count + 1, sizeof(struct setting *));
	r->settings[r->count++] = s;
}

void policy_rules_set_default(struct policy_rules *r, enum policy_key key, const char *text)
{
	const struct policy_place nowhere = { .section = EVERYONE };
	struct setting *s = NULL;

	if (setting_new(key, &nowhere, text, &s, NULL) < 0 || !s)
		abort();
	put_setting(r, s);
}

struct policy_rules *policy_rules_new(void)
{
	struct policy_rules *r = xnew(struct policy_rules);

	for (enum policy_key key = 0; key < POLICY_KEY_COUNT; key++)
		policy_rules_set_default(r, key, keys[key].initial);
	return r;
}

void policy_rules_free(struct policy_rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		setting_free(r->settings[i]);
	free(r->settings);
	free(r);
}

int policy_rules_set(struct policy_rules *r, const struct policy_place *place, const char *key,
		     const char *text, struct err *e)
{
	for (enum policy_key k = 0; k < POLICY_KEY_COUNT; k++) {
		struct setting *s;
		int error;

		if (strcmp(keys[k].name, key) != 0)
			continue;
		error = setting_new(k, place, text, &s, e);
		if (error == 0)
			put_setting(r, s);
		return error;
	}
	return err_set(e, -EINVAL, ERR_INVALID_ARGUMENT, "unknown key '%s' in [%s]", key,
		       place->section);
}

static bool has_name(const struct name_key *names, size_t count, const struct name_key *name)
{
	for (size_t i = 0; i < count; i++)
		if (names[i].kind == name->kind && strcmp(names[i].text, name->text) == 0)
			return true;
	return false;
}

struct name_key *policy_rules_names(const struct policy_rules *r, size_t *count)
{
	struct name_key *names = xcalloc(r->count + 1, sizeof(*names));

	*count = 0;
	for (size_t i = 0; i < r->count; i++) {
		struct name_key key;

		if (r->settings[i]->scope <= SCOPE_EVERYONE)
			continue;
		key = key_of(r->settings[i]);
		if (!has_name(names, *count, &key))
			names[(*count)++] = key;
	}
	return names;
}

char **policy_rules_doubts(const struct policy_rules *r, const struct names *names)
{
	size_t count;
	_cleanup_free_ struct name_key *named = policy_rules_names(r, &count);
	char **doubts = NULL;

	for (size_t i = 0; i < count; i++) {
		const char *prefix =
			prefixes[named[i].kind == NAME_USER ? SCOPE_USER : SCOPE_GROUP];
		_cleanup_err_ struct err e = { 0 };
		uint32_t number;
		int error = names_number(names, &named[i], &number, &e);

		if (error == 0)
			strv_appendf(&doubts,
				     "section [%s%s] of the configuration is about nobody: there "
				     "is no such user or group",
				     prefix, named[i].text);
		else if (error < 0)
			strv_appendf(&doubts,
				     "section [%s%s] of the configuration: %s; until then nobody "
				     "can start a sandbox",
				     prefix, named[i].text, e.message);
	}
	return doubts;
}

/* --- One user's policy --- */

/* Whether the setting is about the peer: 1, 0, or an error. */
static int applies(const struct setting *s, const struct names *names, const struct peer *p,
		   struct err *e)
{
	struct name_key key;
	uint32_t number = 0;
	int r;

	if (s->scope <= SCOPE_EVERYONE)
		return 1;
	key = key_of(s);
	r = names_number(names, &key, &number, e);
	if (r <= 0)
		return r;
	return key.kind == NAME_USER ? number == p->uid : peer_is_in_group(p, number);
}

/* A more specific setting pushes others out; one of another group comes beside them. */
static void take(struct policy *p, const struct setting *s)
{
	const struct setting ***by = &p->by[s->key];
	size_t *count = &p->count[s->key];

	if (*count > 0 && (*by)[0]->scope > s->scope)
		return;
	if (*count > 0 && (*by)[0]->scope < s->scope)
		*count = 0;
	*by = xrealloc(*by, *count + 1, sizeof(**by));
	(*by)[(*count)++] = s;
}

int policy_of_peer(const struct policy_rules *r, const struct names *names, const struct peer *peer,
		   struct policy **ret, struct err *e)
{
	_cleanup_(policy_freep) struct policy *p = xnew(struct policy);
	const struct setting *last = NULL; /* whose section was looked up */
	int error = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct setting *s = r->settings[i];

		if (!last || strcmp(last->section, s->section) != 0)
			error = applies(s, names, peer, e);
		if (error < 0)
			return err_wrap(e, "section [%s]", s->section);
		if (error > 0)
			take(p, s);
		last = s;
	}
	*ret = TAKE_PTR(p);
	return 0;
}

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < POLICY_KEY_COUNT; i++)
		free(p->by[i]);
	free(p);
}

/* --- Decisions --- */

/* What is asked for: a value of a list, or a number. */
struct wish {
	const char *value;
	uint64_t number;
};

static bool grants(const struct setting *s, const struct wish *w)
{
	const struct key *key = &keys[s->key];

	return key->list ? policy_words_grant(key->list, &s->words, w->value)
			 : w->number <= s->number;
}

/* The setting that grants it, or else the first of those that do not. */
static struct policy_decision decide(const struct policy *p, enum policy_key key, const char *field,
				     const struct wish *w)
{
	const struct setting *by = p->by[key][0];
	bool allowed = false;

	for (size_t i = 0; i < p->count[key] && !allowed; i++) {
		allowed = grants(p->by[key][i], w);
		if (allowed)
			by = p->by[key][i];
	}
	return (struct policy_decision){ .allowed = allowed,
					 .key = key,
					 .field = field,
					 .value = xstrdup(w->value),
					 .place = { by->section, by->file, by->line } };
}

struct policy_decision policy_check(const struct policy *p, enum policy_key key, const char *field,
				    const char *value)
{
	return decide(p, key, field, &(struct wish){ .value = value });
}

struct policy_decision policy_check_number(const struct policy *p, enum policy_key key,
					   const char *field, uint64_t value)
{
	_cleanup_free_ char *text =
		value == POLICY_INFINITY ? xstrdup(INFINITY_WORD) : keys[key].number->format(value);

	return decide(p, key, field, &(struct wish){ .value = text, .number = value });
}

uint64_t policy_largest(const struct policy *p, enum policy_key key)
{
	uint64_t largest = 0;

	for (size_t i = 0; i < p->count[key]; i++)
		largest = MAX(largest, p->by[key][i]->number);
	return largest;
}

struct policy_decision policy_check_mount(const struct policy *p, const char *field,
					  const char *path, bool writable)
{
	_cleanup_free_ char *text = xasprintf("%s:%s", path, writable ? "rw" : "ro");

	return policy_check(p, POLICY_MOUNT_ROOTS, field, text);
}

void policy_decisions_add(struct policy_decisions *d, struct policy_decision decision)
{
	d->items = xrealloc(d->items, d->count + 1, sizeof(*d->items));
	d->items[d->count++] = decision;
}

void policy_decisions_clear(struct policy_decisions *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->items[i].value);
	free(d->items);
	*d = (struct policy_decisions){ 0 };
}

char *policy_decision_where(const struct policy_decision *d)
{
	const char *name = keys[d->key].name;

	if (!d->place.file)
		return xasprintf("[%s] %s= (the default)", d->place.section, name);
	return xasprintf("[%s] %s= (%s:%u)", d->place.section, name, d->place.file, d->place.line);
}

static int refuse(const struct policy_decision *d, struct err *e)
{
	_cleanup_free_ char *where = policy_decision_where(d);

	(void)err_set(e, -EACCES, ERR_PERMISSION_DENIED,
		      "is not permitted by %s; the operator of this host can %s in awfd.conf",
		      where, keys[d->key].list ? "add it" : "raise that");
	if (e) {
		e->subject = xstrdup(d->field);
		e->value = xstrdup(d->value);
	}
	return -EACCES;
}

int policy_decisions_result(const struct policy_decisions *d, struct err *e)
{
	for (size_t i = 0; i < d->count; i++)
		if (!d->items[i].allowed)
			return refuse(&d->items[i], e);
	return 0;
}
