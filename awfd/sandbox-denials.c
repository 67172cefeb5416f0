/* What a sandbox was refused: counted as it comes, and recalled from its logs by an awfd that goes
 * on with it. */
#include "awfd/sandbox-internal.h"

#include <string.h>

#include "awfd/denial-log.h"
#include "common/alloc.h"

/* Of each log its end: so much is read while nothing else is done. */
#define RECALL_MAX (256 << 10)

static const struct {
	enum denial_source source;
	enum sandbox_log_kind log;
} sources[] = {
	{ DENIAL_SQUID, SANDBOX_LOG_SQUID },
	{ DENIAL_FIREWALL, SANDBOX_LOG_FIREWALL },
};

void sandbox_denied(struct sandbox *s, const struct denial *attempt)
{
	struct sandbox_news news = { .denial = denials_add(s->denials, attempt) };

	if (news.denial)
		sandbox_tell(s, SANDBOX_DENIED, &news);
}

static void recall_line(struct sandbox *s, enum denial_source source, const char *line)
{
	struct denial d;

	if (denial_log_parse(source, line, &d) <= 0)
		return;
	(void)denials_add(s->denials, &d);
	denial_log_clear(&d);
}

static void recall_log(struct sandbox *s, enum denial_source source, enum sandbox_log_kind kind)
{
	_cleanup_err_ struct err e = { 0 };
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (sandbox_logs_read_end(s, kind, RECALL_MAX, &text, &e) < 0) {
		sandbox_log(LOG_LEVEL_WARNING, s, "earlier denials are not known: %s", e.message);
		return;
	}
	for (rest = text; (line = strsep(&rest, "\n"));)
		if (*line)
			recall_line(s, source, line);
}

void sandbox_denials_recall(struct sandbox *s)
{
	s->denials_forgotten = false;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		recall_log(s, sources[i].source, sources[i].log);
}

/* Results of an earlier awfd's sandboxes may be many, and few are asked for. */
const struct denials *sandbox_denials(struct sandbox *s)
{
	if (s->denials_forgotten)
		sandbox_denials_recall(s);
	return s->denials;
}
