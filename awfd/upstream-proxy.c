#include "awfd/upstream-proxy.h"

#include <string.h>

#include <curl/curl.h>

#include "common/alloc.h"
#include "common/ascii.h"
#include "common/parse.h"

#define TEXT_MAX       1024
#define CREDENTIAL_MAX 128

/* What a host may consist of, an IPv6 address without its brackets included. */
#define HOST_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789.-_:"

/* What a check found: NULL when nothing is wrong, else the reason. */
typedef const char *reason;

static void free_part(char **text)
{
	curl_free(*text);
}

static void free_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

/* The part of the URL, NULL when it has none. To be freed with curl_free(). */
static reason get(CURLU *url, CURLUPart what, unsigned flags, char **ret)
{
	CURLUcode code = curl_url_get(url, what, ret, flags);

	if (code == CURLUE_URLDECODE || code == CURLUE_OUT_OF_MEMORY)
		return "it has a percent-encoding that cannot be decoded";
	if (code != CURLUE_OK)
		*ret = NULL;
	return NULL;
}

/* There is nothing behind the host and the port but a slash. */
static reason check_rest(CURLU *url)
{
	_cleanup_(free_part) char *scheme = NULL, *path = NULL, *query = NULL, *fragment = NULL;
	reason why = get(url, CURLUPART_SCHEME, 0, &scheme);

	if (!why)
		why = get(url, CURLUPART_PATH, 0, &path);
	if (!why)
		why = get(url, CURLUPART_QUERY, 0, &query);
	if (!why)
		why = get(url, CURLUPART_FRAGMENT, 0, &fragment);
	if (why)
		return why;
	if (!scheme || strcmp(scheme, "http") != 0)
		return "only http:// is supported: the proxy is spoken to in plain HTTP, and what "
		       "goes through it has its own TLS";
	if ((path && strcmp(path, "/") != 0) || query || fragment)
		return "there is something behind the host and port";
	return NULL;
}

static reason take_host(CURLU *url, struct upstream_proxy *p)
{
	_cleanup_(free_part) char *host = NULL, *port = NULL;
	reason why = get(url, CURLUPART_HOST, 0, &host);
	size_t length;
	char *text;

	if (!why)
		why = get(url, CURLUPART_PORT, 0, &port);
	if (why)
		return why;
	if (!host || *host == '\0')
		return "there is no host";
	p->port = UPSTREAM_PROXY_PORT_DEFAULT;
	if (port && parse_port(port, &p->port) < 0)
		return "the port is not between 1 and 65535";
	text = host[0] == '[' ? host + 1 : host;
	length = strcspn(text, "]");
	p->host = xstrndup(text, length);
	ascii_lower(p->host);
	if (strspn(p->host, HOST_CHARACTERS) != length || length > 253)
		return "the host is neither a name nor an address";
	return NULL;
}

/* They end up in squid's configuration, between quotes. */
static reason check_credential(const char *text)
{
	if (strlen(text) > CREDENTIAL_MAX)
		return "the user or password is too long";
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f ||
		    strchr("\"'\\%#", *text))
			return "the user or password has a character that cannot be used there";
	return NULL;
}

static reason take_credentials(CURLU *url, struct upstream_proxy *p)
{
	_cleanup_(free_part) char *user = NULL, *password = NULL;
	reason why = get(url, CURLUPART_USER, CURLU_URLDECODE, &user);

	if (!why)
		why = get(url, CURLUPART_PASSWORD, CURLU_URLDECODE, &password);
	if (!why && user && strchr(user, ':'))
		why = "the user has a ':'";
	if (!why && user)
		why = check_credential(user);
	if (!why && password)
		why = check_credential(password);
	if (why || !user)
		return why;
	p->user = xstrdup(user);
	p->password = xstrdup(password ? password : "");
	return NULL;
}

static reason parse(const char *text, struct upstream_proxy *p)
{
	_cleanup_(free_url) CURLU *url = curl_url();
	_cleanup_free_ char *full = xasprintf("%s%s", strstr(text, "://") ? "" : "http://", text);
	reason why;

	if (!url)
		abort();
	if (strlen(text) > TEXT_MAX)
		return "it is too long";
	if (curl_url_set(url, CURLUPART_URL, full, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK)
		return "it is no URL such as http://proxy.example:3128";
	if ((why = check_rest(url)) || (why = take_host(url, p)))
		return why;
	return take_credentials(url, p);
}

/* The text without what may be a password. */
static char *without_credentials(const char *text)
{
	const char *at = strrchr(text, '@');

	return at ? xasprintf("***%s", at) : xstrdup(text);
}

int upstream_proxy_parse(const char *field, const char *text, struct upstream_proxy *ret,
			 struct err *e)
{
	_cleanup_(upstream_proxy_clear) struct upstream_proxy p = { 0 };
	reason why = parse(text, &p);

	if (why) {
		_cleanup_free_ char *shown = without_credentials(text);

		return err_invalid(e, field, shown, "%s", why);
	}
	*ret = p;
	p = (struct upstream_proxy){ 0 };
	return 0;
}

char *upstream_proxy_format(const struct upstream_proxy *p)
{
	return xasprintf(strchr(p->host, ':') ? "http://[%s]:%u" : "http://%s:%u", p->host,
			 (unsigned)p->port);
}

void upstream_proxy_clear(struct upstream_proxy *p)
{
	free(p->host);
	free(p->user);
	free(p->password);
	*p = (struct upstream_proxy){ 0 };
}
