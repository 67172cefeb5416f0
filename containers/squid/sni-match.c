/* squid's external ACL helper: a tunnel's TLS must name the host that the tunnel was asked for.
 * Each line has a channel, the CONNECT's host and the SNI ("-" when there is none), percent-encoded
 * by squid; the answer is the channel with OK or ERR. Ends with its input. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 8192

#define SPACES " \r\n"

/* Whether host and SNI are there and the same, but for case: nothing is decoded, because no name
 * that can be granted has a character that is encoded. */
static bool matches(const char *host, const char *sni)
{
	return host && sni && strcmp(sni, "-") != 0 && strcasecmp(host, sni) == 0;
}

static void answer(char *line)
{
	char *rest = NULL;
	const char *channel = strtok_r(line, SPACES, &rest);
	const char *host = strtok_r(NULL, SPACES, &rest);
	const char *sni = strtok_r(NULL, SPACES, &rest);
	bool more = strtok_r(NULL, SPACES, &rest) != NULL;

	if (channel)
		printf("%s %s\n", channel, !more && matches(host, sni) ? "OK" : "ERR");
}

/* Reads a line. One that is too long is cut, so that its host and SNI differ: both are names of at
 * most 255 bytes, and the line has then more than two. */
static bool read_line(char *line, size_t size)
{
	int c;

	if (!fgets(line, (int)size, stdin))
		return false;
	if (strchr(line, '\n'))
		return true;
	while ((c = getchar()) != EOF && c != '\n')
		;
	strcpy(line + size - 5, " - -");
	return c == '\n';
}

int main(void)
{
	char line[LINE_MAX_BYTES];

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (read_line(line, sizeof(line)))
		answer(line);
	return ferror(stdin) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
