/* squid's external ACL helper: a tunnel's TLS must name the host that the tunnel was asked for.
 * Each line has a channel, the CONNECT's host, percent-encoded by squid, what the client said first
 * in the tunnel, in base64 ("-" when there is nothing), and a "-" for the ACL's arguments, of which
 * there are none. The answer is the channel with OK or ERR. Ends with its input. */
#include <resolv.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "containers/squid/client-hello.h"

/* The hello, and what squid may have read with it: it doubles what it takes at once. */
#define HANDSHAKE_MAX (4 * CLIENT_HELLO_MAX)
#define QUERY_MAX     (HANDSHAKE_MAX / 3 * 4 + 1024)

#define SPACES " \r\n"

/* Whether there is a host, and a hello that names it. The host isn't decoded, because no name that
 * can be granted has a character that squid encodes. */
static bool matches(const char *host, const char *handshake)
{
	uint8_t bytes[HANDSHAKE_MAX];
	int length = host && handshake ? b64_pton(handshake, bytes, sizeof(bytes)) : -1;

	return length > 0 && client_hello_names(bytes, (size_t)length, host);
}

/* Whether the arguments are the ones that squid sends: anything else isn't understood. */
static bool is_end(char *arguments, char **rest)
{
	return arguments && strcmp(arguments, "-") == 0 && !strtok_r(NULL, SPACES, rest);
}

static void answer(char *query, bool complete)
{
	char *rest = NULL;
	const char *channel = strtok_r(query, SPACES, &rest);
	const char *host = strtok_r(NULL, SPACES, &rest);
	const char *handshake = strtok_r(NULL, SPACES, &rest);
	bool ok = is_end(strtok_r(NULL, SPACES, &rest), &rest) && complete &&
		  matches(host, handshake);

	if (channel)
		printf("%s %s\n", channel, ok ? "OK" : "ERR");
}

/* Reads one line; of one that is too long only the start. */
static bool read_query(char *query, int size, bool *complete)
{
	int c;

	if (!fgets(query, size, stdin))
		return false;
	*complete = strchr(query, '\n') != NULL;
	if (*complete)
		return true;
	while ((c = getchar()) != '\n')
		if (c == EOF)
			return false;
	return true;
}

int main(void)
{
	char query[QUERY_MAX];
	bool complete;

	setvbuf(stdout, NULL, _IOLBF, 0);
	while (read_query(query, sizeof(query), &complete))
		answer(query, complete);
	return ferror(stdin) || ferror(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
}
