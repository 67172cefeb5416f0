#include "awfd/log-journal.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <systemd/sd-journal.h>

#include "common/alloc.h"
#include "common/log.h"

#define FIELDS_MAX 16

static struct iovec field(const char *key, const char *value)
{
	char *text = xasprintf("%s=%s", key, value);

	return (struct iovec){ .iov_base = text, .iov_len = strlen(text) };
}

static struct iovec number(const char *key, unsigned value)
{
	char text[sizeof("4294967295")];

	snprintf(text, sizeof(text), "%u", value);
	return field(key, text);
}

static void log_to_journal(enum log_level level, const struct log_fields *fields, const char *text)
{
	struct iovec iov[FIELDS_MAX];
	char priority[2] = { (char)('0' + level), '\0' };
	int n = 0;

	iov[n++] = field("MESSAGE", text);
	iov[n++] = field("PRIORITY", priority);
	if (fields && fields->sandbox)
		iov[n++] = field("AWF_SANDBOX", fields->sandbox);
	if (fields && fields->uid)
		iov[n++] = number("AWF_UID", *fields->uid);
	for (char *const *more = fields ? fields->more : NULL; more && *more && n < FIELDS_MAX;
	     more++)
		iov[n++] = (struct iovec){ .iov_base = xstrdup(*more), .iov_len = strlen(*more) };
	(void)sd_journal_sendv(iov, n);
	while (n > 0)
		free(iov[--n].iov_base);
}

void log_journal_install(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long device, inode;
	struct stat st;

	if (stream && sscanf(stream, "%lu:%lu", &device, &inode) == 2 &&
	    fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode)
		log_set_sink(log_to_journal);
}
