/* The switches of the stand-in, as a table of commands. */
#include "tests/bed/stand-in.h"

#include <string.h>

#include <openssl/ssl.h>

#include "common/strbuf.h"

static const char *const certificate_names[CERT_COUNT] = {
	[CERT_GOOD] = "good",
	[CERT_EXPIRED] = "expired",
	[CERT_OTHER_NAME] = "other-name",
	[CERT_OTHER_CA] = "other-ca",
};

enum fault_type { FAULT_SWITCH, FAULT_NUMBER, FAULT_CERTIFICATE };

static const struct {
	const char *name;
	enum fault_type type;
	size_t offset;
	const char *help;
} fault_table[] = {
	{ "refuse", FAULT_SWITCH, offsetof(struct faults, refuse), "on|off: refuses connections" },
	{ "hang", FAULT_SWITCH, offsetof(struct faults, hang), "on|off: accepts, then is silent" },
	{ "reset", FAULT_SWITCH, offsetof(struct faults, reset), "on|off: accepts, then resets" },
	{ "stall", FAULT_SWITCH, offsetof(struct faults, stall), "on|off: reads, never answers" },
	{ "delay", FAULT_NUMBER, offsetof(struct faults, delay), "MILLISECONDS before an answer" },
	{ "rate", FAULT_NUMBER, offsetof(struct faults, rate), "BYTES of an answer per second" },
	{ "status", FAULT_NUMBER, offsetof(struct faults, status), "CODE of every answer" },
	{ "no-policy", FAULT_SWITCH, offsetof(struct faults, no_policy),
	  "on|off: refuses what it would have to filter" },
	{ "running", FAULT_NUMBER, offsetof(struct faults, running),
	  "QUESTIONS that find run 7 still in progress" },
	{ "certificate", FAULT_CERTIFICATE, offsetof(struct faults, certificate),
	  "good|expired|other-name|other-ca" },
};

static int set_switch(void *field, const char *value)
{
	bool on = strcmp(value, "on") == 0;

	if (!on && strcmp(value, "off") != 0)
		return -EINVAL;
	*(bool *)field = on;
	return 0;
}

static int set_number(void *field, const char *value)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (strcmp(value, "off") != 0 && (*end || end == value))
		return -EINVAL;
	*(unsigned *)field = (unsigned)n;
	return 0;
}

static int set_certificate(void *field, const char *value)
{
	for (size_t i = 0; i < CERT_COUNT; i++) {
		if (strcmp(value, certificate_names[i]) == 0) {
			*(enum certificate *)field = (enum certificate)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int set_fault(struct faults *f, size_t row, const char *value)
{
	void *field = (char *)f + fault_table[row].offset;

	switch (fault_table[row].type) {
	case FAULT_SWITCH:
		return set_switch(field, value);
	case FAULT_NUMBER:
		return set_number(field, value);
	case FAULT_CERTIFICATE:
		return set_certificate(field, value);
	}
	return -EINVAL;
}

/* Brings listeners and certificate in line with the faults; only new connections notice. */
static int apply(struct stand_in *s, const struct faults *before)
{
	if (before->certificate != s->faults.certificate) {
		SSL_CTX *context = stand_in_tls_context(s->tls, s->faults.certificate);

		if (!context)
			return -EIO;
		SSL_CTX_free(s->context);
		s->context = context;
	}
	return before->refuse != s->faults.refuse ? stand_in_listen(s) : 0;
}

static void help(struct strbuf *answer)
{
	for (size_t i = 0; i < ARRAY_SIZE(fault_table); i++)
		strbuf_appendf(answer, "%s %s\n", fault_table[i].name, fault_table[i].help);
	strbuf_puts(answer, "clear: behave again\nforget: empty the record\n");
}

int stand_in_obey(const char *command, struct strbuf *answer, void *stand_in)
{
	struct stand_in *s = stand_in;
	struct faults before = s->faults;
	size_t n = strcspn(command, " ");

	if (strcmp(command, "help") == 0) {
		help(answer);
		return 0;
	}
	if (strcmp(command, "forget") == 0)
		return s->record < 0 ? -EBADF : ftruncate(s->record, 0);
	if (strcmp(command, "clear") == 0) {
		s->faults = (struct faults){ 0 };
		return apply(s, &before);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fault_table); i++) {
		if (strlen(fault_table[i].name) != n ||
		    strncmp(command, fault_table[i].name, n) != 0)
			continue;
		if (set_fault(&s->faults, i, command[n] ? command + n + 1 : "") < 0)
			return -EINVAL;
		return apply(s, &before);
	}
	return -EINVAL;
}
